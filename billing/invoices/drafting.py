"""Drafting: what invoices say now, for one customer or for all of a run. Asks store and warehouse, writes nothing.

A draft is a function of (customer, period, as-of commit, terms) and of what was invoiced before; one scan of the ledger
measures all that are asked for together. What goes wrong with one of them is its own result.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy.orm import Session

from billing.customers import book
from billing.customers.customer import Customer, unregistered
from billing.customers.grants import Grant, grants
from billing.errors import InvalidPeriodError, OverlappingPeriodError, UnknownCustomerError, did_you_mean
from billing.invoices.agreed import Agreed, agree
from billing.invoices.composing import compose
from billing.invoices.document import AsOfSaid, Document, Line, UnattributedSaid, encode
from billing.invoices.kept import Kept, invoiced, standing
from billing.invoices.learned import Billed, attempt, corrections_owed
from billing.invoices.measured import Measured, measure
from billing.periods import CALENDAR, Period, is_in_future
from billing.plans.catalogue import Catalogue, read_catalogue
from billing.rating.rate import rate
from billing.seller import Seller, read_seller
from billing.store.database import Database
from billing.warehouse import billed
from billing.warehouse.open_jobs import OpenJob, open_jobs
from billing.warehouse.warehouse import AsOf, Warehouse
from ledger.errors import SpanledgerError
from ledger.layout import DataDirectory

_LONGEST: Final = timedelta(days=5 * 366)


@dataclass(frozen=True, slots=True)
class Parts:
    """What invoices are made from."""

    data: DataDirectory
    warehouse: Warehouse
    database: Database
    seller_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """An invoice to be drafted."""

    invoice_id: str
    customer: str
    period: Period
    notes: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """What an invoice says now."""

    document: Document
    fingerprint: str
    """Of what the store knew of the customer: finalising checks that it still does."""
    subjects: tuple[Document, ...]
    """The standing invoices whose corrections are in it."""
    jobs: tuple[OpenJob, ...]
    """The jobs that were open before the ledger was read."""

    @property
    def etag(self) -> str:
        """Of all that a person looks at; a commit that changes none of it does not change this."""
        around = msgspec.structs.replace(self.document.unattributed, of_calls=0)
        content = msgspec.structs.replace(self.document, as_of=AsOfSaid("", 0, ""), unattributed=around)
        return hashlib.sha256(encode(content)).hexdigest()[:32]


@dataclass(slots=True)
class _Case:
    """One draft on its way."""

    wanted: Wanted
    before: Billed
    agreed: Agreed
    grants: Sequence[Grant]
    fingerprint: str


def draft(parts: Parts, wanted: Wanted, *, now: datetime | None = None) -> Draft:
    """Return what one invoice says now.

    Raises:
        SpanledgerError: it cannot be drafted; the error says why.
    """
    (made,) = draft_all(parts, [wanted], now=now)
    if isinstance(made, SpanledgerError):
        raise made
    return made


def draft_all(parts: Parts, wanted: Sequence[Wanted], *, now: datetime | None = None) -> list[Draft | SpanledgerError]:
    """Return what invoices say now, or for each what is wrong with it. One scan of the ledger for all."""
    seller = read_seller(parts.seller_file)
    jobs = tuple(open_jobs(parts.data.jobs))
    as_of = parts.warehouse.as_of()
    with parts.database.reading() as session:
        catalogue = read_catalogue(session)
        cases = [attempt(_case, session, one, catalogue, now or datetime.now(UTC)) for one in wanted]
    open_cases = [case for case in cases if isinstance(case, _Case)]
    measured = iter(measure(parts.warehouse, [case.agreed for case in open_cases], commit=as_of.commit))
    before = [case.before for case in open_cases]
    corrected = iter(corrections_owed(parts.warehouse, before, catalogue, commit=as_of.commit))
    around = _Around(parts.warehouse, seller, as_of, jobs)
    return [
        attempt(_draft, case, next(measured), next(corrected), around) if isinstance(case, _Case) else case
        for case in cases
    ]


def fingerprint(session: Session, customer_id: str) -> str:
    """Return the digest of what the store knows of a customer that an invoice depends on."""
    customer = book.find(session, customer_id)
    known = [
        None if customer is None else customer.revision,
        [(one.id, one.state.value) for one in standing(session, customer_id)],
        [(one.id, str(one.left)) for one in grants(session, customer_id)],
    ]
    return hashlib.sha256(json.dumps(known).encode()).hexdigest()


def customer_of(session: Session, customer_id: str) -> Customer:
    """Return a customer, registered or not; an id that is sometimes another's means this one only at other times."""
    known = book.find(session, customer_id)
    return known or unregistered(customer_id, book.free_times(session, customer_id))


