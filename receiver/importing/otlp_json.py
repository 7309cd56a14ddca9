"""OTLP as JSON: one record of a file, as the request it stands for. Pure.

OTLP's JSON is protobuf's with three differences, all of which are read here: ids are hexadecimal, enums are numbers,
field names are lowerCamelCase (the Collector also reads the snake_case ones, so they are read too)
(https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding). 64-bit integers are texts or numbers, NaN and the
infinities are texts, bytes are base64. Unknown fields are passed over.

A span of which anything cannot be read is left out as a whole and reported: a figure that was left out of it would
make its cost wrong. Its neighbours go on. The encoding that results is the one a Collector sends, so that a span counts
as the same content whichever way it came. Events and links, which the ledger does not keep, are left out.

Must not: interpret an attribute.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from receiver import wire

_UINT32_MAX: Final = 2**32 - 1
_UINT64_MAX: Final = 2**64 - 1
_FLOAT_TEXTS: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_KINDS: Final = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_STATUSES: Final = ("UNSET", "OK", "ERROR")
_ENUMS: Final = {
    **{f"SPAN_KIND_{name}": number for number, name in enumerate(_KINDS)},
    **{f"STATUS_CODE_{name}": number for number, name in enumerate(_STATUSES)},
}
# As deep as protobuf's own readers go, of which each value takes three.
_DEPTH_MAX: Final = 30


class UnreadableJsonError(ValueError):
    """A record that is no JSON object, or none of OTLP's."""


class _FieldError(ValueError):
    """A field that has no readable value: where, and what was found."""


@dataclass(frozen=True, slots=True)
class JsonRecord:
    """What a record of JSON comes to."""

    request: bytes
    """The ExportTraceServiceRequest of the spans that could be read."""
    spans: int
    problems: tuple[str, ...]
    """Of each span that could not: where in the record, and why."""


def traces_of(text: bytes) -> JsonRecord | None:
    """Read one record; None when it holds logs, metrics or profiles.

    Raises:
        UnreadableJsonError: it is no JSON, or no OTLP.
    """
    try:
        record = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as broken:
        raise UnreadableJsonError(f"no JSON: {broken}") from broken
    if not isinstance(record, dict):
        raise UnreadableJsonError(f"a JSON {type(record).__name__}, where one object a line is expected")
    resource_spans = _field(record, "resourceSpans", "resource_spans")
    if resource_spans is None:
        if record and not any(name.startswith(("resource", "dictionary")) for name in record):
            raise UnreadableJsonError(f"an object with {', '.join(sorted(record)[:3])}, where OTLP has resourceSpans")
        return None
    reader = _Reader()
    request = wire.ExportRequest()
    for where, one in _each(resource_spans, "resourceSpans", reader.problems):
        reader.resource_spans(one, request.resource_spans.add(), where)
    return JsonRecord(request.SerializeToString(), reader.spans, tuple(reader.problems))


class _Reader:
    """Reads one record; collects what could not be read."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.spans = 0

    def resource_spans(self, found: Any, message: Any, where: str) -> None:
        try:
            message.resource.append(_resource(_field(found, "resource")))
        except _FieldError as unreadable:
            # Who pays may stand there: its spans are not billed to nobody.
            self.problems.append(f"{where}.resource: {unreadable}; its spans are left out")
            return
        for inside, one in _each(_field(found, "scopeSpans", "scope_spans"), f"{where}.scopeSpans", self.problems):
            self.scope_spans(one, message.scope_spans.add(), inside)

    def scope_spans(self, found: Any, message: Any, where: str) -> None:
        try:
            message.scope.append(_scope(_field(found, "scope")))
        except _FieldError as unreadable:
            self.problems.append(f"{where}.scope: {unreadable}; its spans are left out")
            return
        for inside, one in _each(_field(found, "spans"), f"{where}.spans", self.problems):
            try:
                message.spans.append(_span(one))
                self.spans += 1
            except _FieldError as unreadable:
                self.problems.append(f"{inside}: {unreadable}")


def _each(found: Any, where: str, problems: list[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the objects of an array, and where each stands; report what is none."""
    if found is None:
        return
    if not isinstance(found, list):
        problems.append(f"{where}: expected an array, found {_shown(found)}")
        return
    for place, one in enumerate(found):
        if isinstance(one, dict):
            yield f"{where}[{place}]", one
        else:
            problems.append(f"{where}[{place}]: expected an object, found {_shown(one)}")


