"""Validity: when a price holds. Dates and hours of the price library's data, as microseconds since the epoch, UTC.

The library's rule: of a model's prices the last one listed whose condition is met holds; of a variant's, the first. A
window is written `from..to` in days, `to` exclusive, open ends empty: `2025-05-22..`. A price that holds at certain
hours adds them: `..;00:30-16:30Z`.

Must not: choose a price when none holds.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from genai_prices.types import (
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    PriceContext,
    PriceVariant,
    StartDateConstraint,
    TimeOfDateConstraint,
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_DAY_US: Final = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Calendar:
    """The moments at which a model's prices may change."""

    starts_us: tuple[int, ...]
    """Where a dated price or variant begins."""
    phases_us: tuple[int, ...]
    """Times of day at which an hourly price begins or ends."""

    @classmethod
    def of(cls, model: ModelInfo) -> Self:
        """Collect the moments from a model's prices and variants."""
        constraints = [one.constraint for one in (*_dated(model), *(model.price_variants or ()))]
        dates = {_day_us(one.start_date) for one in constraints if isinstance(one, StartDateConstraint)}
        hours = {
            _time_us(at)
            for one in constraints
            if isinstance(one, TimeOfDateConstraint)
            for at in (one.start_time, one.end_time)
        }
        return cls(starts_us=tuple(sorted(dates)), phases_us=tuple(sorted(hours)))

    def cell(self, at_us: int) -> tuple[int, int]:
        """Return the interval between dates and the phase of the day in which a moment lies."""
        return bisect.bisect_right(self.starts_us, at_us), bisect.bisect_right(self.phases_us, at_us % _DAY_US)

    def cells(self, at_us: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return one number per moment, equal for moments of the same cell."""
        interval = np.searchsorted(np.array(self.starts_us, np.int64), at_us, side="right")
        if not self.phases_us:
            return interval.astype(np.int64)
        phase = np.searchsorted(np.array(self.phases_us, np.int64), at_us % _DAY_US, side="right")
        return (interval * (len(self.phases_us) + 1) + phase).astype(np.int64)


def moment(at_us: int) -> datetime:
    """Return the moment, exactly."""
    return _EPOCH + at_us * _MICROSECOND


def price_window(model: ModelInfo, at_us: int) -> str | None:
    """Return when the price that holds at a moment began to; None before the first: the library would take any."""
    prices = _dated(model)
    for place in reversed(range(len(prices))):
        constraint = prices[place].constraint
        if constraint is None or constraint.active(moment(at_us)):
            return _window(prices[place], prices[place + 1 :], at_us)
    return None


def variant_window(model: ModelInfo, context: PriceContext, at_us: int) -> str | None:
    """Return when the variant that holds for a request context began to; None if none holds."""
    variants = [one for one in model.price_variants or () if one.when == context]
    for place, one in enumerate(variants):
        if one.constraint is None or one.constraint.active(moment(at_us)):
            return _window(one, variants[:place], at_us)
    return None


def variant_begin(model: ModelInfo, context: PriceContext, *, after_us: int) -> int | None:
    """Return when the first variant that begins after a moment does; None if none ever does."""
    begins = [
        _day_us(one.constraint.start_date)
        for one in model.price_variants or ()
        if one.when == context and isinstance(one.constraint, StartDateConstraint)
    ]
    return min((begin for begin in begins if begin > after_us), default=None)


def first_begin(model: ModelInfo) -> str | None:
    """Return the day on which the first dated price begins; None if none is dated."""
    days = [one.constraint.start_date for one in _dated(model) if isinstance(one.constraint, StartDateConstraint)]
    return min(days).isoformat() if days else None


def _window(
    holding: ConditionalPrice | PriceVariant, over_it: Iterable[ConditionalPrice | PriceVariant], at_us: int
) -> str:
    """Write from when to when something holds; `over_it` take precedence once they begin."""
    constraint = holding.constraint
    begin = constraint.start_date.isoformat() if isinstance(constraint, StartDateConstraint) else ""
    dates = [one.constraint.start_date for one in over_it if isinstance(one.constraint, StartDateConstraint)]
    end = min((day.isoformat() for day in dates if _day_us(day) > at_us), default="")
    hours = ""
    if isinstance(constraint, TimeOfDateConstraint):
        hours = f";{_hour(constraint.start_time)}-{_hour(constraint.end_time)}Z"
    return f"{begin}..{end}{hours}"


def _dated(model: ModelInfo) -> Sequence[ConditionalPrice]:
    return [ConditionalPrice(prices=model.prices)] if isinstance(model.prices, ModelPrice) else model.prices


def _day_us(day: date) -> int:
    return (datetime(day.year, day.month, day.day, tzinfo=UTC) - _EPOCH) // _MICROSECOND


def _time_us(at: time) -> int:
    """Return the time of day as microseconds after midnight UTC; a time without a zone is UTC."""
    moment_of_day = datetime.combine(_EPOCH.date(), at, tzinfo=at.tzinfo or UTC)
    return (moment_of_day - _EPOCH) // _MICROSECOND % _DAY_US


def _hour(at: time) -> str:
    return moment(_time_us(at)).strftime("%H:%M")
