"""Requests of sampled spans: the official schema reads before and after, and nothing but the tracestate differs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from receiver import wire
from receiver.trace_path.rewrite import sample_request
from receiver.trace_path.sampling import Sampler
from tests.otlp import SpanText, call, encode, request
from tests.trace_path.backend import spans_of

HALF = Sampler.of_ratio(0.5)
ALL = Sampler.of_ratio(1)
KEPT = 0xFF << 48
NOT_KEPT = 0x01 << 48
# Fields 1000 (varint 7) and 2000 (bytes "later"): of a version of OTLP that nobody knows yet.
UNKNOWN = b"\xc0\x3e\x07\x82\x7d\x05later"

scopes = st.sampled_from(["scope.a", "scope.b", ""])
resources = st.sampled_from([{"service.name": "shop"}, {}, {"host": "x", "n": 3}])
texts = st.builds(
    SpanText,
    trace=st.integers(1, 2**128 - 1),
    parent=st.none() | st.integers(1, 2**64 - 1),
    name=st.text(max_size=5),
    attributes=st.dictionaries(st.text(max_size=5), st.integers(-5, 5) | st.text(max_size=5), max_size=3),
    scope=scopes,
    resource=resources,
)
ratios = st.sampled_from([0.0, 0.01, 0.3, 0.5, 0.9, 1.0])


def with_trace_state(text: SpanText, trace_state: str) -> bytes:
    """Return a request of one span with this tracestate."""
    message = ExportTraceServiceRequest()
    message.resource_spans.add().scope_spans.add().spans.append(encode(text))
    message.resource_spans[0].scope_spans[0].spans[0].trace_state = trace_state
    return message.SerializeToString()


def without_trace_state(span: Span) -> bytes:
    """Return all the rest of a span."""
    copy = Span.FromString(span.SerializeToString())
    copy.ClearField("trace_state")
    return copy.SerializeToString()


@given(st.lists(texts, max_size=12), ratios)
def test_only_the_tracestate_of_kept_spans_differs(spans: list[SpanText], ratio: float) -> None:
    """Resources, scopes and kept spans come out as they went in, in order, and no scope or resource is empty."""
    body = request(*spans)
    sampler = Sampler.of_ratio(ratio)
    sampled = sample_request(body, sampler=sampler)
    expected = ExportTraceServiceRequest.FromString(body)
    for resource in expected.resource_spans:
        for scope in resource.scope_spans:
            kept = [one for one in scope.spans if int.from_bytes(one.trace_id[-7:], "big") >= sampler.threshold]
            del scope.spans[:]
            scope.spans.extend(kept)
    full = [resource for resource in expected.resource_spans if resource.scope_spans[0].spans]
    del expected.resource_spans[:]
    expected.resource_spans.extend(full)
    actual = ExportTraceServiceRequest.FromString(sampled.request)
    for message in (expected, actual):
        for resource in message.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    span.ClearField("trace_state")
    assert actual == expected
    assert sampled.received == len(spans)
    assert sampled.kept == len(spans_of(sampled.request))


@given(st.lists(texts, min_size=2, max_size=8), st.integers(1, 2**128 - 1), ratios)
def test_all_spans_of_a_trace_are_decided_alike(spans: list[SpanText], trace: int, ratio: float) -> None:
    """Whichever request, resource or scope a span of a trace stands in, it goes with the others."""
    sampler = Sampler.of_ratio(ratio)
    mates = [SpanText(trace=trace, scope=one.scope, resource=one.resource) for one in spans]
    together = sample_request(request(*mates), sampler=sampler)
    apart = [sample_request(request(mate), sampler=sampler).kept for mate in mates]
    assert together.kept == sum(apart)
    assert together.kept in {0, len(mates)}


def test_ratio_one_forwards_the_very_bytes() -> None:
    """A request that needs no change is not encoded anew."""
    body = request(call(), call(), SpanText()) + UNKNOWN
    assert sample_request(body, sampler=ALL).request is body


def test_unknown_fields_survive_at_every_level() -> None:
    """What a later OTLP adds to request, resource, scope or span is forwarded though nobody here knows it."""
    span = encode(call(trace=KEPT)).SerializeToString() + UNKNOWN
    lost = encode(call(trace=NOT_KEPT)).SerializeToString()
    message = wire.ExportRequest()
    scope_spans = message.resource_spans.add().scope_spans.add()
    scope_spans.spans.extend([span, lost])
    for part in (scope_spans, message.resource_spans[0], message):
        part.MergeFromString(UNKNOWN)
    sampled = sample_request(message.SerializeToString(), sampler=HALF)
    assert (sampled.received, sampled.kept) == (2, 1)
    assert sampled.request.count(UNKNOWN) == 4
    assert span in sampled.request


@pytest.mark.parametrize(
    "trace_state", ["ot=th:c", "a=1,ot=th:c;rv:ffffffffffffff", "not a tracestate", "ot=th:4,ot=th:4"]
)
def test_span_whose_tracestate_stays_is_forwarded_byte_for_byte(trace_state: str) -> None:
    """A span that carries as much as it must, or what cannot be read, is the same bytes afterwards."""
    body = with_trace_state(call(trace=KEPT | 0xFFFF_FFFF_FFFF), trace_state)
    assert sample_request(body, sampler=HALF).request is body


@pytest.mark.parametrize("trace_state", ["", "ot=th:4", "congo=1," + "x=" + "y" * 200])
def test_span_whose_tracestate_changes_keeps_all_the_rest(trace_state: str) -> None:
    """Adding or raising the threshold touches no other field of the span."""
    body = with_trace_state(call(trace=KEPT), trace_state)
    (before,), (after,) = spans_of(body), spans_of(sample_request(body, sampler=HALF).request)
    assert after.trace_state.startswith("ot=th:8")
    assert without_trace_state(before) == without_trace_state(after)


def test_tracestate_that_becomes_empty() -> None:
    """A span whose only member was a false threshold leaves without a tracestate, and is still kept."""
    (after,) = spans_of(sample_request(with_trace_state(call(trace=0x90 << 48), "ot=th:c"), sampler=HALF).request)
    assert not after.trace_state


def test_text_that_is_no_utf8_does_not_stop_a_span() -> None:
    """Bytes that proto3 would refuse in a name or a tracestate are forwarded as they are."""
    context = wire.SpanContext(trace_id=KEPT.to_bytes(16, "big"), trace_state=b"\xff\xfe")
    message = wire.ExportRequest()
    message.resource_spans.add().scope_spans.add().spans.append(context.SerializeToString() + b"\x2a\x01\xff")
    body = message.SerializeToString()
    assert sample_request(body, sampler=HALF).request is body


def test_span_that_cannot_be_read_is_dropped_alone() -> None:
    """Bytes that are no span go, are counted, and take no neighbour with them."""
    message = wire.ExportRequest()
    good = encode(call(trace=KEPT)).SerializeToString()
    message.resource_spans.add().scope_spans.add().spans.extend([b"\xff\xff\xff", good, b"\x0a\x10short"])
    sampled = sample_request(message.SerializeToString(), sampler=ALL)
    assert (sampled.received, sampled.unreadable, sampled.kept) == (3, 2, 1)
    assert good in sampled.request


def test_empty_span_is_a_span() -> None:
    """No bytes are a valid message without a trace id: forwarded at ratio 1, otherwise the least random of all."""
    message = wire.ExportRequest()
    message.resource_spans.add().scope_spans.add().spans.append(b"")
    body = message.SerializeToString()
    assert sample_request(body, sampler=ALL).request is body
    assert sample_request(body, sampler=HALF).kept == 0


def test_request_of_which_nothing_is_kept_is_empty() -> None:
    """Nothing kept means nothing to send, not an empty request."""
    assert sample_request(request(call(trace=NOT_KEPT)), sampler=HALF).request == b""


def test_bytes_that_are_no_request_are_an_error() -> None:
    """The caller is told, and decides."""
    with pytest.raises(wire.DecodeError):
        sample_request(b"\xff\xff\xff", sampler=HALF)
