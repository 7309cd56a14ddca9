"""What is unsaid and changes the price: which calls it could have been, and what would settle it.

Each question has worlds: the same call with one unsaid fact said one way; one world only where the user's deployments
settle it. A call is priced in every world; where all give one amount it did not matter, else the amount is not known
and the least and the most are its bounds.

    bedrock_profile_unsaid   each inference profile that the price list knows: regional, global
    cache_read_unsaid        nothing was read from the provider's cache; all input that was not written to it was
    cache_write_unsaid       nothing was written to the provider's cache; all input that was not read from it was, for
                             five minutes; for an hour
    cache_ttl_unsaid         what was written is kept for five minutes; for an hour

A question is not asked where no price depends on it. Must not: compare amounts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np

from ledger.schema import Flag
from pricing.calls import Called
from pricing.charges import Figures, Mask

# Bedrock's geographic inference profiles: https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles.html
# An id without one is called in its region alone; a new geography that the list does not tell apart changes nothing.
_PROFILES: Final = ("global", "us", "eu", "apac", "au", "jp", "in", "us-gov", "ca")
_BY_TABLE: Final = "an entry of your own under [[deployments]]"


class Shift(Enum):
    """How a world's usage differs from what was said; counts that are said stay."""

    NONE = "as it was said"
    ALL_READ = "all input that was not written to the cache was read from it"
    FIVE_MINUTES = "what was written is kept for five minutes"
    ONE_HOUR = "what was written is kept for an hour"
    ALL_FOR_FIVE_MINUTES = "all input that was not read from the cache was written to it for five minutes"
    ALL_FOR_AN_HOUR = "all input that was not read from the cache was written to it for an hour"


_SHORT: Final = "cache_write_5m_tokens"
_LONG: Final = "cache_write_1h_tokens"
# Shift → the detail that gets what is unsaid, and the other one.
_DETAILS: Final = {
    Shift.FIVE_MINUTES: (_SHORT, _LONG),
    Shift.ONE_HOUR: (_LONG, _SHORT),
    Shift.ALL_FOR_FIVE_MINUTES: (_SHORT, _LONG),
    Shift.ALL_FOR_AN_HOUR: (_LONG, _SHORT),
}


@dataclass(frozen=True, slots=True)
class World:
    """A call as it could have been."""

    words: str
    called: Called
    shift: Shift = Shift.NONE


@dataclass(frozen=True, slots=True)
class Question:
    """One unsaid fact."""

    asked: str
    worlds: tuple[World, ...]
    settle: str

    @property
    def reason(self) -> str:
        """Why the amount is not known, and what to do."""
        return f"{self.asked}: {' or '.join(world.words for world in self.worlds)}; settle it by {self.settle}"

    @property
    def without_difference(self) -> str | None:
        """Why the amount is known nevertheless; None where there is but one world."""
        if len(self.worlds) == 1:
            return None
        return f"{self.asked}, and makes no difference: {' or '.join(world.words for world in self.worlds)}"


def question(
    called: Called, *, listed: Callable[[str | None], str | None], priced: Callable[[str], bool]
) -> Question | None:
    """Return the first thing unsaid of a call that can change its price; its worlds may leave others open.

    Args:
        called: what the call was called with.
        listed: name of a model → its name on the seller's list, None if it is not on it.
        priced: unit → whether any price of the called model has a rate for it.
    """
    for ask in (_profile, _cache_read, _cache_write, _cache_ttl):
        found = ask(called, listed, priced)
        if found is not None:
            return found
    return None


def shifted(usage: Mapping[str, Figures], shift: Shift) -> Mapping[str, Figures]:
    """Return the usage of a world."""
    if shift is Shift.NONE:
        return usage
    if shift is Shift.ALL_READ:
        return _all_read(usage)
    if shift in {Shift.FIVE_MINUTES, Shift.ONE_HOUR}:
        written = usage.get("cache_write_tokens")
        return usage if written is None else _kept(usage, written, written.said, *_DETAILS[shift])
    return _all_written(usage, *_DETAILS[shift])


