"""Quirks that several emitters share: what they get wrong or leave out, and what a reading makes of it.

A figure that is known to be wrong, or may be, is kept, flagged, and its status lowered to partial: it is not priced.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ledger.vocabulary import BillingMode, Flag, UsageStatus
from receiver.dialects.conventions import USAGE_KEYS, WITHOUT_OUTPUT
from receiver.dialects.emitter import Quirk
from receiver.dialects.figures import read_count, read_text
from receiver.dialects.finish import TOOLS_UNSAID
from receiver.dialects.finish import is_claude as is_claude
from receiver.dialects.finish import say_ttl as say_ttl
from receiver.dialects.reading import Reading, SpanKind, SpanView
from receiver.dialects.sellers import SELF_HOSTED, spelled
from receiver.dialects.usage import status_of

# Shorter prompts are never cached: https://platform.openai.com/docs/guides/prompt-caching
_CACHED_PROMPT_MIN: Final = 1024
# Gemini thinks since 2.5: https://ai.google.dev/gemini-api/docs/thinking
_THINKS: Final = re.compile(r"gemini(?!-(?:1\.|2\.0|embedding)(?!.*thinking))")
# Flags of `usage` that keep complete figures from being believed.
_UNSETTLED: Final = frozenset({"names_disagree", "input_meaning_disputed", "zero_usage", "total_contradicts"})


def doubt(reading: Reading, flag: str) -> None:
    """Raise a flag on a call whose complete figures are not to be believed; they are kept, and not priced."""
    if reading.kind is SpanKind.CALL and reading.usage_status is not UsageStatus.ABSENT:
        reading.usage_status = UsageStatus.PARTIAL
        reading.usage_flags += (flag,)


def unbilled_tokens(provider: str) -> Quirk:
    """Return the quirk of reporting tokens that are not those on this seller's invoice."""

    def amend(_: SpanView, reading: Reading) -> None:
        if reading.provider == provider:
            doubt(reading, "unbilled_tokens")

    return Quirk(f"{provider}: tokens are not the billed ones", amend)


def name_call(reading: Reading, operation: str) -> None:
    """Make a reading a call of this operation, for emitters that name their operations in their own way."""
    reading.kind = SpanKind.CALL
    reading.operation = operation
    reading.usage_flags = tuple(flag for flag in reading.usage_flags if flag != "operation_inferred")
    if reading.usage_status is UsageStatus.PARTIAL and _UNSETTLED.isdisjoint(reading.usage_flags):
        reading.usage_status = status_of(reading.usage, has_output=operation not in WITHOUT_OUTPUT)


def name_aggregate(reading: Reading, operation: str) -> None:
    """Make a reading a roll-up of other spans."""
    reading.kind = SpanKind.AGGREGATE
    reading.operation = operation
    reading.usage_flags = tuple(flag for flag in reading.usage_flags if flag != "operation_inferred")


def cached_apart(*providers: str) -> Quirk:
    """Return the quirk of leaving cached tokens out of the input of calls to these sellers, or by their API elsewhere.

    For emitters that copy each provider's figure as it is; where the span's own evidence has spoken, that stands.
    """

    def amend(span: SpanView, reading: Reading) -> None:
        units = reading.usage
        cached = units.get("cache_read_tokens", 0) + units.get("cache_write_tokens", 0)
        if not cached or "input_tokens" not in units:
            return
        named = read_text(span.attributes, ("gen_ai.provider.name", "gen_ai.system"))
        if reading.provider not in providers and named not in providers:
            return
        if any(flag.startswith(("exclusive_input:", "usage_from:")) for flag in reading.usage_flags):
            return
        units["input_tokens"] += cached
        reading.usage_flags += ("exclusive_input:emitter",)

    return Quirk(f"input of {' and '.join(providers)} lacks cached tokens, which are added", amend)


def cache_unsaid(_: SpanView, reading: Reading) -> None:
    """Say of a longer prompt that what was read from the cache, which is cheaper, is nowhere: pricing gives bounds."""
    units = reading.usage
    if units.get("input_tokens", 0) >= _CACHED_PROMPT_MIN and "cache_read_tokens" not in units:
        reading.usage_flags += (Flag.CACHE_READ_UNSAID.value,)


