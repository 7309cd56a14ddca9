"""Measuring: what was used under given terms, asked of the warehouse for any number of customers at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from billing.errors import PlanGapError
from billing.invoices.agreed import Agreed
from billing.rating.usage import Usage
from billing.warehouse import billed
from billing.warehouse.billed import Window
from billing.warehouse.warehouse import Row, Warehouse
from ledger.schema import UNIT_COLUMNS


@dataclass(frozen=True, slots=True)
class Measured:
    """Usage for each segment of the terms, and for each time that has no plan."""

    usage: tuple[tuple[Usage, ...], ...]
    without_plan: tuple[tuple[Usage, ...], ...]

    def require_plans(self, agreed: Agreed) -> None:
        """Refuse to go on where calls would be left out.

        Raises:
            PlanGapError: a time without a plan has calls.
        """
        for (start, end), rows in zip(agreed.without_plan, self.without_plan, strict=True):
            calls = sum(one.calls for one in rows)
            if calls:
                raise PlanGapError(
                    f"no plan is in force from {start.isoformat()} to {end.isoformat()}, which has {calls:,} calls.",
                    hint="Give the customer a plan from then on, or add a plan version that is in force then.",
                )


def measure(warehouse: Warehouse, wanted: Sequence[Agreed], *, commit: int) -> list[Measured]:
    """Return what was used under each of these terms. One scan of the ledger for all."""
    windows: list[Window] = []
    buckets = 0
    for agreed in wanted:
        for start, end in _parts(agreed):
            windows += windows_of(agreed, start, end, buckets)
            buckets += 1
    rows = billed.sums(warehouse, windows, commit=commit)
    others = billed.rarer_units(warehouse, windows, commit=commit)
    rarer: dict[tuple[object, ...], dict[str, int]] = {}
    for (*where, unit), quantity in others.items():
        rarer.setdefault(tuple(where), {})[unit] = quantity
    measured, bucket = [], 0
    for agreed in wanted:
        of_parts = [_usage(rows.get(bucket + place, ()), rarer) for place, _ in enumerate(_parts(agreed))]
        bucket += len(of_parts)
        count = len(agreed.terms.segments)
        measured.append(Measured(tuple(of_parts[:count]), tuple(of_parts[count:])))
    return measured


def changed_since(
    warehouse: Warehouse, wanted: Sequence[tuple[Agreed, int]], *, commit: int
) -> dict[int, tuple[str, ...]]:
    """Return, by place, what the ledger learned of each period after a commit, in words; nothing where nothing was."""
    windows = [
        Window(place, one.id, one.start, one.end, after_commit)
        for place, (agreed, after_commit) in enumerate(wanted)
        for one in agreed.ids
    ]
    found = billed.changes(warehouse, windows, commit=commit)
    return {place: tuple(dict.fromkeys(_in_words(row) for row in rows)) for place, rows in found.items()}


def windows_of(agreed: Agreed, start: datetime, end: datetime, bucket: int) -> Iterator[Window]:
    """Yield the windows of the ids that mean a customer in a part of the period."""
    for one in agreed.ids:
        begins, ends = max(start, one.start), min(end, one.end)
        if begins < ends:
            yield Window(bucket, one.id, begins, ends)


def _parts(agreed: Agreed) -> Iterator[tuple[datetime, datetime]]:
    yield from ((one.start, one.end) for one in agreed.terms.segments)
    yield from agreed.without_plan


def _usage(rows: Sequence[Row], rarer: Mapping[tuple[object, ...], Mapping[str, int]]) -> tuple[Usage, ...]:
    return tuple(
        Usage(
            provider=row["provider"],
            model=row["model"],
            currency=row["currency"],
            calls=row["calls"],
            unpriced_calls=row["unpriced_calls"],
            cost=row["cost"],
            quantities={unit: row[unit] for unit in UNIT_COLUMNS if row[unit]}
            | dict(rarer.get((row["bucket"], row["provider"], row["model"], row["currency"]), {})),
            price_versions=tuple(sorted(one for one in row["price_versions"] if one)),
        )
        for row in rows
    )


def _in_words(row: Row) -> str:
    if row["entry_type"] == "usage":
        return "calls that arrived later"
    return f"corrected: {(row['reason'] or 'no reason given').replace('_', ' ')}"
