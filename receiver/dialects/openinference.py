"""OpenInference spans: `openinference.span.kind` says what a span is, `llm.token_count.*` what it used.

Its instrumentors can write GenAI names on the same span (OPENINFERENCE_ENABLE_GENAI_SEMCONV); only its own family is
read then, never both. Service tiers and response ids are in none of its attributes.

Source: openinference-semantic-conventions 0.1.42; openinference-instrumentation-openai 0.1.66, -anthropic 3.1.0,
-bedrock 0.1.61.
"""

from __future__ import annotations

from typing import Final

from receiver.dialects.emitter import Emitter
from receiver.dialects.family import Family
from receiver.dialects.figures import parse_cost, read_text
from receiver.dialects.reading import Reading, SpanKind, SpanView
from receiver.dialects.sellers import seller
from receiver.dialects.usage import InputMeaning, UsageKeys, read_usage

DIALECT: Final = "openinference"
KIND_KEY: Final = "openinference.span.kind"

USAGE_KEYS: Final = UsageKeys(
    input=("llm.token_count.prompt",),
    output=("llm.token_count.completion",),
    total=("llm.token_count.total",),
    cache_read=("llm.token_count.prompt_details.cache_read",),
    cache_write=("llm.token_count.prompt_details.cache_write",),
    details=(
        ("reasoning_tokens", ("llm.token_count.completion_details.reasoning",)),
        ("input_audio_tokens", ("llm.token_count.prompt_details.audio",)),
        ("output_audio_tokens", ("llm.token_count.completion_details.audio",)),
    ),
)
# Span kind → operation of the calls; every other kind is an aggregate.
CALLS: Final = {"LLM": "chat", "EMBEDDING": "embeddings", "RERANKER": "rerank"}
_WITHOUT_OUTPUT: Final = frozenset({"embeddings", "rerank"})
_SCOPE: Final = "openinference.instrumentation"

OTHERWISE: Final = Emitter(_SCOPE, DIALECT, InputMeaning.UNKNOWN, "every other instrumentor: by evidence")
EMITTERS: Final = (
    Emitter(
        _SCOPE + ".claude_agent_sdk",
        DIALECT,
        InputMeaning.EXCLUSIVE,
        "openinference-instrumentation-claude-agent-sdk: copies the SDK's usage, which leaves cache out",
    ),
    Emitter(_SCOPE + ".openai", DIALECT, InputMeaning.INCLUSIVE, "openinference-instrumentation-openai 0.1.66"),
    Emitter(_SCOPE + ".anthropic", DIALECT, InputMeaning.INCLUSIVE, "openinference-instrumentation-anthropic 3.1.0"),
    OTHERWISE,
)


def read_openinference(span: SpanView, emitter: Emitter) -> Reading | None:
    """Read a span by OpenInference's names; None when it has no kind."""
    attributes = span.attributes
    kind = read_text(attributes, (KIND_KEY,))
    if kind is None:
        return None
    operation = CALLS.get(kind.upper())
    usage = read_usage(
        attributes,
        USAGE_KEYS,
        meaning=emitter.meaning,
        has_output=operation not in _WITHOUT_OUTPUT,
    )
    cost = parse_cost(attributes.get("llm.cost.total"))
    reading = Reading(
        SpanKind.CALL if operation else SpanKind.AGGREGATE,
        DIALECT,
        operation=operation or kind.lower(),
        provider=seller(read_text(attributes, ("llm.provider", "llm.system")), attributes),
        request_model=read_text(attributes, ("llm.request.model_name",)),
        response_model=read_text(
            attributes,
            ("llm.response.model_name", "llm.model_name", "embedding.model_name", "reranker.model_name"),
        ),
        error_type=read_text(attributes, ("error.type",)) or ("error" if span.status_code == 2 else None),
        agent_name=read_text(attributes, ("agent.name",)),
        user_id=read_text(attributes, ("user.id",)),
        session_id=read_text(attributes, ("session.id",)),
        usage=usage.units,
        usage_status=usage.status,
        usage_flags=usage.flags,
        reported_cost=cost,
        reported_cost_source="llm.cost.total" if cost is not None else None,
    )
    for quirk in emitter.quirks:
        if quirk.amend is not None:
            quirk.amend(span, reading)
    return reading


FAMILY: Final = Family(
    name=DIALECT,
    title="OpenInference",
    emitters=EMITTERS,
    read=read_openinference,
    keys=(KIND_KEY,),
    otherwise=OTHERWISE,
    text=f"""\
A span with `{KIND_KEY}` is read by OpenInference's own names, even where it has GenAI names too: the two
families are never added. No OpenInference span says its response id or its service tier.

Kinds that are calls: {", ".join(f"`{kind}`" for kind in CALLS)}. Every other kind is an aggregate.""",
    names=USAGE_KEYS,
)
