"""A stand-in for spanledger: it keeps what it acknowledges, and refuses as often as it is told to."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, Self

import grpc
from google.protobuf.message import Message
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

MIB = 1 << 20
SPANLEDGER_LIMIT = 64 * MIB  # the largest request that spanledger takes
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


class LedgerStandIn:
    """An OTLP trace service that keeps what it acknowledges, and refuses with UNAVAILABLE as often as it is told to."""

    def __init__(self, *, endpoint: str = "127.0.0.1:0", refusals: int = 0) -> None:
        self._lock = Lock()
        self._refusals_left = refusals
        self._requests: list[ExportTraceServiceRequest] = []
        self._server = grpc.server(
            ThreadPoolExecutor(max_workers=16), options=[("grpc.max_receive_message_length", SPANLEDGER_LIMIT)]
        )
        handler = grpc.unary_unary_rpc_method_handler(
            self._export,
            request_deserializer=ExportTraceServiceRequest.FromString,
            response_serializer=ExportTraceServiceResponse.SerializeToString,
        )
        service, method = EXPORT.strip("/").split("/")
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
        self.endpoint = f"127.0.0.1:{self._server.add_insecure_port(endpoint)}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(None).wait()

    @property
    def refusals_left(self) -> int:
        """Return how often UNAVAILABLE will still be answered."""
        with self._lock:
            return self._refusals_left

    @property
    def requests(self) -> list[ExportTraceServiceRequest]:
        """Return the acknowledged requests."""
        with self._lock:
            return list(self._requests)

    @property
    def spans(self) -> list[tuple[bytes, bytes, bytes]]:
        """Return the acknowledged spans as spans_of() gives them, repeats included."""
        return [span for request in self.requests for span in spans_of(request)]

    @property
    def names(self) -> list[str]:
        """Return the names of the acknowledged spans."""
        return [Span.FromString(span).name for _, _, span in self.spans]

    def _export(self, request: ExportTraceServiceRequest, context: Any) -> ExportTraceServiceResponse:
        with self._lock:
            refuse = self._refusals_left > 0
            if refuse:
                self._refusals_left -= 1
            else:
                self._requests.append(request)
        if refuse:
            context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        return ExportTraceServiceResponse()


def spans_of(request: ExportTraceServiceRequest) -> list[tuple[bytes, bytes, bytes]]:
    """Return (resource, scope, span) of every span, serialised, so that they compare to the byte."""
    return [
        (serialised(of_resource.resource), serialised(of_scope.scope), serialised(span))
        for of_resource in request.resource_spans
        for of_scope in of_resource.scope_spans
        for span in of_scope.spans
    ]


def serialised(message: Message) -> bytes:
    """Return the bytes of a message, the same for equal messages."""
    return message.SerializeToString(deterministic=True)
