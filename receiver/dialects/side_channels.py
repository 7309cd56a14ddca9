"""Side channels: attributes in which an emitter carries the provider's own usage block beside its own figures.

The block wins over the emitter's figures: it is what they were made from. A reading that took it says so, and says
where the two differ in a figure that money depends on:

    usage_from:…       the figures are those of the provider's usage block, carried in the attribute named
    usage_differs:…    the emitter's own figures were others
    unreadable:…       the attribute named should hold a usage block, and does not: the emitter's figures stand

Must not: read an attribute that a family did not name.
"""

from __future__ import annotations

from typing import Final

from ledger.vocabulary import UsageStatus
from receiver.dialects.conventions import WITHOUT_OUTPUT
from receiver.dialects.figures import parse_cost
from receiver.dialects.reading import Reading
from receiver.dialects.usage import status_of
from receiver.dialects.usage_block import Block, read_block

# Flags about figures that the block replaces.
_ABOUT_FIGURES: Final = (
    "exclusive_",
    "names_disagree",
    "input_meaning_disputed",
    "zero_usage",
    "thoughts_from_",
    "total_contradicts",
)
_EMPTY: Final = frozenset({"{}", "null", "None"})
_COMPARED: Final = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
# Units that are a whole usage without any tokens.
_WITHOUT_TOKENS: Final = ("rerank_searches", "input_document_pages", "audio_seconds")


def prefer_block(reading: Reading, carried: object, channel: str, *, cached_apart: bool | None = None) -> Block | None:
    """Replace a reading's figures by those of a carried usage block; None when there is no block to prefer.

    `cached_apart` says what the emitter is known to have made of the block's input.

    Raises:
        UnreadableSpanError: a figure of the block is no count.
    """
    if not carried or (isinstance(carried, str) and carried in _EMPTY):
        return None
    block = read_block(carried, cached_apart=cached_apart)
    if block is None or not block.units:
        reading.usage_flags += (f"unreadable:{channel}",)
        return None
    take_block(reading, block, channel)
    return block


def take_block(reading: Reading, block: Block, channel: str) -> None:
    """Give a reading the figures, and the tier and cost, of a block found in a channel."""
    said, units = reading.usage, block.units
    differs = any(unit in said and unit in units and said[unit] != units[unit] for unit in _COMPARED)
    kept = tuple(flag for flag in reading.usage_flags if not flag.startswith(_ABOUT_FIGURES))
    flags = (f"usage_from:{channel}", *block.flags)
    status = status_of(units, has_output=reading.operation not in WITHOUT_OUTPUT)
    if any(unit in units for unit in _WITHOUT_TOKENS):
        status = UsageStatus.REPORTED
    elif status is UsageStatus.REPORTED and not units.get("input_tokens") and not units.get("output_tokens"):
        status = UsageStatus.PARTIAL
        flags += ("zero_usage",)
    if not block.is_whole and status is UsageStatus.REPORTED:
        status = UsageStatus.PARTIAL
    if differs:
        flags += (f"usage_differs:{channel}",)
    reading.usage = units
    reading.usage_status = status
    reading.usage_flags = kept + flags
    if block.service_tier and (reading.service_tier is None or "service_tier_requested" in kept):
        reading.service_tier = block.service_tier
        reading.usage_flags = tuple(flag for flag in reading.usage_flags if flag != "service_tier_requested")
    if block.cost is not None and reading.reported_cost is None:
        reading.reported_cost, reading.reported_cost_source = block.cost, f"{channel}.cost"


def claim_cost(reading: Reading, claimed: object, source: str, *, zero_is_unknown: bool = False) -> None:
    """Note what a span says the call cost, in USD; nothing where that is no amount, or 0 from who writes it blindly.

    A claim that stands is kept: call with the best source first.
    """
    cost = parse_cost(claimed)
    if cost is None or reading.reported_cost is not None or (zero_is_unknown and not cost):
        return
    reading.reported_cost, reading.reported_cost_source = cost, source
