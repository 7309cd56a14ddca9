"""OTLP requests by the official classes, and the same requests in encodings that only the wire format allows.

A message in several pieces, fields in another order, a scalar written twice, lengths and numbers padded, fields nobody
knows: the official classes read them all, so ours must, and alike. Must not: know our own schema.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

VARINT, FIXED64, BYTES, GROUP, GROUP_END, FIXED32 = 0, 1, 2, 3, 4, 5
_FIXED: Final = {
    FieldDescriptor.TYPE_FIXED64: (FIXED64, "<Q"),
    FieldDescriptor.TYPE_FIXED32: (FIXED32, "<I"),
    FieldDescriptor.TYPE_DOUBLE: (FIXED64, "<d"),
}
_TEXTS: Final = ("", "chat", "gpt-4o", "openai", "acme", "ünïcode", "\x00", "7", "a" * 130)
_KEYS: Final = (
    "gen_ai.operation.name", "gen_ai.usage.input_tokens", "gen_ai.request.model", "customer.id", "tenant.id",
    "url.path", "llm.model_name", "openinference.span.kind", "gen_ai.input.messages", "x", "", "ключ", "k" * 130,
)  # fmt: skip
_INTEGERS: Final = (0, 1, -1, 100, 2**31, 2**63 - 1, -(2**63))
_FLOATS: Final = (0.0, -0.0, 1.5, float("inf"), float("nan"), 1e-300)


def request(random: Random) -> ExportTraceServiceRequest:
    """Return any valid request."""
    message = ExportTraceServiceRequest()
    for _ in range(random.randint(0, 2)):
        resource_spans = message.resource_spans.add(schema_url=random.choice(_TEXTS))
        if random.random() < 0.8:
            resource_spans.resource.attributes.extend(_attributes(random))
        for _ in range(random.randint(0, 2)):
            scope_spans = resource_spans.scope_spans.add(schema_url=random.choice(_TEXTS))
            if random.random() < 0.8:
                scope_spans.scope.name = random.choice(("", "openinference.instrumentation.openai", "somebody"))
                scope_spans.scope.version = random.choice(_TEXTS)
                scope_spans.scope.attributes.extend(_attributes(random))
            for _ in range(random.randint(0, 3)):
                _fill(scope_spans.spans.add(), random)
    return message


def _fill(span: Any, random: Random) -> None:
    span.trace_id = random.randbytes(random.choice((16, 16, 16, 0, 3)))
    span.span_id = random.randbytes(random.choice((8, 8, 8, 0, 9)))
    span.parent_span_id = random.randbytes(random.choice((8, 0)))
    span.trace_state = random.choice(("", "ot=th:8"))
    span.name = random.choice(_TEXTS)
    span.kind = random.choice((0, 1, 2, 3, 4, 5, 77, -1))
    span.start_time_unix_nano = random.choice((0, 1_790_856_000 * 10**9, 2**64 - 1))
    span.end_time_unix_nano = random.choice((0, 1_790_856_001 * 10**9, 2**64 - 1))
    span.attributes.extend(_attributes(random))
    span.dropped_attributes_count = random.choice((0, 0, 1, 2**32 - 1))
    for _ in range(random.randint(0, 2)):
        span.events.add(name=random.choice(_TEXTS), time_unix_nano=1).attributes.extend(_attributes(random))
        span.links.add(trace_id=random.randbytes(16), span_id=random.randbytes(8))
    if random.random() < 0.5:
        span.status.code = random.choice((0, 1, 2, 9))
        span.status.message = random.choice(_TEXTS)
    span.flags = random.choice((0, 0x101))


def _attributes(random: Random) -> list[KeyValue]:
    return [KeyValue(key=random.choice(_KEYS), value=_value(random, 2)) for _ in range(random.randint(0, 4))]


def _value(random: Random, depth: int) -> AnyValue:
    value = AnyValue()
    kind = random.randint(0, 7 if depth else 5)
    if kind == 1:
        value.string_value = random.choice(_TEXTS)
    elif kind == 2:
        value.bool_value = random.random() < 0.5
    elif kind == 3:
        value.int_value = random.choice(_INTEGERS)
    elif kind == 4:
        value.double_value = random.choice(_FLOATS)
    elif kind == 5:
        value.bytes_value = random.randbytes(random.randint(0, 4))
    elif kind == 6:
        value.array_value.values.extend(_value(random, depth - 1) for _ in range(random.randint(0, 3)))
    elif kind == 7:
        pairs = [
            KeyValue(key=random.choice(_KEYS), value=_value(random, depth - 1)) for _ in range(random.randint(0, 3))
        ]
        value.kvlist_value.values.extend(pairs)
        value.kvlist_value.SetInParent()
    return value


def same(one: Message, other: Message) -> bool:
    """Say whether two messages say the same; unlike ==, a NaN equals itself."""
    return _known(one) == _known(other)


def _known(message: Message) -> bytes:
    copy = type(message)()
    copy.CopyFrom(message)
    copy.DiscardUnknownFields()
    return copy.SerializeToString(deterministic=True)


def encode(message: Message, random: Random) -> bytes:
    """Return the message in an encoding that the official classes read back as the same."""
    return b"".join(_parts(message, random))


def _parts(message: Message, random: Random) -> list[bytes]:
    """Return the message's fields, each encoded whole, in an order that means the same."""
    groups = [_field(field, value, random) for field, value in message.ListFields()]
    if not _is_one_of(message):
        random.shuffle(groups)  # the order within a repeated field counts, and that between fields does not
    parts = [part for group in groups for part in group]
    for _ in range(random.choice((0, 0, 0, 1, 2))):
        parts.insert(random.randint(0, len(parts)), _unknown(random))
    if _is_one_of(message) and groups and random.random() < 0.3:
        number = message.ListFields()[0][0].number
        decoys = [make for of, make in _DECOYS.items() if of != number]
        parts.insert(0, random.choice(decoys)(random))  # an earlier member of a oneof gives way to the last
    return parts


