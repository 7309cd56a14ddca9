"""Charges: what the calls of one rate card are charged for each unit, and whether their usage can be charged at all.

Each token is charged once, at its most detailed price: a unit's count less the counts of its priced details.

Usage is refused as `invalid_usage` where the library refuses it, and where it contradicts itself:

* a count is negative, or larger than the ledger can hold;
* priced details add up to more than their total;
* a detail is said and a priced total of it is not;
* two details that may share tokens are said (cached tokens, audio tokens), the shared part has a price of its own and
  is not said;
* a detail without a price of its own is larger than its total, or details that exclude each other add up to more
  than it (cache reads + cache writes > input). The library does not look at these; it would charge the smaller total.

A unit that was used is `unknown_unit` if neither it nor a unit that contains it has a price.

Each refusal says in words what was found; counts are left out of them, so that like calls have like reasons.

Must not: round, or know where the counts come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import combinations
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ledger.schema import PriceStatus
from pricing.rates import RateCard, exact_rates
from pricing.units import REQUESTS, Direction, contains, disjoint_details, ledger_name, registry

COUNT_MAX: Final = 2**63 - 1
# Sums of products below this stay within 63 bits; larger ones take the exact way, with Python's integers.
_SAFE_SUM: Final = 2**61

# Which details are summed depends on what other calls of the batch say, so they are not named.
_TOO_MUCH: Final = "the parts of {} add up to more than it"

# int64, or Python's integers where those could overflow.
Counts = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Figures:
    """The counts of one unit: 0 where nothing was said, and where something was."""

    counts: Counts
    said: Mask

    def of(self, rows: npt.NDArray[np.intp]) -> Figures:
        """Return the figures of some calls."""
        return Figures(self.counts[rows], self.said[rows])


@dataclass(frozen=True, slots=True)
class Charges:
    """What one card makes of its calls, in parts of its denominator; without meaning where a call is refused."""

    refused: tuple[tuple[PriceStatus, Mask, str], ...]
    """Which calls, and why in words. Worst last: where two are true of a call, the later counts."""
    tiers: npt.NDArray[np.int64] | None
    """The context tier of each call; None where the card has but one."""
    parts: dict[Direction, Counts]


@dataclass(frozen=True, slots=True)
class _Checks:
    """What has to be looked at for a set of priced and a set of reported units; depends on no count."""

    uncovered: tuple[str, ...]
    needs_total: tuple[tuple[str, tuple[str, ...]], ...]
    needs_shared: tuple[tuple[str, str, str], ...]
    bounded: tuple[tuple[str, tuple[str, ...]], ...]


def charge(card: RateCard, reported: Mapping[str, Figures], count: int) -> Charges:
    """Charge the calls of one card; `reported` has the units, by the library's names, that any of them mentions."""
    reported = _with_minimum(card, reported)
    # The total input is read to find the tier, whether or not it is charged.
    read = (*card.priced, "input_tokens") if card.tier_starts else card.priced
    checks = _checks(card.priced, read, tuple(sorted(reported)))
    leaves = _leaves(card, reported, count)
    found = (
        *_uncovered(card, checks, reported),
        *((PriceStatus.INVALID_USAGE, leaf < 0, _TOO_MUCH.format(ledger_name(unit))) for unit, leaf in leaves.items()),
        *((PriceStatus.INVALID_USAGE, mask, words) for mask, words in _contradictions(checks, reported)),
    )
    tiers = _tiers(card, reported, count)
    return Charges(
        refused=tuple(one for one in found if one[1].any()),
        tiers=tiers,
        parts=_parts(card, leaves, tiers, count),
    )


@dataclass(frozen=True, slots=True)
class Step:
    """One multiplication of a call's price."""

    unit: str
    """The library's name."""
    count: int
    """What is charged at this rate: the unit's count less that of its details with a price of their own."""
    rate: Fraction
    """Dollars for one."""

    @property
    def amount(self) -> Fraction:
        """Dollars, exactly."""
        return self.count * self.rate


def steps(card: RateCard, reported: Mapping[str, Figures]) -> list[Step]:
    """Return the multiplications that `charge` makes of one call (the only one in `reported`)."""
    reported = _with_minimum(card, reported)
    leaves = _leaves(card, reported, 1)
    tiers = _tiers(card, reported, 1)
    tier = 0 if tiers is None else int(tiers[0])
    rates = exact_rates(card)
    return [
        Step(rate.unit, int(leaves[rate.unit][0]), rates[rate.unit][tier]) for rate in card.rates if rate.unit in leaves
    ]


def _with_minimum(card: RateCard, reported: Mapping[str, Figures]) -> Mapping[str, Figures]:
    """Raise short audio to the least that is charged, as the library does: both names then mean the same seconds."""
    figures = [reported[name] for name in ("audio_seconds", "input_audio_seconds") if name in reported]
    if not card.audio_seconds_min or not figures:
        return reported
    seconds = np.where(figures[0].counts > 0, figures[0].counts, figures[-1].counts)
    billed = np.where(seconds > 0, np.maximum(seconds, card.audio_seconds_min), 0)
    both = Figures(billed, figures[0].said | figures[-1].said)
    return {**reported, "audio_seconds": both, "input_audio_seconds": both}


