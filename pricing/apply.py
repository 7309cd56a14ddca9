"""Rates applied to columns of calls: grouped by who sold what at which tier, charged per card, rounded once.

A call's cost is the exact sum over its units, rounded once, half-even, to 12 decimals. Its parts are rounded so that
`input_cost + output_cost + other_cost = cost` holds to the last digit: input is R(input), output is R(input + output) −
R(input), other is cost − R(input + output), with R the rounding. Each is within 10⁻¹² of its exact value, none is
negative, and a part for which nothing was charged is exactly 0.

A call without a cost has a status that says why, and no amount:

    no_usage        nothing was reported that could be charged
    unknown_model   nobody is known to sell it
    ambiguous       the amount cannot be known: a part of the usage is missing, the service tier is not known or has no
                    price at that time, or the call began before the first price
    unknown_unit    something was used that the model has no price for
    invalid_usage   the usage contradicts itself (`charges` says how)

`price_model` is given wherever the model is known, `price_version` where a price was applied.

Must not: fall back. Units of an amount: 10⁻¹² USD.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ledger.schema import PriceStatus, UsageStatus
from pricing.book import PriceBook
from pricing.charges import Charges, Counts, Figures, Mask, charge
from pricing.rates import RateCard
from pricing.units import Direction, library_name, registry

CURRENCY: Final = "USD"  # what the price library's amounts are in
# No count of anything; stands for null while a column is int64.
_UNSAID: Final = -(2**63)

Rows = npt.NDArray[np.intp]


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

    input_cost: list[int | None]
    output_cost: list[int | None]
    other_cost: list[int | None]
    cost: list[int | None]
    cost_currency: list[str | None]
    price_status: list[str]
    price_version: list[str | None]
    price_model: list[str | None]


def price(calls: CallColumns, *, book: PriceBook) -> MoneyColumns:
    """Price every call at the rates in force when it started."""
    sheet = _Sheet(len(calls.model))
    usage = _read_usage(calls.usage, len(calls.model))
    start_times_us = np.array(calls.start_time_us, np.int64)
    chargeable = _chargeable(usage, len(calls.model))
    by_card: dict[int, tuple[RateCard, list[Rows]]] = {}
    for (provider, model, tier, usage_status), everyone in _groups(calls):
        rows = everyone if chargeable.all() else everyone[chargeable[everyone]]
        if usage_status == UsageStatus.ABSENT or not len(rows):
            continue
        if usage_status != UsageStatus.REPORTED:
            sheet.refuse(rows, PriceStatus.AMBIGUOUS)
            continue
        listing = book.listing(provider, model)
        if listing is None:
            sheet.refuse(rows, PriceStatus.UNKNOWN_MODEL)
            continue
        sheet.model[rows] = listing.name
        for card, members in book.cards(listing, start_times_us[rows], tier):
            if isinstance(card, PriceStatus):
                sheet.refuse(rows[members], card)
            else:
                by_card.setdefault(id(card), (card, []))[1].append(rows[members])
    for card, groups in by_card.values():
        sheet.enter(np.concatenate(groups), card, usage)
    return sheet.columns()


class _Sheet:
    """The money of all calls while it is filled in, group by group. A call not entered has no usage."""

    def __init__(self, count: int) -> None:
        self.status = np.full(count, PriceStatus.NO_USAGE.value, np.object_)
        self.model = _nulls(count)
        self.version = _nulls(count)
        self.currency = _nulls(count)
        self.amounts = [_nulls(count) for _ in range(4)]

    def refuse(self, rows: Rows, status: PriceStatus) -> None:
        """Give calls a reason instead of an amount."""
        self.status[rows] = status.value

    def enter(self, rows: Rows, card: RateCard, usage: Mapping[str, Figures]) -> None:
        """Charge calls by one card."""
        mentioned = {name: figures.of(rows) for name, figures in usage.items()}
        mentioned = {name: figures for name, figures in mentioned.items() if figures.said.any()}
        charges = charge(card, mentioned, len(rows))
        priced = np.ones(len(rows), np.bool_)
        for status, refused in charges.refused.items():
            self.refuse(rows[refused], status)
            priced &= ~refused
        if not priced.all():
            rows = rows[priced]
        self.status[rows] = PriceStatus.PRICED.value
        self.currency[rows] = CURRENCY
        self.version[rows] = _versions(card, charges, priced)
        for column, amounts in zip(self.amounts, _rounded_parts(charges, card.parts_per_pico), strict=True):
            column[rows] = amounts[priced]

    def columns(self) -> MoneyColumns:
        """Return what was filled in."""
        given, taken, other, cost = (column.tolist() for column in self.amounts)
        return MoneyColumns(
            input_cost=given,
            output_cost=taken,
            other_cost=other,
            cost=cost,
            cost_currency=self.currency.tolist(),
            price_status=self.status.tolist(),
            price_version=self.version.tolist(),
            price_model=self.model.tolist(),
        )


def _nulls(count: int) -> npt.NDArray[np.object_]:
    return np.full(count, None, np.object_)


def _groups(calls: CallColumns) -> Iterator[tuple[tuple[Any, ...], Rows]]:
    """Yield (provider, model, service tier, usage status) and the calls that have them."""
    numbers: dict[tuple[Any, ...], int] = {}
    keys = zip(calls.provider, calls.model, calls.service_tier, calls.usage_status, strict=True)
    number_of = np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.intp)
    ends = np.cumsum(np.bincount(number_of))
    # What follows the last end is empty.
    return zip(numbers, np.split(np.argsort(number_of, kind="stable"), ends)[:-1], strict=True)


def _read_usage(usage: Mapping[str, Sequence[int | None]], count: int) -> dict[str, Figures]:
    """Return the figures by the library's unit names, without units that no call mentions."""
    read: dict[str, Figures] = {}
    for ledger_name, column in usage.items():
        nulls = column.count(None)
        if nulls == count:
            continue
        figures = _figures(column, has_nulls=bool(nulls))
        name = library_name(ledger_name)
        if name in read:  # both names of one unit: the first that says something counts
            first = read[name]
            figures = Figures(np.where(first.said, first.counts, figures.counts), first.said | figures.said)
        read[name] = figures
    return read


