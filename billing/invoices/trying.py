"""Trying: what a plan would have asked for in a month, beside what was invoiced for it. Keeps nothing.

The plan, the customers and the exchange rates are copied into a store of their own, which is thrown away; what is
compared is net, and the plan counts as in force for the whole month.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from billing.customers import book
from billing.customers.customer import Customer, PlanAssignment
from billing.customers.seen import customers_with_calls
from billing.invoices import kept as books
from billing.invoices.drafting import Draft, Parts, Wanted, customer_of, draft_all
from billing.periods import parse_month
from billing.plans import shelf
from billing.plans.exchange import add_rate, exchange_rates
from billing.plans.plan import Plan
from billing.plans.reading import read_plan
from billing.store.database import Database
from ledger.errors import SpanledgerError


@dataclass(frozen=True, slots=True)
class Tried:
    """One customer's month under the plan."""

    customer: str
    would_be: Decimal | None
    invoiced: Decimal | None
    """None where nothing was, or in another currency."""
    currency: str
    calls: int
    left_out: int
    problem: str = ""

    def row(self) -> dict[str, Any]:
        """Return it as a line of a table."""
        difference = None if self.would_be is None or self.invoiced is None else self.would_be - self.invoiced
        return {
            "customer": self.customer, "would_be": self.would_be, "invoiced": self.invoiced, "difference": difference,
            "currency": self.currency, "calls": self.calls, "left_out": self.left_out, "problem": self.problem,
        }  # fmt: skip


def try_plan(parts: Parts, plan: Plan, *, month: str, only: Sequence[str] | None = None) -> list[Tried]:
    """Return what the plan would have asked for, by customer; all that have calls in the month, unless `only` some.

    Raises:
        InvalidPeriodError: it is no month.
    """
    ids = only or sorted(customers_with_calls(parts.warehouse, parts.database, parse_month(month)))
    with parts.database.reading() as session:
        customers = [customer_of(session, one) for one in ids]
        periods = [parse_month(month, zone=one.zone) for one in customers]
        rates = exchange_rates(session)
        pairs = zip(customers, periods, strict=True)
        invoiced = [books.standing_of(session, one.id, period) for one, period in pairs]
    with tempfile.TemporaryDirectory(prefix="spanledger-plan-") as folder:
        scratch = Database(f"sqlite:///{Path(folder) / 'billing.db'}")
        try:
            with scratch.writing() as session:
                for rate in rates:
                    add_rate(session, rate)
                kept = shelf.add_version(session, _from_the_beginning(plan))
                for one in customers:
                    book.add(session, replace(one, plans=(PlanAssignment(kept.id),), is_registered=True))
            wanted = [Wanted(one.id, one.id, period) for one, period in zip(customers, periods, strict=True)]
            made = draft_all(replace(parts, database=scratch), wanted)
        finally:
            scratch.close()
    return [_tried(one, draft, was) for one, draft, was in zip(customers, made, invoiced, strict=True)]


def _from_the_beginning(plan: Plan) -> Plan:
    return read_plan({**plan.content, "id": "tried", "from": "1971-01-01"})


def _tried(customer: Customer, draft: Draft | SpanledgerError, was: books.Kept | None) -> Tried:
    asked = None if was is None else was.document
    net, currency = (None, "") if asked is None else (asked.totals.net, asked.currency)
    if isinstance(draft, SpanledgerError):
        return Tried(customer.id, None, net, currency, 0, 0, str(draft))
    said = draft.document
    calls, left_out = sum(line.calls for line in said.lines), sum(gap.calls for gap in said.gaps)
    comparable = net if currency == said.currency else None
    return Tried(customer.id, said.totals.net, comparable, said.currency, calls, left_out)