def _is_one_of(message: Message) -> bool:
    return message.DESCRIPTOR.name == "AnyValue"


def _field(field: FieldDescriptor, value: Any, random: Random) -> list[bytes]:
    if field.is_repeated:
        return [_single(field, one, random) for one in value]
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        parts = _parts(value, random)
        cut = random.randint(0, len(parts)) if random.random() < 0.4 else len(parts)
        pieces = [parts[:cut], parts[cut:]] if cut < len(parts) else [parts]
        return [_delimited(field.number, b"".join(piece), random) for piece in pieces]
    encoded = [_single(field, value, random)]
    if random.random() < 0.2 and field.containing_oneof is None:
        encoded.insert(0, _single(field, _other(field), random))  # of a scalar written twice, the last counts
    return encoded


def _other(field: FieldDescriptor) -> Any:
    return {
        FieldDescriptor.TYPE_STRING: "gen_ai.input.messages",
        FieldDescriptor.TYPE_BYTES: b"\x01\x02",
        FieldDescriptor.TYPE_DOUBLE: 2.5,
    }.get(field.type, 1)


def _single(field: FieldDescriptor, value: Any, random: Random) -> bytes:
    if field.type in _FIXED:
        kind, form = _FIXED[field.type]
        return _tag(field.number, kind) + struct.pack(form, value)
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        value = b"".join(_parts(value, random))
    elif field.type == FieldDescriptor.TYPE_STRING:
        value = value.encode()
    if isinstance(value, bytes):
        return _delimited(field.number, value, random)
    return _tag(field.number, VARINT) + _padded(int(value) % 2**64, random, most=10)


def _unknown(random: Random) -> bytes:
    number = random.choice((999, 1000, 2**29 - 1))
    kind = random.choice((VARINT, FIXED64, BYTES, GROUP, FIXED32))
    body = {
        VARINT: b"\x96\x01",
        FIXED64: b"gen_ai.x",
        BYTES: b"\x03abc",
        GROUP: _tag(1, VARINT) + b"\x01" + _tag(number, GROUP_END),
        FIXED32: b"\x00\x01\x02\x03",
    }[kind]
    return _tag(number, kind) + body


def _delimited(number: int, data: bytes, random: Random) -> bytes:
    return _tag(number, BYTES) + _padded(len(data), random, most=5) + data


def _tag(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _padded(value: int, random: Random, *, most: int) -> bytes:
    """Return a varint, now and then longer than it need be."""
    encoded = _varint(value)
    spare = most - len(encoded)
    if spare <= 0 or random.random() < 0.8:
        return encoded
    more = random.randint(1, spare)
    return encoded[:-1] + bytes([encoded[-1] | 0x80]) + b"\x80" * (more - 1) + b"\x00"


_DECOYS: Final[dict[int, Callable[[Random], bytes]]] = {
    1: lambda random: _delimited(1, b"decoy", random),
    3: lambda random: _tag(3, VARINT) + _padded(7, random, most=10),
    5: lambda random: _delimited(5, _delimited(1, b"", random), random),
    7: lambda random: _delimited(7, b"\x00", random),
}
