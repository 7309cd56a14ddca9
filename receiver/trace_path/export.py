"""Sampled requests to the trace backend: OTLP `TraceService/Export`, a bounded number at once, dropped on failure.

A request is tried again only while it finds the backend UNAVAILABLE, only by gRPC itself (which does so as long as no
part of an answer has come), and only within its deadline. Any other answer is final. What the backend has not accepted
by then is counted as failed, with the reason; nothing is kept.

Must not: raise because of the backend; hold more than the limits below.
"""

from __future__ import annotations

import json
import threading
import time
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from receiver.trace_path.address import BackendAddress
from receiver.trace_path.report import Tally, WorkerReport

METHOD: Final = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
MESSAGE_BYTES_MAX: Final = 64 * 2**20  # as much as the receiver takes
IN_FLIGHT_MAX: Final = 16
IN_FLIGHT_BYTES_MAX: Final = 128 * 2**20
DEADLINE_S: Final = 5.0
# Two more attempts within about half a second: enough for a backend that restarts behind a load balancer.
_RETRY: Final = {
    "maxAttempts": 3,
    "initialBackoff": "0.1s",
    "maxBackoff": "0.4s",
    "backoffMultiplier": 3,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
_OPTIONS: Final = (
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.service_config", json.dumps({"methodConfig": [{"name": [{}], "retryPolicy": _RETRY}]})),
    # gRPC's own pause between attempts to connect grows to two minutes: too long to notice that a backend is back.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)


class Exporter:
    """One channel to the backend. `send`, then `close`."""

    def __init__(self, address: BackendAddress, *, tally: Tally) -> None:
        self._tally = tally
        self._room = threading.Condition()
        self._in_flight = 0
        self._in_flight_bytes = 0
        self._channel = _channel(address)
        self._export = self._channel.unary_unary(METHOD)  # no serialisers: bytes in, bytes out

    def send(self, request: bytes, *, spans: int) -> None:
        """Send without waiting for the answer; waits only while the limit is reached."""
        with self._room:
            self._room.wait_for(lambda: self._has_room(len(request)))
            self._in_flight += 1
            self._in_flight_bytes += len(request)
        call = self._export.future(request, timeout=DEADLINE_S)
        call.add_done_callback(lambda done: self._finish(done, request_bytes=len(request), spans=spans))

    def close(self, *, timeout_s: float) -> None:
        """Wait for answers under way, then hang up; what is unanswered by then counts as failed."""
        deadline = time.monotonic() + timeout_s
        with self._room:
            self._room.wait_for(lambda: not self._in_flight, timeout=max(0.0, deadline - time.monotonic()))
        self._channel.close()
        with self._room:
            self._room.wait_for(lambda: not self._in_flight, timeout=1.0)

    def _has_room(self, request_bytes: int) -> bool:
        # One request always fits, however large.
        fits = self._in_flight_bytes + request_bytes <= IN_FLIGHT_BYTES_MAX
        return not self._in_flight or (self._in_flight < IN_FLIGHT_MAX and fits)

    def _finish(self, call: Any, *, request_bytes: int, spans: int) -> None:
        try:
            self._tally.add(_outcome(call, spans=spans))
        finally:
            with self._room:
                self._in_flight -= 1
                self._in_flight_bytes -= request_bytes
                self._room.notify_all()


def _channel(address: BackendAddress) -> Any:
    if address.is_tls:
        return grpc.secure_channel(address.target, grpc.ssl_channel_credentials(), options=_OPTIONS)
    return grpc.insecure_channel(address.target, options=_OPTIONS)


def _outcome(call: Any, *, spans: int) -> WorkerReport:
    code = call.code()
    if code is not grpc.StatusCode.OK:
        return WorkerReport(failed_spans=spans, last_failure=f"{code.name}: {call.details()}")
    rejected, message = _rejected(call.result())
    rejected = min(rejected, spans)
    failure = f"{rejected} spans rejected: {message}" if rejected else None
    return WorkerReport(forwarded_spans=spans - rejected, failed_spans=rejected, last_failure=failure)


def _rejected(response: bytes) -> tuple[int, str]:
    """Return how many spans a success nevertheless refused, and why (OTLP's partial success)."""
    try:
        partial = ExportTraceServiceResponse.FromString(response).partial_success
    except DecodeError:
        return 0, ""  # the status said OK
    return max(0, partial.rejected_spans), partial.error_message
