"""Repricing: standing calls at the prices of now. Pure: rows in, what changes out.

A call moves when an amount, its status, its currency or the model it was priced as differs. A newer snapshot of the
same prices moves nothing: `price_version` goes on saying which price was applied first.

Must not: know a price, or touch what a span said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import pyarrow as pa

from ledger.schema import PriceStatus, SpanClass
from pricing.book import PriceBook
from receiver.sealer.jobs.slices import StandingRow
from receiver.sealer.money import PRICED_COLUMNS, price_rows
from receiver.sealer.touched import Rewrite

PRICE_ARRIVED: Final = "price_arrived"
PRICE_CHANGED: Final = "price_changed"
PRICE_WITHDRAWN: Final = "price_withdrawn"
# What decides whether a call moves.
_AMOUNTS: Final = (
    "input_cost", "output_cost", "other_cost", "cost", "list_cost", "cost_low", "cost_high", "cost_currency",
    "price_status", "price_model",
)  # fmt: skip


def reprice(
    rows: pa.Table, stand: Sequence[StandingRow], *, book: PriceBook, only_unpriced: bool = False
) -> Iterator[tuple[StandingRow, Rewrite]]:
    """Yield the standing calls whose price differs now; if wanted, only those that had none and have one now."""
    calls = [row for row in stand if row.state.span_class == SpanClass.USAGE]
    if not calls:
        return
    taken = rows.take([row.place for row in calls])
    old = _values(taken, {name: taken.column(name) for name in PRICED_COLUMNS})
    new = _values(taken, price_rows(taken, book=book))
    for row, before, after in zip(calls, old, new, strict=True):
        reason = _reason(before, after)
        if only_unpriced and reason != PRICE_ARRIVED:
            continue
        if any(before.get(name) != after.get(name) for name in _AMOUNTS):
            yield row, Rewrite(row.state.fact, after, reason)


def _values(rows: pa.Table, columns: dict[str, Any]) -> list[dict[str, Any]]:
    named = {name: column.to_pylist() for name, column in columns.items()}
    return [{name: values[place] for name, values in named.items()} for place in range(rows.num_rows)]


def _reason(before: dict[str, Any], after: dict[str, Any]) -> str:
    was, is_now = (values["price_status"] == PriceStatus.PRICED for values in (before, after))
    if is_now and not was:
        return PRICE_ARRIVED
    return PRICE_WITHDRAWN if was and not is_now else PRICE_CHANGED
