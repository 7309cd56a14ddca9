"""A trace backend for tests: a real OTLP/gRPC server on loopback that keeps what it gets and fails when told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

_SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"
_MESSAGE_BYTES_MAX = 64 * 2**20


class TraceBackend:
    """An OTLP TraceService. A context manager; `requests` are the raw bytes of what it accepted."""

    def __init__(self, *, port: int = 0) -> None:
        self.requests: list[bytes] = []
        self.calls = 0
        """Requests that arrived, answered or not."""
        self._refusal: grpc.StatusCode | None = None
        self._rejected_spans = 0
        self._released = threading.Event()
        self._released.set()
        self._threads = ThreadPoolExecutor(max_workers=32, thread_name_prefix="trace-backend")
        self._server = grpc.server(
            self._threads,
            options=[("grpc.max_receive_message_length", _MESSAGE_BYTES_MAX), ("grpc.so_reuseport", 0)],
        )
        export = grpc.unary_unary_rpc_method_handler(self._export)
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, {"Export": export}),))
        self.port: int = self._server.add_insecure_port(f"127.0.0.1:{port}")
        self.endpoint = f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Begin to answer."""
        self._server.start()

    def stop(self) -> None:
        """Be gone, calls under way included."""
        self._server.stop(None)
        self._released.set()
        self._server.stop(None).wait()
        self._threads.shutdown()

    def hold(self) -> None:
        """Be slow: answer nothing until `release`."""
        self._released.clear()

    def release(self) -> None:
        """Answer what was held, and be quick again."""
        self._released.set()

    def refuse(self, code: grpc.StatusCode | None) -> None:
        """Answer everything with this status; None: accept again."""
        self._refusal = code

    def reject_spans(self, count: int) -> None:
        """Answer success, but say that so many spans of each request were rejected (OTLP's partial success)."""
        self._rejected_spans = count

    def spans(self) -> list[Span]:
        """Return every span accepted, in order of arrival, as the official schema reads it."""
        return [span for body in list(self.requests) for span in spans_of(body)]

    def _export(self, request: bytes, context: Any) -> bytes:
        self.calls += 1
        self._released.wait()
        if self._refusal is not None:
            context.set_code(self._refusal)
            context.set_details("told to refuse")
            return b""
        self.requests.append(request)
        response = ExportTraceServiceResponse()
        if self._rejected_spans:
            response.partial_success.rejected_spans = self._rejected_spans
            response.partial_success.error_message = "told to reject"
        return response.SerializeToString()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def spans_of(body: bytes) -> list[Span]:
    """Return the spans of one request, as the official schema reads them."""
    message = ExportTraceServiceRequest.FromString(body)
    return [span for resource in message.resource_spans for scope in resource.scope_spans for span in scope.spans]


def eventually(condition: Callable[[], bool], *, within_s: float = 20.0) -> bool:
    """Wait until the condition holds; False when it does not in time."""
    deadline = time.monotonic() + within_s
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            return False
        pause.wait(0.01)
    return True
