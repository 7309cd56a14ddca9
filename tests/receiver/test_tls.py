"""TLS on the OTLP port: who is let in, and what happens when files are wrong or replaced."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Self

import grpc
import pytest

from ledger.filesystem import LocalFilesystem
from receiver.candidates import splitter_for
from receiver.journal import Journal
from receiver.server import METHOD, SERVICE, Receiver
from receiver.tls_files import TlsFiles, TlsFilesError
from spanledger.settings import SettingsError, load_settings
from tests.otlp import call, request
from tests.receiver.certificates import Authority, Pair


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A CA."""
    return Authority(tmp_path)


class Running:
    """A receiver that speaks TLS."""

    def __init__(self, folder: Path, files: TlsFiles) -> None:
        self.journal = Journal(folder / "journal", filesystem=LocalFilesystem())
        self.receiver = Receiver(
            listen="127.0.0.1:0",
            journal=self.journal,
            splitter=splitter_for(("customer.id",)),
            trace_path=None,
            tls=files,
        )
        self.receiver.start()

    def send(self, credentials: grpc.ChannelCredentials | None) -> None:
        """Export one call; plain text without credentials. Raises grpc.RpcError."""
        target = f"127.0.0.1:{self.receiver.port}"
        channel = grpc.insecure_channel(target) if credentials is None else grpc.secure_channel(target, credentials)
        with channel:
            export = channel.unary_unary(f"/{SERVICE}/{METHOD}")
            export(request(call()), timeout=3)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.receiver.stop(grace_s=0)
        self.journal.close()


@pytest.fixture
def server(tmp_path: Path, authority: Authority) -> Pair:
    """The server's certificate, in a folder of its own."""
    issued = authority.issue("server")
    folder = tmp_path / "server"
    folder.mkdir()
    pair = Pair(folder / "server.pem", folder / "server.key")
    shutil.copy(issued.certificate, pair.certificate)
    shutil.copy(issued.key, pair.key)
    return pair


def credentials(authority: Authority, pair: Pair | None = None) -> grpc.ChannelCredentials:
    """What a client trusts, and what it shows."""
    key, certificate = (None, None) if pair is None else (pair.key.read_bytes(), pair.certificate.read_bytes())
    return grpc.ssl_channel_credentials(authority.certificate.read_bytes(), key, certificate)


def test_clients_that_trust_the_server_are_served(tmp_path: Path, authority: Authority, server: Pair) -> None:
    """Plain text is not answered."""
    with Running(tmp_path, TlsFiles(server.certificate, server.key)) as running:
        running.send(credentials(authority))
        with pytest.raises(grpc.RpcError) as plain:
            running.send(None)
        assert plain.value.code() is grpc.StatusCode.UNAVAILABLE
        assert running.receiver.counters.requests == 1


def test_with_a_client_ca_only_its_certificates_are_let_in(tmp_path: Path, authority: Authority, server: Pair) -> None:
    """None at all, and one of another CA, are refused in a way that makes a Collector try again."""
    other = Authority(tmp_path, "other")
    with Running(tmp_path, TlsFiles(server.certificate, server.key, authority.certificate)) as running:
        running.send(credentials(authority, authority.issue("agent")))
        for stranger in (None, other.issue("stranger")):
            with pytest.raises(grpc.RpcError) as refused:
                running.send(credentials(authority, stranger))
            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        assert running.receiver.counters.requests == 1


def test_replaced_files_are_taken_up_and_wrong_ones_are_not(tmp_path: Path, authority: Authority, server: Pair) -> None:
    """A new certificate of another CA is served from the next handshake on; a broken one changes nothing."""
    other = Authority(tmp_path, "other")
    renewed = other.issue("renewed")
    with Running(tmp_path, TlsFiles(server.certificate, server.key)) as running:
        running.send(credentials(authority))
        server.certificate.write_text("no certificate")
        running.send(credentials(authority))
        shutil.copy(renewed.certificate, server.certificate)
        shutil.copy(renewed.key, server.key)
        running.send(credentials(other))
        with pytest.raises(grpc.RpcError):
            running.send(credentials(authority))


def test_files_that_do_not_fit_are_said_at_the_start(tmp_path: Path, authority: Authority, server: Pair) -> None:
    """A key of another certificate, a missing file, a CA that is none: named, before anything listens."""
    key = authority.issue("another").key
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("garbage")
    for files in (
        TlsFiles(server.certificate, key),
        TlsFiles(tmp_path / "none.pem", server.key),
        TlsFiles(server.certificate, server.key, garbage),
    ):
        with pytest.raises(TlsFilesError, match="cannot be used"):
            Running(tmp_path, files)


def test_setting(monkeypatch: pytest.MonkeyPatch, server: Pair) -> None:
    """As a variable; a certificate without its key, and a misspelt name, are wrong use."""
    monkeypatch.setenv("SPANLEDGER_OTLP_TLS", f"certificate:{server.certificate},key:{server.key}")
    assert load_settings().receiver().tls == TlsFiles(server.certificate, server.key)
    for wrong in ("certificate:/a", "certificate:/a,key:/b,ca:/c"):
        monkeypatch.setenv("SPANLEDGER_OTLP_TLS", wrong)
        with pytest.raises(SettingsError, match="certificate, key"):
            load_settings()
