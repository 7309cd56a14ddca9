"""The calls behind a line, as the API says them."""

from __future__ import annotations

from typing import Final

from billing.api.invoice_forms import CallOut
from billing.errors import RequestError
from billing.invoices.calls import Call
from ledger.schema import UNIT_COLUMNS

_OFFSET_CHARS_MAX: Final = 12
_PARTS: Final = ("input_cost", "output_cost", "other_cost")


def call_out(call: Call) -> CallOut:
    """Return an entry as the API says it."""
    row = call.row
    return CallOut(
        trace_id=row["trace_id"],
        span_id=row["span_id"],
        entry=row["entry_type"],
        revision=row["revision"],
        reason=row["reason"],
        commit=row["commit"],
        start_time=row["start_time"],
        provider=row["provider"],
        model=row["model"],
        customer_id=row["customer_id"],
        quantities={unit: row[unit] for unit in UNIT_COLUMNS if row[unit]} | dict(row["other_usage"] or {}),
        parts={name: row[name] for name in _PARTS if row[name] is not None},
        cost=row["cost"],
        cost_currency=row["cost_currency"],
        price_status=row["price_status"],
        price_version=row["price_version"],
        billed=call.billed,
        arithmetic=call.arithmetic,
    )


def place_of(cursor: str | None) -> int:
    """Read a cursor: how many rows came before.

    Raises:
        RequestError: it is none.
    """
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= _OFFSET_CHARS_MAX):
        raise RequestError(f"{cursor!r} is no cursor.", hint="Use `next` of the page before, or none.")
    return int(cursor)
