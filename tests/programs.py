"""spanledger's programs as the tests run them: real processes on free loopback ports, ended with the test."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc

from receiver.server import METHOD, SERVICE
from tests.collector import free_endpoint, wait_until


class Program:
    """One `spanledger …` process. A context manager."""

    def __init__(self, *arguments: str, log: Path, **settings: str) -> None:
        self._command = [sys.executable, "-m", "spanledger", *arguments]
        self._log = log
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SPANLEDGER_")},
            **{f"SPANLEDGER_{name.upper()}": value for name, value in settings.items()},
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; what it says goes to the log."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self._command, env=self._environment, stdout=log, stderr=log)

    def kill(self) -> None:
        """SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; return the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    @property
    def log_text(self) -> str:
        """Everything it said."""
        return self._log.read_text(errors="replace")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is not None and self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()


class Up(Program):
    """`spanledger up` on a data directory."""

    def __init__(self, folder: Path, **settings: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.data_dir = folder / "data"
        self.otlp = free_endpoint()
        self.http = free_endpoint()
        super().__init__(
            "up",
            log=folder / "up.log",
            data_dir=str(self.data_dir),
            otlp_listen=self.otlp,
            http_listen=self.http,
            **settings,
        )

    def start(self) -> None:
        """Start, and wait until it answers on both ports."""
        super().start()
        wait_until(
            lambda: self.get("/readyz") is not None and is_listening(self.otlp),
            what=f"spanledger up is ready; its log: {self.log_text}",
        )

    def get(self, path: str) -> Any:
        """GET a JSON document; None when there is no such answer."""
        body = self.get_bytes(path)
        return None if body is None else json.loads(body)

    def get_bytes(self, path: str) -> bytes | None:
        """GET an answer's bytes; None when it is no success."""
        try:
            with urllib.request.urlopen(f"http://{self.http}{path}", timeout=10) as answer:
                body: bytes = answer.read()
                return body
        except (urllib.error.URLError, OSError):
            return None

    def wait_for(self, *, received: int) -> dict[str, Any]:
        """Wait until that many spans are sealed; return the audit."""
        wait_until(
            lambda: (self.get("/v1/audit") or {}).get("received", 0) >= received,
            what=f"{received} spans are sealed; the log: {self.log_text[-3000:]}",
        )
        audit: dict[str, Any] = self.get("/v1/audit")
        return audit


def is_listening(endpoint: str) -> bool:
    """Say whether something accepts connections there."""
    host, _, port = endpoint.rpartition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def export(endpoint: str, *bodies: bytes) -> None:
    """Send requests to an OTLP/gRPC port, one after another; every one must be acknowledged."""
    with grpc.insecure_channel(endpoint) as channel:
        send = channel.unary_unary(f"/{SERVICE}/{METHOD}")
        for body in bodies:
            send(body, wait_for_ready=True, timeout=30)


def stock_duckdb(views: Path, query: str) -> list[list[Any]]:
    """Ask a DuckDB in a process of its own, which knows only views.sql."""
    program = (
        "import duckdb, json, sys; connection = duckdb.connect(); "
        "connection.execute('SET enable_progress_bar = false'); "  # it would be printed among the answer
        "connection.execute(open(sys.argv[1]).read()); "
        "print(json.dumps(connection.execute(sys.argv[2]).fetchall(), default=str))"
    )
    finished = subprocess.run(
        [sys.executable, "-I", "-c", program, str(views), query],
        check=True,
        capture_output=True,
        text=True,
        cwd="/",
        env={"PATH": os.environ.get("PATH", "")},
    )
    rows: list[list[Any]] = json.loads(finished.stdout)
    return rows
