"""A shop for billing's tests: a real ledger that learns, a store, and the steps of billing in a line each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from billing.customers import book
from billing.customers.customer import Customer
from billing.customers.reading import read_customer
from billing.invoices import kept as books
from billing.invoices.document import Document
from billing.invoices.drafting import Draft, Parts, Wanted, draft
from billing.invoices.finalising import finalise
from billing.invoices.kept import Kept
from billing.periods import Period, parse_month
from billing.plans import shelf
from billing.plans.exchange import add_rate, read_rate
from billing.plans.plan import Plan
from billing.plans.reading import read_plan
from billing.store.database import Database
from billing.warehouse.warehouse import Warehouse
from tests.otlp import SpanText, call
from tests.pipeline import Pipeline

NOW = datetime(2027, 6, 1, tzinfo=UTC)
"""After every period that tests bill."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def used(customer: str | None, day: str, *, tokens: tuple[int, int] = (1_000_000, 0), **more: Any) -> SpanText:
    """Return a call of a customer on a day at noon UTC; by default it costs 2.50 USD."""
    moment = datetime.fromisoformat(day).replace(tzinfo=UTC) + (timedelta(hours=12) if len(day) == 10 else timedelta())
    attributes = {} if customer is None else {"customer.id": customer}
    return call(
        tokens=tokens,
        attributes={**attributes, **more.pop("attributes", {})},
        start_ns=(moment - _EPOCH) // timedelta(microseconds=1) * 1000,
        **more,
    )


class Shop:
    """A ledger, a store, and what one does with them."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.pipeline = Pipeline(folder)
        self.database = database
        self.parts = Parts(self.pipeline.data, Warehouse(self.pipeline.data), database)

    def take(self, *spans: SpanText) -> None:
        """Let the ledger learn of calls, as one commit."""
        self.pipeline.take(*spans)

    def customer(self, customer_id: str, **fields: Any) -> Customer:
        """Register a customer."""
        with self.database.writing() as session:
            return book.add(session, read_customer({"id": customer_id, "name": customer_id.title(), **fields}))

    def change(self, customer_id: str, customer: Mapping[str, Any]) -> Customer:
        """Replace a customer."""
        with self.database.writing() as session:
            return book.change(session, read_customer({"id": customer_id, "name": customer_id, **customer}))

    def plan(self, *charges: Mapping[str, Any], **fields: Any) -> Plan:
        """Keep a plan version; by default the one that holds for everyone, from long ago."""
        content = {"id": "default", "name": "Plan", "currency": "USD", "from": "2020-01-01", "charges": [*charges]}
        with self.database.writing() as session:
            return shelf.add_version(session, read_plan({**content, **fields}))

    def rate(self, base: str, quote: str, rate: str, *, day: str = "2020-01-01") -> None:
        """Keep an exchange rate."""
        with self.database.writing() as session:
            add_rate(session, read_rate({"base": base, "quote": quote, "rate": rate, "from": day}))

    def draft(self, customer: str = "acme", period: str | Period = "2026-10", *, now: datetime = NOW) -> Draft:
        """Draft an invoice; nothing is kept."""
        wanted = parse_month(period) if isinstance(period, str) else period
        return draft(self.parts, Wanted("inv_draft", customer, wanted), now=now)

    def keep(self, customer: str = "acme", period: str | Period = "2026-10") -> str:
        """Keep that there is a draft, and return its id."""
        with self.database.writing() as session:
            wanted = parse_month(period) if isinstance(period, str) else period
            return books.new_draft(session, customer, wanted).id

    def bill(self, customer: str = "acme", period: str | Period = "2026-10", **how: Any) -> Kept:
        """Draft and finalise."""
        return finalise(self.parts, self.keep(customer, period), **{"now": NOW, **how})

    def get(self, invoice_id: str) -> Kept:
        """Return an invoice as kept."""
        with self.database.reading() as session:
            return books.get(session, invoice_id)

    def close(self) -> None:
        """Give everything back."""
        self.pipeline.close()
        self.parts.warehouse.close()


def amounts(document: Document) -> list[Decimal]:
    """Return the amounts of a document's lines."""
    return [line.amount for line in document.lines]
