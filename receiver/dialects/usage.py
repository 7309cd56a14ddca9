"""Usage: figures as emitters name them, turned into inclusive totals with the decision on record.

`input_tokens` means two things in the wild: with cached tokens, as the conventions ask since 1.40, or without them.
Which one is decided by who wrote the span, then by evidence, and the decision is flagged:

    exclusive_input:emitter    this emitter, in the versions known, leaves cached tokens out
    exclusive_input:total      the span's own total says so: total = input + output + cache
    exclusive_input:details    its cache counts are larger than its input, which cannot be otherwise

No model call reads nothing and says nothing. Emitters that write 0 where they found no usage are flagged `zero_usage`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from ledger.vocabulary import UsageStatus
from receiver.dialects.figures import read_count
from receiver.dialects.reading import AttributeValue


class InputMeaning(Enum):
    """What an emitter's input count holds."""

    INCLUSIVE = auto()
    EXCLUSIVE = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class UsageKeys:
    """Where a family of emitters writes its counts: for each, aliases in order of preference, never summed."""

    input: tuple[str, ...]
    output: tuple[str, ...]
    total: tuple[str, ...]
    cache_read: tuple[str, ...]
    cache_write: tuple[str, ...]
    details: tuple[tuple[str, tuple[str, ...]], ...]
    """Other units, by the ledger's name."""


@dataclass(slots=True)
class Usage:
    """Inclusive figures, how much they say, and what was decided."""

    units: dict[str, int]
    status: UsageStatus
    flags: tuple[str, ...]
    total: int | None


def read_usage(
    attributes: Mapping[str, AttributeValue], keys: UsageKeys, *, meaning: InputMeaning, has_output: bool
) -> Usage:
    """Read the figures of one call; `has_output` says whether its operation produces tokens.

    Raises:
        UnreadableSpanError: a figure that cannot be believed.
    """
    input_tokens = read_count(attributes, keys.input)
    output_tokens = read_count(attributes, keys.output)
    total = read_count(attributes, keys.total)
    units: dict[str, int] = {}
    flags: tuple[str, ...] = ()
    read = read_count(attributes, keys.cache_read)
    write = read_count(attributes, keys.cache_write)
    cached = (read or 0) + (write or 0)
    if input_tokens is not None:
        if cached:
            why = _why_exclusive(input_tokens, output_tokens or 0, cached, total, meaning)
            if why is not None:
                input_tokens += cached
                flags = (f"exclusive_input:{why}",)
        units["input_tokens"] = input_tokens
    if output_tokens is not None:
        units["output_tokens"] = output_tokens
    if read is not None:
        units["cache_read_tokens"] = read
    if write is not None:
        units["cache_write_tokens"] = write
    for name, aliases in keys.details:
        count = read_count(attributes, aliases)
        if count is not None:
            units[name] = count
    status = _status(input_tokens, output_tokens, has_output=has_output)
    if status == UsageStatus.REPORTED and not input_tokens and not output_tokens:
        status = UsageStatus.PARTIAL
        flags += ("zero_usage",)
    return Usage(units, status, flags, total)


def _status(input_tokens: int | None, output_tokens: int | None, *, has_output: bool) -> UsageStatus:
    if input_tokens is None and output_tokens is None:
        return UsageStatus.ABSENT
    if input_tokens is None or (output_tokens is None and has_output):
        return UsageStatus.PARTIAL
    return UsageStatus.REPORTED


def _why_exclusive(
    input_tokens: int, output_tokens: int, cached: int, total: int | None, meaning: InputMeaning
) -> str | None:
    if meaning == InputMeaning.EXCLUSIVE:
        return "emitter"
    if total is not None and total == input_tokens + output_tokens + cached:
        return "total"
    if meaning == InputMeaning.UNKNOWN and cached > input_tokens:
        return "details"
    return None
