"""Load: OTLP requests of realistic spans, and processes that send them as fast as they are acknowledged.

The mix follows what instrumentations emit: GenAI spans in a scope of their own beside HTTP and database spans; ids,
token counts and response ids differ from span to span, models and customers repeat.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from bench.families import OFFICIAL, Writer

METHOD: Final = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_START_NS: Final = 1_790_856_000 * 10**9


@dataclass(frozen=True, slots=True)
class Sent:
    """What one sender did."""

    spans: int
    seconds: float
    latencies_s: tuple[float, ...]

    @property
    def spans_per_s(self) -> float:
        """Acknowledged spans per second."""
        return self.spans / self.seconds


def make_request(
    *, spans: int, genai_share: float, seed: int, writer: Writer = OFFICIAL, spans_per_trace: int = 1
) -> bytes:
    """Return one encoded request, its GenAI spans by this writer; the same seed gives the same bytes."""
    chance = random.Random(seed)
    message = ExportTraceServiceRequest()
    resource_spans = message.resource_spans.add()
    _put(resource_spans.resource.attributes, {"service.name": "shop", "deployment.environment.name": "production"})
    genai = round(spans * genai_share)
    for by, count in ((_WEB, spans - genai), (writer, genai)):
        if not count:
            continue
        scope_spans = resource_spans.scope_spans.add()
        scope_spans.scope.name = by.scope
        scope_spans.scope.version = by.version
        trace_id = parent_span_id = b""
        for number in range(count):
            if number % spans_per_trace == 0:
                trace_id, parent_span_id = chance.randbytes(16), chance.randbytes(8)
            span = scope_spans.spans.add(
                trace_id=trace_id,
                span_id=chance.randbytes(8),
                parent_span_id=parent_span_id,
                name=by.span_name,
                kind=Span.SPAN_KIND_CLIENT,
                start_time_unix_nano=_START_NS + number * 1000,
                end_time_unix_nano=_START_NS + number * 1000 + 10**9,
            )
            _put(span.attributes, by.attributes(chance))
    return message.SerializeToString()


def _http_attributes(chance: random.Random) -> dict[str, Any]:
    return {
        "http.request.method": "GET",
        "http.route": "/orders/{id}",
        "url.path": f"/orders/{chance.randrange(10**6)}",
        "url.scheme": "https",
        "http.response.status_code": 200,
        "network.protocol.version": "1.1",
        "server.address": "shop.example",
        "server.port": 443,
        "client.address": f"10.0.{chance.randrange(256)}.{chance.randrange(256)}",
        "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
    }


_WEB: Final = Writer("web", "opentelemetry.instrumentation.fastapi", "1.3b0", _http_attributes)


def _put(attributes: Any, values: dict[str, Any]) -> None:
    for key, value in values.items():
        attribute = attributes.add()
        attribute.key = key
        if isinstance(value, int):
            attribute.value.int_value = value
        else:
            attribute.value.string_value = value


def send(
    endpoint: str,
    requests: Sequence[bytes],
    *,
    spans_each: int,
    seconds: float,
    concurrency: int,
    rate_per_s: float = 0,
    gzip: bool = False,
) -> Sent:
    """Send for a time, keeping `concurrency` requests under way, or at a fixed rate of requests when one is given."""
    channel = grpc.insecure_channel(
        endpoint,
        options=[("grpc.max_send_message_length", 64 * 2**20)],
        compression=grpc.Compression.Gzip if gzip else grpc.Compression.NoCompression,
    )
    export = channel.unary_unary(METHOD)
    grpc.channel_ready_future(channel).result(timeout=10)
    latencies: list[float] = []
    under_way: list[tuple[float, Any]] = []
    number = 0
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds:
        if rate_per_s:
            time.sleep(max(0.0, begin + number / rate_per_s - time.perf_counter()))
        while len(under_way) >= concurrency:
            _finish(under_way.pop(0), latencies)
        sent_s = time.perf_counter()
        future = export.future(requests[number % len(requests)])
        under_way.append((sent_s, future))
        future.add_done_callback(_Stamp(future))
        number += 1
    for one in under_way:
        _finish(one, latencies)
    elapsed = time.perf_counter() - begin
    channel.close()
    return Sent(spans=number * spans_each, seconds=elapsed, latencies_s=tuple(latencies))


class _Stamp:
    """Notes when an answer came, which may be long before anybody looks at it."""

    def __init__(self, future: Any) -> None:
        self._future = future

    def __call__(self, _future: Any) -> None:
        self._future.answered_s = time.perf_counter()


def _finish(one: tuple[float, Any], latencies: list[float]) -> None:
    sent_s, future = one
    future.result()
    latencies.append(getattr(future, "answered_s", time.perf_counter()) - sent_s)


def send_from_process(endpoint: str, **options: Any) -> Sent:
    """Send from a process of its own, so that the sender's interpreter lock is not the server's."""
    finished = subprocess.run(
        [sys.executable, "-m", "bench.load", endpoint, json.dumps(options)], check=True, capture_output=True, text=True
    )
    result = json.loads(finished.stdout)
    return Sent(spans=result["spans"], seconds=result["seconds"], latencies_s=tuple(result["latencies_s"]))


def _main() -> None:
    endpoint, options = sys.argv[1], json.loads(sys.argv[2])
    genai_share, distinct = options.pop("genai_share"), options.pop("distinct", 8)
    requests = [
        make_request(spans=options["spans_each"], genai_share=genai_share, seed=seed) for seed in range(distinct)
    ]
    sent = send(endpoint, requests, **options)
    json.dump({"spans": sent.spans, "seconds": sent.seconds, "latencies_s": sent.latencies_s}, sys.stdout)


if __name__ == "__main__":
    _main()
