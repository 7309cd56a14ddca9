"""Money on rows: calls laid out for `pricing`, amounts laid back into the ledger's columns.

A row is priced once, when it is first billed, at the price in force at the call's start. A row that already carries a
price status keeps its money as it is: prices are pinned until a job moves them. Such a job asks `price_rows` what the
rows would cost by a book, and compares.

Must not: know a price, or round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ledger.money import COST_TYPE, cost_array, round_cost, to_picos
from ledger.schema import COST_COLUMNS, UNIT_COLUMNS
from pricing.apply import CallColumns, MoneyColumns, price
from pricing.book import PriceBook
from pricing.explain import Explained, explain
from receiver.dialects.reading import Reading
from receiver.sealer.decode import DecodedSpan

# Everything that pricing says of a row.
PRICED_COLUMNS: Final = (
    "input_cost", "output_cost", "other_cost", "cost", "list_cost", "cost_low", "cost_high", "cost_currency",
    "price_status", "price_version", "list_price_version", "price_model", "price_reason",
)  # fmt: skip
# Everything that pricing asks of a row, beside its start.
_CALL_COLUMNS: Final = (
    "provider", "request_model", "response_model", "service_tier", "usage_status", "usage_flags", "billing_mode",
    "provider_account", "region", "deployment", "reported_cost", "reported_cost_source", "other_usage", *UNIT_COLUMNS,
)  # fmt: skip
_AMOUNTS: Final = frozenset(COST_COLUMNS)


def price_new(readings: Sequence[Reading], spans: Sequence[DecodedSpan], *, book: PriceBook) -> dict[str, pa.Array]:
    """Return the money columns of new calls."""
    units = {name for reading in readings for name in reading.usage}
    calls = CallColumns(
        provider=[one.provider for one in readings],
        model=[one.response_model or one.request_model for one in readings],
        start_time_us=[span.start_ns // 1000 for span in spans],
        service_tier=[one.service_tier for one in readings],
        usage={name: [one.usage.get(name) for one in readings] for name in sorted(units)},
        usage_status=[one.usage_status for one in readings],
        usage_flags=[(*one.usage_flags, *span.flags) for one, span in zip(readings, spans, strict=True)],
        billing_mode=_said([one.billing_mode for one in readings]),
        request_model=[one.request_model for one in readings],
        provider_account=_said([one.provider_account for one in readings]),
        region=_said([one.region for one in readings]),
        deployment=_said([one.deployment for one in readings]),
        reported_cost=_all_picos([one.reported_cost for one in readings]),
        reported_cost_source=_said([one.reported_cost_source for one in readings]),
    )
    return _columns(price(calls, book=book))


def price_rows(rows: pa.Table, *, book: PriceBook, kind: npt.NDArray[np.int64] | None = None) -> dict[str, pa.Array]:
    """Return what rows of the entry schema cost by a book, from permanent columns alone; nothing of them is changed.

    The columns are `PRICED_COLUMNS`. Give it rows that stand (usage, restatements): a reversal's figures are negative.
    `kind` may number the rows so that equal ones differ only in time and counts.
    """
    return _columns(price(_calls_of(rows, kind), book=book))


def explain_row(row: pa.Table, *, book: PriceBook) -> Explained:
    """Explain what one row of the entry schema costs by a book: rates, multiplications, reasons."""
    return explain(_calls_of(row), book=book)


def price_unpriced(rows: pa.Table, *, book: PriceBook) -> pa.Table:
    """Fill in the money of rows that have never been priced; the others stay as they are."""
    statuses = rows.column("price_status").to_pylist()
    positions = [position for position, status in enumerate(statuses) if status is None]
    if not positions:
        return rows
    if len(positions) == rows.num_rows:
        return with_money(rows, price_rows(rows, book=book))
    money = price_rows(rows.take(positions), book=book)
    # Rows that had money first, then the newly priced, then back into order.
    kept = [position for position, status in enumerate(statuses) if status is not None]
    fresh = with_money(rows.take(positions), money)
    joined = pa.concat_tables([rows.take(pa.array(kept, pa.int64())), fresh])
    order = {position: place for place, position in enumerate([*kept, *positions])}
    return joined.take([order[position] for position in range(rows.num_rows)])


def with_money(rows: pa.Table, money: Mapping[str, pa.Array]) -> pa.Table:
    """Put money into rows."""
    arrays = [money.get(name, rows.column(name)) for name in rows.column_names]
    return pa.Table.from_arrays(arrays, schema=rows.schema)


def _calls_of(rows: pa.Table, kind: npt.NDArray[np.int64] | None = None) -> CallColumns:
    values: dict[str, list[Any]] = {name: _values(rows.column(name)) for name in _CALL_COLUMNS}
    usage: dict[str, Sequence[int | None]] = {name: values[name] for name in UNIT_COLUMNS}
    if rows.column("other_usage").null_count < rows.num_rows:
        others = [dict(value) if value else {} for value in values["other_usage"]]
        for name in sorted({name for value in others for name in value}):
            usage[name] = [value.get(name) for value in others]
    models = zip(values["response_model"], values["request_model"], strict=True)
    return CallColumns(
        provider=values["provider"],
        model=[response or request for response, request in models],
        start_time_us=rows.column("start_time").cast(pa.int64()).to_pylist(),
        service_tier=values["service_tier"],
        usage=usage,
        usage_status=values["usage_status"],
        usage_flags=values["usage_flags"],
        billing_mode=_said(values["billing_mode"]),
        request_model=values["request_model"],
        provider_account=_said(values["provider_account"]),
        region=_said(values["region"]),
        deployment=_said(values["deployment"]),
        reported_cost=_all_picos(values["reported_cost"]),
        reported_cost_source=_said(values["reported_cost_source"]),
        kind=kind,
    )


def _values(column: pa.ChunkedArray) -> list[Any]:
    """Return a column as Python's values; one without a value, the commonest, is not walked."""
    return [None] * len(column) if column.null_count == len(column) else column.to_pylist()


def _said(column: list[Any]) -> list[Any] | None:
    """A column that no call says anything in, the commonest, is none."""
    return None if column.count(None) == len(column) else column


def _all_picos(costs: list[Decimal | None]) -> list[int | None] | None:
    return None if costs.count(None) == len(costs) else [_picos(cost) for cost in costs]


def _picos(cost: Decimal | None) -> int | None:
    return None if cost is None else to_picos(round_cost(cost))


def _columns(money: MoneyColumns) -> dict[str, pa.Array]:
    return {name: _array(name, getattr(money, name)) for name in PRICED_COLUMNS}


def _array(name: str, values: list[Any]) -> pa.Array:
    if values.count(None) == len(values):
        return pa.nulls(len(values), COST_TYPE if name in _AMOUNTS else pa.string())
    return cost_array(values) if name in _AMOUNTS else pa.array(values, pa.string())
