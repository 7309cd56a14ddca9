"""Explaining one call's price: which prices held and why, and every multiplication, so that a person can repeat it.

Must not: compute an amount of its own; the steps are those of `charges`, the money is `apply`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any, Final

from pricing.apply import CallColumns, MoneyColumns, Way, price, ways
from pricing.book import PriceBook
from pricing.charges import steps
from pricing.rates import RateCard, exact_rates
from pricing.units import Direction, direction, ledger_name, registry

# Prices per hour have seconds' shares without an end; so many digits are shown.
_SHOWN: Final = Context(prec=18)
_PER_NAMES: Final = {1: "one", 1_000: "thousand", 10**6: "million", 10**9: "billion", 3_600: "hour"}


@dataclass(frozen=True, slots=True)
class RateLine:
    """What one unit costs in one case, publicly and to the user."""

    case: str
    """What was unsaid, as this line takes it; empty where nothing was."""
    unit: str
    above_input_tokens: int | None
    per: str
    list_rate: Decimal | None
    rate: Decimal | None
    """What is paid: the own rate where one holds, else the public one."""


@dataclass(frozen=True, slots=True)
class StepLine:
    """One multiplication."""

    case: str
    price: str
    """`cost` or `list_cost`: which sum it belongs to."""
    unit: str
    count: int
    rate: Decimal
    per: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Explained:
    """One call's money, the rates that held, and its multiplications."""

    money: dict[str, Any]
    """By the ledger's columns; amounts in 10⁻¹² USD."""
    rates: tuple[RateLine, ...]
    steps: tuple[StepLine, ...]


def explain(calls: CallColumns, *, book: PriceBook) -> Explained:
    """Explain one call: the only one in the columns."""
    money = price(calls, book=book)
    possible = ways(calls, book=book)
    return Explained(
        money={name: getattr(money, name)[0] for name in MoneyColumns.__dataclass_fields__},
        rates=tuple(line for way in possible for line in _rates(way)),
        steps=tuple(line for way in possible for line in _steps(way)),
    )


def _rates(way: Way) -> Iterator[RateLine]:
    listed = way.quote.listed if isinstance(way.quote.listed, RateCard) else None
    own = way.quote.own if isinstance(way.quote.own, RateCard) else None
    paid = own or listed
    if paid is None:
        return
    for rate in sorted(paid.rates, key=lambda rate: _order(rate.unit)):
        per, name = _per(rate.unit)
        before: tuple[Fraction | None, Fraction | None] | None = None
        for start in (None, *paid.tier_starts):
            found = (_at(listed, rate.unit, start), _at(paid, rate.unit, start))
            if found != before:
                shown = [None if one is None else _decimal(one * per) for one in found]
                yield RateLine(_words(way), ledger_name(rate.unit), start, name, shown[0], shown[1])
            before = found


def _steps(way: Way) -> Iterator[StepLine]:
    cards = {"cost": way.quote.own or way.quote.listed, "list_cost": way.quote.listed}
    if way.quote.free is not None:
        del cards["cost"]
    elif way.quote.own is None:
        del cards["list_cost"]
    for column, card in cards.items():
        if isinstance(card, RateCard):
            for step in sorted(steps(card, way.usage), key=lambda step: _order(step.unit)):
                per, name = _per(step.unit)
                yield StepLine(
                    case=_words(way),
                    price=column,
                    unit=ledger_name(step.unit),
                    count=step.count,
                    rate=_decimal(step.rate * per),
                    per=name,
                    amount=_decimal(step.amount),
                )


def _order(unit: str) -> tuple[int, int, str]:
    """Input before output before the rest, totals before their details."""
    known = registry().units.get(unit)
    if known is None:
        return len(Direction), 0, unit
    return list(Direction).index(direction(known)), len(known.dimensions), unit


def _words(way: Way) -> str:
    return ", ".join(way.words)


def _at(card: RateCard | None, unit: str, start: int | None) -> Fraction | None:
    if card is None or (rates := exact_rates(card).get(unit)) is None:
        return None
    return rates[sum(1 for one in card.tier_starts if start is not None and one <= start)]


def _per(unit: str) -> tuple[int, str]:
    """Return for how many of a unit its price is usually given, and the word for it."""
    per = registry().units[unit].per if unit in registry().units else 3_600
    return per, _PER_NAMES.get(per, f"{per:,}")


def _decimal(value: Fraction) -> Decimal:
    quotient = _SHOWN.divide(Decimal(value.numerator), Decimal(value.denominator))
    return quotient.quantize(Decimal(1)) if quotient == quotient.to_integral_value() else quotient.normalize()
