"""Whether our decoder says what the official protobuf classes say, of any bytes.

Where the official classes refuse bytes, ours may refuse them too or read more (text that is not UTF-8); where they read
them, ours must, and every span, id, time and attribute must be the same. Content, which ours leaves out, is left out
here by the same table.
"""

from __future__ import annotations

from typing import Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from receiver import dialects
from receiver.attribution import DEFAULT_CUSTOMER_ATTRIBUTES, marks
from receiver.sealer.decode import DecodedSpan, Decoder
from receiver.split import Split, Splitter
from receiver.strip import is_figure, kept_of, strip

SPAN_MARKS: Final = [*dialects.MARKERS, *marks(DEFAULT_CUSTOMER_ATTRIBUTES)]
SPLITTER: Final = Splitter(span_marks=SPAN_MARKS, scope_marks=dialects.SCOPE_MARKERS)


def official(data: bytes) -> ExportTraceServiceRequest | None:
    """Return the request as the official classes read it; None when they refuse the bytes."""
    try:
        return ExportTraceServiceRequest.FromString(data)
    except DecodeError:
        return None


def assert_agreement(data: bytes) -> None:
    """Split and decode the bytes; compare with the official classes."""
    message = official(data)
    try:
        split = SPLITTER.split(data)
    except DecodeError:
        assert message is None, "ours refuses what the official classes read"
        return
    decoded = list(Decoder().spans(data))
    if message is None:
        return
    expected = [
        (span, scope_spans.scope, resource_spans.resource)
        for resource_spans in message.resource_spans
        for scope_spans in resource_spans.scope_spans
        for span in scope_spans.spans
    ]
    assert split.received == len(expected) == len(decoded)
    for one, (span, scope, resource) in zip(decoded, expected, strict=True):
        assert isinstance(one, DecodedSpan), f"ours cannot decode {span}"
        assert _ours(one) == _theirs(span, scope, resource)
        _assert_stripping_keeps(one)
    _assert_nothing_missed(message, split)


def _assert_nothing_missed(message: ExportTraceServiceRequest, split: Split) -> None:
    """What the split keeps is a valid request of spans that are in the whole, and none with a mark is missing."""
    kept = ExportTraceServiceRequest.FromString(split.payload)
    left = [span.SerializeToString() for span in _spans(kept)]
    assert len(left) == split.kept
    wanted = [span.SerializeToString() for span in _spans(message) if _has_mark(span)]
    rest = iter(left)
    assert all(any(span == one for one in rest) for span in wanted), "a span with a mark was left out, or moved"


def _spans(message: ExportTraceServiceRequest) -> Any:
    for resource_spans in message.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            yield from scope_spans.spans


def _has_mark(span: Any) -> bool:
    return any(mark in one.key.encode() for one in span.attributes for mark in SPAN_MARKS)


def _assert_stripping_keeps(one: DecodedSpan) -> None:
    """Stripping changes nothing that is read, and a second time nothing at all."""
    once = strip(one.raw)
    assert strip(once) == once
    again = Decoder().span(once, resource=b"", scope=b"")
    assert isinstance(again, DecodedSpan)
    assert repr(again.attributes) == repr(one.attributes)
    assert (again.content_hash, again.flags) == (one.content_hash, one.flags)


def _ours(one: DecodedSpan) -> list[Any]:
    return [
        one.trace_id, one.span_id, one.parent_span_id, one.name, one.kind, one.start_ns, one.end_ns, one.status_code,
        one.dropped_attributes, one.scope.name, one.scope.version, _comparable(dict(one.attributes)),
        _comparable(dict(one.resource.attributes)),
    ]  # fmt: skip


def _theirs(span: Any, scope: Any, resource: Any) -> list[Any]:
    return [
        span.trace_id, span.span_id, span.parent_span_id, span.name, span.kind, span.start_time_unix_nano,
        span.end_time_unix_nano, span.status.code, span.dropped_attributes_count, scope.name, scope.version,
        _comparable(_plain(span.attributes)), _comparable(_plain(resource.attributes)),
    ]  # fmt: skip


def _plain(attributes: Any) -> dict[str, Any]:
    pairs = {}
    for one in attributes:
        encoded = one.SerializeToString()
        if kept_of(encoded) == encoded:
            pairs[one.key] = _value(one.value)
        elif is_figure(encoded):
            pairs[one.key] = "(longer than a number)"
    return pairs


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind is None or kind == "string_value_strindex":  # an index into a dictionary that traces do not have
        return ""
    if kind == "array_value":
        return [_value(one) for one in value.array_value.values]
    if kind == "kvlist_value":
        return {one.key: _value(one.value) for one in value.kvlist_value.values}
    return getattr(value, kind)


def _comparable(attributes: dict[str, Any]) -> list[str]:
    """Return pairs in a form in which a NaN equals itself and 1 is not True."""
    return sorted(f"{key}={value!r}" for key, value in attributes.items())
