"""The provider's server: an HTTPS proxy that is itself every provider it is asked to connect to.

Applications are told of it by HTTPS_PROXY and of its certificate by SSL_CERT_FILE, as behind a company's proxy. So
nothing inside them is changed, and the address they know, and tell in their spans, is the provider's real one. What
they want from anybody else (price lists, tokenisers, telemetry) is refused: nothing leaves the machine. Asked directly,
over plain HTTP, it is a model server at a local address.
"""

from __future__ import annotations

import json
import re
import ssl
import subprocess
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.live.provider import anthropic, gemini, openai
from tests.live.provider.charges import Answer, Charge
from tests.live.scenarios import Scenario, scenario_of

HOSTS: Final = ("api.openai.com", "api.anthropic.com", "generativelanguage.googleapis.com")
_ROUTES: Final[Mapping[str, Callable[[Mapping[str, Any], Scenario], Answer]]] = {
    "/v1/chat/completions": openai.chat,
    "/v1/responses": openai.responses,
    "/v1/embeddings": openai.embeddings,
    "/v1/messages": anthropic.messages,
}
_GEMINI: Final = re.compile(r"/v1(?:beta|alpha)?/models/(?P<model>[^:]+):(?P<method>\w+)$")
_CERTIFICATE_DAYS: Final = "2"


class Provider:
    """The server while it runs, and what it charged for. A context manager."""

    def __init__(self, folder: Path) -> None:
        self.certificate = folder / "provider.pem"
        key = folder / "provider.key"
        _make_certificate(self.certificate, key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self._charges: list[Charge] = []
        self._complaints: list[str] = []
        self._server = _Server(self._charges, self._complaints, context)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Return its address, as proxy and as model server."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables by which a process reaches the providers here, and nobody else's server."""
        proxies = dict.fromkeys(("HTTPS_PROXY", "https_proxy"), self.url)
        direct = dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost")
        bundles = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
        return {**proxies, **direct, **dict.fromkeys(bundles, str(self.certificate))}

    def take_charges(self) -> list[Charge]:
        """Return what was charged since the last time."""
        taken, self._charges[:] = list(self._charges), []
        return taken

    def take_complaints(self) -> list[str]:
        """Return the requests that could not be answered, since the last time: a driver asked for what is not built."""
        taken, self._complaints[:] = list(self._complaints), []
        return taken


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, charges: list[Charge], complaints: list[str], context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.charges = charges
        self.complaints = complaints
        self.context = context

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let a client hang up: SDKs close streams as they like."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_CONNECT(self) -> None:
        """Become the host that is asked for, if it is a provider."""
        host = self.path.partition(":")[0]
        if host not in HOSTS:
            self.send_error(403, f"{host} is not a provider that is played here")
            return
        self.send_response(200, "Connection established")
        self.end_headers()
        self.connection = self.server.context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)
        self.close_connection = False

    def do_POST(self) -> None:
        """Answer a call."""
        body = self._read_body()
        try:
            answer = _answer(self.path.partition("?")[0], body)
        except (LookupError, ValueError) as error:
            self.server.complaints.append(f"POST {self.path}: {error}")
            answer = Answer(404, {"error": {"message": str(error), "type": "invalid_request_error"}})
        if answer.charge is not None:
            self.server.charges.append(answer.charge)
        if answer.body is not None:
            self._send(answer.status, "application/json", json.dumps(answer.body).encode())
        else:
            self._stream(answer)

    def do_GET(self) -> None:
        """Refuse: no scenario looks anything up."""
        self._send(404, "application/json", b'{"error": {"message": "not played here"}}')

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing; complaints are kept."""

    def _read_body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        whole = b""
        while size := int(self.rfile.readline(), 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in (*answer.events, b""):
            self.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")


def _answer(path: str, body: bytes) -> Answer:
    """Return what the provider answers.

    Raises:
        LookupError: no such path, or no scenario is named, or the API has no figures for it.
        ValueError: the body is no JSON, or names a scenario that is none.
    """
    if path == "/v1/traces/ingest":  # where the OpenAI Agents SDK sends traces of its own
        return Answer(204, {})
    scenario = scenario_of(body)
    request = json.loads(body)
    if route := _ROUTES.get(path):
        return route(request, scenario)
    if found := _GEMINI.match(path):
        model, method = found["model"], found["method"]
        if method == "batchEmbedContents":
            return gemini.embed(request, scenario, model=model)
        return gemini.generate(request, scenario, model=model, streamed=method.startswith("stream"))
    raise LookupError(f"nothing is played at {path}")


def _make_certificate(certificate: Path, key: Path) -> None:
    names = ",".join(f"DNS:{host}" for host in HOSTS)
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", str(key), "-out", str(certificate), "-days", _CERTIFICATE_DAYS,
            "-subj", "/CN=spanledger live tests", "-addext", f"subjectAltName={names}",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
