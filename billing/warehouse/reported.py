"""Costs that spans carry, beside the ledger's own: where they differ, by how much, and in which calls most.

A reported cost is a claim: an SDK's table, a gateway's margin, or what was really charged. It is compared only where
the call has a cost of its own in dollars, which is what claims are in; calls without one are counted beside. Ours is
`cost`; where that was not computed from usage it is `list_cost`: for what is paid by a seat or by capacity, and where a
trusted claim has become the cost.

Must not: say which of the two is right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from billing.periods import Period
from billing.warehouse.conditions import conditions
from billing.warehouse.dimensions import dimension_sql
from billing.warehouse.warehouse import Row, Warehouse

BY_DEFAULT: Final = ("reported_source", "provider", "model")
FIGURES: Final = (
    "calls",
    "calls_apart",
    "cost",
    "reported_cost",
    "difference",
    "share",
    "calls_without_cost",
    "reported_without_cost",
)
CALL_COLUMNS: Final = (
    "trace_id",
    "span_id",
    "start_time",
    "reported_source",
    "provider",
    "model",
    "cost",
    "reported_cost",
    "difference",
    "share",
)
# Two that are closer than this are apart by rounding, or by a price list of another day: a hundredth.
_APART_PARTS: Final = 100
_SHARE_QUANTUM: Final = Decimal("0.0001")

_OURS: Final = """CASE WHEN billing_mode IN ('subscription', 'provisioned') OR starts_with(price_version, 'reported:')
    THEN list_cost ELSE cost END"""
# `claims` has a row per entry whose call claims a cost; a reversal takes back both amounts.
_CLAIMS: Final = f"""SELECT *, ours IS NOT NULL AS is_compared,
    is_compared AND abs(reported_cost - ours) * {_APART_PARTS} > abs(ours) AS is_apart
FROM (SELECT *, CASE WHEN cost_currency = 'USD' THEN {_OURS} END AS ours FROM {{view}}
{{conditions}} AND reported_cost IS NOT NULL)"""


def compare_reported(
    warehouse: Warehouse,
    *,
    by: Sequence[str] = BY_DEFAULT,
    period: Period | None = None,
    where: Mapping[str, str | None] | None = None,
    commit: int | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> list[Row]:
    """Return own and reported cost, grouped; the largest differences first. `share` is the difference's part of ours.

    Raises:
        UnknownDimensionError: a name in `by` or `where` is none.
        LedgerMissingError: nothing has been sealed yet.
    """
    names = [f'{dimension_sql(name)} AS "{name}"' for name in by]
    where_sql, values = conditions(period or Period(), where or {}, commit=commit)
    query = f"""WITH claims AS ({_CLAIMS.format(view="entries", conditions=where_sql)})
SELECT {", ".join([*names, _SUMS])}
FROM claims GROUP BY {", ".join(str(place + 1) for place in range(len(by))) or "()"}
HAVING sum(call_count) <> 0
ORDER BY {", ".join(["abs(difference) DESC NULLS LAST", "calls_without_cost DESC", *(f'"{name}"' for name in by)])}"""
    if limit is not None:
        query += f" LIMIT {int(limit)} OFFSET {int(offset)}"
    return [_with_share(row) for row in warehouse.rows(query, values)]


_SUMS: Final = """coalesce(sum(call_count) FILTER (WHERE is_compared), 0)::BIGINT AS calls,
    coalesce(sum(call_count) FILTER (WHERE is_apart), 0)::BIGINT AS calls_apart,
    sum(ours) AS cost,
    sum(reported_cost) FILTER (WHERE is_compared) AS reported_cost,
    sum(reported_cost - ours) AS difference,
    coalesce(sum(call_count) FILTER (WHERE NOT is_compared), 0)::BIGINT AS calls_without_cost,
    sum(reported_cost) FILTER (WHERE NOT is_compared) AS reported_without_cost"""


def worst_reported(
    warehouse: Warehouse,
    *,
    count: int,
    period: Period | None = None,
    where: Mapping[str, str | None] | None = None,
) -> list[Row]:
    """Return the single calls whose two costs are furthest apart, as they stand now."""
    where_sql, values = conditions(period or Period(), where or {})
    query = f"""WITH claims AS ({_CLAIMS.format(view="calls", conditions=where_sql)})
SELECT trace_id, span_id, start_time, reported_cost_source AS reported_source, provider,
    {dimension_sql("model")} AS model, ours AS cost, reported_cost, reported_cost - ours AS difference
FROM claims WHERE is_compared AND ours <> reported_cost
ORDER BY abs(difference) DESC, trace_id, span_id LIMIT {int(count)}"""
    return [_with_share(row) for row in warehouse.rows(query, values)]


def _with_share(row: Row) -> Row:
    difference, ours = row["difference"], row["cost"]
    return row | {"share": (difference / ours).quantize(_SHARE_QUANTUM) if ours else None}
