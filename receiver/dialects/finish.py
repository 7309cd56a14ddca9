"""Finish: what every reading goes through last, whoever wrote the span.

* The emitter's own total is held against the figures: `total_contradicts` keeps them, and they are not priced. Where
  it shows that reasoning stands beside output, reasoning is added (`exclusive_output:total`).
* Zeros of a failed call are no usage at all.
* Why output ended: `refused` and `cut_short` say that the figures are of an answer that is none, or of a part of one.

What `say_ttl` says comes last of all, when side channels have been read too: `dialects.read` calls it. Must not: know
an emitter.
"""

from __future__ import annotations

from typing import Final

from ledger.vocabulary import Flag, UsageStatus
from receiver.dialects.reading import AttributeValue, Reading, SpanKind
from receiver.dialects.usage import Usage

_TTL_FLAG: Final = Flag.CACHE_TTL_UNSAID.value
TIER_UNSAID: Final = "service_tier_unsaid"
TOOLS_UNSAID: Final = "server_tools_unsaid"
ADDRESS_UNSAID: Final = "seller_address_unsaid"
# Whose API others offer too, at addresses of their own.
_OFFERED_BY_OTHERS: Final = frozenset({"anthropic", "gcp.gemini", "gcp.gen_ai", "openai"})
_WITH_TIERS: Final = frozenset({"chat", "text_completion"})
_REFUSALS: Final = frozenset({
    "blocklist", "content_filter", "content_filtered", "guardrail_intervened", "prohibited_content", "refusal",
    "safety", "spii",
})  # fmt: skip
_CUTS: Final = frozenset({"length", "max_output_tokens", "max_tokens", "model_context_window_exceeded", "model_length"})
_USUAL_END: Final[AttributeValue] = ["stop"]
# As the conventions, the makers and their SDKs write the ordinary end of an answer.
_ENDS: Final = frozenset({"stop", "end_turn", "tool_call", "tool_calls", "tool_use", "stop_sequence"})


def finish(reading: Reading, usage: Usage, *, reasons: AttributeValue | None) -> None:
    """Settle a reading; `reasons` is what the span says about why output ended."""
    if usage.total and reading.kind is SpanKind.CALL:
        _check_total(reading, usage)
    if reading.error_type is not None and "zero_usage" in reading.usage_flags:
        reading.usage_status = UsageStatus.ABSENT
        reading.usage = {}
    if reasons and reasons != _USUAL_END:
        _say_end(reading, reasons)


def is_claude(reading: Reading) -> bool:
    """Whether a model of Anthropic's answered, whoever sold it."""
    model = reading.response_model or reading.request_model or ""
    return reading.provider == "anthropic" or "claude" in model.lower()


def say_ttl(reading: Reading) -> None:
    """Say whether it is unsaid for how long Anthropic keeps what was written to its cache; called anew, it corrects."""
    units = reading.usage
    written = units.get("cache_write_tokens", 0)
    split = units.get("cache_write_5m_tokens", 0) + units.get("cache_write_1h_tokens", 0)
    unsaid = bool(written) and split < written and is_claude(reading)
    if unsaid == (_TTL_FLAG in reading.usage_flags):
        return
    others = tuple(flag for flag in reading.usage_flags if flag != _TTL_FLAG)
    reading.usage_flags = (*others, _TTL_FLAG) if unsaid else others


def say_unsaid(reading: Reading, *, has_address: bool) -> None:
    """Say what decides about the price of such calls and is on no attribute; the call is priced as if there were none.

    Whom the SDK of a maker whose API others offer too was pointed at: priced as the maker. OpenAI's service tier, where
    the span has none: priced as the standard one. The fees of Anthropic's server tools, which its usage block counts:
    where that block is not carried, and no search is counted, none is charged.
    """
    if reading.kind is not SpanKind.CALL or reading.usage_status is not UsageStatus.REPORTED:
        return
    if not has_address and reading.provider in _OFFERED_BY_OTHERS and reading.billing_mode is None:
        reading.usage_flags += (ADDRESS_UNSAID,)
    if reading.provider == "openai" and reading.service_tier is None and reading.operation in _WITH_TIERS:
        reading.usage_flags += (TIER_UNSAID,)
    if reading.provider == "anthropic" and "web_searches" not in reading.usage and not has_block(reading):
        reading.usage_flags += (TOOLS_UNSAID,)


def has_block(reading: Reading) -> bool:
    """Say whether the figures are those of the provider's own usage block."""
    return any(flag.startswith("usage_from:") for flag in reading.usage_flags)


def _check_total(reading: Reading, usage: Usage) -> None:
    units = reading.usage
    if reading.usage_status is not UsageStatus.REPORTED or "input_tokens" not in units:
        return
    said = units["input_tokens"] + units.get("output_tokens", 0)
    if usage.total in (said, usage.as_written):
        return
    reasoning = units.get("reasoning_tokens", 0)
    if reasoning and usage.total == said + reasoning:
        units["output_tokens"] = units.get("output_tokens", 0) + reasoning
        reading.usage_flags += ("exclusive_output:total",)
        return
    reading.usage_status = UsageStatus.PARTIAL
    reading.usage_flags += ("total_contradicts",)


def _say_end(reading: Reading, reasons: AttributeValue) -> None:
    words = reasons if isinstance(reasons, list) else [reasons]
    for word in words:
        if not isinstance(word, str) or word in _ENDS:
            continue
        # One emitter writes the list as JSON text, another the enum's name.
        ends = {part.strip(" \"'[]").rpartition(".")[2].lower() for part in word.split(",")}
        if ends & _REFUSALS and "refused" not in reading.usage_flags:
            reading.usage_flags += ("refused",)
        if ends & _CUTS and "cut_short" not in reading.usage_flags:
            reading.usage_flags += ("cut_short",)
