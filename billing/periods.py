"""Periods: half-open spans of call time, UTC. `2026-10`, `2026-10-01` and RFC 3339 are read; nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from fractions import Fraction
from typing import Final

from billing.errors import InvalidPeriodError

_MICROSECOND: Final = timedelta(microseconds=1)
_MONTH: Final = re.compile(r"(\d{4})-(\d{2})")
CALENDAR: Final = (datetime(1971, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC))
"""All times that can be invoiced; call times lie in it."""
_FORMS: Final = "Use 2026-10, 2026-10-01 or 2026-10-01T00:00:00Z."


@dataclass(frozen=True, slots=True)
class Period:
    """[start, end) of call time; None is open."""

    start: datetime | None = None
    end: datetime | None = None

    def __post_init__(self) -> None:
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise InvalidPeriodError(
                f"the period from {self.start.isoformat()} to {self.end.isoformat()} is empty.",
                hint="`to` is the first moment after the period and must be later than `from`.",
            )


def parse_period(start: str | None, end: str | None) -> Period:
    """Read a period of two moments; a month or day as `end` means its beginning."""
    return Period(parse_moment(start) if start else None, parse_moment(end) if end else None)


def parse_month(text: str, zone: tzinfo = UTC) -> Period:
    """Read a calendar month such as 2026-10, which begins and ends at midnight in a time zone.

    Raises:
        InvalidPeriodError: it is no month.
    """
    match = _MONTH.fullmatch(text.strip())
    if match is None or not 1 <= int(match[2]) <= 12:
        raise InvalidPeriodError(f"{text!r} is no month.", hint="Use a form like 2026-10, or give from and to.")
    year, month = int(match[1]), int(match[2])
    if not 2 <= year < 9999:  # at the ends of the calendar, an offset leads out of it
        raise InvalidPeriodError(f"{text!r} is no month.", hint="Use a form like 2026-10.")
    return Period(_month_start(year, month, zone), _month_start(*_following(year, month), zone))


def parse_moment(text: str) -> datetime:
    """Read one moment; without an offset it is UTC.

    Raises:
        InvalidPeriodError: it is no moment.
    """
    text = text.strip()
    if _MONTH.fullmatch(text):
        start = parse_month(text).start
        assert start is not None
        return start
    try:
        if len(text) == len("2026-10-01"):
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        moment = datetime.fromisoformat(text)
        # Near the ends of the calendar, an offset leads out of it.
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidPeriodError(f"{text!r} is no date or time.", hint=_FORMS) from None


def month_of(moment: datetime, zone: tzinfo = UTC) -> str:
    """Return the calendar month of a moment in a time zone, as 2026-10."""
    there = moment.astimezone(zone)
    return f"{there.year:04d}-{there.month:02d}"


def months_between(start: datetime, end: datetime, zone: tzinfo = UTC) -> list[Period]:
    """Return the calendar months that [start, end) touches, each whole."""
    months: list[Period] = []
    moment = start
    while moment < end:
        month = parse_month(month_of(moment, zone), zone)
        assert month.end is not None
        months.append(month)
        moment = month.end
    return months


def share_of_months(start: datetime, end: datetime, zone: tzinfo = UTC) -> Fraction:
    """Return how many calendar months [start, end) is long: each month's seconds as a part of that month's."""
    share = Fraction(0)
    for month in months_between(start, end, zone):
        assert month.start is not None
        assert month.end is not None
        within = min(end, month.end) - max(start, month.start)
        share += Fraction(within // _MICROSECOND, (month.end - month.start) // _MICROSECOND)
    return share


def uncovered(
    parts: Iterable[tuple[datetime, datetime]], start: datetime, end: datetime
) -> tuple[tuple[datetime, datetime], ...]:
    """Return the times of [start, end) that no part covers, in order."""
    holes, reached = [], start
    for begins, ends in sorted(parts):
        if begins > reached:
            holes.append((reached, begins))
        reached = max(reached, ends)
    return (*holes, (reached, end)) if reached < end else tuple(holes)


def midnight(day: date, zone: tzinfo = UTC) -> datetime:
    """Return the first moment of a day in a time zone, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _month_start(year: int, month: int, zone: tzinfo) -> datetime:
    return midnight(date(year, month, 1), zone)


def _following(year: int, month: int) -> tuple[int, int]:
    return (year + 1, 1) if month == 12 else (year, month + 1)


def is_in_future(period: Period, *, now: datetime) -> bool:
    """Say whether the whole period is still to come."""
    return period.start is not None and period.start > now
