"""What the ledger does not know: who pays, what an agent spent out of sight, whether two calls are one.

These are states, listed and countable, never filled in by a default. Must not: decide any of them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from billing.periods import Period
from billing.warehouse.conditions import conditions
from billing.warehouse.warehouse import Row, Warehouse

UNATTRIBUTED_COLUMNS: Final = (
    "service", "provider", "model", "why", "calls", "share_of_calls", "cost", "share_of_cost", "currency",
    "first_call", "last_call",
)  # fmt: skip
UNEXPLAINED_COLUMNS: Final = (
    "trace_id", "span_id", "start_time", "service", "operation", "agent", "model", "input_tokens", "output_tokens",
    "reported_cost", "customer",
)  # fmt: skip
DUPLICATE_COLUMNS: Final = (
    "trace_id", "span_id", "outer_span_id", "why", "start_time", "provider", "model", "input_tokens", "output_tokens",
    "cost",
)  # fmt: skip
_SHARE_QUANTUM: Final = Decimal("0.0001")


def unattributed(warehouse: Warehouse, *, period: Period | None = None) -> list[Row]:
    """Return the calls nobody is known to pay for, grouped, most calls first; shares are of all calls and all cost.

    `why` is `none_named`, or `conflicting` where several customers were named.
    """
    where, values = conditions(period or Period(), {})
    rows = warehouse.rows(
        f"""WITH counted AS (SELECT * FROM entries {where}),
totals AS (
    SELECT cost_currency, sum(cost) AS all_cost, sum(sum(call_count)) OVER ()::BIGINT AS all_calls
    FROM counted GROUP BY cost_currency
)
SELECT x.service_name AS service, x.provider, coalesce(x.response_model, x.request_model) AS model,
    coalesce(x.customer_source, 'none_named') AS why,
    sum(x.call_count)::BIGINT AS calls, any_value(y.all_calls) AS all_calls,
    sum(x.cost) AS cost, any_value(y.all_cost) AS all_cost, x.cost_currency AS currency,
    min(x.start_time) AS first_call, max(x.start_time) AS last_call
FROM counted x JOIN totals y ON x.cost_currency IS NOT DISTINCT FROM y.cost_currency
WHERE x.customer_id IS NULL
GROUP BY ALL HAVING sum(x.call_count) <> 0
ORDER BY calls DESC, service, provider, model, why""",
        values,
    )
    for row in rows:
        row["share_of_calls"] = _share(row["calls"], row.pop("all_calls"))
        row["share_of_cost"] = _share(row["cost"], row.pop("all_cost"))
    return rows


def unexplained(warehouse: Warehouse, *, period: Period | None = None, limit: int | None = None) -> list[Row]:
    """Return the aggregates that no call explains, newest first: possible spend that nobody was billed for."""
    where, values = conditions(period or Period(), {})
    query = f"""SELECT trace_id, span_id, start_time, service_name AS service, operation, agent_name AS agent,
    coalesce(response_model, request_model) AS model, input_tokens, output_tokens, reported_cost,
    customer_id AS customer
FROM unexplained {where} ORDER BY start_time DESC, trace_id, span_id"""
    return warehouse.rows(query if limit is None else f"{query} LIMIT {int(limit)}", values)


def possible_duplicates(warehouse: Warehouse, *, period: Period | None = None, limit: int | None = None) -> list[Row]:
    """Return the calls that may be another span's call, newest first."""
    where, values = conditions(period or Period(), {})
    query = f"""SELECT trace_id, span_id, outer_span_id, why, start_time, provider,
    coalesce(response_model, request_model) AS model, input_tokens, output_tokens, cost
FROM possible_duplicates {where} ORDER BY start_time DESC, trace_id, span_id, outer_span_id"""
    return warehouse.rows(query if limit is None else f"{query} LIMIT {int(limit)}", values)


def _share(part: Decimal | int | None, whole: Decimal | int | None) -> Decimal | None:
    if part is None or not whole:
        return None
    return (Decimal(part) / Decimal(whole)).quantize(_SHARE_QUANTUM)
