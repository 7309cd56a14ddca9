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
from billing.invoices import kept as books
from billing.invoices.drafting import Draft, Parts, Wanted, customer_of, draft_all
from billing.periods import Period, parse_month
from billing.plans import shelf
from billing.plans.exchange import add_rate, exchange_rates
from billing.plans.plan import Plan
from billing.plans.reading import read_plan
from billing.store.database import Database
from billing.warehouse import billed

_ZERO = Decimal(0)


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
        known = self.would_be is not None and self.invoiced is not None
        difference = (self.would_be or _ZERO) - (self.invoiced or _ZERO) if known else None
        return {
            "customer": self.customer, "would_be": self.would_be, "invoiced": self.invoiced, "difference": difference,
            "currency": self.currency, "calls": self.calls, "left_out": self.left_out, "problem": self.problem,
        }  # fmt: skip


def try_plan(parts: Parts, plan: Plan, *, month: str, only: Sequence[str] | None = None) -> list[Tried]:
    """Return what the plan would have asked for, by customer; all that have calls in the month, unless `only` some.

    Raises:
        InvalidPeriodError: it is no month.
    """
    around = parse_month(month)
    with parts.database.reading() as session:
        ids = list(only) if only else _with_calls(parts, around)
        customers = [customer_of(session, one) for one in ids]
        periods = [parse_month(month, zone=one.zone) for one in customers]
        rates = exchange_rates(session)
        invoiced = [
            _invoiced(books.standing(session, one.id), period) for one, period in zip(customers, periods, strict=True)
        ]
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


def _with_calls(parts: Parts, month: Period) -> list[str]:
    seen = [row["id"] for row in billed.ids_seen(parts.warehouse, start=month.start, end=month.end)]
    with parts.database.reading() as session:
        means = {alias.id: one.id for one in book.customers(session) for alias in one.ids}
    return sorted({means.get(one, one) for one in seen})


def _invoiced(standing: Sequence[books.Kept], period: Period) -> tuple[Decimal, str] | None:
    nets = [(one.document.totals.net, one.document.currency) for one in standing if one.period == period]
    return nets[0] if nets else None


def _from_the_beginning(plan: Plan) -> Plan:
    return read_plan({**plan.content, "id": "tried", "from": "1971-01-01"})


def _tried(customer: Customer, draft: Any, was: tuple[Decimal, str] | None) -> Tried:
    if not isinstance(draft, Draft):
        return Tried(customer.id, None, was[0] if was else None, was[1] if was else "", 0, 0, str(draft))
    said = draft.document
    same = was[0] if was is not None and was[1] == said.currency else None
    calls, left_out = sum(line.calls for line in said.lines), sum(gap.calls for gap in said.gaps)
    return Tried(customer.id, said.totals.net, same, said.currency, calls, left_out)
