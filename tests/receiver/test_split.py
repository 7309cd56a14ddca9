"""The split: never too little, and nothing changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from receiver import dialects
from receiver.attribution import DEFAULT_CUSTOMER_ATTRIBUTES
from receiver.split import Splitter
from tests.otlp import SpanText, call, request

MARKS = [*dialects.MARKERS, *(key.encode() for key in DEFAULT_CUSTOMER_ATTRIBUTES)]
SPLITTER = Splitter(span_marks=MARKS, scope_marks=dialects.SCOPE_MARKERS)
# More words than vector instructions look for: the other way of searching.
MANY = Splitter(span_marks=[*MARKS, *(b"own.key.%d!" % number for number in range(140))], scope_marks=[b"scope!"])


@pytest.mark.parametrize("splitter", [SPLITTER, MANY], ids=["few words", "many words"])
@pytest.mark.parametrize("mark", MARKS)
def test_every_mark_is_found(splitter: Splitter, mark: bytes) -> None:
    """A span with any of the marks in an attribute's name is kept, its neighbours are not."""
    span = SpanText(scope="x", attributes={f"{mark.decode()}x": "1"})
    split = splitter.split(request(SpanText(scope="x"), span, SpanText(scope="x")))
    assert (split.received, split.kept) == (3, 1)


@given(st.lists(st.sampled_from(["call", "web", "payer", "scope"]), max_size=12))
def test_kept_spans_are_the_sent_ones_unchanged(kinds: list[str]) -> None:
    """Candidates leave byte for byte as they came, with their resource and scope, and in order."""
    made: dict[str, Callable[[], SpanText]] = {
        "call": call,
        "web": lambda: SpanText(scope="http", attributes={"url.path": "/"}),
        "payer": lambda: SpanText(scope="http", attributes={"tenant.id": "acme"}),
        "scope": lambda: SpanText(scope="openinference.instrumentation.openai"),
    }
    spans = [made[kind]() for kind in kinds]
    split = SPLITTER.split(request(*spans))
    wanted = [span for kind, span in zip(kinds, spans, strict=True) if kind != "web"]
    assert (split.received, split.kept) == (len(spans), len(wanted))
    sent = ExportTraceServiceRequest.FromString(request(*wanted))
    left = ExportTraceServiceRequest.FromString(split.payload)
    assert spans_of(left) == spans_of(sent)


@given(st.lists(st.sampled_from(["gen_ai.system", "url.path", "tenant.id", "llm.provider"]), max_size=12))
def test_one_scope_may_mix_all_kinds_in_any_order(keys: list[str]) -> None:
    """Within one scope, whichever span comes first, the candidates are those with a mark and no others."""
    spans = [SpanText(scope="own", attributes={key: "x"}) for key in keys]
    split = SPLITTER.split(request(*spans))
    wanted = [span for key, span in zip(keys, spans, strict=True) if key != "url.path"]
    assert split.kept == len(wanted)
    sent = ExportTraceServiceRequest.FromString(request(*wanted))
    assert spans_of(ExportTraceServiceRequest.FromString(split.payload)) == spans_of(sent)


def spans_of(message: ExportTraceServiceRequest) -> list[tuple[bytes, bytes, bytes]]:
    """Every span with its resource and scope, as bytes."""
    return [
        (
            resource_spans.resource.SerializeToString(),
            scope_spans.scope.SerializeToString(),
            span.SerializeToString(),
        )
        for resource_spans in message.resource_spans
        for scope_spans in resource_spans.scope_spans
        for span in scope_spans.spans
    ]
