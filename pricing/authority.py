"""Authority: where a cost that the span reports counts instead of the computed one.

A reported cost is a claim. For a source that the user names, by who sold the call (`openrouter`) or by the attribute
that carried the cost (`litellm.cost.total`), it is the cost if it is within a band of the computed one: a band of 0.10
lets it differ by a tenth of it. Where the computed cost is only
bounded, the band begins at the bounds; so a report settles what was unsaid. Outside the band, or where nothing could be
computed to compare it with, the computed cost or its absence stands, and the reason says so.

`list_cost` stays what it was computed as. The parts of the cost keep the proportions of the computed ones; where none
were computed, all of it is `other_cost`. What is free (prepaid, answered by an own cache) stays so.

Must not: look a price up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Final

from ledger.schema import PriceStatus
from pricing.calls import CallColumns
from pricing.own.patterns import fits
from pricing.sheet import CURRENCY, Sheet

_PARTS: Final = ("input_cost", "output_cost", "other_cost")


@dataclass(frozen=True, slots=True)
class CostAuthority:
    """Sellers or sources of reported costs, as patterns, with the band within which each counts."""

    bands: Mapping[str, Decimal] = field(default_factory=dict)

    def band(self, source: str | None, provider: str | None) -> Decimal | None:
        """Return the band of the first pattern that the source or the provider fits."""
        if not source:
            return None
        names = (source, provider or "")
        return next((band for pattern, band in self.bands.items() if any(fits(pattern, name) for name in names)), None)

    def __str__(self) -> str:
        return ",".join(f"{source}:{band.normalize():f}" for source, band in self.bands.items())


def prefer_reported(sheet: Sheet, calls: CallColumns, authority: CostAuthority) -> None:
    """Put reported costs in the place of computed ones where they count."""
    if not authority.bands or calls.reported_cost is None or calls.reported_cost_source is None:
        return
    said = list(zip(calls.reported_cost_source, calls.provider, strict=True))
    bands = {one: authority.band(*one) for one in set(said)}
    for row, (cost, one) in enumerate(zip(calls.reported_cost, said, strict=True)):
        band, source = bands[one], one[0]
        if cost is not None and source is not None and band is not None:
            _weigh(sheet, row, cost, source, band)


def _weigh(sheet: Sheet, row: int, reported: int, source: str, band: Decimal) -> None:
    columns = sheet.columns
    if columns["price_status"][row] == PriceStatus.PRICED and not columns["cost"][row]:
        return None
    computed, low, high = columns["cost"][row], columns["cost_low"][row], columns["cost_high"][row]
    least, most = (low, high) if computed is None else (computed, computed)
    if least is None or most is None:
        return _say(sheet, row, f"a cost reported by {source} is not used: nothing was computed to compare it with")
    if not least * (1 - Fraction(band)) <= reported <= most * (1 + Fraction(band)):
        told = f"the cost reported by {source} is not used: it is more than {band.normalize():f} off the computed one"
        return _say(sheet, row, told)
    for name, part in zip(_PARTS, _divided(reported, [columns[name][row] for name in _PARTS]), strict=True):
        columns[name][row] = part
    columns["cost"][row] = reported
    columns["cost_currency"][row] = CURRENCY
    columns["price_status"][row] = PriceStatus.PRICED.value
    columns["price_version"][row] = f"reported:{source}"
    told = f"the cost is the one reported by {source}, within {band.normalize():f} of the computed one"
    return _say(sheet, row, told)


def _divided(whole: int, parts: list[int | None]) -> tuple[int, int, int]:
    """Divide a cost in the proportions of computed parts; what rounding leaves goes to the last that has any."""
    first, second, third = (part or 0 for part in parts)
    total = first + second + third
    if not total:
        return 0, 0, whole
    upto_first = round(Fraction(whole * first, total))
    upto_second = whole if not third else round(Fraction(whole * (first + second), total))
    return upto_first, upto_second - upto_first, whole - upto_second


def _say(sheet: Sheet, row: int, told: str) -> None:
    known = sheet.columns["price_reason"][row]
    sheet.columns["price_reason"][row] = f"{told}; {known}" if known else told
