"""Spans with OpenTelemetry's GenAI names: the official instrumentations, OpenLLMetry, and whoever else uses them.

One reading for all generations of the names (conventions 1.26 to the unreleased repository), since they are aliases;
what differs between emitters (is input inclusive? is a streamed output to be believed?) is the table below, chosen by
scope. A scope that is not in it is read by the convention and flagged `unknown_scope`.

Sources: https://opentelemetry.io/docs/specs/semconv/gen-ai/ and its change log; opentelemetry-util-genai 1.3b0;
opentelemetry-instrumentation-* (Traceloop) 0.62.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ledger.vocabulary import UsageStatus
from receiver.dialects.family import Family
from receiver.dialects.figures import read_text
from receiver.dialects.reading import AttributeValue, Reading, SpanKind, SpanView
from receiver.dialects.sellers import seller
from receiver.dialects.usage import InputMeaning, Usage, UsageKeys, read_usage


@dataclass(frozen=True, slots=True)
class Emitter:
    """What is known of the spans of one scope."""

    scope_prefix: str
    dialect: str
    meaning: InputMeaning
    source: str
    """Where it was read or measured."""
    streams_unreliable: bool = False
    """Streamed usage is known to be wrong; it is kept, flagged, and not priced."""
    omits_cache_writes: bool = False
    """It never says what was written to the cache; flagged where that can have happened."""
    says_unbilled_for: frozenset[str] = frozenset()
    """Sellers for whom it reports tokens that are not the billed ones; kept, flagged, and not priced."""
    output_lacks_thoughts: bool = False
    """Thinking tokens are missing from output and recovered from the total."""


_OFFICIAL: Final = "opentelemetry.instrumentation."
# Longest prefix first where one begins another.
EMITTERS: Final = (
    Emitter(
        _OFFICIAL + "genai.bedrock",
        "otel_genai",
        InputMeaning.EXCLUSIVE,
        "opentelemetry-instrumentation-genai-bedrock 1.3b0 extractors.py copies inputTokens, which leaves cache out",
    ),
    Emitter(
        _OFFICIAL + "botocore.bedrock-runtime",
        "otel_genai",
        InputMeaning.EXCLUSIVE,
        "opentelemetry-instrumentation-botocore 0.66b2 extensions/bedrock.py copies inputTokens",
    ),
    Emitter(
        _OFFICIAL + "genai.",
        "otel_genai",
        InputMeaning.INCLUSIVE,
        "opentelemetry-instrumentation-genai-{openai,anthropic,langchain,…} 1.3b0 sum to inclusive totals",
    ),
    Emitter(
        "opentelemetry.util.genai",
        "otel_genai",
        InputMeaning.INCLUSIVE,
        "opentelemetry-util-genai: the shared handler of the official instrumentations",
    ),
    Emitter(
        _OFFICIAL + "openai_v2",
        "otel_genai",
        InputMeaning.INCLUSIVE,
        "opentelemetry-instrumentation-openai-v2 2.4b0; OpenAI's prompt_tokens include cached ones",
    ),
    Emitter(
        _OFFICIAL + "google_genai",
        "otel_genai",
        InputMeaning.INCLUSIVE,
        "opentelemetry-instrumentation-google-genai 1.3b0; promptTokenCount includes cached ones",
    ),
    Emitter(
        _OFFICIAL + "openai.v1",
        "openllmetry",
        InputMeaning.INCLUSIVE,
        "opentelemetry-instrumentation-openai 0.62.4; OpenAI's prompt_tokens include cached ones, cache writes are "
        "left out",
        omits_cache_writes=True,
    ),
    Emitter(
        _OFFICIAL + "anthropic",
        "openllmetry",
        InputMeaning.INCLUSIVE,
        "opentelemetry-instrumentation-anthropic 0.62.4 sums to inclusive; streams add cumulative counts (issue 4377), "
        "and `messages.stream()` does not say that it streams",
        streams_unreliable=True,
    ),
    Emitter(
        _OFFICIAL + "bedrock",
        "openllmetry",
        InputMeaning.EXCLUSIVE,
        "opentelemetry-instrumentation-bedrock 0.62.4 copies inputTokens (issue 4449)",
    ),
    Emitter(
        _OFFICIAL + "google_generativeai",
        "openllmetry",
        InputMeaning.INCLUSIVE,
        "opentelemetry-instrumentation-google-generativeai 0.62.4: candidates only; total has the thoughts",
        output_lacks_thoughts=True,
    ),
    Emitter(
        _OFFICIAL + "vertexai",
        "openllmetry",
        InputMeaning.INCLUSIVE,
        "opentelemetry-instrumentation-vertexai 0.62.4: candidates only; total has the thoughts",
        output_lacks_thoughts=True,
    ),
    Emitter(
        _OFFICIAL,
        "openllmetry",
        InputMeaning.UNKNOWN,
        "other opentelemetry-instrumentation-* packages of OpenLLMetry: read by evidence; Cohere's `tokens` are read, "
        "its `billed_units` are charged",
        says_unbilled_for=frozenset({"cohere"}),
    ),
)
_UNKNOWN: Final = Emitter("", "genai_unknown_scope", InputMeaning.UNKNOWN, "the convention")

USAGE_KEYS: Final = UsageKeys(
    input=("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.usage.prompt_tokens"),
    output=("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.usage.completion_tokens"),
    total=("gen_ai.usage.total_tokens", "llm.usage.total_tokens"),
    cache_read=("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens"),
    cache_write=(
        "gen_ai.usage.cache_write.input_tokens",  # genai conventions, unreleased
        "gen_ai.usage.cache_creation.input_tokens",  # 1.40
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.cache_write_input_tokens",
    ),
    details=(
        (
            "reasoning_tokens",
            ("gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens", "llm.usage.reasoning_tokens"),
        ),
        ("input_audio_tokens", ("gen_ai.usage.audio.input_tokens",)),
        ("input_image_tokens", ("gen_ai.usage.image.input_tokens",)),
        ("output_audio_tokens", ("gen_ai.usage.audio.output_tokens",)),
        ("output_image_tokens", ("gen_ai.usage.image.output_tokens",)),
        ("cache_audio_read_tokens", ("gen_ai.usage.audio.cache_read.input_tokens",)),
    ),
)

# gen_ai.operation.name → the operation's name here. Everything else that has an operation is an aggregate.
CALL_OPERATIONS: Final = {
    "chat": "chat",
    "chat.completions": "chat",
    "completion": "text_completion",
    "text_completion": "text_completion",
    "generate_content": "generate_content",
    "embeddings": "embeddings",
    "embedding": "embeddings",
    "rerank": "rerank",
}
# llm.request.type of OpenLLMetry before 0.5x → operation.
_REQUEST_TYPES: Final = {
    "chat": "chat",
    "completion": "text_completion",
    "embedding": "embeddings",
    "rerank": "rerank",
}
_WITHOUT_OUTPUT: Final = frozenset({"embeddings", "rerank"})
_RESPONSE_TIER: Final = (
    "openai.response.service_tier",
    "gen_ai.openai.response.service_tier",
    "gen_ai.response.service_tier",
)
_REQUEST_TIER: Final = ("openai.request.service_tier", "gen_ai.openai.request.service_tier")
_USAGE_OR_MODEL: Final = (*USAGE_KEYS.input, *USAGE_KEYS.output, "gen_ai.request.model", "gen_ai.response.model")


@dataclass(frozen=True, slots=True)
class _Call:
    """What the names on a span say, apart from its figures and ids. Spans repeat it: it is worked out once."""

    kind: SpanKind
    operation: str
    flags: tuple[str, ...]
    provider: str | None
    service_tier: str | None
    has_output: bool


# Everything `_call` looks at: spans that agree on these have the same `_Call`.
_NAMING_KEYS: Final = (
    "gen_ai.operation.name",
    "llm.request.type",
    "traceloop.span.kind",
    "gen_ai.provider.name",
    "gen_ai.system",
    "gen_ai.request.model",
    "gen_ai.response.model",
    "server.address",
    "gen_ai.openai.api_base",
    *_RESPONSE_TIER,
    *_REQUEST_TIER,
)
# Shorter prompts are never cached: https://platform.openai.com/docs/guides/prompt-caching
_CACHED_PROMPT_MIN: Final = 1024
_CALLS_MAX: Final = 50_000
# Scopes are few; a stream that makes up names is forgotten whole.
_EMITTERS_MAX: Final = 10_000
_emitters: dict[str, Emitter] = {}
_calls: dict[tuple[object, ...], _Call] = {}


def read_genai(span: SpanView) -> Reading | None:
    """Read a span by GenAI names; None when it has none that say what it is."""
    attributes = span.attributes
    emitter = _emitters.get(span.scope_name)
    if emitter is None:
        if len(_emitters) > _EMITTERS_MAX:
            _emitters.clear()
        emitter = _emitters[span.scope_name] = emitter_of(span.scope_name)
    call = _call(attributes, emitter)
    if call is None:
        return None
    usage = read_usage(attributes, USAGE_KEYS, meaning=emitter.meaning, has_output=call.has_output)
    status = usage.status
    flags = call.flags + usage.flags
    if emitter.output_lacks_thoughts:
        flags += _recover_thoughts(usage)
    if status == UsageStatus.REPORTED and call.kind == SpanKind.CALL:
        doubts = _doubts(attributes, emitter, call)
        if doubts:
            status = UsageStatus.PARTIAL
            flags += doubts
    if emitter.omits_cache_writes and _may_have_written_cache(usage):
        flags += ("cache_write_unsaid",)
    return Reading(
        call.kind,
        emitter.dialect,
        operation=call.operation,
        provider=call.provider,
        request_model=read_text(attributes, ("gen_ai.request.model",)),
        response_model=read_text(attributes, ("gen_ai.response.model",)),
        response_id=read_text(attributes, ("gen_ai.response.id",)),
        service_tier=call.service_tier,
        error_type=_error(span),
        agent_name=read_text(attributes, ("gen_ai.agent.name", "traceloop.workflow.name")),
        user_id=read_text(attributes, ("user.id", "enduser.id", "traceloop.association.properties.user_id")),
        session_id=read_text(
            attributes, ("gen_ai.conversation.id", "session.id", "traceloop.association.properties.session_id")
        ),
        usage=usage.units,
        usage_status=status,
        usage_flags=flags,
    )


def _call(attributes: Mapping[str, AttributeValue], emitter: Emitter) -> _Call | None:
    """Return what the names say; remembered, since spans repeat them."""
    names = (emitter.scope_prefix, *map(attributes.get, _NAMING_KEYS))
    try:
        known = _calls.get(names)
    except TypeError:  # a list or map under one of the names
        return _worked_out(attributes, emitter)
    if known is not None:
        return known
    if len(_calls) > _CALLS_MAX:
        _calls.clear()
    call = _worked_out(attributes, emitter)
    # Whether a span without an operation is a call depends on its figures too: that is not remembered.
    if call is not None and "operation_inferred" not in call.flags:
        _calls[names] = call
    return call


def _worked_out(attributes: Mapping[str, AttributeValue], emitter: Emitter) -> _Call | None:
    operation, is_call, inferred = _operation(attributes)
    if operation is None:
        return None
    flags: tuple[str, ...] = ("unknown_scope",) if emitter is _UNKNOWN else ()
    if inferred:
        flags += ("operation_inferred",)
    tier, requested = _tier(attributes)
    if requested:
        flags += ("service_tier_requested",)
    return _Call(
        kind=SpanKind.CALL if is_call else SpanKind.AGGREGATE,
        operation=operation,
        flags=flags,
        provider=seller(read_text(attributes, ("gen_ai.provider.name", "gen_ai.system")), attributes),
        service_tier=tier,
        has_output=operation not in _WITHOUT_OUTPUT,
    )


def emitter_of(scope_name: str) -> Emitter:
    """Return what is known of a scope's spans."""
    for emitter in EMITTERS:
        if scope_name.startswith(emitter.scope_prefix):
            return emitter
    return _UNKNOWN


