"""The PEM files of TLS on the OTLP port: where they are, and whether they fit together. No gRPC, so that settings can.

Must not: read a setting, or make a certificate.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger.errors import WrongUseError

_HINT: Final = "Setting otlp_tls: PEM files; in `certificate` the server's own comes first, then its chain."


class TlsFilesError(WrongUseError):
    """The files cannot be read, or do not fit together."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where the PEM files are."""

    certificate: Path
    key: Path
    client_ca: Path | None = None
    """Whose certificates senders must show; None: nobody is asked for one."""

    def read(self) -> tuple[bytes, bytes, bytes | None]:
        """Return certificate chain, key and client CA.

        Raises:
            TlsFilesError: they cannot be read, or key and certificate are not each other's.
        """
        try:
            # OpenSSL says best whether they fit.
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate, self.key, password=lambda: b"")
            if self.client_ca is not None:
                context.load_verify_locations(self.client_ca)
            ca = None if self.client_ca is None else self.client_ca.read_bytes()
            return self.certificate.read_bytes(), self.key.read_bytes(), ca
        except (OSError, ValueError) as wrong:
            files = ", ".join(str(one) for one in (self.certificate, self.key, self.client_ca) if one is not None)
            raise TlsFilesError(f"the TLS files {files} cannot be used: {wrong}.", hint=_HINT) from wrong

    def state(self) -> tuple[tuple[int, int, int] | None, ...]:
        """Return what tells whether any of them is another file now."""
        return tuple(_state(one) for one in (self.certificate, self.key, self.client_ca) if one is not None)


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