def _profile(
    called: Called, listed: Callable[[str | None], str | None], _priced: Callable[[str], bool]
) -> Question | None:
    if Flag.PROFILE_UNSAID not in called.flags or not called.model:
        return None
    flags = called.flags - {Flag.PROFILE_UNSAID.value}
    names: dict[str, str] = {}
    if called.model.partition(".")[0] not in _PROFILES:
        for name in (called.model, *(f"{profile}.{called.model}" for profile in _PROFILES)):
            if (found := listed(name)) is not None:
                names.setdefault(found, name)
    if len(names) < 2:
        return None
    worlds = tuple(World(found, called._replace(model=name, flags=flags)) for found, name in names.items())
    return Question(
        "the Bedrock inference profile is not said",
        worlds,
        f"{_BY_TABLE} that names the model with its profile, such as {worlds[-1].called.model}",
    )


def _cache_read(
    called: Called, _listed: Callable[[str | None], str | None], priced: Callable[[str], bool]
) -> Question | None:
    if Flag.CACHE_READ_UNSAID not in called.flags or not priced("cache_read_tokens"):
        return None
    plain = called._replace(flags=called.flags - {Flag.CACHE_READ_UNSAID.value})
    return Question(
        "whether tokens were read from the provider's cache is not said",
        (World("none were", plain), World("all input was", plain, Shift.ALL_READ)),
        "an instrumentation that reports cached tokens",
    )


def _cache_write(
    called: Called, _listed: Callable[[str | None], str | None], priced: Callable[[str], bool]
) -> Question | None:
    if Flag.CACHE_WRITE_UNSAID not in called.flags or not priced("cache_write_tokens"):
        return None
    plain = called._replace(flags=called.flags - {Flag.CACHE_WRITE_UNSAID.value})
    worlds = [World("none were", plain)]
    if called.cache_write_ttl != "1h":
        worlds.append(World("all that were not read from it were", plain, Shift.ALL_FOR_FIVE_MINUTES))
    if called.cache_write_ttl != "5m" and (priced(_LONG) or called.cache_write_ttl is not None):
        worlds.append(World("all were, for an hour", plain, Shift.ALL_FOR_AN_HOUR))
    return Question(
        "whether tokens were written to the provider's cache is not said",
        tuple(worlds),
        "an instrumentation that reports cache writes",
    )


def _cache_ttl(
    called: Called, _listed: Callable[[str | None], str | None], priced: Callable[[str], bool]
) -> Question | None:
    if Flag.CACHE_TTL_UNSAID not in called.flags or not (priced(_SHORT) or priced(_LONG)):
        return None
    plain = called._replace(flags=called.flags - {Flag.CACHE_TTL_UNSAID.value})
    worlds = {
        "5m": World("for five minutes", plain, Shift.FIVE_MINUTES),
        "1h": World("for an hour", plain, Shift.ONE_HOUR),
    }
    settled = called.cache_write_ttl
    return Question(
        "for how long tokens were written to the provider's cache is not said",
        tuple(worlds.values()) if settled is None else (worlds[settled],),
        f"{_BY_TABLE} that says cache_write_ttl",
    )


def _all_read(usage: Mapping[str, Figures]) -> Mapping[str, Figures]:
    if "input_tokens" not in usage:
        return usage
    total = usage["input_tokens"]
    said, written = _figures(usage, "cache_read_tokens", total), _figures(usage, "cache_write_tokens", total)
    counts = np.where(said.said, said.counts, np.maximum(total.counts - written.counts, 0))
    return {**usage, "cache_read_tokens": Figures(counts, said.said | total.said)}


def _all_written(usage: Mapping[str, Figures], detail: str, other: str) -> Mapping[str, Figures]:
    if "input_tokens" not in usage:
        return usage
    total = usage["input_tokens"]
    read, said = _figures(usage, "cache_read_tokens", total), _figures(usage, "cache_write_tokens", total)
    unsaid = total.said & ~said.said
    counts = np.where(unsaid, np.maximum(total.counts - read.counts, 0), said.counts)
    written = Figures(counts, said.said | unsaid)
    return _kept({**usage, "cache_write_tokens": written}, written, unsaid, detail, other)


def _kept(
    usage: Mapping[str, Figures], written: Figures, where: Mask, detail: str, other: str
) -> Mapping[str, Figures]:
    """Give a detail what of the tokens written is not said to be another's."""
    said, rest = _figures(usage, detail, written), _figures(usage, other, written)
    unsaid = where & ~said.said
    counts = np.where(unsaid, np.maximum(written.counts - rest.counts, 0), said.counts)
    return {**usage, detail: Figures(counts, said.said | unsaid)}


def _figures(usage: Mapping[str, Figures], unit: str, like: Figures) -> Figures:
    return usage[unit] if unit in usage else Figures(np.zeros_like(like.counts), np.zeros_like(like.said))
