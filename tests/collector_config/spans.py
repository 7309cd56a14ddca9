"""The spans that are sent: of every dialect, with every kind of value, and plain ones among them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from tests.collector_config.stand_in import spans_of
from tests.otlp import key_values

# One span of every dialect, by what makes it one: (scope, span name, attributes).
GENAI_SPANS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "OpenTelemetry": ("opentelemetry.instrumentation.genai.openai", "chat gpt-5", {"gen_ai.operation.name": "chat"}),
    "Traceloop, old": ("opentelemetry.instrumentation.openai.v1", "openai.chat", {"llm.request.type": "chat"}),
    "Traceloop, workflow": ("opentelemetry.instrumentation.langchain", "w", {"traceloop.workflow.name": "w"}),
    "OpenInference": ("openinference.instrumentation.openai", "ChatCompletion", {"openinference.span.kind": "LLM"}),
    "OpenInference, embedding": ("openinference.instrumentation.x", "e", {"embedding.model_name": "e5"}),
    "OpenInference, reranker": ("openinference.instrumentation.x", "r", {"reranker.model_name": "r1"}),
    "Vercel": ("ai", "ai.generateText.doGenerate", {"ai.usage.promptTokens": 3}),
    "Langfuse": ("langfuse-sdk", "generation", {"langfuse.observation.type": "generation"}),
    "Langfuse, baggage": ("app", "step", {"langfuse_user_id": "u"}),
    "LangSmith": ("langsmith", "ChatOpenAI", {"langsmith.span.kind": "llm"}),
    "LiteLLM": ("litellm", "litellm_request", {"litellm.call_id": "c"}),
    "LiteLLM, attribution": ("litellm", "auth", {"metadata.user_api_key_team_id": "t"}),
    "Pydantic AI, cost": ("pydantic-ai", "chat", {"operation.cost": 0.01}),
    "Google ADK": ("gcp.vertex.agent", "call_llm", {"gcp.vertex.agent.llm_response": "{}"}),
    "OpenAI": ("app", "call", {"openai.response.service_tier": "flex"}),
    "Claude Code, by scope": ("com.anthropic.claude_code.tracing", "llm", {"input_tokens": 5}),
    "Claude Code, by name": ("unknown", "claude_code.llm_request", {"input_tokens": 5}),
    "Codex": ("codex_otel", "turn", {"input_token_count": "5"}),
    "Gemini CLI": ("gemini-cli", "llm_call", {"input_token_count": 5}),
}
CUSTOMER_KEYS = (
    "customer.id",
    "customer_id",
    "tenant.id",
    "tenant_id",
    "app.customer.id",
    "app.tenant.id",
    "user.customer_id",
    "traceloop.association.properties.customer_id",
    "langfuse.trace.metadata.customer_id",
    "langsmith.metadata.customer_id",
    "ai.telemetry.metadata.customer_id",
    "ai.settings.context.customer_id",
    "litellm.metadata.customer_id",
    "metadata.user_api_key_org_id",
)
# Near misses among them: the words elsewhere than at the start of a key, or in a value.
PLAIN_SPANS: dict[str, dict[str, Any]] = {
    "GET /": {"http.request.method": "GET", "url.full": "https://example.com/gen_ai.html?customer.id=7"},
    "SELECT": {"db.system": "postgresql", "db.query.text": "select customer_id from tenant_id\nllm.request.type"},
    "claude_codex": {"email.id": "x", "mail.subject": "ai.", "my.gen_ai.key": 1, "customer.identity": "x"},
    "empty": {},
}


def request_of(spans: Any) -> ExportTraceServiceRequest:
    """Return a request with these spans under one resource and scope."""
    scope = InstrumentationScope(name="app", version="1", attributes=key_values({"scope": "s"}))
    resource = Resource(attributes=key_values({"service.name": "shop"}))
    return ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(
                resource=resource,
                schema_url="https://opentelemetry.io/schemas/1.40.0",
                scope_spans=[ScopeSpans(scope=scope, spans=spans)],
            )
        ]
    )


def mixed_request() -> ExportTraceServiceRequest:
    """Return GenAI, customers' and plain spans in one request, so that the plain ones had every chance to arrive."""
    labelled = [
        *((scope, label, name, attributes) for label, (scope, name, attributes) in GENAI_SPANS.items()),
        *(("app", key, "step", {key: "c-1"}) for key in CUSTOMER_KEYS),
        *(("app", name, name, attributes) for name, attributes in PLAIN_SPANS.items()),
    ]
    # A customer on the resource does not make a plain span worth keeping.
    resource = Resource(attributes=key_values({"service.name": "shop", "customer.id": "c-1"}))
    scopes = [
        ScopeSpans(
            scope=InstrumentationScope(name=scope),
            spans=[make_span(i, name=name, attributes=attributes, label=label)],
        )
        for i, (scope, label, name, attributes) in enumerate(labelled)
    ]
    return ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=resource, scope_spans=scopes)])


def genai_span(number: int, *, prompt_bytes: int = 100) -> Span:
    """Return a span of a model call with a prompt of this length."""
    return make_span(
        number, name="chat", attributes={"gen_ai.operation.name": "chat", "gen_ai.prompt": "p" * prompt_bytes}
    )


def rich_span(number: int) -> Span:
    """Return a span that uses every field of the protocol and every kind of value."""
    span = make_span(
        number,
        name=f"chat {number} ☃",
        attributes={
            "gen_ai.request.model": "gpt-5",
            "int": -(2**62),
            "float": 0.1,
            "bool": False,
            "empty": "",
            "bytes": b"\x00\xff",
            "list": ["a", 1, [2.5]],
            "map": {"k": {"k": "v"}},
        },
    )
    span.parent_span_id = (number + 1).to_bytes(8)
    span.trace_state = "ot=th:8;rv:ffffffffffffff"
    span.flags = 0x301
    span.kind = Span.SPAN_KIND_CLIENT
    span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count = 1, 2, 3
    span.events.add(time_unix_nano=5, name="e", attributes=key_values({"k": 1}), dropped_attributes_count=4)
    span.links.add(
        trace_id=b"t" * 16, span_id=b"l" * 8, trace_state="a=b", attributes=key_values({"k": 2}), flags=0x100
    )
    return span


def make_span(number: int, *, name: str, attributes: dict[str, Any], label: str = "") -> Span:
    """Return a span whose ids follow from its number."""
    return Span(
        trace_id=(number + 1).to_bytes(16),
        span_id=(number + 1).to_bytes(8),
        name=name,
        start_time_unix_nano=1_800_000_000_000_000_000 + number,
        end_time_unix_nano=1_800_000_001_000_000_000 + number,
        attributes=key_values(attributes),
        status=Status(message=label, code=Status.STATUS_CODE_ERROR),
    )


def labels(requests: Sequence[ExportTraceServiceRequest]) -> list[str]:
    """Return the label that mixed_request() gave to each span: the description of its status."""
    return [Span.FromString(span).status.message for request in requests for _, _, span in spans_of(request)]


def user_requests(path: Path) -> list[ExportTraceServiceRequest]:
    """Read what the user's file exporter wrote, as far as labels() needs it."""
    requests = []
    for line in path.read_text().splitlines():
        spans = [
            Span(status=Status(message=span["status"]["message"]))
            for of_resource in json.loads(line)["resourceSpans"]
            for of_scope in of_resource["scopeSpans"]
            for span in of_scope["spans"]
        ]
        requests.append(
            ExportTraceServiceRequest(resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=spans)])])
        )
    return requests
