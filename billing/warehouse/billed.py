"""What is billed: sums for many customers in one scan, by windows of call time; and the entries behind a sum.

A window says that calls of one id that began in [start, end) belong to one bucket. Windows of one id do not meet. What
the ledger knew is a commit; figures are sums over `entries` up to it, so corrections are in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from billing.warehouse.warehouse import Row, Warehouse
from ledger.schema import UNIT_COLUMNS

_MODEL: Final = "coalesce(response_model, request_model)"
# Beyond so many ids a list of them prunes nothing that the join does not.
_IDS_LISTED_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class Window:
    """Calls of one id that began in [start, end) belong to a bucket."""

    bucket: int
    id: str
    start: datetime
    end: datetime
    after_commit: int = -1
    """For `changes`: only what the ledger learned after this commit."""


def sums(warehouse: Warehouse, windows: Sequence[Window], *, commit: int) -> dict[int, list[Row]]:
    """Return each bucket's figures by provider, model and currency, as known at a commit. One scan for all."""
    if not windows:
        return {}
    units = ", ".join(f"sum({unit})::BIGINT AS {unit}" for unit in UNIT_COLUMNS)
    joined, values = _joined(windows, commit=commit)
    rows = warehouse.rows(
        f"""SELECT bucket, provider, {_MODEL} AS model, cost_currency AS currency,
    sum(call_count)::BIGINT AS calls,
    coalesce(sum(call_count) FILTER (WHERE price_status <> 'priced'), 0)::BIGINT AS unpriced_calls,
    coalesce(sum(cost), 0)::DECIMAL(38,12) AS cost, list(DISTINCT price_version) AS price_versions, {units}
FROM {joined} GROUP BY 1, 2, 3, 4
HAVING sum(call_count) <> 0 OR sum(cost) <> 0
ORDER BY bucket, provider NULLS LAST, model NULLS LAST, currency NULLS LAST""",
        values,
    )
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row["bucket"], []).append(row)
    return found


def rarer_units(warehouse: Warehouse, windows: Sequence[Window], *, commit: int) -> dict[tuple[Any, ...], int]:
    """Return the units that have no column, by (bucket, provider, model, currency, unit)."""
    if not windows:
        return {}
    joined, values = _joined(windows, commit=commit, where="e.other_usage IS NOT NULL")
    rows = warehouse.rows(
        f"""SELECT bucket, provider, model, currency, one.key AS unit, sum(one.value)::BIGINT AS quantity FROM (
    SELECT bucket, provider, {_MODEL} AS model, cost_currency AS currency, unnest(map_entries(other_usage)) AS one
    FROM {joined}
) GROUP BY ALL HAVING sum(one.value) <> 0""",
        values,
    )
    names = ("bucket", "provider", "model", "currency", "unit")
    return {tuple(row[name] for name in names): row["quantity"] for row in rows}


def changes(warehouse: Warehouse, windows: Sequence[Window], *, commit: int) -> dict[int, list[Row]]:
    """Return, for each bucket that has any, what the ledger learned after each window's commit, by type and reason."""
    if not windows:
        return {}
    after = min(one.after_commit for one in windows)
    joined, values = _joined(windows, commit=commit, where='e."commit" > w.after_commit AND e."commit" > ?')
    rows = warehouse.rows(
        f"""SELECT bucket, entry_type, reason, sum(call_count)::BIGINT AS calls, count(*)::BIGINT AS entries
FROM {joined} GROUP BY ALL ORDER BY ALL""",
        [*values, after],
    )
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row["bucket"], []).append(row)
    return found


def ids_seen(warehouse: Warehouse, *, start: datetime | None = None, end: datetime | None = None) -> list[Row]:
    """Return every id that entries name in a time: its first and last call, calls and cost. One scan of few columns."""
    parts, values = ["customer_id IS NOT NULL"], []
    for condition, moment in (("start_time >= ?", start), ("start_time < ?", end)):
        if moment is not None:
            parts.append(condition)
            values.append(moment)
    return warehouse.rows(
        f"""SELECT customer_id AS id, min(start_time) AS first_call, max(start_time) AS last_call,
    sum(call_count)::BIGINT AS calls, sum(cost)::DECIMAL(38,12) AS cost
FROM entries WHERE {" AND ".join(parts)} GROUP BY 1 ORDER BY 1""",
        values,
    )


