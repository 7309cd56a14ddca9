"""Quirks that several emitters share: what they get wrong or leave out, and what a reading makes of it.

A figure that is known to be wrong, or may be, is kept, flagged, and its status lowered to partial: it is not priced.
"""

from __future__ import annotations

from typing import Final

from ledger.vocabulary import Flag, UsageStatus
from receiver.dialects.conventions import USAGE_KEYS
from receiver.dialects.emitter import Quirk
from receiver.dialects.figures import read_count
from receiver.dialects.reading import Reading, SpanKind, SpanView

# Shorter prompts are never cached: https://platform.openai.com/docs/guides/prompt-caching
_CACHED_PROMPT_MIN: Final = 1024


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


def _thoughts_from_total(span: SpanView, reading: Reading) -> None:
    total = read_count(span.attributes, USAGE_KEYS.total)
    units = reading.usage
    if total is None or "input_tokens" not in units or "output_tokens" not in units:
        return
    thoughts = total - units["input_tokens"] - units["output_tokens"]
    if thoughts > 0:
        units["output_tokens"] += thoughts
        units.setdefault("reasoning_tokens", thoughts)
        reading.usage_flags += ("thoughts_from_total",)


def _cache_writes_unsaid(_: SpanView, reading: Reading) -> None:
    units = reading.usage
    if units.get("input_tokens", 0) - units.get("cache_read_tokens", 0) >= _CACHED_PROMPT_MIN:
        reading.usage_flags += (Flag.CACHE_WRITE_UNSAID.value,)


OUTPUT_LACKS_THOUGHTS: Final = Quirk("output lacks thinking; recovered from the total", _thoughts_from_total)
OMITS_CACHE_WRITES: Final = Quirk("cache writes", _cache_writes_unsaid)