def _operation(attributes: Mapping[str, AttributeValue]) -> tuple[str | None, bool, bool]:
    """Return the operation, whether it is a model call, and whether that was inferred."""
    named = read_text(attributes, ("gen_ai.operation.name",))
    if named is not None:
        call = CALL_OPERATIONS.get(named)
        return call or named, call is not None, False
    request_type = read_text(attributes, ("llm.request.type",))
    if request_type in _REQUEST_TYPES:
        return _REQUEST_TYPES[request_type], True, False
    kind = read_text(attributes, ("traceloop.span.kind",))
    if kind is not None:
        return kind, False, False
    # Earlier names had no operation: a span that names a provider, and a model or usage, is a call.
    if read_text(attributes, ("gen_ai.system", "gen_ai.provider.name")) and any(
        attributes.get(key) is not None for key in _USAGE_OR_MODEL
    ):
        return "chat", True, True
    return None, False, False


def _tier(attributes: Mapping[str, AttributeValue]) -> tuple[str | None, bool]:
    """Return the service tier, and whether it is only what was asked for."""
    tier = read_text(attributes, _RESPONSE_TIER)
    if tier is not None:
        return tier, False
    asked = read_text(attributes, _REQUEST_TIER)
    return asked, asked is not None


def _error(span: SpanView) -> str | None:
    named = read_text(span.attributes, ("error.type",))
    return named or ("error" if span.status_code == 2 else None)


