"""Traffic whose outcome is known: numbered spans in numbered requests, and which of them must be calls in the end.

Of ten spans in a request five are no calls, three are calls in traces of their own, one is a call whose enclosing span
comes a request later, and one is that enclosing span of the request before: it tells the same call once more. So of ten
spans four traces hold a call each, whatever is sent again, in whatever order.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from receiver.server import METHOD, SERVICE
from tests.otlp import SpanText, call, request

SPANS_PER_REQUEST: Final = 500
CALLS_PER_REQUEST: Final = SPANS_PER_REQUEST // 10 * 4
NESTED_PER_REQUEST: Final = SPANS_PER_REQUEST // 10
_TIMEOUT_S: Final = 30.0
_AGAIN_AFTER_S: Final = 0.05


class Template:
    """Makes the requests by number. One per thread."""

    def __init__(self) -> None:
        pieces = [SpanText(trace=1, span=1, scope="http", attributes={"http.route": "/"}), call(trace=1, span=1)]
        spans = [pieces[number % 10 >= 5] for number in range(SPANS_PER_REQUEST)]
        self._message = ExportTraceServiceRequest.FromString(request(*spans))
        self._spans = [
            span for resource in self._message.resource_spans for scope in resource.scope_spans for span in scope.spans
        ]
        assert len(self._spans) == SPANS_PER_REQUEST

    def request(self, number: int) -> bytes:
        """Return request `number`, from 0."""
        for place, span in enumerate(self._spans):
            trace = number * SPANS_PER_REQUEST + place + 1
            parent = b""
            if place % 10 == 8:  # encloses the ninth of the ten in the request before
                trace -= SPANS_PER_REQUEST - 1
            elif place % 10 == 9:
                parent = (2 * trace).to_bytes(8, "big")
            span.trace_id = max(trace, 0).to_bytes(8, "big", signed=True) + b"\1" * 8
            span.span_id = (2 * trace + (place % 10 != 8)).to_bytes(8, "big", signed=True)
            span.parent_span_id = parent
        return self._message.SerializeToString()


class Senders:
    """Threads that send the requests, each again until it is acknowledged."""

    def __init__(
        self,
        endpoints: list[str],
        *,
        threads: int,
        is_over: Callable[[int], bool],
        may_send: Callable[[int], bool] = lambda _number: True,
    ) -> None:
        """Say when it is over, and when a request may not be sent yet; both are asked with its number."""
        self.acknowledged = 0
        self.sent_again = 0
        self.taken = 0
        self._is_over = is_over
        self._lock = threading.Lock()
        self._may_send = may_send
        self._threads = [
            threading.Thread(target=self._run, args=(endpoints[number % len(endpoints)],), daemon=True)
            for number in range(threads)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Return when every request is acknowledged."""
        for thread in self._threads:
            thread.join()

    def _run(self, endpoint: str) -> None:
        template = Template()
        options = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 200)]
        with grpc.insecure_channel(endpoint, options=options) as channel:
            export = channel.unary_unary(f"/{SERVICE}/{METHOD}")
            while (number := self._take()) is not None:
                while not self._may_send(number):
                    time.sleep(_AGAIN_AFTER_S)
                self._send(export, template.request(number))

    def _send(self, export: Callable[..., bytes], body: bytes) -> None:
        while True:
            try:
                export(body, timeout=_TIMEOUT_S)
            except grpc.RpcError:
                with self._lock:
                    self.sent_again += 1
                time.sleep(_AGAIN_AFTER_S)
                continue
            with self._lock:
                self.acknowledged += 1
            return

    def _take(self) -> int | None:
        with self._lock:
            if self._is_over(self.taken):
                return None
            self.taken += 1
            return self.taken - 1
