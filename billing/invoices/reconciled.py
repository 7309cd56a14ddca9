"""What reconciling finds: both sides of each invoice, customer and the ledger, and where they differ. Values only."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from billing.periods import Period


@dataclass(frozen=True, slots=True)
class Spend:
    """Calls, and what they cost by currency."""

    calls: int = 0
    cost: tuple[tuple[str, Decimal], ...] = ()

    def __add__(self, other: Spend) -> Spend:
        cost: dict[str, Decimal] = dict(self.cost)
        for currency, amount in other.cost:
            cost[currency] = cost.get(currency, Decimal(0)) + amount
        return Spend(self.calls + other.calls, tuple(sorted((name, one) for name, one in cost.items() if one)))

    def said(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {"calls": self.calls, "cost": dict(self.cost)}

    @property
    def cost_text(self) -> str:
        """The cost in words; nothing where there is none."""
        return " + ".join(f"{amount:f} {currency}" for currency, amount in self.cost)

    def __str__(self) -> str:
        return f"{self.calls:,} calls, {self.cost_text or 'no cost'}"


@dataclass(frozen=True, slots=True)
class InvoicedPeriod:
    """A standing invoice, and what became of its period. Amounts are net."""

    invoice: str
    number: str
    period: Period
    currency: str
    invoiced: Decimal
    """On the invoice itself."""
    corrected: Decimal
    """On later invoices."""
    owed: Decimal
    """On the next invoice."""
    now: Decimal
    """What the period comes to."""
    credited: Decimal
    """By credit notes: given back, and not asked for again."""
    spend: Spend

    def said(self) -> dict[str, Any]:
        """Return it as plain values."""
        amounts = {name: getattr(self, name) for name in ("invoiced", "corrected", "owed", "now", "credited")}
        return {
            "id": self.invoice, "number": self.number, "from": self.period.start, "to": self.period.end,
            "currency": self.currency, **amounts, **self.spend.said(),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class CustomerSide:
    """One customer's invoices and calls."""

    customer: str
    invoices: tuple[InvoicedPeriod, ...]
    not_invoiced: Spend
    """Of the times between the invoices' periods."""
    ledger: Spend

    def said(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "customer": self.customer,
            "invoices": [one.said() for one in self.invoices],
            "not_invoiced": self.not_invoiced.said(),
            "ledger": self.ledger.said(),
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """Two figures that must be equal, and are not."""

    customer: str
    about: str
    """An invoice's number, or what is compared."""
    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        who = f"{self.customer}: " if self.customer else ""
        return f"{who}{self.about}: {self.what}: expected {self.expected}, found {self.found}."


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Both sides, as of a commit."""

    commit: int
    customers: tuple[CustomerSide, ...]
    unattributed: Spend
    ledger: Spend
    differences: tuple[Difference, ...]

    def said(self) -> dict[str, Any]:
        """Return it as plain values: amounts are decimals, costs by currency."""
        return {
            "commit": self.commit,
            "agrees": not self.differences,
            "customers": [one.said() for one in self.customers],
            "unattributed": self.unattributed.said(),
            "ledger": self.ledger.said(),
            "differences": [asdict(one) for one in self.differences],
        }