def unattributed(warehouse: Warehouse, *, start: datetime, end: datetime, commit: int) -> Row:
    """Return calls and cost of a time, all and those nobody is known to pay for."""
    return warehouse.rows(
        """SELECT coalesce(sum(call_count), 0)::BIGINT AS calls,
    coalesce(sum(call_count) FILTER (WHERE customer_id IS NULL), 0)::BIGINT AS unattributed_calls,
    coalesce(sum(cost) FILTER (WHERE customer_id IS NULL), 0)::DECIMAL(38,12) AS unattributed_cost
FROM entries WHERE start_time >= ? AND start_time < ? AND "commit" <= ?""",
        [start, end, commit],
    )[0]


def totals(warehouse: Warehouse, *, commit: int) -> list[Row]:
    """Return calls and cost of all the ledger, as known at a commit, by currency and by whether they are nobody's."""
    return warehouse.rows(
        """SELECT customer_id IS NULL AS is_nobodys, cost_currency AS currency,
    sum(call_count)::BIGINT AS calls, sum(cost) AS cost
FROM entries WHERE "commit" <= ? GROUP BY ALL""",
        [commit],
    )


def totals_of_calls(warehouse: Warehouse) -> list[Row]:
    """Return calls and cost of all the ledger by currency, from its view of calls."""
    return warehouse.rows(
        "SELECT cost_currency AS currency, count(*) AS calls, sum(cost) AS cost FROM calls GROUP BY ALL"
    )


def digest_of(warehouse: Warehouse, commit: int) -> tuple[str, str | None]:
    """Return the ledger's id, and the digest of one of its commits; None where it has no such commit."""
    return warehouse.ledger_id(), warehouse.digest_of(commit)


def entries_of(
    warehouse: Warehouse,
    windows: Sequence[Window],
    *,
    commit: int,
    sold: Sequence[tuple[str | None, str | None]],
    limit: int,
    offset: int,
) -> list[Row]:
    """Return the entries of windows, up to a commit, by call time: of these providers and models."""
    if not windows or not sold:
        return []
    joined, values = _joined(windows, commit=commit, where='e."commit" > w.after_commit')
    units = ", ".join(UNIT_COLUMNS)
    return warehouse.rows(
        f"""SELECT trace_id, span_id, source, ingest_scope, source_id, revision, entry_type, reason, "commit",
    start_time, provider, {_MODEL} AS model, customer_id, call_count, input_cost, output_cost, other_cost, cost,
    cost_currency, price_status, price_version, other_usage, {units}
FROM {joined} AND EXISTS (
    SELECT 1 FROM (SELECT unnest(?::VARCHAR[]) AS provider, unnest(?::VARCHAR[]) AS model) s
    WHERE s.provider IS NOT DISTINCT FROM e.provider AND s.model IS NOT DISTINCT FROM {_MODEL}
)
ORDER BY start_time, source, ingest_scope, source_id, revision LIMIT {int(limit)} OFFSET {int(offset)}""",
        [*values, [one[0] for one in sold], [one[1] for one in sold]],
    )


def _joined(windows: Sequence[Window], *, commit: int, where: str = "true") -> tuple[str, list[Any]]:
    """Return entries joined to their windows, as a FROM clause with its conditions, and the values."""
    ids = sorted({one.id for one in windows})
    values: list[Any] = [
        [one.bucket for one in windows],
        [one.id for one in windows],
        [one.start for one in windows],
        [one.end for one in windows],
        [one.after_commit for one in windows],
        min(one.start for one in windows),
        max(one.end for one in windows),
        commit,
    ]
    listed = ""
    if len(ids) <= _IDS_LISTED_MAX:
        listed = f"AND e.customer_id IN ({', '.join('?' for _ in ids)})"
        values += ids
    return (
        f"""entries e JOIN (
    SELECT unnest(?::BIGINT[]) AS bucket, unnest(?::VARCHAR[]) AS id, unnest(?::TIMESTAMPTZ[]) AS from_time,
        unnest(?::TIMESTAMPTZ[]) AS to_time, unnest(?::BIGINT[]) AS after_commit
) w ON e.customer_id = w.id AND e.start_time >= w.from_time AND e.start_time < w.to_time
WHERE e.start_time >= ? AND e.start_time < ? AND e."commit" <= ? {listed} AND {where}""",
        values,
    )
