"""The calls behind a line: the ledger's entries whose sum its figures are, each with what it adds.

Of a usage line these are all entries up to the invoice's commit; of a correction those learned since the period was
last invoiced. Lines that no call makes (fees, minimum, cap) have none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.orm import Session

from billing.errors import UnknownLineError
from billing.invoices.agreed import Agreed, agreed_before
from billing.invoices.document import Document, Line
from billing.invoices.drafting import customer_of
from billing.invoices.kept import get, subject_commits
from billing.invoices.measured import measure, windows_of
from billing.plans.catalogue import read_catalogue
from billing.plans.plan import CALLS, UNCACHED_INPUT, Charge, ChargeKind
from billing.rating.charging import EXACT
from billing.rating.lines import LineKind
from billing.rating.rate import assign
from billing.store.database import Database
from billing.warehouse.billed import Window, entries_of
from billing.warehouse.warehouse import Row, Warehouse


@dataclass(frozen=True, slots=True)
class Call:
    """An entry, and what it adds to its line."""

    row: Row
    billed: Decimal | None
    """Its part of the line, not rounded; None where a price depends on the whole quantity."""
    arithmetic: str


@dataclass(frozen=True, slots=True)
class _Where:
    """Where the entries of a line are."""

    windows: Sequence[Window]
    sold: Sequence[tuple[str | None, str | None]]
    charge: Charge | None


def calls_of(
    warehouse: Warehouse, database: Database, document: Document, number: int, *, limit: int, offset: int = 0
) -> list[Call]:
    """Return the entries behind a line of an invoice, by call time.

    Raises:
        UnknownLineError: it has no such line.
    """
    line = next((one for one in document.lines if one.number == number), None)
    if line is None:
        raise UnknownLineError(
            f"there is no line {number} on this invoice.", hint=f"It has the lines 1 to {len(document.lines)}."
        )
    with database.reading() as session:
        where = _where(session, warehouse, document, line)
    rows = entries_of(
        warehouse, where.windows, commit=document.as_of.commit, sold=where.sold, limit=limit, offset=offset
    )
    return [_call(row, line, where.charge) for row in rows]


def _where(session: Session, warehouse: Warehouse, document: Document, line: Line) -> _Where:
    catalogue = read_catalogue(session)
    if line.kind == LineKind.USAGE.value:
        agreed = agreed_before(document, customer_of(session, document.customer.id), catalogue)
        after = -1
        segments = [line.segment or 0]
    elif line.correction is not None:
        original = get(session, line.correction.invoice_id).document
        agreed = agreed_before(original, customer_of(session, document.customer.id), catalogue)
        before = [one for one in subject_commits(session, original.id) if one < document.as_of.commit]
        after = max([original.as_of.commit, *before])
        segments = list(range(len(agreed.terms.segments)))
    else:
        return _Where((), (), None)
    usage = measure(warehouse, [agreed], commit=document.as_of.commit)[0].usage
    sold: list[tuple[str | None, str | None]] = []
    found: Charge | None = None
    for segment in segments:
        for charge, rows in assign(agreed.terms.segments[segment].plan, usage[segment]):
            if charge.id == line.charge:
                found = charge
                sold += [(one.provider, one.model) for one in rows]
    if line.provider is not None or line.model is not None:
        sold = [(line.provider, line.model)]
    return _Where(_windows(agreed, segments, after), sorted(set(sold), key=str), found)


def _windows(agreed: Agreed, segments: Sequence[int], after: int) -> list[Window]:
    parts = [agreed.terms.segments[one] for one in segments]
    return [
        Window(0, one.id, one.start, one.end, after)
        for part in parts
        for one in windows_of(agreed, part.start, part.end, 0)
    ]


def _call(row: Row, line: Line, charge: Charge | None) -> Call:
    if charge is None or line.correction is not None:
        return Call(row, None, "what was learned since the period was last invoiced")
    if charge.kind is ChargeKind.PASS_THROUGH:
        if row["cost"] is None:
            return Call(row, None, "its cost is not known, so it is not in the line")
        billed = EXACT.multiply(EXACT.multiply(row["cost"], charge.factor), line.exchange_rate)
        return Call(row, billed, f"{row['cost']:f} × {charge.factor:f} × {line.exchange_rate:f} = {billed:f}")
    quantity = _quantity(row, charge.unit)
    if charge.kind is ChargeKind.PER_UNIT and not charge.allowance:
        amount = EXACT.divide(EXACT.multiply(Decimal(quantity), charge.price), Decimal(charge.per))
        billed = EXACT.multiply(amount, line.exchange_rate)
        return Call(row, billed, f"{quantity} {charge.unit} × {charge.price:f} / {charge.per} × {line.exchange_rate:f}")
    return Call(row, None, f"{quantity} of the line's {charge.unit}; their price depends on all of them")


def _quantity(row: Row, unit: str) -> int:
    if unit == CALLS:
        return int(row["call_count"])
    if unit == UNCACHED_INPUT:
        cached = (row["cache_read_tokens"] or 0) + (row["cache_write_tokens"] or 0)
        return int((row["input_tokens"] or 0) - cached)
    return int(row.get(unit) or 0)
