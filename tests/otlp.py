"""OTLP requests as the official protobuf classes make them: what senders send, for tests."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

NS = 10**9
# 2026-10-01 12:00:00 UTC: after every price that tests rely on has begun.
START_NS = 1_790_856_000 * NS
OPENAI_SCOPE = "opentelemetry.instrumentation.genai.openai"
LANGCHAIN_SCOPE = "opentelemetry.instrumentation.genai.langchain"
_ids = itertools.count(1)


@dataclass(frozen=True, slots=True)
class SpanText:
    """A span to be sent; the defaults are a plain OpenAI call of 100 and 10 tokens."""

    trace: int = field(default_factory=lambda: next(_ids))
    span: int = field(default_factory=lambda: next(_ids))
    parent: int | None = None
    name: str = "chat gpt-4o"
    kind: int = 3
    start_ns: int = START_NS
    duration_ns: int = NS
    attributes: Mapping[str, Any] = field(default_factory=dict)
    status: int = 0
    scope: str = OPENAI_SCOPE
    scope_version: str = "1.3b0"
    resource: Mapping[str, Any] = field(default_factory=lambda: {"service.name": "shop"})
    dropped_attributes: int = 0


def call(*, tokens: tuple[Any, Any] = (100, 10), model: str = "gpt-4o-2024-08-06", **more: Any) -> SpanText:
    """Return a model call as the official OpenAI instrumentation writes it; `attributes` are added or replaced."""
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": model,
        "gen_ai.response.model": model,
        "gen_ai.usage.input_tokens": tokens[0],
        "gen_ai.usage.output_tokens": tokens[1],
        **more.pop("attributes", {}),
    }
    return SpanText(attributes={key: value for key, value in attributes.items() if value is not None}, **more)


def request(*spans: SpanText) -> bytes:
    """Return one ExportTraceServiceRequest of these spans, each under its own resource and scope."""
    message = ExportTraceServiceRequest()
    for (resource, scope, version), group in itertools.groupby(
        spans, key=lambda span: (tuple(span.resource.items()), span.scope, span.scope_version)
    ):
        resource_spans = message.resource_spans.add()
        resource_spans.resource.attributes.extend(key_values(dict(resource)))
        scope_spans = resource_spans.scope_spans.add()
        scope_spans.scope.name = scope
        scope_spans.scope.version = version
        scope_spans.spans.extend(encode(span) for span in group)
    return message.SerializeToString()


def encode(text: SpanText) -> Span:
    """Return the official message of one span."""
    span = Span(
        trace_id=text.trace.to_bytes(16, "big"),
        span_id=text.span.to_bytes(8, "big"),
        parent_span_id=text.parent.to_bytes(8, "big") if text.parent is not None else b"",
        name=text.name,
        kind=text.kind,  # type: ignore[arg-type]
        start_time_unix_nano=text.start_ns,
        end_time_unix_nano=text.start_ns + text.duration_ns if text.start_ns else 0,
        attributes=key_values(text.attributes),
        dropped_attributes_count=text.dropped_attributes,
    )
    span.status.code = text.status  # type: ignore[assignment]
    return span


def key_values(attributes: Mapping[str, Any]) -> Iterable[KeyValue]:
    """Return OTLP attributes of Python values."""
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def any_value(value: Any) -> AnyValue:
    """Return the AnyValue of a Python value, of every OTLP type."""
    message = AnyValue()
    if isinstance(value, list | tuple):
        message.array_value.values.extend(any_value(one) for one in value)
    elif isinstance(value, Mapping):
        message.kvlist_value.values.extend(key_values(value))
    elif isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, int):
        message.int_value = value
    elif isinstance(value, float):
        message.double_value = value
    elif isinstance(value, bytes):
        message.bytes_value = value
    else:
        message.string_value = str(value)
    return message