def check_period(period: Period, *, now: datetime) -> None:
    """Refuse periods that no invoice can be of.

    Raises:
        InvalidPeriodError: it is open, out of the calendar, too long, or wholly in the future.
    """
    if period.start is None or period.end is None:
        raise InvalidPeriodError("an invoice needs both ends of its period.", hint="Give a month, or from and to.")
    if not CALENDAR[0] <= period.start < period.end <= CALENDAR[1] or period.end - period.start > _LONGEST:
        raise InvalidPeriodError(
            f"the period from {period.start.isoformat()} to {period.end.isoformat()} is none that can be invoiced.",
            hint="It lies between 1971 and 9000, and is no longer than five years.",
        )
    if is_in_future(period, now=now):
        raise InvalidPeriodError(
            f"the period begins at {period.start.isoformat()}, which is still to come.",
            hint="Draft it once it has begun.",
        )


def overlapping(known: Sequence[Kept], period: Period) -> Kept | None:
    """Return the first invoice of these whose period meets another."""
    assert period.start is not None
    assert period.end is not None
    for one in known:
        assert one.period.start is not None
        assert one.period.end is not None
        if one.period.start < period.end and period.start < one.period.end:
            return one
    return None


def _case(session: Session, wanted: Wanted, catalogue: Catalogue, now: datetime) -> _Case:
    check_period(wanted.period, now=now)
    customer = customer_of(session, wanted.customer)
    before = standing(session, wanted.customer)
    other = overlapping(before, wanted.period)
    if other is not None:
        raise OverlappingPeriodError(
            f"invoice {other.number} of {wanted.customer!r} is for a part of this period already.",
            hint="What was learned since comes as corrections on the next invoice; or void that one first.",
        )
    return _Case(
        wanted=wanted,
        before=Billed(customer, [one.document for one in before], invoiced(session, [one.id for one in before])),
        agreed=agree(customer, wanted.period, catalogue),
        grants=grants(session, wanted.customer),
        fingerprint=fingerprint(session, wanted.customer),
    )


def _draft(case: _Case, measured: Measured, corrected: Sequence[Line] | SpanledgerError, around: _Around) -> Draft:
    customer = case.before.customer
    if not customer.is_registered and not case.before.subjects and not any((*measured.usage, *measured.without_plan)):
        around.require_seen(customer)
    if isinstance(corrected, SpanledgerError):
        raise corrected
    measured.require_plans(case.agreed)
    document = compose(
        invoice_id=case.wanted.invoice_id,
        customer=customer,
        seller=around.seller,
        agreed=case.agreed,
        as_of=around.as_of,
        rating=rate(case.agreed.terms, measured.usage),
        corrections=corrected,
        grants=case.grants,
        unattributed=around.unattributed(case.agreed.terms.start, case.agreed.terms.end),
        notes=case.wanted.notes,
    )
    return Draft(document, case.fingerprint, tuple(case.before.subjects), around.jobs)


class _Around:
    """What all drafts of one look share: asked once, or once a period."""

    def __init__(self, warehouse: Warehouse, seller: Seller, as_of: AsOf, jobs: tuple[OpenJob, ...]) -> None:
        self.seller, self.as_of, self.jobs = seller, as_of, jobs
        self._warehouse = warehouse
        self._known: dict[tuple[datetime, datetime], UnattributedSaid] = {}
        self._seen: list[str] | None = None

    def unattributed(self, start: datetime, end: datetime) -> UnattributedSaid:
        """Return what nobody is known to pay for in a period."""
        if (start, end) not in self._known:
            row = billed.unattributed(self._warehouse, start=start, end=end, commit=self.as_of.commit)
            self._known[start, end] = UnattributedSaid(
                calls=row["unattributed_calls"], of_calls=row["calls"], cost=row["unattributed_cost"]
            )
        return self._known[start, end]

    def require_seen(self, customer: Customer) -> None:
        """Refuse a customer that neither the ledger nor the store knows.

        Raises:
            UnknownCustomerError: it is unknown, or the id always means somebody else.
        """
        if self._seen is None:
            self._seen = self._warehouse.customers()
        if customer.id not in self._seen:
            raise UnknownCustomerError(
                f"the ledger has no call of customer {customer.id!r}, and none is registered so.",
                hint=did_you_mean(customer.id, self._seen),
            )
        if not customer.ids:
            raise UnknownCustomerError(
                f"{customer.id!r} always means another customer.", hint="Bill the customer whose alias it is."
            )
