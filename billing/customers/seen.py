"""Customers as the ledger has seen them: whose calls there are, and which ids nobody has registered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from billing.customers import book
from billing.customers.customer import Alias
from billing.periods import Period
from billing.store.database import Database
from billing.warehouse import billed
from billing.warehouse.warehouse import Warehouse


def unregistered(warehouse: Warehouse, database: Database) -> list[Mapping[str, Any]]:
    """Return the ids that calls name as customers and that at some time mean nobody registered, with their calls."""
    seen = {row["id"]: row for row in billed.ids_seen(warehouse)}
    with database.reading() as session:
        return [seen[one] for one in book.unregistered_ids(session, seen)]


def customers_with_calls(warehouse: Warehouse, database: Database, period: Period) -> set[str]:
    """Return every customer whom an id that calls of a period name means at some time of it; unregistered ids too."""
    seen = [row["id"] for row in billed.ids_seen(warehouse, start=period.start, end=period.end)]
    with database.reading() as session:
        means = _means(session, period)
        return {customer for one in seen for customer in (*means.get(one, ()), *_itself(session, one, period))}


def _means(session: Session, period: Period) -> dict[str, list[str]]:
    means: dict[str, list[str]] = {}
    for customer in book.customers(session):
        for alias in customer.ids:
            if _meets(alias, period):
                means.setdefault(alias.id, []).append(customer.id)
    return means


def _itself(session: Session, customer_id: str, period: Period) -> list[str]:
    """Return the id where it means no registered customer at some time of the period."""
    free = book.free_times(session, customer_id)
    return [customer_id] if any(_meets(one, period) for one in free) else []


def _meets(alias: Alias, period: Period) -> bool:
    assert period.start is not None, "a period of calls has a beginning"
    assert period.end is not None, "and an end"
    return alias.clipped(period.start, period.end) is not None
