"""TLS of the OTLP port: gRPC's credentials of a certificate, and of whose clients are let in.

With a client CA every sender must show a certificate of that CA; without one anybody who reaches the port may send.
Files are looked at at each handshake; new ones that do not fit together are said once, and the ones before hold on.

Must not: read a setting.
"""

from __future__ import annotations

from typing import Any

import grpc
import structlog

from receiver.tls_files import TlsFiles, TlsFilesError

_log = structlog.get_logger("receiver")


def server_credentials(files: TlsFiles) -> Any:
    """Return gRPC's credentials of these files, which follow them when they are replaced.

    Raises:
        TlsFilesError: they cannot be used.
    """
    seen = files.state()
    first = _configuration(files)

    def renewed() -> Any:
        """Return the configuration of replaced files; None to go on with the one before."""
        nonlocal seen
        now = files.state()
        if now == seen:
            return None
        seen = now
        try:
            configuration = _configuration(files)
        except TlsFilesError as wrong:
            _log.error("the replaced TLS files are not usable; the ones read before hold on", problem=wrong.message)
            return None
        _log.info("TLS files replaced", certificate=str(files.certificate))
        return configuration

    return grpc.dynamic_ssl_server_credentials(
        first, renewed, require_client_authentication=files.client_ca is not None
    )


def _configuration(files: TlsFiles) -> Any:
    certificate, key, client_ca = files.read()
    return grpc.ssl_server_certificate_configuration([(key, certificate)], root_certificates=client_ca)
