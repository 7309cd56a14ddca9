"""Prepaid credits: what a customer paid in advance, until when it counts, and what invoices took of it.

A grant pays for an invoice whose period begins before the grant expires and ends after it began. The oldest is used
first. A voided invoice gives back what it took.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.customers.book import get
from billing.errors import InvalidPeriodError, InvalidValueError
from billing.periods import parse_moment
from billing.plans.fields import Fields
from billing.store.tables import GrantRow, GrantUseRow, InvoiceRow
from ledger.money import round_to_minor_unit

_VOIDED: Final = "voided"


@dataclass(frozen=True, slots=True)
class Grant:
    """Credit paid in advance, and how much of it is left."""

    id: str
    customer: str
    amount: Decimal
    currency: str
    valid_from: datetime
    expires: datetime | None
    reason: str
    left: Decimal


@dataclass(frozen=True, slots=True)
class GrantUse:
    """What an invoice takes of a grant."""

    grant_id: str
    reason: str
    amount: Decimal


def add_grant(session: Session, customer_id: str, content: Mapping[str, Any]) -> Grant:
    """Keep a grant for a registered customer.

    Raises:
        UnknownCustomerError: the customer is not registered.
        InvalidValueError: the content has problems; all of them are named.
    """
    get(session, customer_id)
    fields = Fields(content)
    fields.only(frozenset({"amount", "currency", "from", "expires", "reason"}))
    amount, currency = fields.decimal("amount"), fields.currency("currency")
    begins, expires = _moment(fields, "from"), _moment(fields, "expires")
    reason = fields.text("reason", "Prepaid credit")
    if not fields.problems:
        if amount <= 0 or round_to_minor_unit(amount, currency=currency) != amount:
            fields.note("amount", "is no amount above 0 in whole minor units", 'Give a price such as "100.00".')
        if begins is not None and expires is not None and begins >= expires:
            fields.note("expires", "is not after from", "Give the first moment at which it does not count any more.")
    if fields.problems:
        raise InvalidValueError(" ".join(str(one) for one in fields.problems), problems=fields.problems)
    now = datetime.now(UTC)
    row = GrantRow(
        id=f"grant_{secrets.token_hex(8)}",
        customer_id=customer_id,
        amount=amount,
        currency=currency,
        valid_from=begins or now,
        expires=expires,
        reason=reason,
        created_time=now,
    )
    session.add(row)
    session.flush()
    return _grant(row, Decimal(0))


def grants(session: Session, customer_id: str) -> list[Grant]:
    """Return a customer's grants, oldest first, with what is left of each."""
    used: dict[str, Decimal] = {}
    uses = (
        select(GrantUseRow.grant_id, GrantUseRow.amount)
        .join(InvoiceRow, InvoiceRow.id == GrantUseRow.invoice_id)
        .join(GrantRow, GrantRow.id == GrantUseRow.grant_id)
        .where(GrantRow.customer_id == customer_id, InvoiceRow.state != _VOIDED)
    )
    for grant_id, amount in session.execute(uses):
        used[grant_id] = used.get(grant_id, Decimal(0)) + amount
    rows = session.scalars(
        select(GrantRow)
        .where(GrantRow.customer_id == customer_id)
        .order_by(GrantRow.valid_from, GrantRow.created_time, GrantRow.id)
    )
    return [_grant(row, used.get(row.id, Decimal(0))) for row in rows]


def take(known: Iterable[Grant], wanted: Decimal, *, currency: str, start: datetime, end: datetime) -> list[GrantUse]:
    """Return what an invoice of a period takes of grants, oldest first, up to what is wanted. Pure."""
    uses = []
    for grant in known:
        counts = grant.currency == currency and grant.valid_from < end and (not grant.expires or grant.expires > start)
        amount = min(grant.left, wanted)
        if counts and amount > 0:
            uses.append(GrantUse(grant.id, grant.reason, amount))
            wanted -= amount
    return uses


def _grant(row: GrantRow, used: Decimal) -> Grant:
    return Grant(
        id=row.id,
        customer=row.customer_id,
        amount=row.amount,
        currency=row.currency,
        valid_from=row.valid_from,
        expires=row.expires,
        reason=row.reason,
        left=row.amount - used,
    )


def _moment(fields: Fields, name: str) -> datetime | None:
    value = fields.content.get(name)
    if value is None:
        return None
    try:
        return parse_moment(str(value))
    except InvalidPeriodError:
        fields.note(name, "is no moment", "Use a form like 2026-10-01.")
        return None
