"""A rate card: one price in force, compiled to exact integers per unit.

Rates are fractions over one common denominator, so that the cost of a call is an exact integer sum, rounded once. A
price that steps up with the context (`TieredPrices`) applies, past its threshold, to every token of the request.

Must not: know where a price comes from or when it holds; that is `book`'s.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from genai_prices.types import ModelPrice, TieredPrices

from ledger.money import COST_SCALE
from pricing.units import REQUESTS, Unit, units_by_price_key


@dataclass(frozen=True, slots=True)
class UnitRate:
    """What one unit costs, by context tier."""

    unit: Unit
    details: tuple[str, ...]
    """Priced units that are details of this one: their counts are charged at their own rates and taken off here."""
    numerators: tuple[int, ...]
    """Rate per unit by tier, over the card's denominator; as many as the card has tiers."""


@dataclass(frozen=True, slots=True)
class RateCard:
    """The rates of one model at one time."""

    model: str
    """provider/model, as the price library names them."""
    version: str
    """Which price this is: library snapshot; model; validity; variant."""
    denominator: int
    tier_starts: tuple[int, ...]
    """Input tokens above which tier 1, 2 … applies; tier 0 is the base."""
    rates: tuple[UnitRate, ...]
    """Most detailed units first, so that details are known when their parent is charged."""

    def tier_of(self, input_tokens: int) -> int:
        """Return which tier a request of this size is in."""
        return sum(input_tokens > start for start in self.tier_starts)

    def version_of(self, tier: int) -> str:
        """Return the price version, with its context tier where there is one."""
        return f"{self.version};>{self.tier_starts[tier - 1]}" if tier else self.version


def compile_card(prices: ModelPrice, *, model: str, version: str) -> RateCard:
    """Compile one price of the library.

    Raises:
        ValueError: a price key that no unit has; the price data is newer than the library.
    """
    values = _values(prices)
    starts = sorted(
        {tier.start for value in values.values() if isinstance(value, TieredPrices) for tier in value.tiers}
    )
    fractions = {
        unit.name: [Fraction(_at(value, start)) / unit.per for start in [None, *starts]]
        for unit, value in values.items()
    }
    denominator = math.lcm(10**COST_SCALE, *(one.denominator for row in fractions.values() for one in row))
    ordered = sorted(values, key=lambda unit: (-len(unit.dimensions), unit.name))
    return RateCard(
        model=model,
        version=version,
        denominator=denominator,
        tier_starts=tuple(starts),
        rates=tuple(
            UnitRate(
                unit=unit,
                details=_details(unit, ordered),
                numerators=tuple(int(one * denominator) for one in fractions[unit.name]),
            )
            for unit in ordered
        ),
    )


def _values(prices: ModelPrice) -> Mapping[Unit, Decimal | TieredPrices]:
    known = units_by_price_key()
    values: dict[Unit, Decimal | TieredPrices] = {}
    for key, value in vars(prices).items():
        if key.startswith("_") or value is None:
            continue
        if key not in known:
            raise ValueError(f"price key {key} belongs to no unit; expected one of {', '.join(sorted(known))}")
        values[known[key]] = value
    return values


def _at(price: Decimal | TieredPrices, start: int | None) -> Decimal:
    """Return the price once the context is above `start` tokens (None: the base)."""
    if not isinstance(price, TieredPrices):
        return price
    value = price.base
    for tier in price.tiers:
        if start is not None and tier.start <= start:
            value = tier.price
    return value


def _details(unit: Unit, priced: Sequence[Unit]) -> tuple[str, ...]:
    if unit.name == REQUESTS:
        return ()
    return tuple(other.name for other in priced if other is not unit and unit.contains(other))
