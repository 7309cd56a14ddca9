"""A request made of the spans that a sampler keeps; all else in it stays as it was, byte for byte. Pure.

Resources, scopes, schema URLs and every field this schema does not know are carried along undecoded. Of a span, only
its tracestate may change; a span whose tracestate does not is carried as the bytes that arrived. A scope or resource
that is left without spans is dropped. A span that cannot be read cannot be sampled: it is dropped here (only here).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from receiver import wire
from receiver.trace_path.keeping import KeepRules, KeptTraces
from receiver.trace_path.sampling import Sampler

# The key of Span.trace_state: field 3, length-delimited.
_TRACE_STATE_KEY: Final = bytes([3 << 3 | 2])


@dataclass(frozen=True, slots=True)
class Sampled:
    """What a request came to."""

    received: int
    """All spans of the request."""
    kept: int
    """Those in `request`."""
    unreadable: int
    """Those that are no span."""
    request: bytes
    """An ExportTraceServiceRequest of the kept spans; empty when there are none."""


class Keeper:
    """The rules beside the sampler, and the traces they have kept."""

    def __init__(self, rules: KeepRules, traces: KeptTraces | None = None) -> None:
        self.rules = rules
        self.traces = KeptTraces() if traces is None else traces
        self._certain: set[bytes] = set()

    def look(self, spans: Iterable[bytes]) -> None:
        """Keep the traces of spans that satisfy a rule: those of their own request too, whichever comes first."""
        for raw in spans:
            if self.rules.keep(raw):
                self._certain.add(raw)
                self.traces.add(wire.SpanContext.FromString(raw).trace_id)

    def state(self, raw: bytes, span: Any, *, sampler: Sampler) -> bytes | None:
        """Return the tracestate with which a span leaves that a rule keeps; None where none does."""
        is_certain = raw in self._certain
        if not is_certain and span.trace_id not in self.traces:
            return None
        return sampler.kept_state(trace_id=span.trace_id, trace_state=span.trace_state, is_certain=is_certain)

    def end(self) -> None:
        """Forget the spans of a request; its traces stay."""
        self._certain.clear()


def sample_request(request: bytes, *, sampler: Sampler, keeper: Keeper | None = None) -> Sampled:
    """Sample the bytes of one ExportTraceServiceRequest.

    Raises:
        google.protobuf.message.DecodeError: the bytes are no such request.
    """
    message = wire.ExportRequest.FromString(request)
    received = kept = unreadable = 0
    is_changed = False
    if keeper is not None:
        for scope_spans in _scopes(message):
            keeper.look(scope_spans.spans)
    for scope_spans in _scopes(message):
        arrived = list(scope_spans.spans)
        leaving, unread = _sample_spans(arrived, sampler=sampler, keeper=keeper)
        received += len(arrived)
        kept += len(leaving)
        unreadable += unread
        if leaving != arrived:
            is_changed = True
            del scope_spans.spans[:]
            scope_spans.spans.extend(leaving)
    if keeper is not None:
        keeper.end()
    if is_changed:
        _drop_empty(message)
        request = message.SerializeToString()
    return Sampled(received=received, kept=kept, unreadable=unreadable, request=request if kept else b"")


def _sample_spans(arrived: Sequence[bytes], *, sampler: Sampler, keeper: Keeper | None) -> tuple[list[bytes], int]:
    """Return the spans that are kept, as they leave, and how many could not be read."""
    leaving: list[bytes] = []
    unreadable = 0
    for raw in arrived:
        try:
            span = wire.SpanContext.FromString(raw)
        except wire.DecodeError:
            unreadable += 1
            continue
        sampled = _sampled(raw, span, sampler=sampler, keeper=keeper)
        if sampled is not None:
            leaving.append(sampled)
    return leaving, unreadable


def _sampled(raw: bytes, span: Any, *, sampler: Sampler, keeper: Keeper | None) -> bytes | None:
    """Return the span as it leaves, or None when it is not kept."""
    arrived: bytes = span.trace_state
    leaving = None if keeper is None else keeper.state(raw, span, sampler=sampler)
    if leaving is None:
        leaving = sampler.trace_state(trace_id=span.trace_id, trace_state=arrived)
    if leaving is None:
        return None
    if leaving == arrived:
        return raw
    if not span.HasField("trace_state") and len(leaving) < 0x80:
        # Fields may stand in any order: nothing else of the span has to be written anew.
        return b"".join((raw, _TRACE_STATE_KEY, bytes([len(leaving)]), leaving))
    span.trace_state = leaving
    return span.SerializeToString()  # type: ignore[no-any-return]


def _scopes(message: Any) -> Iterable[Any]:
    for resource_spans in message.resource_spans:
        yield from resource_spans.scope_spans


def _drop_empty(message: Any) -> None:
    for resource_spans in message.resource_spans:
        _drop_where_empty(resource_spans.scope_spans, field="spans")
    _drop_where_empty(message.resource_spans, field="scope_spans")


def _drop_where_empty(parts: Any, *, field: str) -> None:
    for index in reversed(range(len(parts))):
        if not getattr(parts[index], field):
            del parts[index]
