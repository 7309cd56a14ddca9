"""A rate card: one price in force, compiled to exact integers per unit.

Rates are integers over one common denominator, so that the cost of a call is an exact integer sum, rounded once. The
denominator is `parts_per_pico` times 10¹²: 1 wherever prices are per million tokens, more only where a price is per
hour or minute and a second's share of it has no end in decimals.

A price that steps up with the context (`TieredPrices`) applies, past its threshold, to every token of the request, not
to those above it only.

Must not: know where a price comes from or when it holds; that is `book`'s.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from genai_prices.types import ModelPrice, TieredPrices
from genai_prices.validation import validate_priced_units

from ledger.money import COST_SCALE
from ledger.schema import PriceStatus
from pricing.units import OWN_UNITS, REQUESTS, Direction, contains, direction, registry

_PICOS: Final = 10**COST_SCALE


@dataclass(frozen=True, slots=True, eq=False)
class Refusal:
    """Why there is no rate card."""

    status: PriceStatus
    reason: str
    """In words: what is not known, and what would settle it."""


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """Cards of which one holds, and it is not known which."""

    reason: str
    without_difference: str
    """What to say where they all give one amount."""
    cards: tuple[RateCard, ...]


@dataclass(frozen=True, slots=True)
class UnitRate:
    """What one unit costs, by context tier."""

    unit: str
    """The library's name."""
    direction: Direction
    details: tuple[str, ...]
    """Priced units that are details of this one: their counts are charged at their own rates and taken off here."""
    numerators: tuple[int, ...]
    """Rate per unit by tier, over the card's denominator; as many as the card has tiers."""


@dataclass(frozen=True, slots=True, eq=False)
class RateCard:
    """The rates of one model at one time. Cards are compiled once and are the same only if they are one object."""

    model: str
    """provider/model, as the price library names them."""
    version: str
    """Which price this is: library snapshot; model; validity; variant."""
    parts_per_pico: int
    """Rates count 1/(parts_per_pico × 10¹²) of a dollar."""
    tier_starts: tuple[int, ...]
    """Input tokens above which tier 1, 2 … applies; tier 0 is the base."""
    rates: tuple[UnitRate, ...]
    """Most detailed units first, so that details are known when their total is charged."""
    audio_seconds_min: int = 0
    """Seconds below which audio is charged as this much."""

    @property
    def priced(self) -> tuple[str, ...]:
        """The units that are counted and have a price."""
        return tuple(rate.unit for rate in self.rates if rate.unit != REQUESTS)

    @property
    def versions(self) -> tuple[str, ...]:
        """The price version by tier: above the base it says which threshold was passed."""
        return (self.version, *(f"{self.version};>{start}" for start in self.tier_starts))


Exact = Mapping[str, tuple[Fraction, ...]]
"""Unit → what one of it costs, in dollars, by context tier."""


def compile_card(prices: ModelPrice, *, model: str, version: str, audio_seconds_min: int = 0) -> RateCard:
    """Compile one price of the library.

    Raises:
        ValueError: a price key that no unit has, or prices that leave open which of two applies; the library says the
            same of them at every call.
    """
    values = _values(prices)
    starts = sorted(
        {tier.start for value in values.values() if isinstance(value, TieredPrices) for tier in value.tiers}
    )
    exact = {
        name: tuple(Fraction(_at(value, start)) / registry().units[name].per for start in [None, *starts])
        for name, value in values.items()
    }
    return build_card(exact, model=model, version=version, tier_starts=starts, audio_seconds_min=audio_seconds_min)


def build_card(
    exact: Exact, *, model: str, version: str, tier_starts: Sequence[int] = (), audio_seconds_min: int = 0
) -> RateCard:
    """Lay rates out over one denominator.

    Raises:
        ValueError: prices that leave open which of two applies.
    """
    known = registry().units
    units = sorted(
        (known[name] for name in exact if name in known), key=lambda unit: (-len(unit.dimensions), unit.usage_key)
    )
    validate_priced_units(units, registry())
    denominator = math.lcm(_PICOS, *(rate.denominator for row in exact.values() for rate in row))

    def numerators(name: str) -> tuple[int, ...]:
        return tuple(int(rate * denominator) for rate in exact[name])

    rates = [
        UnitRate(
            unit=unit.usage_key,
            direction=direction(unit),
            details=tuple(other.usage_key for other in units if contains(unit, other)),
            numerators=numerators(unit.usage_key),
        )
        for unit in units
    ]
    own = [UnitRate(name, Direction.OTHER, (), numerators(name)) for name in sorted(OWN_UNITS & exact.keys())]
    return RateCard(
        model=model,
        version=version,
        parts_per_pico=denominator // _PICOS,
        tier_starts=tuple(tier_starts),
        rates=(*rates, *own),
        audio_seconds_min=audio_seconds_min,
    )


def exact_rates(card: RateCard) -> Exact:
    """Return a card's rates in dollars, exactly."""
    denominator = card.parts_per_pico * _PICOS
    return {rate.unit: tuple(Fraction(one, denominator) for one in rate.numerators) for rate in card.rates}


def _values(prices: ModelPrice) -> Mapping[str, Decimal | TieredPrices]:
    """Return the prices by unit."""
    unit_of = {unit.price_key: name for name, unit in registry().units.items()}
    values: dict[str, Decimal | TieredPrices] = {}
    for key, value in vars(prices).items():
        if key.startswith("_") or value is None:
            continue
        if key not in unit_of:
            raise ValueError(f"price key {key} belongs to no unit; expected one of {', '.join(sorted(unit_of))}")
        values[unit_of[key]] = value
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
