"""Usage: figures as emitters name them, turned into inclusive totals with the decision on record.

`input_tokens` means two things in the wild: with cached tokens, as the conventions ask since 1.40, or without them.
Which one is decided by who wrote the span, then by evidence, and the decision is flagged:

    exclusive_input:emitter    this emitter, in the versions known, leaves cached tokens out
    exclusive_input:total      the span's own total says so: total = input + output + cache
    exclusive_input:details    its cache counts are larger than its input, which cannot be otherwise

What contradicts itself, or may mean either, is kept and said, and its status is partial, so that it is not priced:

    input_meaning_disputed     this emitter's meaning changes between versions, and nothing on the span tells which
    names_disagree             two names of one figure are there with different values

No model call reads nothing and says nothing. Emitters that write 0 where they found no usage are flagged `zero_usage`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from ledger.vocabulary import UsageStatus
from receiver.dialects.figures import COUNT_MAX, parse_count
from receiver.dialects.reading import AttributeValue

_TOTAL: Final = "total"  # no unit of the ledger: the emitter's own sum


class InputMeaning(Enum):
    """What an emitter's input count holds."""

    INCLUSIVE = auto()
    EXCLUSIVE = auto()
    UNKNOWN = auto()
    """Nobody read its source: evidence, else the convention, which is inclusive."""
    DISPUTED = auto()
    """Its maintainers say that the meaning changes: evidence, else it is not known."""


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
    places: Mapping[str, tuple[str, int]] = field(init=False, repr=False)
    """Attribute → unit, and the name's place among the unit's aliases."""

    def __post_init__(self) -> None:
        units = (*self.units.items(), (_TOTAL, self.total))
        places = {name: (unit, place) for unit, names in units for place, name in enumerate(names)}
        assert len(places) == sum(len(names) for _, names in units), "an attribute stands for two units"
        object.__setattr__(self, "places", places)

    @property
    def units(self) -> dict[str, tuple[str, ...]]:
        """Return the names by the ledger's units."""
        return {
            "input_tokens": self.input,
            "output_tokens": self.output,
            "cache_read_tokens": self.cache_read,
            "cache_write_tokens": self.cache_write,
            **dict(self.details),
        }


@dataclass(slots=True)
class Usage:
    """Inclusive figures, how much they say, and what was decided."""

    units: dict[str, int]
    status: UsageStatus
    flags: tuple[str, ...]
    total: int | None
    """The emitter's own sum, where it writes one."""
    as_written: int
    """Input and output added as they stand on the span, before anything was decided."""


def read_usage(
    attributes: Mapping[str, AttributeValue], keys: UsageKeys, *, meaning: InputMeaning, has_output: bool
) -> Usage:
    """Read the figures of one call; `has_output` says whether its operation produces tokens.

    Raises:
        UnreadableSpanError: a figure that cannot be believed.
    """
    units, agreed = _figures(attributes, keys)
    total = units.pop(_TOTAL, None)
    input_tokens, output_tokens = units.get("input_tokens"), units.get("output_tokens")
    as_written = (input_tokens or 0) + (output_tokens or 0)
    flags: tuple[str, ...] = ()
    settled = agreed
    if not agreed:
        flags = ("names_disagree",)
    cached = units.get("cache_read_tokens", 0) + units.get("cache_write_tokens", 0)
    if input_tokens is not None and cached:
        why = _why_exclusive(input_tokens, output_tokens or 0, cached, total, meaning)
        if why is not None:
            units["input_tokens"] = input_tokens = input_tokens + cached
            flags += (f"exclusive_input:{why}",)
        elif meaning is InputMeaning.DISPUTED and total != input_tokens + (output_tokens or 0):
            flags += ("input_meaning_disputed",)
            settled = False
    status = status_of(units, has_output=has_output)
    if status is UsageStatus.REPORTED:
        if not settled:
            status = UsageStatus.PARTIAL
        elif not input_tokens and not output_tokens:
            status = UsageStatus.PARTIAL
            flags += ("zero_usage",)
    return Usage(units, status, flags, total, as_written)


def _figures(attributes: Mapping[str, AttributeValue], keys: UsageKeys) -> tuple[dict[str, int], bool]:
    """Return the counts by unit, each under its first name, and whether a unit's names agree."""
    places = keys.places
    units: dict[str, int] = {}
    agreed = True
    taken: dict[str, int] = {}
    # One pass in C over the span's attributes: however many units a family has, only those said cost anything.
    for key in filter(places.__contains__, attributes):
        value = attributes[key]
        if value is None or value == "":
            continue
        count = value if type(value) is int and 0 <= value <= COUNT_MAX else parse_count(key, value)
        unit, place = places[key]
        if unit in taken:
            agreed = agreed and units[unit] == count
            if place > taken[unit]:
                continue
        taken[unit] = place
        units[unit] = count
    return units, agreed


def status_of(units: Mapping[str, int], *, has_output: bool) -> UsageStatus:
    """Return how much of a call's usage these inclusive figures say."""
    input_tokens, output_tokens = units.get("input_tokens"), units.get("output_tokens")
    if input_tokens is None and output_tokens is None:
        return UsageStatus.ABSENT
    if input_tokens is None or (output_tokens is None and has_output):
        return UsageStatus.PARTIAL
    return UsageStatus.REPORTED


def _why_exclusive(
    input_tokens: int, output_tokens: int, cached: int, total: int | None, meaning: InputMeaning
) -> str | None:
    if meaning is InputMeaning.EXCLUSIVE:
        return "emitter"
    if total is not None and total == input_tokens + output_tokens + cached:
        return "total"
    if meaning is not InputMeaning.INCLUSIVE and cached > input_tokens:
        return "details"
    return None