def _leaves(card: RateCard, reported: Mapping[str, Figures], count: int) -> dict[str, Counts]:
    """Return for each priced unit what is charged at its own rate."""
    leaves: dict[str, Counts] = {}
    for rate in card.rates:
        if rate.unit == REQUESTS:
            leaves[REQUESTS] = np.ones(count, np.int64)
            continue
        details = [leaves[detail] for detail in rate.details if detail in leaves]
        if rate.unit in reported or details:
            leaf = reported[rate.unit].counts if rate.unit in reported else np.zeros(count, np.int64)
            for detail in details:
                leaf = leaf - detail
            leaves[rate.unit] = leaf
    return leaves


def _uncovered(
    card: RateCard, checks: _Checks, reported: Mapping[str, Figures]
) -> Iterator[tuple[PriceStatus, Mask, str]]:
    for name in checks.uncovered:
        words = f"{ledger_name(name)} were used, for which {card.model} has no price"
        yield PriceStatus.UNKNOWN_UNIT, reported[name].counts > 0, words


def _contradictions(checks: _Checks, reported: Mapping[str, Figures]) -> Iterator[tuple[Mask, str]]:
    for name, figures in reported.items():
        yield figures.counts < 0, f"{ledger_name(name)} are negative"
        if figures.counts.dtype == object:
            yield figures.counts > COUNT_MAX, f"{ledger_name(name)} are more than can be"
    for total, details in checks.needs_total:
        said = reported[total].said if total in reported else False
        for detail in details:
            words = f"{ledger_name(detail)} are said, {ledger_name(total)}, of which they are a part, are not"
            yield (reported[detail].counts > 0) & ~np.asarray(said), words
    for shared, left, right in checks.needs_shared:
        said = reported[shared].said if shared in reported else False
        both = f"{ledger_name(left)} and {ledger_name(right)}"
        words = f"{both} may share tokens, and how many ({ledger_name(shared)}) is not said"
        yield (reported[left].counts > 0) & (reported[right].counts > 0) & ~np.asarray(said), words
    for total, details in checks.bounded:
        parts = sum(reported[detail].counts for detail in details)
        yield reported[total].said & (parts > reported[total].counts), _TOO_MUCH.format(ledger_name(total))


def _tiers(card: RateCard, reported: Mapping[str, Figures], count: int) -> npt.NDArray[np.int64] | None:
    if not card.tier_starts:
        return None
    tiers = np.zeros(count, np.int64)
    if "input_tokens" in reported:
        for start in card.tier_starts:
            tiers += reported["input_tokens"].counts > start
    return tiers


def _parts(
    card: RateCard, leaves: Mapping[str, Counts], tiers: npt.NDArray[np.int64] | None, count: int
) -> dict[Direction, Counts]:
    """Multiply: exact sums of count × rate by direction. Everything is int64 if the whole sum is, else Python's."""
    charged = [rate for rate in card.rates if rate.unit in leaves]
    largest = sum(int(np.abs(leaves[rate.unit]).max(initial=0)) * max(rate.numerators) for rate in charged)
    dtype: type[Any] = np.int64 if largest < _SAFE_SUM else np.object_
    parts: dict[Direction, Counts] = {}
    for rate in charged:
        rates: Counts = np.array(rate.numerators, dtype)
        products: Counts = leaves[rate.unit].astype(dtype) * (rates[0] if tiers is None else rates[tiers])
        known = parts.get(rate.direction)
        parts[rate.direction] = products if known is None else known + products
    return {side: parts[side] if side in parts else np.zeros(count, dtype) for side in Direction}


@lru_cache(maxsize=4096)
def _checks(priced: tuple[str, ...], read: tuple[str, ...], reported: tuple[str, ...]) -> _Checks:
    units = registry().units
    known = tuple(name for name in reported if name in units)
    pairs = [
        (left, right, {**units[left].dimensions, **units[right].dimensions})
        for left, right in combinations(known, 2)
        if units[left].is_compatible_with(units[right])
        and not contains(units[left], units[right])
        and not contains(units[right], units[left])
    ]
    return _Checks(
        uncovered=tuple(name for name in reported if not _covered(name, priced)),
        needs_total=tuple(
            (total, details)
            for total in sorted({*read} & units.keys())
            if (details := tuple(name for name in known if contains(units[total], units[name])))
        ),
        needs_shared=tuple(
            (shared, left, right)
            for shared in sorted({*read} & units.keys())
            for left, right, joined in pairs
            if units[shared].dimensions == joined
        ),
        bounded=tuple((total, details) for total in known for details in disjoint_details(total, known)),
    )


def _covered(name: str, priced: tuple[str, ...]) -> bool:
    units = registry().units
    if name in priced:
        return True
    return name in units and any(contains(units[one], units[name]) for one in priced if one in units)
