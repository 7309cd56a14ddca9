"""POST and GET /v1/invoices."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, status

from billing.api.forms import InvoiceOut, InvoiceRequest, Invoices, PeriodForm, invoice_out
from billing.api.state import Shared
from billing.invoices.drafting import draft
from billing.periods import Period, parse_month, parse_period

router = APIRouter(prefix="/v1/invoices", tags=["invoices"])


@router.post("", status_code=status.HTTP_201_CREATED)
def create(
    state: Shared,
    body: InvoiceRequest,
    idempotency_key: Annotated[
        str | None, Header(max_length=256, description="The same key and body give the same invoice.")
    ] = None,
) -> InvoiceOut:
    """Draft an invoice: what a customer owes for a period, as the ledger knows it now."""
    request = body.model_dump(mode="json", by_alias=True)
    if idempotency_key is not None:
        known = state.store.answered(idempotency_key, request)
        if known is not None:
            return invoice_out(known)
    invoice = draft(state.warehouse, customer=body.customer, period=_period(body.period))
    return invoice_out(state.store.add(invoice, idempotency_key=idempotency_key, request=request))


@router.get("")
def index(
    state: Shared,
    customer: Annotated[str | None, Query(description="Only this customer's.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(description="`next` of the page before.")] = None,
) -> Invoices:
    """List invoices, newest first."""
    found = state.store.list(customer=customer, limit=limit + 1, before=cursor)
    page = found[:limit]
    return Invoices(
        invoices=[invoice_out(invoice) for invoice in page], next=page[-1].id if len(found) > limit else None
    )


@router.get("/{invoice_id}")
def show(state: Shared, invoice_id: str) -> InvoiceOut:
    """Show one invoice."""
    return invoice_out(state.store.get(invoice_id))


def _period(period: str | PeriodForm) -> Period:
    if isinstance(period, PeriodForm):
        return parse_period(period.from_, period.to)
    return parse_month(period)
