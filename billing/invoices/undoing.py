"""Undoing: a void, as though the invoice had not been; a credit note, which gives back and leaves it as it is.

Void: the number stays used, the period is open again, and what prepaid credits paid is theirs again. Refused while a
standing invoice corrects it, or a credit note refers to it: those would hang in the air.

Credit note: a document of its own, in the series CN, whose lines are negative and refer to lines of the original; of no
line more is given back than it asked for. It is a concession: what was credited is not billed again as a correction. An
original of which all is given back is `credited`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.errors import FieldProblem, InvalidValueError, WrongStateError
from billing.invoices.composing import numbered, taxes_of
from billing.invoices.document import CREDIT_NOTE, INVOICE, Document, Line, Original, StepSaid, Totals
from billing.invoices.finalising import hold_series, write
from billing.invoices.kept import STANDING, Kept, State, credit_notes, get, kept, locked, new_id
from billing.store.database import Database
from billing.store.tables import InvoiceRow, LineRow
from ledger.money import round_to_minor_unit

CREDIT_NOTE_SERIES: Final = "CN"
_ZERO: Final = Decimal(0)
Then = Callable[[Session, Kept], None]


def void(database: Database, invoice_id: str, *, reason: str, then: Then | None = None) -> Kept:
    """Void an invoice; one that is voided is returned as it is.

    Raises:
        UnknownInvoiceError: there is none of that id.
        WrongStateError: it is a draft, credited or a credit note, or something standing refers to it.
    """
    with database.writing() as session:
        row = _held(session, invoice_id)
        if row.state != State.VOIDED.value:
            _require_voidable(session, row)
            row.state = State.VOIDED.value
            row.voided_time, row.void_reason = datetime.now(UTC), reason
            session.flush()
        result = kept(row)
        if then is not None:
            then(session, result)
    return result


def credit(
    database: Database,
    invoice_id: str,
    *,
    reason: str,
    amounts: Mapping[int, Decimal] | None = None,
    now: datetime | None = None,
    then: Then | None = None,
) -> Kept:
    """Make a credit note over lines of an invoice, by their numbers; without `amounts`, over all that is left of it.

    Raises:
        UnknownInvoiceError: there is none of that id.
        WrongStateError: it is not finalised, is credited already, or is a credit note.
        InvalidValueError: there is no such line, or more would be given back than it asks for.
    """
    with database.writing() as session:
        row = _held(session, invoice_id)
        if row.kind != INVOICE or row.state != State.FINALISED.value:
            raise WrongStateError(
                f"{_named(row)} is {row.state}; credit notes are for finalised invoices.", hint="Choose another one."
            )
        original = kept(row)
        left = _left(original.document, credit_notes(session, original.id))
        wanted = {number: amount for number, amount in left.items() if amount} if amounts is None else amounts
        _check(wanted, left, original.document.currency)
        note = InvoiceRow(
            id=new_id(),
            kind=CREDIT_NOTE,
            state=State.DRAFT.value,
            customer=row.customer,
            period_start=row.period_start,
            period_end=row.period_end,
            created_time=datetime.now(UTC),
            notes="",
            original_id=row.id,
        )
        session.add(note)
        document = _document(note.id, original.document, wanted, reason)
        result = write(session, note, hold_series(session, CREDIT_NOTE_SERIES), document, now=now or datetime.now(UTC))
        if all(amount == wanted.get(number, _ZERO) for number, amount in left.items()):
            row.state = State.CREDITED.value
            session.flush()
        if then is not None:
            then(session, result)
    return result


def _held(session: Session, invoice_id: str) -> InvoiceRow:
    """Return an invoice's row, holding its series as whoever finalises does."""
    found = get(session, invoice_id)
    if found.number is not None:
        hold_series(session, found.number.rpartition("-")[0])
    return locked(session, found.id)


def _require_voidable(session: Session, row: InvoiceRow) -> None:
    if row.kind != INVOICE or row.state != State.FINALISED.value:
        raise WrongStateError(
            f"{_named(row)} is {row.state if row.kind == INVOICE else 'a credit note'}; it cannot be voided.",
            hint="A draft is deleted; what is credited stays.",
        )
    if credit_notes(session, row.id):
        raise WrongStateError(
            f"{_named(row)} has credit notes.", hint="Credit the rest of it instead: they refer to it."
        )
    later = session.scalar(
        select(InvoiceRow)
        .join(LineRow, LineRow.invoice_id == InvoiceRow.id)
        .where(LineRow.subject_id == row.id, InvoiceRow.id != row.id, InvoiceRow.state.in_(STANDING))
        .limit(1)
    )
    if later is not None:
        raise WrongStateError(
            f"{_named(later)} has corrections of {_named(row)}.", hint="Void that one first, or make a credit note."
        )


def _left(original: Document, notes: Sequence[Kept]) -> dict[int, Decimal]:
    """Return what is left of each line: its amount less what was credited."""
    left = {line.number: line.amount for line in original.lines}
    for note in notes:
        for line in note.document.lines:
            left[int(line.key)] += line.amount
    return left


def _check(wanted: Mapping[int, Decimal], left: Mapping[int, Decimal], currency: str) -> None:
    problems = []
    for number, amount in wanted.items():
        field = f"lines.{number}"
        if number not in left:
            problems.append(FieldProblem(field, str(number), "is no line of the invoice", "Look at its lines."))
        elif amount == 0 or round_to_minor_unit(amount, currency=currency) != amount:
            problems.append(
                FieldProblem(field, f"{amount:f}", "is no amount in whole minor units", "Give a price like 1.25.")
            )
        elif not min(left[number], _ZERO) <= amount <= max(left[number], _ZERO):
            problems.append(
                FieldProblem(field, f"{amount:f}", "is more than is left of the line", f"At most {left[number]:f}.")
            )
    if problems:
        raise InvalidValueError(
            f"the credit note has problems: {' '.join(str(one) for one in problems)}", problems=problems
        )
    if not wanted:
        raise InvalidValueError("nothing is left to be credited.", hint="Look at the credit notes there are.")


def _document(note_id: str, original: Document, wanted: Mapping[int, Decimal], reason: str) -> Document:
    assert original.number is not None
    assert original.issued is not None
    lines = numbered([_line(line, wanted[line.number]) for line in original.lines if line.number in wanted])
    taxes = taxes_of(lines, original.currency)
    net = sum((line.amount for line in lines), _ZERO)
    tax = sum((one.amount for one in taxes), _ZERO)
    return msgspec.structs.replace(
        original,
        kind=CREDIT_NOTE,
        id=note_id,
        number=None,
        issued=None,
        lines=lines,
        taxes=taxes,
        prepaid=(),
        totals=Totals(net, tax, net + tax, _ZERO, net + tax),
        notes="",
        original=Original(original.id, original.number, original.issued, reason),
    )


def _line(line: Line, amount: Decimal) -> Line:
    """Return the line that gives back a part of a line; its key is that line's number."""
    step = StepSaid(f"of line {line.number}, {line.amount:f}", Decimal(1), "credit", -amount, 1, -amount)
    is_whole = amount == line.amount
    return msgspec.structs.replace(
        line,
        kind="credit",
        key=str(line.number),
        amount=-amount,
        exact=-amount,
        calls=-line.calls if is_whole else 0,
        quantities={unit: -count for unit, count in line.quantities.items()} if is_whole else {},
        steps=(step,),
    )


def _named(row: InvoiceRow) -> str:
    return f"invoice {kept(row).number or row.id}"