def _figures(column: Sequence[int | None], *, has_nulls: bool) -> Figures:
    values = [_UNSAID if count is None else count for count in column] if has_nulls else column
    try:
        counts: Counts = np.array(values, np.int64)
    except OverflowError:
        counts = np.array(values, np.object_)
    said: Mask = counts != _UNSAID
    if has_nulls:
        counts = np.where(said, counts, 0)
    # Far below the end of int64, so that no sum of counts can pass it.
    return Figures(counts if np.abs(counts).max(initial=0) < 2**53 else counts.astype(np.object_), said)


def _chargeable(usage: Mapping[str, Figures], count: int) -> Mask:
    """Find calls that say how much of anything there is a unit for, or that they used something there is none for."""
    units = registry().units
    some = np.zeros(count, np.bool_)
    for name, figures in usage.items():
        some |= figures.said if name in units else figures.counts > 0
    return some


def _versions(card: RateCard, charges: Charges, priced: Mask) -> Any:
    if charges.tiers is None:
        return card.version
    return np.array(card.versions, np.object_)[charges.tiers[priced]]


def _rounded_parts(charges: Charges, parts_per_pico: int) -> tuple[Counts, Counts, Counts, Counts]:
    """Return input, output, other and the whole, in 10⁻¹²."""
    given = charges.parts[Direction.INPUT]
    taken = given + charges.parts[Direction.OUTPUT]
    cost = _rounded(taken + charges.parts[Direction.OTHER], parts_per_pico)
    given, taken = _rounded(given, parts_per_pico), _rounded(taken, parts_per_pico)
    return given, taken - given, cost - taken, cost


def _rounded(numerators: Counts, parts_per_pico: int) -> Counts:
    """Round to whole 10⁻¹², half-even."""
    if parts_per_pico == 1:
        return numerators
    quotients = numerators // parts_per_pico
    twice = (numerators - quotients * parts_per_pico) * 2
    up = (twice > parts_per_pico) | ((twice == parts_per_pico) & (quotients % 2 == 1))
    rounded: Counts = quotients + up.astype(np.int64)
    return rounded
