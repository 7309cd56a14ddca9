"""Sending recorded spans as an application does: OpenTelemetry's own SDK and OTLP exporter, to the real port.

What is recorded is kept: scopes, names, attributes, figures, who is inside whom. What a replay must make anew: trace
and span ids, times (just before now), and the customer, who in a real application is an attribute too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

from spanledger.demo.recorded import RecordedSpan, RecordedTrace

_CUSTOMERS: Final = ("acme", "globex", "initech", "umbrella")
_TEAMS: Final = ("search", "support", "growth")
_SECOND_NS: Final = 10**9
_CALL_NS: Final = 2 * _SECOND_NS
# One trace in so many says nothing about its customer: that happens, and is shown as unattributed.
_UNATTRIBUTED_EVERY: Final = 17


@dataclass(frozen=True, slots=True)
class Sent:
    """What went out."""

    spans: int
    traces: int


def send(traces: Sequence[RecordedTrace], *, endpoint: str, now_ns: int, on_progress: Callable[[int], None]) -> Sent:
    """Send every trace; `on_progress` gets the spans done so far. Returns when the exporter has delivered all."""
    provider = TracerProvider(
        resource=Resource.create({"service.name": "demo-shop", "deployment.environment.name": "demo"}),
        shutdown_on_exit=False,
    )
    processor = BatchSpanProcessor(
        OTLPSpanExporter(endpoint=endpoint, insecure=True), max_queue_size=100_000, schedule_delay_millis=200
    )
    provider.add_span_processor(processor)
    spans = 0
    for number, trace in enumerate(traces):
        start_ns = now_ns - (len(traces) - number) * _SECOND_NS // 4 - _CALL_NS
        _replay(trace, number, provider, start_ns)
        spans += len(trace.spans)
        on_progress(spans)
    provider.force_flush()
    provider.shutdown()
    return Sent(spans=spans, traces=len(traces))


def _replay(trace: RecordedTrace, number: int, provider: TracerProvider, start_ns: int) -> None:
    """Open every span of a trace under its recorded parent, then end them, the innermost first."""
    open_spans: list[Span] = []
    for place, recorded in enumerate(trace.spans):
        tracer = provider.get_tracer(recorded.scope, recorded.scope_version or None)
        context = None if recorded.parent is None else set_span_in_context(open_spans[recorded.parent])
        span = tracer.start_span(
            recorded.name,
            context=context,
            kind=SpanKind[recorded.kind],
            attributes={**recorded.attributes, **_who(recorded, number, trace)},
            start_time=start_ns + place * 1_000_000,
        )
        assert isinstance(span, Span)
        open_spans.append(span)
    for place, (recorded, span) in reversed(list(enumerate(zip(trace.spans, open_spans, strict=True)))):
        if recorded.status != "UNSET":
            span.set_status(Status(StatusCode[recorded.status]))
        span.end(end_time=start_ns + _CALL_NS - place * 1_000_000)


def _who(recorded: RecordedSpan, number: int, trace: RecordedTrace) -> dict[str, str]:
    """Who pays, and for what. In traces of several spans only the root says it, as happens in applications."""
    if number % _UNATTRIBUTED_EVERY == _UNATTRIBUTED_EVERY - 1 or (
        len(trace.spans) > 1 and recorded.parent is not None
    ):
        return {}
    return {"customer.id": _CUSTOMERS[number % len(_CUSTOMERS)], "team": _TEAMS[number % len(_TEAMS)]}
