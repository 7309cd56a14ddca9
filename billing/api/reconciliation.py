"""GET /v1/reconciliation: everything invoiced, and everything still open, against the ledger."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from billing.api.forms import Moment, Money
from billing.api.state import Shared
from billing.invoices.reconciling import reconcile

router = APIRouter(prefix="/v1/reconciliation", tags=["invoices"])


class SpendOut(BaseModel):
    """Calls, and what they cost by currency."""

    calls: int
    cost: dict[str, Money] = Field(examples=[{"USD": "12.345678901234"}])


class InvoicedPeriodOut(SpendOut):
    """A standing invoice, and what became of its period. Amounts are net, in the invoice's currency."""

    id: str
    number: str
    from_: Moment = Field(alias="from")
    to: Moment
    currency: str
    invoiced: Money = Field(description="On the invoice itself.")
    corrected: Money = Field(description="On later invoices.")
    owed: Money = Field(description="On the next invoice.")
    now: Money = Field(description="What the period comes to: invoiced, corrected and owed.")
    credited: Money = Field(description="Given back by credit notes, and not asked for again.")


class CustomerSideOut(BaseModel):
    """One customer's invoices and calls."""

    customer: str
    invoices: list[InvoicedPeriodOut]
    not_invoiced: SpendOut
    ledger: SpendOut


class DifferenceOut(BaseModel):
    """Two figures that must be equal, and are not."""

    customer: str
    about: str
    what: str
    expected: str
    found: str


class ReconciliationOut(BaseModel):
    """Both sides, as of a commit."""

    commit: int
    agrees: bool = Field(description="Whether there are no differences.")
    customers: list[CustomerSideOut]
    unattributed: SpendOut
    ledger: SpendOut
    differences: list[DifferenceOut]


@router.get("")
def reconciliation(
    state: Shared,
    customer: Annotated[list[str], Query(default_factory=list, description="Only this customer; may be repeated.")],
) -> ReconciliationOut:
    """Compare all that was invoiced and all that is open with the ledger, by customer and invoice."""
    return ReconciliationOut.model_validate(reconcile(state.parts, only=customer or None).said())