def _doubts(attributes: Mapping[str, AttributeValue], emitter: Emitter, call: _Call) -> tuple[str, ...]:
    """Return why complete figures are not to be believed: what the emitter is known to get wrong."""
    doubts: tuple[str, ...] = ()
    if call.provider in emitter.says_unbilled_for:
        doubts += ("unbilled_tokens",)
    if emitter.streams_unreliable:
        streaming = attributes.get("gen_ai.is_streaming")
        if streaming is True:
            doubts += ("stream_usage_unreliable",)
        elif streaming is None and "gen_ai.response.model" in attributes:
            # Its stream helper leaves no mark. A span without a response model is no stream: streams write it always.
            doubts += ("stream_not_ruled_out",)
    return doubts


def _may_have_written_cache(usage: Usage) -> bool:
    units = usage.units
    return units.get("input_tokens", 0) - units.get("cache_read_tokens", 0) >= _CACHED_PROMPT_MIN


def _recover_thoughts(usage: Usage) -> tuple[str, ...]:
    units = usage.units
    if usage.total is None or "input_tokens" not in units or "output_tokens" not in units:
        return ()
    thoughts = usage.total - units["input_tokens"] - units["output_tokens"]
    if thoughts <= 0:
        return ()
    units["output_tokens"] += thoughts
    units.setdefault("reasoning_tokens", thoughts)
    return ("thoughts_from_total",)


FAMILY: Final = Family(name="genai", scopes=tuple(one.scope_prefix for one in EMITTERS), read=read_genai)
