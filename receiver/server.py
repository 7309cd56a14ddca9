"""The gRPC server: OTLP `TraceService/Export`, raw bytes in, an answer only when they are durable.

One request's path: bytes → split → journal → (fdatasync) → offer to the trace path → answer. Whatever is raised on the
way is caught here, at the outermost layer, and answered by `status`; nothing escapes into gRPC, which would answer
UNKNOWN and make a Collector drop the data. Success is always full success: `partial_success` is never used, because
OTLP forbids a client to send such spans again.

Never set `maximum_concurrent_rpcs`: gRPC then answers RESOURCE_EXHAUSTED without RetryInfo, which means drop.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Protocol

import grpc
from google.protobuf.message import DecodeError

from ledger.errors import AddressError
from receiver.errors import MalformedRequestError, OverloadedError
from receiver.journal import Journal
from receiver.split import Split, Splitter
from receiver.status import answer_for
from receiver.strip import LARGE_SPAN_BYTES, strip_large_spans

SERVICE: Final = "opentelemetry.proto.collector.trace.v1.TraceService"
METHOD: Final = "Export"
REQUEST_BYTES_MAX: Final = 64 * 2**20
# Handlers mostly wait for the disk, and share one fdatasync: more of them make the groups larger.
HANDLER_THREADS: Final = 32
IN_FLIGHT_BYTES_MAX: Final = 256 * 2**20
_SUCCESS: Final = b""  # an empty ExportTraceServiceResponse: full success


class TracePath(Protocol):
    """Where whole requests are offered for sampling; must never wait nor raise."""

    def offer(self, request: bytes) -> None:
        """Take the request, or drop it and count that."""


@dataclass(slots=True)
class ReceiverCounters:
    """What the receiver did since it started."""

    requests: int = 0
    spans_received: int = 0
    spans_kept: int = 0
    refused: int = 0
    malformed: int = 0


class Receiver:
    """The OTLP server. `start`, then `stop`; the journal is the caller's to close afterwards."""

    def __init__(
        self,
        *,
        listen: str,
        journal: Journal,
        splitter: Splitter,
        trace_path: TracePath | None,
        strip_all: bool = False,
        on_error: Callable[[BaseException], None] = lambda _error: None,
    ) -> None:
        self.counters = ReceiverCounters()
        self._journal = journal
        self._splitter = splitter
        self._trace_path = trace_path
        self._strip_above_bytes = 0 if strip_all else LARGE_SPAN_BYTES
        self._on_error = on_error
        self._in_flight_bytes = 0
        self._lock = threading.Lock()
        self._server = grpc.server(
            ThreadPoolExecutor(max_workers=HANDLER_THREADS, thread_name_prefix="otlp"),
            options=[
                ("grpc.max_receive_message_length", REQUEST_BYTES_MAX),
                ("grpc.so_reuseport", 0),  # two receivers on one port would each get half of the spans
            ],
        )
        export = grpc.unary_unary_rpc_method_handler(self._export)  # no deserialiser: the handler gets bytes
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {METHOD: export}),))
        self.port: int = self._listen(listen)

    def _listen(self, address: str) -> int:
        try:
            port: int = self._server.add_insecure_port(address)
        except RuntimeError as refused:
            raise AddressError(
                f"cannot listen on {address}: is another program there already?",
                hint="Choose another address: setting otlp_listen, host:port.",
            ) from refused
        return port

    def start(self) -> None:
        """Begin to answer."""
        self._server.start()

    def stop(self, *, grace_s: float) -> None:
        """Take no new requests, finish and answer those under way, then stop."""
        self._server.stop(grace_s).wait()

    def _export(self, request: bytes, context: Any) -> bytes:
        try:
            self._accept(request)
        except Exception as error:  # noqa: BLE001 - the outermost layer: whatever it was, the sender gets an answer
            self._count_refusal(error)
            answer = answer_for(error)
            context.set_trailing_metadata(answer.trailing_metadata)
            context.set_code(answer.code)
            context.set_details(answer.message)
        return _SUCCESS

    def _accept(self, request: bytes) -> None:
        self._enter(len(request))
        try:
            split = self._split(request)
            payload = strip_large_spans(split.payload, above_bytes=self._strip_above_bytes)
            self._journal.append(received=split.received, kept=split.kept, payload=payload)
        finally:
            self._leave(len(request))
        with self._lock:
            self.counters.requests += 1
            self.counters.spans_received += split.received
            self.counters.spans_kept += split.kept
        if self._trace_path is not None:
            self._offer(request)

    def _offer(self, request: bytes) -> None:
        assert self._trace_path is not None
        try:
            self._trace_path.offer(request)
        except Exception as error:  # noqa: BLE001 - the request is durable: the trace path must not fail it now
            self._on_error(error)

    def _split(self, request: bytes) -> Split:
        try:
            return self._splitter.split(request)
        except DecodeError as malformed:
            raise MalformedRequestError(
                f"not an OTLP ExportTraceServiceRequest ({len(request)} bytes): {malformed}"
            ) from malformed

    def _enter(self, request_bytes: int) -> None:
        with self._lock:
            # One request always fits, however large; beyond that the sender's queue holds the rest.
            if self._in_flight_bytes and self._in_flight_bytes + request_bytes > IN_FLIGHT_BYTES_MAX:
                raise OverloadedError(f"{self._in_flight_bytes} bytes are in flight; send it again")
            self._in_flight_bytes += request_bytes

    def _leave(self, request_bytes: int) -> None:
        with self._lock:
            self._in_flight_bytes -= request_bytes

    def _count_refusal(self, error: Exception) -> None:
        with self._lock:
            if isinstance(error, MalformedRequestError):
                self.counters.malformed += 1
            else:
                self.counters.refused += 1
        self._on_error(error)
