"""Invoices as kept: rows of the store as values, looked up and listed. Writes nothing but drafts.

States: draft → finalised → voided | credited. Of what is finalised only the state moves, with when and why.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.errors import UnknownInvoiceError, WrongStateError
from billing.invoices.correcting import Invoiced
from billing.invoices.document import CREDIT_NOTE, INVOICE, Document, decode
from billing.periods import Period
from billing.store.tables import InvoiceRow, LineRow


class State(StrEnum):
    """Where an invoice stands."""

    DRAFT = "draft"
    FINALISED = "finalised"
    VOIDED = "voided"
    CREDITED = "credited"


STANDING = (State.FINALISED.value, State.CREDITED.value)
"""States in which an invoice asks for what it says."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An invoice or credit note of the store."""

    id: str
    kind: str
    state: State
    customer: str
    period: Period
    created_time: datetime
    notes: str
    number: str | None = None
    finalised_time: datetime | None = None
    content: str | None = None
    """The document's bytes as text, once finalised."""
    digest: str | None = None
    original_id: str | None = None
    voided_time: datetime | None = None
    void_reason: str | None = None

    @property
    def document(self) -> Document:
        """The finalised document."""
        assert self.content is not None, "a draft's document is computed, not kept"
        return decode(self.content)


def new_draft(
    session: Session, customer: str, period: Period, *, notes: str = "", invoice_id: str | None = None
) -> Kept:
    """Keep that there is a draft; what it says is computed at each look."""
    row = InvoiceRow(
        id=invoice_id or new_id(),
        kind=INVOICE,
        state=State.DRAFT.value,
        customer=customer,
        period_start=period.start,
        period_end=period.end,
        created_time=datetime.now(UTC),
        notes=notes,
    )
    session.add(row)
    session.flush()
    return kept(row)


def change_notes(session: Session, invoice_id: str, notes: str) -> Kept:
    """Replace a draft's notes.

    Raises:
        WrongStateError: it is no draft.
    """
    row = require_draft(session, invoice_id)
    row.notes = notes
    session.flush()
    return kept(row)


def delete_draft(session: Session, invoice_id: str) -> None:
    """Throw a draft away: it was no promise.

    Raises:
        WrongStateError: it is no draft.
    """
    session.delete(require_draft(session, invoice_id))
    session.flush()


def require_draft(session: Session, invoice_id: str) -> InvoiceRow:
    """Return the row of a draft, locked.

    Raises:
        UnknownInvoiceError: there is none of that id.
        WrongStateError: it is no draft.
    """
    row = locked(session, invoice_id)
    if row.state != State.DRAFT.value:
        raise WrongStateError(
            f"invoice {invoice_id} is {row.state}; only a draft can be changed or deleted.",
            hint="Void it, or make a credit note.",
        )
    return row


def get(session: Session, invoice_id: str) -> Kept:
    """Return an invoice, by its id or number.

    Raises:
        UnknownInvoiceError: there is none of that id.
    """
    row = session.get(InvoiceRow, invoice_id)
    if row is None and "-" in invoice_id:
        series, _, sequence = invoice_id.rpartition("-")
        if sequence.isascii() and sequence.isdigit() and len(sequence) < 10:
            row = session.scalar(
                select(InvoiceRow).where(InvoiceRow.series == series, InvoiceRow.sequence == int(sequence))
            )
    if row is None:
        raise unknown(invoice_id)
    return kept(row)


