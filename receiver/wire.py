"""The wire: a lazy schema of our own that reads OTLP trace requests byte for byte as the official one does.

Same field numbers and wire types as opentelemetry-proto's `ExportTraceServiceRequest`
(https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto), with three
liberties the wire format allows:

* a level that is not needed is declared `bytes`: a request splits into spans without a span being decoded, and a span
  into attributes without an attribute being decoded;
* text is declared `bytes`: the official proto3 schema refuses a whole request for one bad UTF-8 byte;
* proto2 keeps what it does not know, so re-serialising loses nothing.

The wire format lets a sender write a message in several pieces, to be merged. A resource or scope that is declared
`bytes` is therefore repeated: its pieces, one after the other, are the merged message (`whole`).

Must not: interpret anything. Field names are OTLP's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError as DecodeError

_Field = descriptor_pb2.FieldDescriptorProto
_TYPES: Final = {
    "bytes": _Field.TYPE_BYTES,
    "bool": _Field.TYPE_BOOL,
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
    "uint32": _Field.TYPE_UINT32,
    "fixed32": _Field.TYPE_FIXED32,
    "fixed64": _Field.TYPE_FIXED64,
    "double": _Field.TYPE_DOUBLE,
}
_PACKAGE: Final = "spanledger.wire"

# message → field → (number, type); a `*` before the type means repeated; a capital means one of these messages.
_MESSAGES: Final[dict[str, dict[str, tuple[int, str]]]] = {
    "ExportRequest": {"resource_spans": (1, "*ResourceSpans")},
    "ResourceSpans": {"resource": (1, "*bytes"), "scope_spans": (2, "*ScopeSpans"), "schema_url": (3, "bytes")},
    "ScopeSpans": {"scope": (1, "*bytes"), "spans": (2, "*bytes"), "schema_url": (3, "bytes")},
    "Resource": {"attributes": (1, "*bytes")},
    "Scope": {"name": (1, "bytes"), "version": (2, "bytes")},
    "Span": {
        "trace_id": (1, "bytes"),
        "span_id": (2, "bytes"),
        "trace_state": (3, "bytes"),
        "parent_span_id": (4, "bytes"),
        "name": (5, "bytes"),
        "kind": (6, "int32"),
        "start_time_unix_nano": (7, "fixed64"),
        "end_time_unix_nano": (8, "fixed64"),
        "attributes": (9, "*bytes"),
        "dropped_attributes_count": (10, "uint32"),
        "events": (11, "*bytes"),
        "links": (13, "*bytes"),
        "status": (15, "Status"),
        "flags": (16, "fixed32"),
    },
    # Of a span, only what decides where it belongs; the rest stays untouched in the unknown fields.
    "SpanContext": {"trace_id": (1, "bytes"), "span_id": (2, "bytes"), "trace_state": (3, "bytes")},
    "Status": {"message": (2, "bytes"), "code": (3, "int32")},
    "KeyValue": {"key": (1, "bytes"), "value": (2, "AnyValue")},
    "AnyValue": {
        "string_value": (1, "bytes"),
        "bool_value": (2, "bool"),
        "int_value": (3, "int64"),
        "double_value": (4, "double"),
        "array_value": (5, "ArrayValue"),
        "kvlist_value": (6, "KeyValueList"),
        "bytes_value": (7, "bytes"),
        # Of profiles alone; here it says nothing, but takes the place of what was written before it.
        "string_value_strindex": (8, "int32"),
    },
    "ArrayValue": {"values": (1, "*AnyValue")},
    "KeyValueList": {"values": (1, "*KeyValue")},
}
# Of its fields only the last one written is there.
_ONE_OF: Final = {"AnyValue": "value"}


def _file_descriptor() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="spanledger/wire.proto", package=_PACKAGE, syntax="proto2")
    for message_name, fields in _MESSAGES.items():
        message = file.message_type.add(name=message_name)
        if message_name in _ONE_OF:
            message.oneof_decl.add(name=_ONE_OF[message_name])
        for field_name, (number, spelled) in fields.items():
            repeated = spelled.startswith("*")
            type_name = spelled.removeprefix("*")
            field = message.field.add(
                name=field_name,
                number=number,
                label=_Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL,
            )
            if message_name in _ONE_OF:
                field.oneof_index = 0
            if type_name in _TYPES:
                field.type = _TYPES[type_name]
            else:
                field.type = _Field.TYPE_MESSAGE
                field.type_name = f".{_PACKAGE}.{type_name}"
    return file


def _message_classes() -> dict[str, Any]:
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(_file_descriptor().SerializeToString())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in _MESSAGES
    }


_CLASSES: Final = _message_classes()

ExportRequest: Final = _CLASSES["ExportRequest"]
ResourceSpans: Final = _CLASSES["ResourceSpans"]
ScopeSpans: Final = _CLASSES["ScopeSpans"]
Resource: Final = _CLASSES["Resource"]
Scope: Final = _CLASSES["Scope"]
Span: Final = _CLASSES["Span"]
SpanContext: Final = _CLASSES["SpanContext"]
KeyValue: Final = _CLASSES["KeyValue"]
AnyValue: Final = _CLASSES["AnyValue"]


def whole(pieces: Sequence[bytes]) -> bytes:
    """Return a resource or scope from the pieces it came in: nearly always one."""
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
