"""The user's own book: which of the own entries hold for a call, and the rate card they make of the public one.

Of the entries that hold for a call at its time, each unit is priced by the narrowest that speaks of it (`entries`); a
unit of which none does keeps its public price. A discount is taken off the public price of every unit for which its
entry has no rate; discounts do not add up. An entry that fits the model as it was called is narrower than one that fits
only the name under which the seller lists it.

What a call really is, is settled in the same way, point by point.

Where nothing decides between two entries (files are checked for that, but two names of one model show only at a call),
the price is `ambiguous` and the reason names both. Must not: read text, or charge.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

from ledger.schema import PriceStatus
from pricing.own.entries import Deployment, Names, OwnPrice
from pricing.own.patterns import fits
from pricing.rates import RateCard, Refusal, build_card, exact_rates

# Distinct calls and cards that are remembered before old ones are forgotten.
_REMEMBERED_MAX: Final = 20_000

Members = npt.NDArray[np.bool_] | slice
Entry = OwnPrice | Deployment


@dataclass(frozen=True, slots=True)
class Truth:
    """What a call really is, as the user's deployments say."""

    says: Mapping[str, str]
    """As `Deployment.says`."""
    words: str
    """The same with the entries that say it, for a reason."""


class OwnBook:
    """Own prices and deployments of one moment of knowledge. Look-ups are remembered; the entries never change."""

    def __init__(self, prices: Iterable[OwnPrice] = (), deployments: Iterable[Deployment] = ()) -> None:
        self.prices = tuple(prices)
        self.deployments = tuple(deployments)
        self._found: dict[tuple[str, Names], tuple[Entry, ...]] = {}
        self._cards: dict[tuple[object, ...], tuple[tuple[object, ...], RateCard | Refusal | None]] = {}

    @property
    def is_by_place(self) -> bool:
        """Whether account, region or the names of a call matter to any entry."""
        return bool(self.deployments) or any(price.scope.is_by_place for price in self.prices)

    def truths(
        self, names: Names, start_times_us: npt.NDArray[np.int64]
    ) -> Iterator[tuple[Truth | Refusal | None, Members]]:
        """Split calls by what the deployments say that they are; None: nothing."""
        found = self._holding("deployments", self.deployments, names)
        for active, members in _by_time(found, start_times_us):
            yield _truth([entry for entry in active if isinstance(entry, Deployment)], names), members

    def units(self, names: Names) -> frozenset[str]:
        """Return the units that own prices, at any time, have a rate for."""
        found = self._holding("prices", self.prices, names)
        return frozenset(unit for price in found if isinstance(price, OwnPrice) for unit in price.rates)

    def cards(
        self, names: Names, listed: RateCard | Refusal, start_times_us: npt.NDArray[np.int64]
    ) -> Iterator[tuple[RateCard | Refusal | None, Members]]:
        """Split calls by the own rates in force when they started; None: only the public price holds."""
        found = self._holding("prices", self.prices, names)
        for active, members in _by_time(found, start_times_us):
            if not active:
                yield None, members
                continue
            # All of the names that a card depends on, so that calls of other accounts share it.
            key = (*map(id, active), id(listed), names.models, names.providers)
            if key not in self._cards:
                if len(self._cards) >= _REMEMBERED_MAX:
                    self._cards.clear()
                # What the ids are of is kept with them, so that they stay theirs.
                kept = (*active, listed)
                prices = [price for price in active if isinstance(price, OwnPrice)]
                self._cards[key] = (kept, _card(prices, names, listed))
            yield self._cards[key][1], members

    def _holding(self, kind: str, entries: Sequence[Entry], names: Names) -> tuple[Entry, ...]:
        key = (kind, names)
        if key not in self._found:
            if len(self._found) >= _REMEMBERED_MAX:
                self._found.clear()
            self._found[key] = tuple(entry for entry in entries if entry.scope.holds(names))
        return self._found[key]


