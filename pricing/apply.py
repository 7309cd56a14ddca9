"""Rates applied to columns of calls. The only place that multiplies; it rounds once, half-even, to 12 decimals.

Each token is charged once, at its most detailed price: a unit's count less the counts of its priced details. A call's
cost is the exact sum over its units, rounded once; `input_cost`, `output_cost` and `other_cost` are its parts and add
up to it exactly (the last part that has a rate takes what rounding leaves).

A call without a cost has a status that says why, and no amount:

    unknown_model   nobody is known to sell it
    unknown_unit    something was used that the model has no price for
    invalid_usage   a detail is larger than its total, or stands without it
    ambiguous       the amount cannot be known: a part of the usage is missing or doubtful, a tier has no price, or
                    details overlap by an unknown part
    no_usage        nothing was reported

Must not: fall back. Units of an amount: 10⁻¹² USD.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from ledger.money import COST_SCALE
from ledger.schema import PriceStatus, UsageStatus
from pricing.book import PriceBook
from pricing.rates import RateCard
from pricing.units import REQUESTS, Unit, units

CURRENCY: Final = "USD"  # what the price library's amounts are in
_PICOS: Final = 10**COST_SCALE
# Products beyond this could pass 63 bits when summed; such calls take the exact way with Python's integers.
_SAFE_PRODUCT: Final = 2**58

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CallColumns:
    """Calls to be priced: parallel sequences, one item a call."""

    provider: Sequence[str | None]
    model: Sequence[str | None]
    """The response's model where known, else the request's."""
    start_time_us: Sequence[int]
    """Microseconds since 1970 UTC; decides which dated price holds."""
    service_tier: Sequence[str | None]
    usage: Mapping[str, Sequence[int | None]]
    """Ledger unit → counts; a unit that is absent was reported by no call."""
    usage_status: Sequence[str | None]


@dataclass(frozen=True, slots=True)
class MoneyColumns:
    """What the calls cost: amounts in 10⁻¹² of the currency's unit, None where not known."""

    input_cost: list[int | None] = field(default_factory=list)
    output_cost: list[int | None] = field(default_factory=list)
    other_cost: list[int | None] = field(default_factory=list)
    cost: list[int | None] = field(default_factory=list)
    cost_currency: list[str | None] = field(default_factory=list)
    price_status: list[str] = field(default_factory=list)
    price_version: list[str | None] = field(default_factory=list)
    price_model: list[str | None] = field(default_factory=list)


def price(calls: CallColumns, *, book: PriceBook) -> MoneyColumns:
    """Price every call at the rates in force when it started."""
    money = _unpriced(len(calls.model))
    groups: dict[object, tuple[RateCard | PriceStatus, list[int]]] = {}
    names = zip(calls.provider, calls.model, calls.start_time_us, calls.service_tier, calls.usage_status, strict=True)
    for row, (provider, model, at_us, tier, status) in enumerate(names):
        if status == UsageStatus.ABSENT:
            continue
        if status == UsageStatus.PARTIAL:
            money.price_status[row] = PriceStatus.AMBIGUOUS
            continue
        listing = book.listing(provider, model)
        if listing is None:
            money.price_status[row] = PriceStatus.UNKNOWN_MODEL
            continue
        key = (id(listing), book.bucket(listing, at_us), tier)
        group = groups.get(key)
        if group is None:
            group = groups[key] = (book.card(listing, at_us, tier), [])
        group[1].append(row)
    for card, rows in groups.values():
        if isinstance(card, PriceStatus):
            for row in rows:
                money.price_status[row] = card
        else:
            _price_group(card, rows, calls, money)
    return money


def _unpriced(count: int) -> MoneyColumns:
    return MoneyColumns(
        input_cost=[None] * count,
        output_cost=[None] * count,
        other_cost=[None] * count,
        cost=[None] * count,
        cost_currency=[None] * count,
        price_status=[PriceStatus.NO_USAGE] * count,
        price_version=[None] * count,
        price_model=[None] * count,
    )


def _price_group(card: RateCard, rows: list[int], calls: CallColumns, money: MoneyColumns) -> None:
    """Price the calls of one card."""
    reported = {name: _column([column[row] for row in rows]) for name, column in calls.usage.items()}
    used = {name: counts for name, (counts, _) in reported.items() if counts.any()}
    statuses = _statuses(card, reported, used, len(rows))
    tiers = _tiers(card, used, len(rows))
    leaves = _leaves(card, used, len(rows))
    amounts = _amounts(card, leaves, tiers, len(rows))
    versions = [card.version_of(tier) for tier in range(len(card.tier_starts) + 1)]
    for position, row in enumerate(rows):
        status = statuses[position]
        money.price_status[row] = status
        if status != PriceStatus.PRICED:
            continue
        money.input_cost[row], money.output_cost[row], money.other_cost[row], money.cost[row] = amounts[position]
        money.cost_currency[row] = CURRENCY
        money.price_version[row] = versions[tiers[position]]
        money.price_model[row] = card.model


def _column(values: list[int | None]) -> tuple[Counts, npt.NDArray[np.bool_]]:
    """Return the counts with 0 for what is not known, and what is known."""
    known = np.fromiter((value is not None for value in values), np.bool_, count=len(values))
    return np.fromiter((value or 0 for value in values), np.int64, count=len(values)), known


def _tiers(card: RateCard, used: Mapping[str, Counts], count: int) -> Counts:
    if not card.tier_starts or "input_tokens" not in used:
        return np.zeros(count, np.int64)
    return np.searchsorted(np.array(card.tier_starts), used["input_tokens"], side="left").astype(np.int64)