def _resource(found: Any) -> bytes:
    message = wire.Resource()
    if found is not None:
        message.attributes.extend(_attributes(_object(found, "resource")))
    return message.SerializeToString()  # type: ignore[no-any-return]


def _scope(found: Any) -> bytes:
    message = wire.Scope()
    if found is not None:
        scope = _object(found, "scope")
        _set(message, "name", scope, ("name",), _text)
        _set(message, "version", scope, ("version",), _text)
    return message.SerializeToString()  # type: ignore[no-any-return]


def _span(found: Mapping[str, Any]) -> bytes:
    message = wire.Span()
    for name, spelled, read in _SPAN_FIELDS:
        _set(message, name, found, spelled, read)
    message.attributes.extend(_attributes(found))
    status = _field(found, "status")
    if status is not None:
        _set(message.status, "message", _object(status, "status"), ("message",), _text)
        _set(message.status, "code", status, ("code",), _enum)
    return message.SerializeToString()  # type: ignore[no-any-return]


def _attributes(found: Mapping[str, Any]) -> list[bytes]:
    attributes = _field(found, "attributes")
    if attributes is None:
        return []
    if not isinstance(attributes, list):
        raise _FieldError(f"attributes: expected an array, found {_shown(attributes)}")
    return [_key_value(one, 0).SerializeToString() for one in attributes]


def _key_value(found: Any, depth: int) -> Any:
    pair = _object(found, "attribute")
    message = wire.KeyValue()
    if key := _field(pair, "key"):
        message.key = _text(key, "key")  # an empty one is not written, by any encoder
    value = _field(pair, "value")
    if value is not None:
        message.value.SetInParent()
        try:
            _read_value(_object(value, "value"), message.value, depth)
        except _FieldError as unreadable:
            raise _FieldError(f"attribute {message.key.decode()!r}: {unreadable}") from unreadable
    return message


def _read_value(found: Mapping[str, Any], message: Any, depth: int) -> None:
    """Read an AnyValue; one without a member stays one."""
    if depth > _DEPTH_MAX:
        raise _FieldError(f"values within values, more than {_DEPTH_MAX} deep")
    for spelled, name, read in _VALUES:
        value = _field(found, *spelled)
        if value is not None:
            setattr(message, name, read(value, spelled[0]))
            return
    if (array := _field(found, "arrayValue", "array_value")) is not None:
        message.array_value.SetInParent()
        for one in _list(array, "arrayValue"):
            _read_value(_object(one, "arrayValue"), message.array_value.values.add(), depth + 1)
    elif (pairs := _field(found, "kvlistValue", "kvlist_value")) is not None:
        message.kvlist_value.SetInParent()
        message.kvlist_value.values.extend(_key_value(one, depth + 1) for one in _list(pairs, "kvlistValue"))


def _list(found: Any, name: str) -> list[Any]:
    values = _field(_object(found, name), "values")
    if values is None:
        return []
    if not isinstance(values, list):
        raise _FieldError(f"{name}.values: expected an array, found {_shown(values)}")
    return values


def _set(
    message: Any, name: str, found: Mapping[str, Any], spelled: tuple[str, ...], read: Callable[[Any, str], Any]
) -> None:
    value = _field(found, *spelled)
    if value is not None:
        setattr(message, name, read(value, spelled[0]))


def _field(found: Mapping[str, Any], *spelled: str) -> Any:
    for name in spelled:
        if (value := found.get(name)) is not None:
            return value
    return None


