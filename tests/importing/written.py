"""Files as a Collector's file exporter writes them, made by the official protobuf classes."""

from __future__ import annotations

import base64
import json
from typing import Any

import pyarrow as pa
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_IDS = ("traceId", "spanId", "parentSpanId")


def as_json(request: bytes | ExportTraceServiceRequest) -> bytes:
    """Return one line of OTLP's JSON: protobuf's, with hexadecimal ids and numbers for enums."""
    message = ExportTraceServiceRequest.FromString(request) if isinstance(request, bytes) else request
    whole = json_format.MessageToDict(message, use_integers_for_enums=True)
    return json.dumps(_with_hex_ids(whole), separators=(",", ":")).encode()


def _with_hex_ids(found: Any) -> Any:
    if isinstance(found, list):
        return [_with_hex_ids(one) for one in found]
    if not isinstance(found, dict):
        return found
    return {
        name: base64.b64decode(value).hex() if name in _IDS else _with_hex_ids(value) for name, value in found.items()
    }


def lines(*requests: bytes) -> bytes:
    """Return a file of `format: json`."""
    return b"".join(as_json(one) + b"\n" for one in requests)


def messages(*requests: bytes) -> bytes:
    """Return a file of `format: proto`, or of whatever the messages are."""
    return b"".join(len(one).to_bytes(4, "big") + one for one in requests)


def zstd(data: bytes) -> bytes:
    """Compress as the exporter does with `compression: zstd`."""
    compressed: bytes = pa.compress(data, codec="zstd", asbytes=True)
    return compressed
