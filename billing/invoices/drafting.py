"""Drafting: from the ledger's figures to an invoice. Pure but for the questions it asks the warehouse."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

from billing.errors import InvalidPeriodError, UnknownCustomerError, did_you_mean
from billing.invoices.document import Invoice, InvoiceLine, Unattributed, UnpricedUsage
from billing.periods import Period, is_in_future
from billing.warehouse.warehouse import Row, Warehouse
from ledger.money import round_to_minor_unit
from ledger.schema import UNIT_COLUMNS

DRAFT = "draft"


def draft(warehouse: Warehouse, *, customer: str, period: Period, now: datetime | None = None) -> Invoice:
    """Compute what a customer owes for a period, as the ledger knows it now.

    Raises:
        InvalidPeriodError: the period is open or wholly in the future.
        UnknownCustomerError: the ledger has no call of this customer at all.
        LedgerMissingError: nothing has been sealed yet.
    """
    created = now or datetime.now(UTC)
    if period.start is None or period.end is None:
        raise InvalidPeriodError("an invoice needs both ends of its period.", hint="Give a month, or from and to.")
    if is_in_future(period, now=created):
        raise InvalidPeriodError(
            f"the period begins at {period.start.isoformat()}, which is still to come.",
            hint="Draft it once it has begun.",
        )
    as_of = warehouse.as_of()
    rows = warehouse.invoice_lines(customer, period, as_of=as_of)
    if not rows:
        known = warehouse.customers()
        if customer not in known:
            raise UnknownCustomerError(
                f"the ledger has no call of customer {customer!r}.", hint=did_you_mean(customer, known)
            )
    others = warehouse.other_units(customer, period, as_of=as_of)
    lines = tuple(_line(row, others) for row in rows if row["currency"] is not None)
    return Invoice(
        id=f"inv_{secrets.token_hex(8)}",
        state=DRAFT,
        customer=customer,
        period=period,
        as_of=as_of,
        created_time=created,
        lines=lines,
        totals=_totals(lines),
        unpriced=tuple(_unpriced(row, others) for row in rows if row["unpriced_calls"]),
        unattributed=_unattributed(warehouse.share_unattributed(period, as_of=as_of)),
    )


def _line(row: Row, others: Iterable[Row]) -> InvoiceLine:
    return InvoiceLine(
        provider=row["provider"],
        model=row["model"],
        calls=row["calls"] - row["unpriced_calls"],
        quantities=_quantities(row, others),
        amount=round_to_minor_unit(row["cost"], currency=row["currency"]),
        exact_cost=row["cost"],
        currency=row["currency"],
    )


def _unpriced(row: Row, others: Iterable[Row]) -> UnpricedUsage:
    return UnpricedUsage(
        provider=row["provider"],
        model=row["model"],
        calls=row["unpriced_calls"],
        quantities=_quantities(row, others) if row["currency"] is None else {},
    )


def _quantities(row: Row, others: Iterable[Row]) -> dict[str, int]:
    quantities = {unit: row[unit] for unit in UNIT_COLUMNS if row[unit]}
    mine = (row["provider"], row["model"], row["currency"])
    for other in others:
        if (other["provider"], other["model"], other["currency"]) == mine:
            quantities[other["unit"]] = other["quantity"]
    return quantities


def _totals(lines: Iterable[InvoiceLine]) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = {}
    for line in lines:
        totals[line.currency] = totals.get(line.currency, Decimal(0)) + line.amount
    return totals


def _unattributed(row: Row) -> Unattributed:
    return Unattributed(calls=row["unattributed_calls"], of_calls=row["calls"], cost=row["unattributed_cost"])
