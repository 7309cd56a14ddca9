"""OpenInference spans: `openinference.span.kind` says what a span is, `llm.token_count.*` what it used.

Its instrumentors can write GenAI names on the same span (OPENINFERENCE_ENABLE_GENAI_SEMCONV); only its own family is
read then, never both. Response ids and service tiers are in none of its attributes: the tier that was asked for may
stand in `llm.invocation_parameters`, which also carry what users said and are not kept.

Source: openinference-semantic-conventions 0.1.42. Who writes what is `openinference_emitters`'.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from receiver.dialects.emitter import Emitter
from receiver.dialects.family import Family
from receiver.dialects.figures import parse_cost, read_text
from receiver.dialects.finish import finish
from receiver.dialects.openinference_emitters import DIALECT, EMITTERS
from receiver.dialects.openinference_emitters import OTHERWISE as OTHERWISE
from receiver.dialects.reading import AttributeValue, Reading, SpanKind, SpanView
from receiver.dialects.sellers import NAMING_KEYS, Sale, sold
from receiver.dialects.usage import UsageKeys, read_usage

KIND_KEY: Final = "openinference.span.kind"

USAGE_KEYS: Final = UsageKeys(
    input=("llm.token_count.prompt", "decision.token_count.input"),
    output=("llm.token_count.completion", "decision.token_count.output"),
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
CALLS: Final = {"LLM": "chat", "EMBEDDING": "embeddings", "RERANKER": "rerank", "DECISION": "decision"}
_WITHOUT_OUTPUT: Final = frozenset({"embeddings", "rerank", "decision"})
_SELLER_KEYS: Final = ("llm.provider", "decision.provider", "llm.system", "decision.system")
_ASKED_KEYS: Final = ("llm.request.model_name", "decision.request.model_name")
_ANSWERED_KEYS: Final = (
    "llm.response.model_name",
    "decision.response.model_name",
    "llm.model_name",
    "decision.model_name",
    "embedding.model_name",
    "reranker.model_name",
)
# OpenAI's decision models are on a list of their own.
_DECISION_SELLERS: Final = {"openai": "openai-decisions"}


@dataclass(frozen=True, slots=True)
class _Call:
    """What the names on a span say, apart from its figures and ids. Spans repeat it: it is worked out once."""

    kind: SpanKind
    operation: str
    sale: Sale
    request_model: str | None
    response_model: str | None


_NAMING_KEYS: Final = (KIND_KEY, *_SELLER_KEYS, *_ASKED_KEYS, *_ANSWERED_KEYS, *NAMING_KEYS)
_CALLS_MAX: Final = 50_000
# A stream that makes up names is forgotten whole.
_calls: dict[tuple[object, ...], _Call] = {}


def read_openinference(span: SpanView, emitter: Emitter) -> Reading | None:
    """Read a span by OpenInference's names; None when it has no kind.

    Raises:
        UnreadableSpanError: it claims to be a model call, but its figures cannot be believed.
    """
    attributes = span.attributes
    call = _call(attributes)
    if call is None:
        return None
    usage = read_usage(
        attributes, USAGE_KEYS, meaning=emitter.meaning, has_output=call.operation not in _WITHOUT_OUTPUT
    )
    cost = parse_cost(attributes.get("llm.cost.total"))
    sale = call.sale
    reading = Reading(
        call.kind,
        DIALECT,
        operation=call.operation,
        provider=sale.provider,
        request_model=call.request_model,
        response_model=call.response_model,
        region=sale.region,
        deployment=sale.deployment,
        provider_account=sale.account,
        billing_mode=sale.billing_mode,
        error_type=read_text(attributes, ("error.type",)) or ("error" if span.status_code == 2 else None),
        agent_name=read_text(attributes, ("agent.name",)),
        user_id=read_text(attributes, ("user.id",)),
        session_id=read_text(attributes, ("session.id",)),
        usage=usage.units,
        usage_status=usage.status,
        usage_flags=sale.flags + usage.flags,
        reported_cost=cost,
        reported_cost_source="llm.cost.total" if cost is not None else None,
    )
    emitter.amend(span, reading)
    finish(reading, usage, reasons=attributes.get("llm.finish_reason"))
    return reading


def _call(attributes: Mapping[str, AttributeValue]) -> _Call | None:
    """Return what the names say; remembered, since spans repeat them."""
    names = tuple(map(attributes.get, _NAMING_KEYS))
    try:
        known = _calls.get(names)
    except TypeError:  # a list or map under one of the names
        return _worked_out(attributes)
    if known is not None:
        return known
    if len(_calls) > _CALLS_MAX:
        _calls.clear()
    call = _worked_out(attributes)
    if call is not None:
        _calls[names] = call
    return call


def _worked_out(attributes: Mapping[str, AttributeValue]) -> _Call | None:
    kind = read_text(attributes, (KIND_KEY,))
    if kind is None:
        return None
    operation = CALLS.get(kind.upper())
    asked, answered = read_text(attributes, _ASKED_KEYS), read_text(attributes, _ANSWERED_KEYS)
    named = read_text(attributes, _SELLER_KEYS)
    if operation == "decision" and named is not None:
        named = _DECISION_SELLERS.get(named.lower(), named)
    sale = sold(named, asked or answered, attributes)
    return _Call(
        SpanKind.CALL if operation else SpanKind.AGGREGATE,
        operation or kind.lower(),
        sale,
        request_model=(sale.model or asked) if asked else None,
        response_model=(sale.model or answered) if not asked else answered,
    )


FAMILY: Final = Family(
    name=DIALECT,
    title="OpenInference",
    emitters=EMITTERS,
    read=read_openinference,
    keys=(KIND_KEY,),
    otherwise=OTHERWISE,
    text=f"""\
A span with `{KIND_KEY}` is read by OpenInference's own names, even where it has GenAI names too: the two families are
never added. No OpenInference span says its response id or its service tier.

Kinds that are calls: {", ".join(f"`{kind}`" for kind in CALLS)}. Every other kind is an aggregate.""",
    names=USAGE_KEYS,
    flags={
        "cached_counted_twice": "cached tokens were added to an input that held them; taken off, by the total",
        "several_calls": "the span stands for a whole run of calls, of which there are no others: kept, not priced",
    },
)