def _object(found: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        raise _FieldError(f"{name}: expected an object, found {_shown(found)}")
    return found


def _text(found: Any, name: str) -> bytes:
    if not isinstance(found, str):
        raise _FieldError(f"{name}: expected a text, found {_shown(found)}")
    return found.encode("utf-8", "replace")


def _id(found: Any, name: str) -> bytes:
    try:
        return binascii.unhexlify(_text(found, name))
    except ValueError as other:
        raise _FieldError(f"{name}: expected hexadecimal digits, found {_shown(found)}") from other


def _integer(found: Any, name: str, least: int, most: int) -> int:
    """Read an integer that is a number or a text; JSON has no other, and 5.0 is 5."""
    value: int | None = None
    if isinstance(found, int) and not isinstance(found, bool):
        value = found
    elif isinstance(found, float) and found.is_integer():
        value = int(found)
    elif isinstance(found, str) and found.removeprefix("-").isascii() and found.removeprefix("-").isdigit():
        value = int(found) if len(found) < 24 else None
    if value is None or not least <= value <= most:
        raise _FieldError(f"{name}: expected an integer from {least} to {most}, found {_shown(found)}")
    return value


def _unsigned64(found: Any, name: str) -> int:
    return _integer(found, name, 0, _UINT64_MAX)


def _unsigned32(found: Any, name: str) -> int:
    return _integer(found, name, 0, _UINT32_MAX)


def _signed64(found: Any, name: str) -> int:
    return _integer(found, name, -(2**63), 2**63 - 1)


def _enum(found: Any, name: str) -> int:
    if isinstance(found, str) and found in _ENUMS:
        return _ENUMS[found]
    return _integer(found, name, -(2**31), 2**31 - 1)


def _double(found: Any, name: str) -> float:
    if isinstance(found, str) and found in _FLOAT_TEXTS:
        return _FLOAT_TEXTS[found]
    if isinstance(found, bool) or not isinstance(found, int | float | str):
        raise _FieldError(f"{name}: expected a number, found {_shown(found)}")
    try:
        return float(found)
    except (ValueError, OverflowError) as other:
        raise _FieldError(f"{name}: expected a number, found {_shown(found)}") from other


def _bool(found: Any, name: str) -> bool:
    if not isinstance(found, bool):
        raise _FieldError(f"{name}: expected true or false, found {_shown(found)}")
    return found


def _bytes(found: Any, name: str) -> bytes:
    try:
        # Both alphabets, with or without padding, as protobuf's own readers take it.
        text = _text(found, name).decode().translate(str.maketrans("-_", "+/")).rstrip("=")
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as other:
        raise _FieldError(f"{name}: expected base64, found {_shown(found)}") from other


def _shown(found: Any) -> str:
    """Return a value as a message shows it: no more of it than helps to find it."""
    if isinstance(found, dict | list):
        return "an object" if isinstance(found, dict) else "an array"
    text = repr(found)
    return text if len(text) <= 40 else f"{text[:40]}…"


_SPAN_FIELDS: Final = (
    ("trace_id", ("traceId", "trace_id"), _id),
    ("span_id", ("spanId", "span_id"), _id),
    ("trace_state", ("traceState", "trace_state"), _text),
    ("parent_span_id", ("parentSpanId", "parent_span_id"), _id),
    ("name", ("name",), _text),
    ("kind", ("kind",), _enum),
    ("start_time_unix_nano", ("startTimeUnixNano", "start_time_unix_nano"), _unsigned64),
    ("end_time_unix_nano", ("endTimeUnixNano", "end_time_unix_nano"), _unsigned64),
    ("dropped_attributes_count", ("droppedAttributesCount", "dropped_attributes_count"), _unsigned32),
    ("flags", ("flags",), _unsigned32),
)
_VALUES: Final = (
    (("stringValue", "string_value"), "string_value", _text),
    (("intValue", "int_value"), "int_value", _signed64),
    (("boolValue", "bool_value"), "bool_value", _bool),
    (("doubleValue", "double_value"), "double_value", _double),
    (("bytesValue", "bytes_value"), "bytes_value", _bytes),
)
