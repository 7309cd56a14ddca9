"""What an invoice says. Frozen values; no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from billing.periods import Period
from billing.warehouse.warehouse import AsOf


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """What one model of one provider cost."""

    provider: str | None
    model: str | None
    calls: int
    quantities: Mapping[str, int]
    """Unit → how much was used; totals include their details."""
    amount: Decimal
    """Rounded once, half-even, to the currency's minor unit."""
    exact_cost: Decimal
    """The ledger's sum, 12 decimals."""
    currency: str


@dataclass(frozen=True, slots=True)
class UnpricedUsage:
    """Calls that are not in the amount because their cost is not known."""

    provider: str | None
    model: str | None
    calls: int
    quantities: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Unattributed:
    """What the period holds that nobody is known to pay for, over all customers."""

    calls: int
    of_calls: int
    """All calls of the period."""
    cost: Decimal


@dataclass(frozen=True, slots=True)
class Invoice:
    """A draft."""

    id: str
    state: str
    customer: str
    period: Period
    as_of: AsOf
    created_time: datetime
    lines: tuple[InvoiceLine, ...]
    totals: Mapping[str, Decimal]
    """Currency → sum of its lines."""
    unpriced: tuple[UnpricedUsage, ...]
    unattributed: Unattributed