def _leaves(card: RateCard, used: Mapping[str, Counts], count: int) -> dict[str, Counts]:
    """Return for each priced unit what is charged at its own rate."""
    nothing = np.zeros(count, np.int64)
    leaves: dict[str, Counts] = {}
    for rate in card.rates:
        if rate.unit.name == REQUESTS:
            leaves[REQUESTS] = np.ones(count, np.int64)
            continue
        leaf = used.get(rate.unit.name, nothing)
        for detail in rate.details:
            leaf = leaf - leaves[detail]
        leaves[rate.unit.name] = leaf
    return leaves


def _statuses(
    card: RateCard,
    reported: Mapping[str, tuple[Counts, npt.NDArray[np.bool_]]],
    used: Mapping[str, Counts],
    count: int,
) -> list[PriceStatus]:
    """Say of each call whether its usage can be priced by this card. The worst that is true of it counts."""
    registry = units()
    known = {name: registry[name] for name in used if name in registry}
    priced = {rate.unit.name: rate.unit for rate in card.rates}
    flags: list[tuple[PriceStatus, npt.NDArray[np.bool_]]] = [
        (PriceStatus.INVALID_USAGE, _invalid(card, reported, used, known, count)),
        (PriceStatus.UNKNOWN_UNIT, _unknown_unit(used, known, priced, count)),
        (PriceStatus.AMBIGUOUS, _overlapping(priced, used, known, count)),
    ]
    anything = np.zeros(count, np.bool_)
    for counts, is_known in reported.values():
        del counts
        anything |= is_known
    statuses = [PriceStatus.PRICED] * count
    for status, mask in [(PriceStatus.NO_USAGE, ~anything), *reversed(flags)]:
        for position in np.flatnonzero(mask):
            statuses[position] = status
    return statuses


def _invalid(
    card: RateCard,
    reported: Mapping[str, tuple[Counts, npt.NDArray[np.bool_]]],
    used: Mapping[str, Counts],
    known: Mapping[str, Unit],
    count: int,
) -> npt.NDArray[np.bool_]:
    wrong = np.zeros(count, np.bool_)
    for name, leaf in _leaves(card, used, count).items():
        if name != REQUESTS:
            wrong |= leaf < 0
    for counts in used.values():
        wrong |= counts < 0
    # A detail without its total: what the total is can only be guessed.
    for rate in card.rates:
        total_known = reported[rate.unit.name][1] if rate.unit.name in reported else np.zeros(count, np.bool_)
        for name, unit in known.items():
            if unit is not rate.unit and rate.unit.contains(unit):
                wrong |= (used[name] > 0) & ~total_known
    return wrong


def _unknown_unit(
    used: Mapping[str, Counts], known: Mapping[str, Unit], priced: Mapping[str, Unit], count: int
) -> npt.NDArray[np.bool_]:
    unknown = np.zeros(count, np.bool_)
    for name, counts in used.items():
        unit = known.get(name)
        if unit is None or not any(one.contains(unit) for one in priced.values() if one.name != REQUESTS):
            unknown |= counts > 0
    return unknown


def _overlapping(
    priced: Mapping[str, Unit], used: Mapping[str, Counts], known: Mapping[str, Unit], count: int
) -> npt.NDArray[np.bool_]:
    """Find calls with two details that may share tokens, where the shared part has a price but was not reported."""
    unclear = np.zeros(count, np.bool_)
    names = list(known)
    for place, left in enumerate(names):
        for right in names[place + 1 :]:
            one, other = known[left], known[right]
            if one.contains(other) or other.contains(one) or not one.is_compatible_with(other):
                continue
            joined = one.dimensions | other.dimensions
            for name, unit in priced.items():
                if unit.dimensions == joined and name not in used:
                    unclear |= (used[left] > 0) & (used[right] > 0)
    return unclear


Amounts = tuple[int | None, int | None, int | None, int]


def _amounts(card: RateCard, leaves: Mapping[str, Counts], tiers: Counts, count: int) -> list[Amounts]:
    """Return (input, output, other, cost) of each call."""
    parts: dict[str, list[int]] = {}
    for rate in card.rates:
        products = _products(leaves[rate.unit.name], rate.numerators, tiers)
        known = parts.get(rate.unit.direction)
        parts[rate.unit.direction] = (
            products if known is None else [one + two for one, two in zip(known, products, strict=True)]
        )
    columns = [parts.get(direction) for direction in ("input", "output", "other")]
    amounts: list[Amounts] = []
    for position in range(count):
        exact = [None if column is None else column[position] for column in columns]
        total = _rounded(sum(part for part in exact if part is not None), card.denominator)
        rounded = [None if part is None else _rounded(part, card.denominator) for part in exact]
        last = max((place for place, part in enumerate(exact) if part is not None), default=None)
        if last is not None:
            rounded[last] = total - sum(
                part for place, part in enumerate(rounded) if part is not None and place != last
            )
        amounts.append((rounded[0], rounded[1], rounded[2], total))
    return amounts


def _products(counts: Counts, numerators: Sequence[int], tiers: Counts) -> list[int]:
    largest = int(np.abs(counts).max(initial=0)) * max(numerators)
    if largest < _SAFE_PRODUCT:
        return (counts * np.array(numerators, np.int64)[tiers]).tolist()  # type: ignore[no-any-return]
    return [int(one) * numerators[tier] for one, tier in zip(counts, tiers, strict=True)]


def _rounded(numerator: int, denominator: int) -> int:
    """Return numerator/denominator in 10⁻¹², half-even."""
    if denominator == _PICOS:
        return numerator
    quotient, rest = divmod(numerator * _PICOS, denominator)
    twice = rest * 2
    return quotient + (twice > denominator or (twice == denominator and quotient % 2 == 1))
