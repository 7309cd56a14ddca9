"""The book of customers: registered, changed, archived. Ids that meet another customer's are refused here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.customers.customer import Alias, Customer
from billing.customers.reading import customer_content, read_customer
from billing.errors import (
    ChangedMeanwhileError,
    ExistsAlreadyError,
    InvalidValueError,
    UnknownCustomerError,
    did_you_mean,
)
from billing.plans.plan import AT_COST
from billing.plans.shelf import versions
from billing.store.tables import AliasRow, CustomerRow


def add(session: Session, customer: Customer) -> Customer:
    """Register a customer.

    Raises:
        ExistsAlreadyError: the id is a registered customer's.
        InvalidValueError: an id means somebody else at the same time, or a plan is unknown.
    """
    if session.get(CustomerRow, customer.id) is not None:
        raise ExistsAlreadyError(
            f"customer {customer.id!r} is registered already.", hint="Change it: PATCH, or spanledger customers change."
        )
    _check(session, customer)
    row = CustomerRow(id=customer.id, revision=1, created_time=datetime.now(UTC), details=_details(customer))
    session.add(row)
    session.flush()
    _write_aliases(session, customer)
    return _customer(row)


def change(session: Session, customer: Customer, *, revision: int | None = None) -> Customer:
    """Replace what is known of a customer; with a `revision`, only if it is still of that one.

    Raises:
        UnknownCustomerError: it is not registered.
        ChangedMeanwhileError: it is of another revision.
        InvalidValueError: an id means somebody else at the same time, or a plan is unknown.
    """
    row = _row(session, customer.id, lock=True)
    if revision is not None and row.revision != revision:
        raise ChangedMeanwhileError(
            f"customer {customer.id!r} is of revision {row.revision}, not {revision}.", hint="Read it again first."
        )
    _check(session, customer)
    row.details = _details(customer)
    row.revision += 1
    for old in session.scalars(select(AliasRow).where(AliasRow.customer_id == customer.id)).all():
        session.delete(old)
    session.flush()
    _write_aliases(session, customer)
    return _customer(row)


def change_fields(session: Session, known: Customer, fields: Mapping[str, Any]) -> Customer:
    """Change some of what is known of a customer; lists are replaced whole, and what is not named stays.

    Raises:
        ChangedMeanwhileError: it is of another revision by now.
        InvalidValueError: a field cannot be used, or an id means somebody else at the same time.
    """
    if fields.get("id", known.id) != known.id:
        raise InvalidValueError("id: a customer's id never changes.", hint="Add the new id as an alias.")
    return change(session, read_customer({**customer_content(known), **fields}), revision=known.revision)


def archive(session: Session, customer_id: str) -> Customer:
    """Archive a customer: no longer listed by default, and billed only what the ledger still says they owe.

    Raises:
        UnknownCustomerError: it is not registered.
    """
    row = _row(session, customer_id, lock=True)
    if row.archived_time is None:
        row.archived_time = datetime.now(UTC)
        row.revision += 1
        session.flush()
    return _customer(row)


def get(session: Session, customer_id: str) -> Customer:
    """Return a registered customer.

    Raises:
        UnknownCustomerError: it is not registered.
    """
    return _customer(_row(session, customer_id))


def find(session: Session, customer_id: str) -> Customer | None:
    """Return a registered customer, or None."""
    row = session.get(CustomerRow, customer_id)
    return None if row is None else _customer(row)


def customers(
    session: Session, *, after: str | None = None, limit: int | None = None, archived: bool | None = None
) -> list[Customer]:
    """Return registered customers by id; `archived` keeps only those that are, or are not."""
    query = select(CustomerRow).order_by(CustomerRow.id)
    if after is not None:
        query = query.where(CustomerRow.id > after)
    if archived is not None:
        query = query.where(CustomerRow.archived_time.is_not(None) if archived else CustomerRow.archived_time.is_(None))
    return [_customer(row) for row in session.scalars(query if limit is None else query.limit(limit))]


def free_times(session: Session, customer_id: str) -> tuple[Alias, ...]:
    """Return when an id means no registered customer."""
    if session.get(CustomerRow, customer_id) is not None:
        return ()
    taken = session.scalars(select(AliasRow).where(AliasRow.alias == customer_id))
    free = [Alias(customer_id)]
    for row in taken:
        free = [part for one in free for part in _without(one, row.valid_from, row.valid_to)]
    return tuple(free)


def unregistered_ids(session: Session, seen: Iterable[str]) -> dict[str, tuple[Alias, ...]]:
    """Return, of the ids seen in the ledger, those that at some time mean no registered customer, and when."""
    known = set(session.scalars(select(CustomerRow.id)))
    aliases = set(session.scalars(select(AliasRow.alias)))
    free = {one: free_times(session, one) if one in aliases else (Alias(one),) for one in seen if one not in known}
    return {one: times for one, times in free.items() if times}


def _without(one: Alias, start: datetime | None, end: datetime | None) -> Iterator[Alias]:
    """Yield what is left of a validity without [start, end)."""
    if not one.meets(Alias(one.id, start, end)):
        yield one
        return
    if start is not None and (one.valid_from is None or one.valid_from < start):
        yield Alias(one.id, one.valid_from, start)
    if end is not None and (one.valid_to is None or end < one.valid_to):
        yield Alias(one.id, end, one.valid_to)


def _row(session: Session, customer_id: str, *, lock: bool = False) -> CustomerRow:
    row = session.get(CustomerRow, customer_id, with_for_update=lock)
    if row is None:
        raise UnknownCustomerError(
            f"customer {customer_id!r} is not registered.",
            hint=did_you_mean(customer_id, session.scalars(select(CustomerRow.id).order_by(CustomerRow.id)))
            or "Register it: POST /v1/customers, or spanledger customers add.",
        )
    return row


def _check(session: Session, customer: Customer) -> None:
    """Refuse ids that are somebody else's at the same time, and plans that are not there."""
    ids = {one.id for one in customer.ids}
    others = session.scalars(select(AliasRow).where(AliasRow.alias.in_(ids), AliasRow.customer_id != customer.id))
    for row in others:
        other = Alias(row.alias, row.valid_from, row.valid_to)
        if any(one.meets(other) for one in customer.aliases or (Alias(customer.id),)):
            raise InvalidValueError(
                f"aliases: {row.alias!r} means customer {row.customer_id!r} at that time.",
                hint="End its validity there first: an id means one customer at a time.",
            )
    named = {one.id for one in customer.aliases} - {customer.id}
    for own in session.scalars(select(CustomerRow).where(CustomerRow.id.in_(named))):
        theirs = _customer(own)
        if any(one.meets(other) for one in customer.aliases for other in theirs.ids if one.id == theirs.id):
            raise InvalidValueError(
                f"aliases: {own.id!r} is the id of another registered customer at that time.",
                hint="Give that customer's own id a validity among its aliases first.",
            )
    for assignment in customer.plans:
        if assignment.plan != AT_COST.id:
            versions(session, assignment.plan)


def _write_aliases(session: Session, customer: Customer) -> None:
    session.add_all(
        AliasRow(
            customer_id=customer.id, position=place, alias=one.id, valid_from=one.valid_from, valid_to=one.valid_to
        )
        for place, one in enumerate(customer.aliases)
    )
    session.flush()


def _details(customer: Customer) -> str:
    return json.dumps(customer_content(customer), sort_keys=True, ensure_ascii=False)


def _customer(row: CustomerRow) -> Customer:
    return replace(
        read_customer(json.loads(row.details)),
        revision=row.revision,
        created_time=row.created_time,
        archived_time=row.archived_time,
    )
