"""The servers that are measured, each a process of its own on a free loopback port.

discard   our own gRPC server that answers at once and throws the bytes away: the floor
receiver  the real receiver: durable before it answers
rotel     a real OTLP forwarder (Rust), its traces sent to a black hole: acknowledged from memory
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import grpc
import grpc.aio

from receiver.server import METHOD, REQUEST_BYTES_MAX, SERVICE

_START_S_MAX: Final = 30.0


class ServerProcess:
    """A started server; a context manager that ends it."""

    def __init__(self, command: Sequence[str], *, endpoint: str, environment: dict[str, str] | None = None) -> None:
        self.endpoint = endpoint
        self._process = subprocess.Popen(
            command, env={**os.environ, **(environment or {})}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._wait_until_it_listens()

    @property
    def memory_mib(self) -> float:
        """Resident memory now."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024

    def stop(self) -> None:
        """End it as an operator would."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait_until_it_listens(self) -> None:
        host, _, port = self.endpoint.partition(":")
        deadline = time.monotonic() + _START_S_MAX
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"the server ended with {self._process.returncode} before it listened")
            with socket.socket() as probe:
                if probe.connect_ex((host, int(port))) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"nothing listens on {self.endpoint} after {_START_S_MAX} s")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def discard() -> ServerProcess:
    """Start the floor."""
    endpoint = _free_endpoint()
    return ServerProcess([sys.executable, "-m", "bench.servers", endpoint], endpoint=endpoint)


def receiver(data_dir: Path) -> ServerProcess:
    """Start the real receiver on a data directory."""
    endpoint = _free_endpoint()
    command = [sys.executable, "-m", "spanledger", "receive", "--data-dir", str(data_dir), "--otlp-listen", endpoint]
    return ServerProcess(command, endpoint=endpoint)


def rotel() -> ServerProcess | None:
    """Start rotel into a black hole; None where it is not installed."""
    package = importlib.util.find_spec("rotel")
    if package is None or package.origin is None:
        return None
    program = str(Path(package.origin).with_name("rotel-agent"))
    endpoint, http = _free_endpoint(), _free_endpoint()
    command = [program, "start", "--otlp-grpc-endpoint", endpoint, "--otlp-http-endpoint", http]
    return ServerProcess([*command, "--exporter", "blackhole"], endpoint=endpoint)


def _free_endpoint() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


async def _serve_discard(endpoint: str) -> None:
    async def discard_request(_request: bytes, _context: Any) -> bytes:
        return b""

    server = grpc.aio.server(options=[("grpc.max_receive_message_length", REQUEST_BYTES_MAX)])
    handler = grpc.unary_unary_rpc_method_handler(discard_request)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {METHOD: handler}),))
    server.add_insecure_port(endpoint)
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(_serve_discard(sys.argv[1]))
