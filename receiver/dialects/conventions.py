"""The GenAI conventions: spans with OpenTelemetry's GenAI names, whoever wrote them.

One reading for all generations of the names (conventions 1.26 to the unreleased repository), since they are aliases;
what differs between emitters (is input inclusive? is a streamed output to be believed?) is the row that a family
hands in. A scope that nobody knows is read by the convention and flagged `unknown_scope`.

Source: https://opentelemetry.io/docs/specs/semconv/gen-ai/ and its change log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ledger.vocabulary import Flag
from receiver.dialects.emitter import Emitter
from receiver.dialects.family import Family
from receiver.dialects.figures import read_text
from receiver.dialects.finish import finish
from receiver.dialects.reading import AttributeValue, Reading, SpanKind, SpanView
from receiver.dialects.sellers import NAMING_KEYS, Sale, sold
from receiver.dialects.usage import InputMeaning, UsageKeys, read_usage

UNKNOWN: Final = Emitter("", "genai_unknown_scope", InputMeaning.UNKNOWN, "the convention")

# Who asked, and in which conversation: the application's own word first, then what came with the request.
USER_KEYS: Final = (
    "user.id", "enduser.id", "langfuse.user.id", "traceloop.association.properties.user_id", "gen_ai.user",
    "gen_ai.request.user", "llm.user", "user.email", "user.account_uuid",
)  # fmt: skip
SESSION_KEYS: Final = (
    "gen_ai.conversation.id", "session.id", "langfuse.session.id", "traceloop.association.properties.session_id",
    "conversation.id", "thread_id",
)  # fmt: skip
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
        # Text is what is left of a total when the other modalities are taken off: no price depends on its own count.
        ("input_audio_tokens", ("gen_ai.usage.audio.input_tokens", "gen_ai.usage.input_audio_tokens")),
        ("input_image_tokens", ("gen_ai.usage.image.input_tokens",)),
        ("input_video_tokens", ("gen_ai.usage.video.input_tokens",)),
        ("output_audio_tokens", ("gen_ai.usage.audio.output_tokens", "gen_ai.usage.output_audio_tokens")),
        ("output_image_tokens", ("gen_ai.usage.image.output_tokens",)),
        ("output_video_tokens", ("gen_ai.usage.video.output_tokens",)),
        ("cache_audio_read_tokens", ("gen_ai.usage.audio.cache_read.input_tokens",)),
        ("cache_image_read_tokens", ("gen_ai.usage.image.cache_read.input_tokens",)),
        ("cache_video_read_tokens", ("gen_ai.usage.video.cache_read.input_tokens",)),
    ),
)

# gen_ai.operation.name → the operation's name here. Everything else that has an operation is an aggregate.
CALL_OPERATIONS: Final = {
    "chat": "chat",
    "chat.completions": "chat",
    "completion": "text_completion",
    "text_completion": "text_completion",
    "generate_content": "generate_content",
    "interactions.create": "generate_content",  # google-genai's Interactions API, by the official instrumentation
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
WITHOUT_OUTPUT: Final = frozenset({"embeddings", "rerank"})
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
    sale: Sale
    request_model: str | None
    response_model: str | None
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
    *NAMING_KEYS,
    *_RESPONSE_TIER,
    *_REQUEST_TIER,
)
_CALLS_MAX: Final = 50_000
# A stream that makes up names is forgotten whole.
_calls: dict[tuple[object, ...], _Call] = {}


def read(span: SpanView, emitter: Emitter) -> Reading | None:
    """Read a span by GenAI names, as its emitter means them; None when it has none that say what it is.

    Raises:
        UnreadableSpanError: it claims to be a model call, but its figures cannot be believed.
    """
    attributes = span.attributes
    call = _call(attributes, emitter)
    if call is None:
        return None
    usage = read_usage(attributes, USAGE_KEYS, meaning=emitter.meaning, has_output=call.has_output)
    sale = call.sale
    reading = Reading(
        call.kind,
        emitter.dialect,
        operation=call.operation,
        provider=sale.provider,
        request_model=call.request_model,
        response_model=call.response_model,
        response_id=read_text(attributes, ("gen_ai.response.id",)),
        service_tier=call.service_tier,
        region=sale.region,
        deployment=sale.deployment,
        provider_account=sale.account,
        billing_mode=sale.billing_mode,
        error_type=_error(span),
        agent_name=read_text(attributes, ("gen_ai.agent.name", "traceloop.workflow.name")),
        user_id=read_text(attributes, USER_KEYS),
        session_id=read_text(attributes, SESSION_KEYS),
        usage=usage.units,
        usage_status=usage.status,
        usage_flags=call.flags + usage.flags,
    )
    emitter.amend(span, reading)
    finish(reading, usage, reasons=attributes.get("gen_ai.response.finish_reasons"))
    return reading


def _call(attributes: Mapping[str, AttributeValue], emitter: Emitter) -> _Call | None:
    """Return what the names say; remembered, since spans repeat them."""
    names = (emitter is UNKNOWN, *map(attributes.get, _NAMING_KEYS))
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
    flags: tuple[str, ...] = (Flag.UNKNOWN_SCOPE,) if emitter is UNKNOWN else ()
    if inferred:
        flags += ("operation_inferred",)
    tier, requested = _tier(attributes)
    if requested:
        flags += ("service_tier_requested",)
    asked = read_text(attributes, ("gen_ai.request.model",))
    answered = read_text(attributes, ("gen_ai.response.model",))
    named = read_text(attributes, ("gen_ai.provider.name", "gen_ai.system"))
    sale = sold(named, asked or answered, attributes)
    return _Call(
        kind=SpanKind.CALL if is_call else SpanKind.AGGREGATE,
        operation=operation,
        flags=flags + sale.flags,
        sale=sale,
        request_model=sale.model or asked,
        response_model=answered,
        service_tier=tier,
        has_output=operation not in WITHOUT_OUTPUT,
    )


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


FAMILY: Final = Family(
    name="genai",
    title="GenAI names from any other scope",
    emitters=(),
    read=read,
    otherwise=UNKNOWN,
    text="Operations that are calls: "
    + ", ".join(f"`{name}`" for name in CALL_OPERATIONS)
    + ". Every other operation is an aggregate: kept and shown, never billed.",
    names=USAGE_KEYS,
)
