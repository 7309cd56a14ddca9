"""Money on rows: calls laid out for `pricing`, amounts laid back into the ledger's columns.

A row is priced once, when it is first billed, at the price in force at the call's start. A row that already carries a
price status keeps its money as it is: prices are pinned until a job moves them. Such a job asks `price_rows` what the
rows would cost by a book, and compares.

Must not: know a price, or round.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from ledger.money import cost_array
from ledger.schema import UNIT_COLUMNS
from pricing.apply import CallColumns, MoneyColumns, price
from pricing.book import PriceBook
from receiver.dialects.reading import Reading
from receiver.sealer.decode import DecodedSpan

# Everything that pricing says of a row.
PRICED_COLUMNS: Final = (
    "input_cost", "output_cost", "other_cost", "cost", "list_cost",
    "cost_currency", "price_status", "price_version", "price_model",
)  # fmt: skip


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
    )
    return _columns(price(calls, book=book))


def price_rows(rows: pa.Table, *, book: PriceBook) -> dict[str, pa.Array]:
    """Return what rows of the entry schema cost by a book, from permanent columns alone; nothing of them is changed.

    The columns are `PRICED_COLUMNS`. Give it rows that stand (usage, restatements): a reversal's figures are negative.
    """
    return _columns(price(_calls_of(rows), book=book))


def price_unpriced(rows: pa.Table, *, book: PriceBook) -> pa.Table:
    """Fill in the money of rows that have never been priced; the others stay as they are."""
    statuses = rows.column("price_status").to_pylist()
    positions = [position for position, status in enumerate(statuses) if status is None]
    if not positions:
        return rows
    money = price_rows(rows.take(positions), book=book)
    # Rows that had money first, then the newly priced, then back into order.
    kept = [position for position, status in enumerate(statuses) if status is not None]
    fresh = rows.take(positions)
    for name in PRICED_COLUMNS:
        fresh = fresh.set_column(fresh.schema.get_field_index(name), rows.schema.field(name), money[name])
    joined = pa.concat_tables([rows.take(kept), fresh])
    order = {position: place for place, position in enumerate([*kept, *positions])}
    return joined.take([order[position] for position in range(rows.num_rows)])


def _calls_of(rows: pa.Table) -> CallColumns:
    values: dict[str, list[object]] = {name: rows.column(name).to_pylist() for name in rows.column_names}
    usage: dict[str, Sequence[int | None]] = {name: values[name] for name in UNIT_COLUMNS}  # type: ignore[misc]
    others = [dict(value) if value else {} for value in values["other_usage"]]  # type: ignore[call-overload]
    for name in sorted({name for value in others for name in value}):
        usage[name] = [value.get(name) for value in others]
    models = zip(values["response_model"], values["request_model"], strict=True)
    return CallColumns(
        provider=values["provider"],  # type: ignore[arg-type]
        model=[response or request for response, request in models],  # type: ignore[misc]
        start_time_us=rows.column("start_time").cast(pa.int64()).to_pylist(),
        service_tier=values["service_tier"],  # type: ignore[arg-type]
        usage=usage,
        usage_status=values["usage_status"],  # type: ignore[arg-type]
    )


def _columns(money: MoneyColumns) -> dict[str, pa.Array]:
    cost = cost_array(money.cost)
    return {
        "input_cost": cost_array(money.input_cost),
        "output_cost": cost_array(money.output_cost),
        "other_cost": cost_array(money.other_cost),
        "cost": cost,
        "list_cost": cost,
        "cost_currency": pa.array(money.cost_currency, pa.string()),
        "price_status": pa.array(money.price_status, pa.string()),
        "price_version": pa.array(money.price_version, pa.string()),
        "price_model": pa.array(money.price_model, pa.string()),
    }
