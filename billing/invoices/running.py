"""The billing run: one month, all customers. Whatever one of them is refused for does not stop the others.

Drafts are computed in one scan of the ledger for all, then each invoice is fixed in a transaction of its own. Stopped
anywhere and run again, it goes on: who has an invoice of the month already is passed over, a draft is taken up again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from billing.customers import book
from billing.customers.seen import customers_with_calls
from billing.invoices import kept as books
from billing.invoices.document import Document
from billing.invoices.drafting import Draft, Parts, Wanted, customer_of, draft_all
from billing.invoices.finalising import finalise, finalise_draft
from billing.invoices.kept import Kept
from billing.periods import parse_month
from ledger.errors import SpanledgerError


class Ended(StrEnum):
    """How it ended for one customer."""

    DRAFTED = "drafted"
    FINALISED = "finalised"
    ALREADY = "invoiced already"
    NOTHING = "nothing to bill"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the run did for one customer."""

    customer: str
    ended: Ended
    invoice: str = ""
    """The number; of a draft its id."""
    payable: Decimal | None = None
    currency: str = ""
    problem: str = ""

    def row(self) -> dict[str, Any]:
        """Return it as a line of a table."""
        return {
            "customer": self.customer, "ended": self.ended.value, "invoice": self.invoice, "payable": self.payable,
            "currency": self.currency, "problem": self.problem,
        }  # fmt: skip


def run(
    parts: Parts, *, month: str, only: Sequence[str] | None = None, final: bool = False, accept_gaps: bool = False
) -> tuple[int, Iterator[Outcome]]:
    """Return how many customers there are, and what becomes of each, in their order, as it is done.

    All who have calls in the month, or were billed before and may be owed a correction; with `only`, these.

    Raises:
        InvalidPeriodError: it is no month.
    """
    customers = list(only) if only else _concerned(parts, month)
    return len(customers), _outcomes(parts, month, customers, final=final, accept_gaps=accept_gaps)


def _concerned(parts: Parts, month: str) -> list[str]:
    with_calls = customers_with_calls(parts.warehouse, parts.database, parse_month(month))
    with parts.database.reading() as session:
        standing = {one.id for one in book.customers(session, archived=False)}
        return sorted(with_calls | standing | set(books.billed_customers(session)))


def _outcomes(
    parts: Parts, month: str, customers: Sequence[str], *, final: bool, accept_gaps: bool
) -> Iterator[Outcome]:
    wanted: list[Wanted] = []
    drafts: dict[str, Kept] = {}
    done: list[Outcome] = []
    with parts.database.reading() as session:
        for customer in customers:
            period = parse_month(month, zone=customer_of(session, customer).zone)
            standing = books.standing_of(session, customer, period)
            if standing is not None:
                done.append(_said(customer, Ended.ALREADY, standing.document))
                continue
            draft = books.draft_of(session, customer, period)
            if draft is not None:
                drafts[customer] = draft
            invoice_id, notes = (draft.id, draft.notes) if draft else (books.new_id(), "")
            wanted.append(Wanted(invoice_id, customer, period, notes))
    yield from done
    for asked, made in zip(wanted, draft_all(parts, wanted), strict=True):
        yield _carried_out(parts, asked, made, drafts.get(asked.customer), final=final, accept_gaps=accept_gaps)


def _carried_out(
    parts: Parts, wanted: Wanted, made: Draft | SpanledgerError, known: Kept | None, *, final: bool, accept_gaps: bool
) -> Outcome:
    if isinstance(made, SpanledgerError):
        return Outcome(wanted.customer, Ended.REFUSED, problem=str(made))
    if not made.document.lines:
        return Outcome(wanted.customer, Ended.NOTHING)
    if known is None:
        with parts.database.writing() as session:
            known = books.new_draft(session, wanted.customer, wanted.period, invoice_id=wanted.invoice_id)
    if not final:
        return _said(wanted.customer, Ended.DRAFTED, made.document)
    try:
        # Where what it relies on has moved since, it is drafted by itself.
        done = finalise_draft(parts, made, known, accept_gaps=accept_gaps) or finalise(
            parts, known.id, accept_gaps=accept_gaps
        )
    except SpanledgerError as failed:
        return Outcome(wanted.customer, Ended.REFUSED, known.id, problem=str(failed))
    return _said(wanted.customer, Ended.FINALISED, done.document)


def _said(customer: str, ended: Ended, document: Document) -> Outcome:
    return Outcome(customer, ended, document.number or document.id, document.totals.payable, document.currency)
