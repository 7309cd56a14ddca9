"""The truth of a call: the figures of the provider's usage block, and what the price library charges for that block.

Worked out the plain way, with none of the product's code. Where the library would fall back in silence (a service tier
without a price of its own, a model or seller it does not have), there is no true cost, and the reason is said.

Must not: look at a span.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from genai_prices import calc_price, extract_usage
from genai_prices.types import PriceCalculation, PriceContext

from tests.corpus.recorded import Recording, Truth

# After the library's first prices by service tier (2026-10-12) and before anything that is announced.
CALL_TIME: Final = datetime(2026, 11, 2, 12, tzinfo=UTC)
_QUANTUM: Final = Decimal("1e-12")
_STANDARD_TIERS: Final = frozenset({None, "default", "standard", "auto"})
_CONTEXTS: Final[Mapping[str, PriceContext]] = {
    "default": {"service_tier": "default"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "batch": {"processing": "batch"},
}


@dataclass(frozen=True, slots=True)
class TrueCost:
    """What the library makes of the provider's block, in USD to 12 decimals; or why it makes nothing of it."""

    amount: Decimal | None
    unknown_because: str = ""
    is_for_sale: bool = True
    """False: its price is in no list, so that any amount at all is wrong. True without an amount: it is not known."""
    fees: Decimal = Decimal(0)
    """The part of the amount that is for server tools, which are no tokens."""
    at_standard_tier: Decimal | None = None
    """The amount had the call been served at the standard tier."""


def figures_of(usage: Mapping[str, Any]) -> dict[str, int]:
    """Turn a provider's usage block into inclusive figures."""
    if "billed_units" in usage:  # Cohere
        usage = usage["billed_units"]
    if "inputTokens" in usage:  # Bedrock Converse, and Nova
        read_tokens = usage.get("cacheReadInputTokens") or usage.get("cacheReadInputTokenCount") or 0
        write_tokens = usage.get("cacheWriteInputTokens") or usage.get("cacheWriteInputTokenCount") or 0
        return _figures(
            usage["inputTokens"] + read_tokens + write_tokens,
            usage["outputTokens"],
            cache_read_tokens=read_tokens,
            cache_write_tokens=write_tokens,
        )
    if "prompt_tokens" in usage:  # OpenAI chat, completions, embeddings
        return _openai(
            usage["prompt_tokens"],
            usage.get("completion_tokens"),
            usage.get("prompt_tokens_details"),
            usage.get("completion_tokens_details"),
        )
    if "input_tokens_details" in usage:  # OpenAI Responses
        return _openai(
            usage["input_tokens"],
            usage["output_tokens"],
            usage["input_tokens_details"],
            usage["output_tokens_details"],
        )
    return _anthropic(usage)


def _openai(
    inputs: int, outputs: int | None, of_input: Mapping[str, Any] | None, of_output: Mapping[str, Any] | None
) -> dict[str, int]:
    of_input, of_output = of_input or {}, of_output or {}
    return _figures(
        inputs,
        outputs,
        cache_read_tokens=of_input.get("cached_tokens"),
        cache_write_tokens=of_input.get("cache_write_tokens"),
        reasoning_tokens=of_output.get("reasoning_tokens"),
        input_audio_tokens=of_input.get("audio_tokens"),
        output_audio_tokens=of_output.get("audio_tokens"),
    )


def _anthropic(usage: Mapping[str, Any]) -> dict[str, int]:
    read_tokens, write_tokens = (
        usage.get(key) or 0 for key in ("cache_read_input_tokens", "cache_creation_input_tokens")
    )
    kept = usage.get("cache_creation") or {}
    return _figures(
        usage["input_tokens"] + read_tokens + write_tokens,
        usage["output_tokens"],
        cache_read_tokens=read_tokens,
        cache_write_tokens=write_tokens,
        cache_write_5m_tokens=kept.get("ephemeral_5m_input_tokens"),
        cache_write_1h_tokens=kept.get("ephemeral_1h_input_tokens"),
        reasoning_tokens=(usage.get("output_tokens_details") or {}).get("thinking_tokens"),
        web_searches=(usage.get("server_tool_use") or {}).get("web_search_requests"),
    )


def _figures(inputs: int, outputs: int | None, **details: int | None) -> dict[str, int]:
    return {
        "input_tokens": inputs,
        "output_tokens": outputs or 0,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        **{name: count for name, count in details.items() if count is not None},
    }


def call_time(recording: Recording) -> datetime:
    """Return when a recording's calls were, for both sides: when it was recorded, else the same moment for all."""
    return recording.at or CALL_TIME


def kept_for_an_hour(truth: Truth) -> Truth | None:
    """Return the truth as it would be had the prompt been written to the cache for an hour; None where none was.

    Anthropic's spans say how much was written, none says for how long: the same span would tell of either.
    """
    written = truth.usage.get("cache_creation_input_tokens")
    if not written:
        return None
    kept = {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": written}
    return replace(truth, usage={**truth.usage, "cache_creation": kept})


def cost_of(truth: Truth, *, at: datetime = CALL_TIME) -> TrueCost:
    """Return what the price library charges for the provider's own block, at the call's time and tier."""
    model = truth.invoked_model or truth.model
    if not model or model.startswith("arn:"):
        return TrueCost(None, "neither request nor response names the model")
    flavor = _flavor(truth)
    block = {"model": model, "usage": truth.usage}
    try:
        usage = extract_usage(block, provider_api_url=truth.address, api_flavor=flavor).usage
        standard = calc_price(usage, model, provider_api_url=truth.address, genai_request_timestamp=at)
        context = _CONTEXTS.get(truth.tier or "")
        priced = standard
        if context is not None and _has_price(standard, context, at):
            priced = calc_price(
                usage, model, provider_api_url=truth.address, genai_request_timestamp=at, price_context=context
            )
        elif truth.tier not in _STANDARD_TIERS:
            return TrueCost(None, f"no price at service tier {truth.tier}")
    except LookupError:
        return TrueCost(None, "the library has no such seller or model", is_for_sale=False)
    except ValueError as refused:
        return TrueCost(None, f"the library cannot read the block: {refused}")
    return TrueCost(
        _rounded(priced.total_price),
        fees=_rounded(_fees(priced, usage)),
        at_standard_tier=_rounded(standard.total_price),
    )


def _flavor(truth: Truth) -> str:
    """Return which shape of block it is, as the library names them."""
    if "input_tokens_details" in truth.usage:
        return "responses"
    if "prompt_tokens" in truth.usage:
        return "chat" if "completion_tokens" in truth.usage else "embeddings"
    if "amazonaws.com" in truth.address and "input_tokens" in truth.usage:
        return "anthropic"
    return "default"


def _has_price(calculation: PriceCalculation, context: PriceContext, at: datetime) -> bool:
    """Say whether the model has a price for a tier at that time; without one the library takes the standard price."""
    return any(
        variant.when == context and (variant.constraint is None or variant.constraint.active(at))
        for variant in calculation.model.price_variants or ()
    )


def _fees(calculation: PriceCalculation, usage: Any) -> Decimal:
    per_thousand = getattr(calculation.model_price, "web_searches_kcount", None)
    searches = getattr(usage, "web_searches", None)
    return Decimal(per_thousand) * searches / 1000 if per_thousand and searches else Decimal(0)


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(_QUANTUM, rounding=ROUND_HALF_EVEN)