def disputed_for(provider: str) -> Quirk:
    """Return the quirk of passing on a seller's input, of which it cannot be told whether it holds cached tokens.

    For frameworks whose adapters changed from one meaning to the other; where evidence has spoken, that stands.
    """

    def amend(_: SpanView, reading: Reading) -> None:
        units = reading.usage
        cached = units.get("cache_read_tokens", 0) + units.get("cache_write_tokens", 0)
        settled = any(flag.startswith("exclusive_input:") for flag in reading.usage_flags)
        if reading.provider == provider and cached and not settled:
            doubt(reading, "input_meaning_disputed")

    return Quirk(f"{provider}: whether input holds cached tokens depends on the framework's version", amend)


def sold_by(provider: str) -> Quirk:
    """Return the quirk of naming the maker, or nobody, although one seller alone is called through this emitter."""
    mode = BillingMode.SELF_HOSTED if provider == SELF_HOSTED else None

    def amend(_: SpanView, reading: Reading) -> None:
        reading.provider = provider
        reading.billing_mode = mode

    return Quirk(f"that {provider} sold it: known from who wrote the span", amend)


def thoughts_unsaid(_: SpanView, reading: Reading) -> None:
    """Say of a model that thinks, and whose output lacks it, that its figures are not whole."""
    model = (reading.response_model or reading.request_model or "").lower()
    if _THINKS.search(model) and "reasoning_tokens" not in reading.usage and reading.usage.get("output_tokens"):
        doubt(reading, "thoughts_unsaid")


def _thoughts_beside(_: SpanView, reading: Reading) -> None:
    units = reading.usage
    thoughts = units.get("reasoning_tokens")
    if thoughts and "output_tokens" in units:
        units["output_tokens"] += thoughts
        reading.usage_flags += ("thoughts_added",)


def thoughts_from_total(total_keys: Sequence[str]) -> Quirk:
    """Return the quirk of leaving thinking out of output, but not out of the total under one of these keys."""

    def amend(span: SpanView, reading: Reading) -> None:
        total = read_count(span.attributes, total_keys)
        units = reading.usage
        if total is None or "input_tokens" not in units or "output_tokens" not in units:
            return
        thoughts = total - units["input_tokens"] - units["output_tokens"]
        if thoughts > 0:
            units["output_tokens"] += thoughts
            units.setdefault("reasoning_tokens", thoughts)
            reading.usage_flags += ("thoughts_from_total",)

    return Quirk("output lacks thinking; recovered from the total", amend)


def _cache_writes_unsaid(_: SpanView, reading: Reading) -> None:
    units = reading.usage
    unread = units.get("input_tokens", 0) - units.get("cache_read_tokens", 0)
    if unread >= _CACHED_PROMPT_MIN and not units.get("cache_write_tokens"):
        reading.usage_flags += (Flag.CACHE_WRITE_UNSAID.value,)


def tool_prompts_unsaid(_: SpanView, reading: Reading) -> None:
    """Say that what Google's own tools put into the prompt is nowhere."""
    if reading.kind is SpanKind.CALL and reading.usage_status is UsageStatus.REPORTED:
        reading.usage_flags += (TOOLS_UNSAID,)


def _seller_before_model(_: SpanView, reading: Reading) -> None:
    model = reading.response_model or ""
    named, _slash, rest = model.partition("/")
    if rest and _one_seller(spelled(named), reading.provider):
        reading.response_model = rest


def _one_seller(one: str | None, other: str | None) -> bool:
    return one == other or {one, other} == {"gcp.gemini", "gcp.gen_ai"}


TOOL_PROMPTS_UNSAID: Final = Quirk("what Google's own tools (search, code) put into the prompt", tool_prompts_unsaid)
SELLER_BEFORE_MODEL: Final = Quirk(
    "the seller stands before the model (`openai/gpt-4o`): taken off", _seller_before_model
)
OUTPUT_LACKS_THOUGHTS: Final = thoughts_from_total(USAGE_KEYS.total)
OMITS_CACHE_WRITES: Final = Quirk("cache writes", _cache_writes_unsaid)
THOUGHTS_BESIDE: Final = Quirk("output lacks thinking, which stands beside it and is added", _thoughts_beside)
THOUGHTS_UNSAID: Final = Quirk("thinking, which its output lacks: Gemini's calls are not priced", thoughts_unsaid)
CACHE_UNSAID: Final = Quirk("what was read from the cache: of longer prompts the cost is bounded", cache_unsaid)
