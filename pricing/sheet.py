"""A sheet: the money of calls while it is filled in, group by group. A call not entered has no usage.

A call's cost is the exact sum over its units, rounded once, half-even, to 12 decimals. Its parts are rounded so that
`input_cost + output_cost + other_cost = cost` holds to the last digit: input is R(input), output is R(input + output) −
R(input), other is cost − R(input + output), with R the rounding. Each is within 10⁻¹² of its exact value, none is
negative, and a part for which nothing was charged is exactly 0.

Must not: look a price up. Units of an amount: 10⁻¹² USD.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ledger.schema import PriceStatus
from pricing.calls import MoneyColumns, Rows
from pricing.charges import Charges, Counts, Figures, Mask, charge
from pricing.rates import RateCard, Refusal
from pricing.units import Direction

CURRENCY: Final = "USD"  # what the price library's amounts are in
NO_USAGE: Final = "the span says nothing of what was used"

_AMOUNTS: Final = ("input_cost", "output_cost", "other_cost", "cost")
_COLUMNS: Final = tuple(MoneyColumns.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Quote:
    """What calls are charged by."""

    listed: RateCard | Refusal
    """The public price, or why there is none."""
    own: RateCard | Refusal | None = None
    """The price that holds instead of it between the user and the seller; None: the public one."""
    free: str | None = None
    """Why nothing is paid for the call itself: its cost is 0, and this is the price version."""
    reason: str | None = None
    """What had to be settled, in words."""

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells quotes apart: cards and refusals by being the same object."""
        return (id(self.listed), id(self.own), self.free, self.reason)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What one card or refusal makes of some calls."""

    known: Mask
    amounts: tuple[Counts, Counts, Counts, Counts] | None
    """Input, output, other and the whole; without meaning where not known."""
    versions: Any
    refused: Sequence[tuple[PriceStatus, Mask, str]]


class Sheet:
    """Columns of money, all null at first and with the status `no_usage`."""

    def __init__(self, count: int) -> None:
        self.columns: dict[str, npt.NDArray[np.object_]] = {name: np.full(count, None, np.object_) for name in _COLUMNS}
        self.columns["price_status"][:] = PriceStatus.NO_USAGE.value
        self.columns["price_reason"][:] = NO_USAGE

    def refuse(self, rows: Rows, status: PriceStatus, reason: str) -> None:
        """Give calls a reason instead of an amount."""
        self._put(rows, price_status=status.value, price_reason=reason)

    def name_model(self, rows: Rows, name: str) -> None:
        """Say which model the calls are priced as."""
        self._put(rows, price_model=name)

    def enter_free(self, rows: Rows, *, version: str, reason: str, list_cost: int | None = None) -> None:
        """Enter calls for which nothing is paid."""
        self._put(rows, input_cost=0, output_cost=0, other_cost=0, cost=0, list_cost=list_cost, cost_currency=CURRENCY)
        self._put(rows, price_status=PriceStatus.PRICED.value, price_version=version, price_reason=reason)

    def enter(self, rows: Rows, quote: Quote, usage: Mapping[str, Figures]) -> None:
        """Charge calls by a quote; `usage` is that of all calls of the sheet."""
        mentioned = {name: figures.of(rows) for name, figures in usage.items()}
        mentioned = {name: figures for name, figures in mentioned.items() if figures.said.any()}
        listed = _outcome(quote.listed, mentioned, len(rows))
        if quote.free is not None:
            self.enter_free(rows, version=quote.free, reason=quote.reason or "")
            self._enter_listed(rows, listed)
            self._say_of_list(rows, listed, quote.reason)
            return
        self._enter_listed(rows, listed)
        paid = listed if quote.own is None else _outcome(quote.own, mentioned, len(rows))
        self._enter_paid(rows, paid, quote.reason)
        if paid is not listed:
            self._say_of_list(rows, listed, quote.reason, only=paid.known)

    def add_reason(self, rows: Rows, reason: str) -> None:
        """Say one thing more of calls, if it is not said already."""
        column = self.columns["price_reason"]
        for row in rows.tolist():
            known = column[row]
            if not known:
                column[row] = reason
            elif reason not in known:
                column[row] = f"{known}; {reason}"

    def bound(self, rows: Rows, *, least: Any, most: Any, currency: str) -> None:
        """Say between what the cost of calls is."""
        self._put(rows, cost_low=least, cost_high=most, cost_currency=currency)

    def copy(self, rows: Rows, source: Sheet, *, take: Mask) -> None:
        """Copy from a sheet of just these rows those that are to be taken."""
        target = rows[take]
        for name, column in self.columns.items():
            column[target] = source.columns[name][take]

    def money(self) -> MoneyColumns:
        """Return what was filled in."""
        return MoneyColumns(**{name: column.tolist() for name, column in self.columns.items()})

    def _put(self, rows: Rows, **values: Any) -> None:
        for name, value in values.items():
            self.columns[name][rows] = value

    def _enter_paid(self, rows: Rows, paid: _Outcome, reason: str | None) -> None:
        for status, mask, words in paid.refused:
            self.refuse(rows[mask], status, f"{words}; {reason}" if reason else words)
        if paid.amounts is None:
            return
        known = rows if paid.known.all() else rows[paid.known]
        self._put(known, price_status=PriceStatus.PRICED.value, cost_currency=CURRENCY, price_reason=reason)
        self.columns["price_version"][known] = _of_known(paid.versions, paid.known)
        for name, amounts in zip(_AMOUNTS, paid.amounts, strict=True):
            self.columns[name][known] = amounts[paid.known]

    def _enter_listed(self, rows: Rows, listed: _Outcome) -> None:
        if listed.amounts is None:
            return
        known = rows if listed.known.all() else rows[listed.known]
        self.columns["list_cost"][known] = listed.amounts[3][listed.known]
        self.columns["list_price_version"][known] = _of_known(listed.versions, listed.known)

    def _say_of_list(self, rows: Rows, listed: _Outcome, reason: str | None, *, only: Mask | None = None) -> None:
        """Where the cost is known and the public price is not, say why that is not."""
        for _, mask, words in listed.refused:
            about = mask if only is None else mask & only
            told = f"list_cost is not known: {words}"
            self._put(rows[about], price_reason=f"{reason}; {told}" if reason else told)


def _outcome(price: RateCard | Refusal, usage: Mapping[str, Figures], count: int) -> _Outcome:
    if isinstance(price, Refusal):
        everyone = np.ones(count, np.bool_)
        return _Outcome(~everyone, None, None, ((price.status, everyone, price.reason),))
    charges = charge(price, usage, count)
    known = np.ones(count, np.bool_)
    for _, mask, _ in charges.refused:
        known &= ~mask
    versions = price.version if charges.tiers is None else np.array(price.versions, np.object_)[charges.tiers]
    return _Outcome(known, _rounded_parts(charges, price.parts_per_pico), versions, charges.refused)


def _of_known(versions: Any, known: Mask) -> Any:
    return versions if isinstance(versions, str) else versions[known]


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
