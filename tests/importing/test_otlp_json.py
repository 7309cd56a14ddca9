"""OTLP's JSON: read as the same request in protobuf, or refused in words, span by span."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.importing.otlp_json import UnreadableJsonError, traces_of
from receiver.sealer.decode import DecodedSpan, Decoder
from tests.fuzz import odd_wire
from tests.importing.written import as_json
from tests.otlp import call, request


def decoded(data: bytes) -> list[str]:
    """Everything that the ledger learns of a request's spans; in a form in which a NaN equals itself."""
    spans = list(Decoder().spans(data))
    assert all(isinstance(one, DecodedSpan) for one in spans)
    return [
        repr(
            (
                one.trace_id, one.span_id, one.parent_span_id, one.name, one.kind, one.start_ns, one.end_ns,
                one.status_code, one.attributes, one.resource.attributes, one.scope.name, one.scope.version,
                one.dropped_attributes, one.content_hash,
            )
        )
        for one in spans
        if isinstance(one, DecodedSpan)
    ]  # fmt: skip


@given(st.integers(0, 2**64))
@settings(max_examples=300, deadline=None)
def test_any_request_is_read_as_in_protobuf(seed: int) -> None:
    """Ids, times, every kind of value, and the content hash: which way a span came makes no difference."""
    message = odd_wire.request(Random(seed))
    record = traces_of(as_json(message))
    if record is None:
        assert not message.resource_spans
        return
    assert not record.problems
    assert decoded(record.request) == decoded(message.SerializeToString())


def one_span(**changed: Any) -> dict[str, Any]:
    """A whole record of one call, with fields of its span replaced."""
    record: dict[str, Any] = json.loads(as_json(request(call(trace=1, span=2))))
    record["resourceSpans"][0]["scopeSpans"][0]["spans"][0] |= changed
    return record


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"startTimeUnixNano": 1_790_856_000_000_000_000}, True),
        ({"start_time_unix_nano": "1790856000000000000", "startTimeUnixNano": None}, True),
        ({"kind": "SPAN_KIND_CLIENT"}, True),
        ({"parentSpanId": ""}, True),
        ({"unknownField": {"x": [1]}}, True),
        ({"attributes": [{"key": "customer.id", "value": {"stringValue": "acme", "new": 1}}]}, True),
        ({"attributes": [{"key": "x", "value": {"bytesValue": "_-8"}}]}, True),
        ({"traceId": "xyz"}, "traceId: expected hexadecimal digits, found 'xyz'"),
        ({"traceId": "AAAAAAAAAAAAAAAAAAAAAQ=="}, "traceId: expected hexadecimal"),
        ({"startTimeUnixNano": "now"}, "startTimeUnixNano: expected an integer from 0"),
        ({"startTimeUnixNano": -1}, "startTimeUnixNano: expected an integer from 0"),
        ({"kind": "CLIENT"}, "kind: expected an integer"),
        ({"attributes": {}}, "attributes: expected an array, found an object"),
        ({"attributes": [{"key": "n", "value": {"intValue": "many"}}]}, "attribute 'n': intValue: expected an integer"),
        ({"attributes": [{"key": "n", "value": {"intValue": True}}]}, "found True"),
        ({"attributes": [{"key": "n", "value": {"intValue": str(2**63)}}]}, f"found '{2**63}'"),
        ({"attributes": [{"key": "n", "value": {"intValue": "9" * 5000}}]}, "expected an integer"),
        ({"attributes": [{"key": "n", "value": {"stringValue": 5}}]}, "expected a text, found 5"),
        ({"attributes": [{"key": "n", "value": {"bytesValue": "?"}}]}, "expected base64"),
        ({"attributes": [{"key": "n", "value": {"arrayValue": {"values": [{"intValue": "x"}]}}}]}, "intValue"),
    ],
    ids=str,
)
def test_field(changed: dict[str, Any], expected: str | bool) -> None:  # noqa: FBT001
    """Every spelling that OTLP allows is read; anything else costs its span alone, and its place is named."""
    record = one_span(**changed)
    neighbour = json.loads(as_json(request(call(trace=3, span=4))))["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    record["resourceSpans"][0]["scopeSpans"][0]["spans"].append(neighbour)
    found = traces_of(json.dumps(record).encode())
    assert found is not None
    if expected is True:
        assert (found.spans, found.problems) == (2, ())
    else:
        assert found.spans == 1
        assert found.problems[0].startswith("resourceSpans[0].scopeSpans[0].spans[0]: ")
        assert str(expected) in found.problems[0]


def test_values_too_deep_are_refused() -> None:
    """No nesting leads into a depth that readers of protobuf refuse."""
    value: dict[str, Any] = {"intValue": "1"}
    for _ in range(40):
        value = {"arrayValue": {"values": [value]}}
    found = traces_of(json.dumps(one_span(attributes=[{"key": "deep", "value": value}])).encode())
    assert found is not None
    assert "more than 30 deep" in found.problems[0]
    with pytest.raises(UnreadableJsonError, match="no JSON"):
        traces_of(b'{"resourceSpans":' + b"[" * 200_000)


@pytest.mark.parametrize("text", [b'{"resourceLogs":[]}', b'{"resourceMetrics":[{}]}', b"{}"])
def test_other_signals_are_no_traces(text: bytes) -> None:
    """They are told apart, and no error."""
    assert traces_of(text) is None


@pytest.mark.parametrize("text", [b"", b"[1]", b"5", b'{"resourceSpans":', b"\xff", b'{"spans":[]}'])
def test_what_is_no_record_is_an_error(text: bytes) -> None:
    """In words; nothing is guessed."""
    with pytest.raises(UnreadableJsonError):
        traces_of(text)


@pytest.mark.parametrize(
    "text", [b'{"resourceSpans":5}', b'{"resourceSpans":[5]}', b'{"resourceSpans":[{"resource":3}]}']
)
def test_odd_shapes_are_problems(text: bytes) -> None:
    """Whatever stands where an object is expected is named."""
    found = traces_of(text)
    assert found is not None
    assert (found.spans, len(found.problems)) == (0, 1)


@given(st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(
            ["resourceSpans", "scopeSpans", "spans", "resource", "scope", "attributes", "key", "value", "status",
             "traceId", "intValue", "stringValue", "arrayValue", "kvlistValue", "values", "kind", "code"]
        ), inner, max_size=4),
    ),
    max_leaves=20,
))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_any_json(found: Any) -> None:
    """Any JSON is a record, or an error of ours."""
    try:
        record = traces_of(json.dumps({"resourceSpans": [found, {"scopeSpans": [{"spans": [found]}]}]}).encode())
    except UnreadableJsonError:
        return
    assert record is not None
    assert len(list(Decoder().spans(record.request))) == record.spans