def locked(session: Session, invoice_id: str) -> InvoiceRow:
    """Return an invoice's row as it is now, kept from others until the transaction ends.

    Raises:
        UnknownInvoiceError: there is none of that id.
    """
    row = session.get(InvoiceRow, invoice_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise unknown(invoice_id)
    return row


def listed(
    session: Session,
    *,
    customer: str | None = None,
    state: str | None = None,
    kind: str | None = None,
    original: str | None = None,
    within: Period | None = None,
    limit: int,
    before: str | None = None,
) -> list[Kept]:
    """Return invoices, newest first; `before` is the id of the last one seen, `within` keeps periods that meet it."""
    query = select(InvoiceRow).order_by(InvoiceRow.created_time.desc(), InvoiceRow.id.desc()).limit(limit)
    for column, value in (
        (InvoiceRow.customer, customer),
        (InvoiceRow.state, state),
        (InvoiceRow.kind, kind),
        (InvoiceRow.original_id, original),
    ):
        if value is not None:
            query = query.where(column == value)
    if within is not None and within.start is not None:
        query = query.where(InvoiceRow.period_end > within.start)
    if within is not None and within.end is not None:
        query = query.where(InvoiceRow.period_start < within.end)
    if before is not None:
        last = session.get(InvoiceRow, before)
        if last is None:
            raise UnknownInvoiceError(f"the cursor names no invoice: {before!r}.", hint="Start without it.")
        query = query.where(
            (InvoiceRow.created_time < last.created_time)
            | ((InvoiceRow.created_time == last.created_time) & (InvoiceRow.id < last.id))
        )
    return [kept(row) for row in session.scalars(query)]


def standing(session: Session, customer: str) -> list[Kept]:
    """Return a customer's invoices that ask for what they say, oldest period first; no credit notes."""
    rows = session.scalars(
        select(InvoiceRow)
        .where(InvoiceRow.customer == customer, InvoiceRow.kind == INVOICE, InvoiceRow.state.in_(STANDING))
        .order_by(InvoiceRow.period_start, InvoiceRow.id)
    )
    return [kept(row) for row in rows]


def standing_of(session: Session, customer: str, period: Period) -> Kept | None:
    """Return the invoice that asks for exactly this period of a customer; None where there is none."""
    return next((one for one in standing(session, customer) if one.period == period), None)


def draft_of(session: Session, customer: str, period: Period) -> Kept | None:
    """Return the newest draft of exactly this period of a customer; None where there is none."""
    rows = session.scalars(
        select(InvoiceRow)
        .where(InvoiceRow.customer == customer, InvoiceRow.state == State.DRAFT.value)
        .order_by(InvoiceRow.created_time.desc(), InvoiceRow.id.desc())
    )
    return next((one for row in rows if (one := kept(row)).period == period), None)


def credit_notes(session: Session, invoice_id: str) -> list[Kept]:
    """Return the credit notes of an invoice, oldest first."""
    rows = session.scalars(
        select(InvoiceRow)
        .where(InvoiceRow.original_id == invoice_id, InvoiceRow.kind == CREDIT_NOTE)
        .order_by(InvoiceRow.created_time, InvoiceRow.id)
    )
    return [kept(row) for row in rows]


def invoiced(session: Session, subjects: Sequence[str]) -> dict[str, dict[str, Invoiced]]:
    """Return, for each invoice, what was invoiced for its period by key, on it and on later standing invoices."""
    found: dict[str, dict[str, Invoiced]] = {subject: {} for subject in subjects}
    for start in range(0, len(subjects), 500):  # SQLite takes a limited number of parameters
        rows = session.execute(
            select(LineRow.subject_id, LineRow.key, LineRow.calls, LineRow.amount)
            .join(InvoiceRow, InvoiceRow.id == LineRow.invoice_id)
            .where(LineRow.subject_id.in_(subjects[start : start + 500]), InvoiceRow.state.in_(STANDING))
        )
        for subject, key, calls, amount in rows:
            was = found[subject].get(key or "", Invoiced(Decimal(0), 0))
            found[subject][key or ""] = Invoiced(was.amount + amount, was.calls + calls)
    return found


def subject_commits(session: Session, subject: str) -> list[int]:
    """Return as of which commits standing invoices have lines for an invoice's period."""
    rows = session.scalars(
        select(InvoiceRow)
        .join(LineRow, LineRow.invoice_id == InvoiceRow.id)
        .where(LineRow.subject_id == subject, InvoiceRow.state.in_(STANDING))
        .distinct()
    )
    return sorted(kept(row).document.as_of.commit for row in rows)


def billed_customers(session: Session) -> list[str]:
    """Return every customer that has a standing invoice."""
    query = select(InvoiceRow.customer).where(InvoiceRow.state.in_(STANDING)).distinct().order_by(InvoiceRow.customer)
    return list(session.scalars(query))


def number_of(series: str, sequence: int) -> str:
    """Return a number as it is printed."""
    return f"{series}-{sequence:06d}"


def new_id() -> str:
    """Return an id for an invoice; it says nothing."""
    return f"inv_{secrets.token_hex(8)}"


def unknown(invoice_id: str) -> UnknownInvoiceError:
    """Return the error for an id that names no invoice."""
    return UnknownInvoiceError(f"there is no invoice {invoice_id!r}.", hint="GET /v1/invoices lists those there are.")


def kept(row: InvoiceRow) -> Kept:
    """Return a row as a value."""
    return Kept(
        id=row.id,
        kind=row.kind,
        state=State(row.state),
        customer=row.customer,
        period=Period(row.period_start, row.period_end),
        created_time=row.created_time,
        notes=row.notes,
        number=None if row.series is None or row.sequence is None else number_of(row.series, row.sequence),
        finalised_time=row.finalised_time,
        content=row.document,
        digest=row.digest,
        original_id=row.original_id,
        voided_time=row.voided_time,
        void_reason=row.void_reason,
    )