def _by_time(
    entries: Sequence[Entry], start_times_us: npt.NDArray[np.int64]
) -> Iterator[tuple[tuple[Entry, ...], Members]]:
    """Split calls by which entries hold when they start."""
    edges = sorted({edge for one in entries for edge in (one.validity.from_us, one.validity.to_us) if edge is not None})
    if not edges:
        yield tuple(entries), slice(None)
        return
    cells = np.searchsorted(np.array(edges, np.int64), start_times_us, side="right")
    for cell in np.unique(cells):
        members = cells == cell
        at_us = int(start_times_us[members.argmax()])
        yield tuple(one for one in entries if one.validity.holds(at_us)), members


def _truth(active: Sequence[Deployment], names: Names) -> Truth | Refusal | None:
    """Put together what the narrowest entry says on each point; entries that say the same do not contradict."""
    said: dict[str, str] = {}
    by: dict[str, list[str]] = {}
    for point in dict.fromkeys(point for entry in active for point in entry.says):
        speaking = [entry for entry in active if point in entry.says]
        winner = speaking[0] if len({entry.says[point] for entry in speaking}) == 1 else _narrowest(speaking, names)
        if winner is None:
            return _undecided(speaking, f"say {point}")
        assert isinstance(winner, Deployment)
        said[point] = winner.says[point]
        by.setdefault(winner.label, []).append(f"{point} {winner.says[point]}")
    if not said:
        return None
    return Truth(said, "; ".join(f"by {label}: {', '.join(points)}" for label, points in by.items()))


def _card(active: Sequence[OwnPrice], names: Names, listed: RateCard | Refusal) -> RateCard | Refusal | None:
    public = exact_rates(listed) if isinstance(listed, RateCard) else {}
    public_starts = listed.tier_starts if isinstance(listed, RateCard) else ()
    chosen: dict[str, OwnPrice] = {}
    for unit in sorted({*public, *(unit for price in active for unit in price.rates)}):
        speaking = [price for price in active if price.speaks_of(unit)]
        if not speaking:
            continue
        winner = _narrowest(speaking, names)
        if winner is None:
            return _undecided(speaking, f"price {unit}")
        assert isinstance(winner, OwnPrice)
        chosen[unit] = winner
    if not chosen:
        return None
    own_starts = {start for price in chosen.values() for rate in price.rates.values() for start, _ in rate.above}
    starts = sorted({*public_starts, *own_starts})

    def rate(unit: str, start: int | None) -> Fraction:
        price = chosen.get(unit)
        if price is not None and unit in price.rates:
            return price.rates[unit].at(start)
        full = public[unit][sum(1 for one in public_starts if start is not None and one <= start)]
        return full if price is None or price.discount is None else full * (1 - price.discount)

    exact = {unit: tuple(rate(unit, start) for start in (None, *starts)) for unit in {*public, *chosen}}
    try:
        card = build_card(
            exact,
            model=listed.model if isinstance(listed, RateCard) else "/".join((*names.providers[:1], *names.models[:1])),
            version="+".join(dict.fromkeys(price.label for price in chosen.values())),
            tier_starts=starts,
        )
    except ValueError as open_:
        told = f"own prices leave open which of two rates a token is charged at: {open_}"
        return Refusal(PriceStatus.AMBIGUOUS, told)
    return replace(card, audio_seconds_min=listed.audio_seconds_min) if isinstance(listed, RateCard) else card


def _narrowest(entries: Sequence[Entry], names: Names) -> Entry | None:
    """Return the entry that is narrower than every other; None if there is none."""
    for one in entries:
        if all(one is other or _goes_before(one, other, names) for other in entries):
            return one
    return None


def _goes_before(one: Entry, other: Entry, names: Names) -> bool:
    if one.scope.is_narrower_than(other.scope):
        return True
    if one.scope.model is None or other.scope.model is None:
        return False
    as_called = [fits(entry.scope.model or "", names.models[0]) for entry in (one, other)]
    rest = [replace(entry.scope, model=None) for entry in (one, other)]
    return as_called == [True, False] and rest[0].within(rest[1])


def _undecided(entries: Sequence[Entry], what: str) -> Refusal:
    named = " and ".join(str(entry.place) for entry in entries)
    told = f"{named} both {what}, and neither is narrower; name more of what one of them is for"
    return Refusal(PriceStatus.AMBIGUOUS, told)
