"""Conditions: which rows of a view a question is about, as SQL and its values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from billing.periods import Period
from billing.warehouse.dimensions import dimension_sql


def conditions(
    period: Period, where: Mapping[str, str | None], *, commit: int | None = None
) -> tuple[str, list[str | int | datetime | Decimal]]:
    """Return a WHERE clause: calls of a period whose dimensions have these values, as known at a commit.

    Raises:
        UnknownDimensionError: a name in `where` is none.
    """
    parts: list[str] = ["true"]
    values: list[str | int | datetime | Decimal] = []
    if period.start is not None:
        parts.append("start_time >= ?")
        values.append(period.start)
    if period.end is not None:
        parts.append("start_time < ?")
        values.append(period.end)
    for name, value in where.items():
        if value is None:
            parts.append(f"{dimension_sql(name)} IS NULL")
        else:
            parts.append(f"({dimension_sql(name)})::VARCHAR = ?")
            values.append(value)
    if commit is not None:
        parts.append('"commit" <= ?')
        values.append(commit)
    return "WHERE " + " AND ".join(parts), values
