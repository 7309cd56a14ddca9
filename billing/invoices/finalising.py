"""Finalising: number, content, digest and lines fixed in one transaction. Either all of it is kept, or nothing.

What an invoice says is computed outside of the transaction; within it, holding its series, what the computation relied
on is looked at again, and if it moved all is done anew. So two who finalise at once make one invoice, and both get it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import msgspec
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from billing.errors import ChangedMeanwhileError, GapsError, InvalidPeriodError, NotBillableError, WrongStateError
from billing.invoices import guard
from billing.invoices.document import INVOICE, Document, digest, encode
from billing.invoices.drafting import Draft, Parts, Wanted, customer_of, draft, fingerprint
from billing.invoices.kept import Kept, State, get, kept, locked, number_of, standing_of
from billing.store.database import Database
from billing.store.tables import GrantUseRow, InvoiceRow, LineRow, SeriesRow
from billing.warehouse.open_jobs import open_jobs

_ATTEMPTS_MAX: Final = 8
Then = Callable[[Session, Kept], None]


def finalise(
    parts: Parts,
    invoice_id: str,
    *,
    accept_gaps: bool = False,
    etag: str | None = None,
    now: datetime | None = None,
    then: Then | None = None,
) -> Kept:
    """Finalise a draft; one that is finalised is returned as it is, and so is the one that is of the same period.

    With an `etag`, only if the draft still says what it said then. `then` is called in the same transaction.

    Raises:
        UnknownInvoiceError: there is none of that id.
        NotBillableError: it cannot be finalised as things stand.
        ChangedMeanwhileError: it says something else now.
        LedgerBusyError: a job touches the period.
        LedgerMismatchError: the ledger is not the one that was billed from.
    """
    for _ in range(_ATTEMPTS_MAX):
        with parts.database.reading() as session:
            found = get(session, invoice_id)
            done = _done(session, found)
        if done is not None:
            return _answer(parts.database, done, then)
        wanted = Wanted(found.id, found.customer, found.period, found.notes)
        made = draft(parts, wanted, now=now)
        if etag is not None and made.etag != etag:
            raise ChangedMeanwhileError(
                f"draft {invoice_id} says something else than what was looked at.", hint="Look at it again first."
            )
        finalised = finalise_draft(parts, made, found, accept_gaps=accept_gaps, now=now, then=then)
        if finalised is not None:
            return finalised
    raise ChangedMeanwhileError(
        f"others change what invoice {invoice_id} depends on, again and again.", hint="Try again in a moment."
    )


def finalise_draft(
    parts: Parts,
    made: Draft,
    found: Kept,
    *,
    accept_gaps: bool = False,
    now: datetime | None = None,
    then: Then | None = None,
) -> Kept | None:
    """Finalise what was drafted; None where what it relies on has moved, and it must be drafted anew."""
    moment = now or datetime.now(UTC)
    document = made.document
    _require_billable(document, accept_gaps=accept_gaps, now=moment)
    guard.require_no_jobs([*made.jobs, *open_jobs(parts.data.jobs)], [document, *made.subjects])
    guard.require_same_ledger(parts.warehouse, [one.as_of for one in made.subjects])
    with parts.database.writing() as session:
        customer = customer_of(session, found.customer)
        series = hold_series(session, customer.series)
        row = locked(session, found.id)
        if row.state != State.DRAFT.value:
            result = kept(row)
        elif fingerprint(session, found.customer) != made.fingerprint:
            return None
        else:
            document = msgspec.structs.replace(document, accepted_gaps=accept_gaps and _has_gaps(document))
            result = write(session, row, series, document, now=moment)
        if then is not None:
            then(session, result)
    return result


def hold_series(session: Session, name: str) -> SeriesRow:
    """Return a series' row, kept from others until the transaction ends; made when it is new."""
    session.execute(
        text("INSERT INTO series (name, last_number) VALUES (:name, 0) ON CONFLICT DO NOTHING"), {"name": name}
    )
    return session.scalars(
        select(SeriesRow).where(SeriesRow.name == name).with_for_update().execution_options(populate_existing=True)
    ).one()


def write(session: Session, row: InvoiceRow, series: SeriesRow, document: Document, *, now: datetime) -> Kept:
    """Give the next number and write all that is fixed with it. The series is held."""
    # A clock that was set back must not date a number before the one it follows.
    issued = now if series.last_time is None else max(now, series.last_time)
    series.last_number += 1
    series.last_time = issued
    fixed = msgspec.structs.replace(document, number=number_of(series.name, series.last_number), issued=issued)
    content = encode(fixed)
    row.state = State.FINALISED.value
    row.series, row.sequence = series.name, series.last_number
    row.finalised_time = issued
    row.document, row.digest, row.currency = content.decode(), digest(content), fixed.currency
    session.flush()
    if fixed.kind == INVOICE:
        session.add_all(
            LineRow(
                invoice_id=fixed.id,
                position=line.number,
                subject_id=fixed.id if line.correction is None else line.correction.invoice_id,
                key=line.key,
                calls=line.calls,
                amount=line.amount,
            )
            for line in fixed.lines
        )
        session.add_all(
            GrantUseRow(grant_id=one.grant_id, invoice_id=fixed.id, amount=one.amount) for one in fixed.prepaid
        )
    session.flush()
    return kept(row)


def _done(session: Session, found: Kept) -> Kept | None:
    """Return the invoice that there is already: this one, or one of the same customer and period; else None."""
    if found.state is State.VOIDED:
        raise WrongStateError(f"invoice {found.number} is voided.", hint="Draft the period anew.")
    if found.state is not State.DRAFT:
        return found
    return standing_of(session, found.customer, found.period)


def _answer(database: Database, done: Kept, then: Then | None) -> Kept:
    if then is not None:
        with database.writing() as session:
            then(session, done)
    return done


def _require_billable(document: Document, *, accept_gaps: bool, now: datetime) -> None:
    if document.period.end > now:
        raise InvalidPeriodError(
            f"the period ends at {document.period.end.isoformat()}, which is still to come.",
            hint="Finalise it when it is over; until then look at the draft.",
        )
    if _has_gaps(document) and not accept_gaps:
        raise GapsError(_gaps_in_words(document), hint="Settle them first, or say accept_gaps: the invoice tells it.")
    if not document.lines:
        raise NotBillableError(
            f"there is nothing to bill {document.customer.id!r} for in this period, and nothing to correct.",
            hint="Delete the draft.",
        )


def _has_gaps(document: Document) -> bool:
    return bool(document.gaps or document.unattributed.calls)


def _gaps_in_words(document: Document) -> str:
    parts = [
        f"{one.calls:,} calls of {one.model or 'no known model'} from {one.provider or 'nobody known'} are {one.why}"
        for one in document.gaps[:10]
    ]
    if document.unattributed.calls:
        said = document.unattributed
        parts.append(f"{said.calls:,} of the period's {said.of_calls:,} calls have no customer ({said.cost:f} USD)")
    return f"spend would be left out: {'; '.join(parts)}."
