"""Units: genai-prices' registry of what is counted, and the one name in which the ledger differs.

A unit contains another when the other's dimensions include its own: `input_tokens` contains `cache_read_tokens`, which
contains `cache_audio_read_tokens`. The names are the library's but for one: the ledger says `reasoning_tokens` where
the library says `output_reasoning_tokens`. Inside `pricing` the library's names are used throughout.

The library has no unit for machines of one's own; `gpu_seconds` is ours, priced only by prices of one's own.

Must not: know a price.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import Final

from genai_prices.data_units import unit_data
from genai_prices.units import UnitDef, UnitRegistry

_LEDGER_TO_LIBRARY: Final = {"reasoning_tokens": "output_reasoning_tokens"}
_LIBRARY_TO_LEDGER: Final = {library: ledger for ledger, library in _LEDGER_TO_LIBRARY.items()}
# Units that only prices of one's own can price; they are neither input nor output and contain nothing.
OWN_UNITS: Final = frozenset({"gpu_seconds"})

# Charged once a call where a model has a price for it; nobody reports it.
REQUESTS: Final = "requests"


class Direction(StrEnum):
    """Which part of the cost a unit belongs to."""

    INPUT = "input"
    OUTPUT = "output"
    OTHER = "other"


@cache
def registry() -> UnitRegistry:
    """Return the units of the installed library."""
    return UnitRegistry(unit_data)


def library_name(ledger_name: str) -> str:
    """Return the library's name of a unit of the ledger."""
    return _LEDGER_TO_LIBRARY.get(ledger_name, ledger_name)


def ledger_name(library_name: str) -> str:
    """Return the ledger's name of a unit of the library."""
    return _LIBRARY_TO_LEDGER.get(library_name, library_name)


def direction(unit: UnitDef) -> Direction:
    """Return which part of the cost the unit belongs to; searches and requests are neither input nor output."""
    said = unit.dimensions.get("direction")
    return Direction.OTHER if said is None else Direction(said)


def contains(total: UnitDef, detail: UnitDef) -> bool:
    """Whether `detail` counts a part of what `total` counts."""
    return total is not detail and total.dimensions.items() <= detail.dimensions.items()


def disjoint_details(total: str, reported: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the sets of reported units that divide `total` without overlap, so that their sum cannot exceed it.

    Units that add one dimension each, the same one, differ in its value: cache reads against cache writes, audio
    against image. Nothing is both.
    """
    units = registry().units
    parts: dict[str, list[str]] = {}
    for name in reported:
        if contains(units[total], units[name]):
            added = units[name].dimensions.keys() - units[total].dimensions.keys()
            if len(added) == 1:
                parts.setdefault(added.pop(), []).append(name)
    return [tuple(names) for names in parts.values()]
