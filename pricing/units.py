"""Units: the ledger's names for what was used, and genai-prices' names, dimensions and containment behind them.

A unit contains another when the other's dimensions include its own: `input_tokens` contains `cache_read_tokens`. The
names are the same but for one: the ledger says `reasoning_tokens` where the library says `output_reasoning_tokens`.
Must not: know a price.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from genai_prices.data_units import unit_data

_LEDGER_TO_LIBRARY: Final = {"reasoning_tokens": "output_reasoning_tokens"}
REQUESTS: Final = "requests"


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of the library, under the ledger's name."""

    name: str
    price_key: str
    per: int
    """How many units the price is for."""
    dimensions: frozenset[tuple[str, str]]

    @property
    def direction(self) -> str:
        """`input`, `output`, or `other` for what is neither: searches, requests."""
        return dict(self.dimensions).get("direction", "other")

    def contains(self, other: Unit) -> bool:
        """Whether the other is a detail of this one (or is this one)."""
        return self.dimensions <= other.dimensions

    def is_compatible_with(self, other: Unit) -> bool:
        """Whether one token may be both."""
        mine, theirs = dict(self.dimensions), dict(other.dimensions)
        return all(theirs.get(key, value) == value for key, value in mine.items())


@cache
def units() -> Mapping[str, Unit]:
    """Return every unit that has prices, by the ledger's name."""
    names = {library: ledger for ledger, library in _LEDGER_TO_LIBRARY.items()}
    known = {}
    for key, raw in unit_data.items():
        name = names.get(key, key)
        known[name] = Unit(
            name=name,
            price_key=raw.get("price_key", key),
            per=raw["per"],
            dimensions=frozenset(raw.get("dimensions", {}).items()),
        )
    return known


@cache
def units_by_price_key() -> Mapping[str, Unit]:
    """Return the units by the key their price has in the library."""
    return {unit.price_key: unit for unit in units().values()}
