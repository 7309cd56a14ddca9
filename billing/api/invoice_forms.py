"""What the API says and takes of invoices."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, Field

from billing.api.forms import Moment, Money, Strict
from billing.invoices.document import Document, encode
from billing.invoices.kept import Kept
from billing.periods import Period, parse_month, parse_period

Text = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")]
CustomerId = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00]+$", examples=["acme"])]


class PeriodForm(Strict):
    """[from, to) of call time."""

    from_: str = Field(alias="from", max_length=64, examples=["2026-10-01"])
    to: str = Field(max_length=64, examples=["2026-11-01"])


class InvoiceRequest(Strict):
    """Whose calls, and when."""

    customer: CustomerId
    period: str | PeriodForm = Field(
        description="A month such as 2026-10, in the customer's time zone, or {from, to}.", examples=["2026-10"]
    )
    notes: Text = Field(default="", description="Printed on the invoice.")


class DraftChange(Strict):
    """What of a draft can be changed: all else follows the ledger, the customer and the plan."""

    notes: Text = Field(examples=["Order 4711"])


class FinaliseRequest(Strict):
    """How to finalise."""

    accept_gaps: bool = Field(
        default=False, description="Go on although spend is unpriced, unrated or unattributed; the invoice says so."
    )


class VoidRequest(Strict):
    """Why."""

    reason: Text = Field(min_length=1, examples=["Sent to the wrong company"])


class CreditedLine(Strict):
    """What of a line is given back."""

    line: int = Field(ge=1, le=10_000_000, examples=[1])
    amount: Decimal = Field(max_digits=30, decimal_places=4, examples=["12.50"])


class CreditRequest(Strict):
    """What is given back, and why."""

    reason: Text = Field(min_length=1, examples=["Outage on 12 October"])
    lines: list[CreditedLine] | None = Field(
        default=None, min_length=1, max_length=10_000, description="Without them, all that is left."
    )


class InvoiceOut(BaseModel):
    """An invoice or credit note. `document` is all that it says; of a finalised one it never changes."""

    id: str
    kind: str = Field(description="invoice or credit_note.")
    state: str = Field(description="draft, finalised, voided or credited.")
    number: str | None
    customer: str
    period_from: Moment
    period_to: Moment
    created_time: Moment
    finalised_time: Moment | None
    digest: str | None = Field(description="SHA-256 of the finalised document's bytes.")
    original_id: str | None = Field(description="Of a credit note: the invoice it is about.")
    voided_time: Moment | None
    void_reason: str | None
    as_of_commit: int | None
    totals: dict[str, Money] | None = Field(description="net, tax, gross, prepaid, payable; null for drafts in lists.")
    currency: str | None
    document: dict[str, Any] | None = Field(
        description="Format spanledger.invoice/1 (docs/billing.md); null in lists.",
        examples=[{"format": "spanledger.invoice/1", "number": "INV-000001", "currency": "USD"}],
    )


class Invoices(BaseModel):
    """One page of invoices, newest first."""

    invoices: list[InvoiceOut]
    next: str | None


class CallOut(BaseModel):
    """An entry of the ledger that is in a line's figures."""

    trace_id: str | None
    span_id: str | None
    entry: str = Field(description="usage, reversal or restatement; all of a line's add up to its figures.")
    revision: int
    reason: str | None
    commit: int
    start_time: Moment | None
    provider: str | None
    model: str | None
    customer_id: str | None
    quantities: dict[str, int]
    parts: dict[str, Money] = Field(description="The entry's cost by input, output and other: what `cost` is made of.")
    cost: Money | None
    cost_currency: str | None
    price_status: str | None
    price_version: str | None
    billed: Money | None = Field(description="The entry's part of the line where each call has one; else null.")
    arithmetic: str = Field(description="How the entry goes into the line.")


class Calls(BaseModel):
    """One page of the entries behind a line, by call time."""

    calls: list[CallOut]
    next: str | None


def invoice_out(kept: Kept, document: Document | None = None, *, whole: bool = True) -> InvoiceOut:
    """Return an invoice as the API says it; a draft's document is the one computed now."""
    assert kept.period.start is not None
    assert kept.period.end is not None
    said = kept.document if kept.content is not None else document
    content = None if said is None or not whole else json.loads(kept.content or encode(said))
    return InvoiceOut(
        id=kept.id,
        kind=kept.kind,
        state=kept.state.value,
        number=kept.number,
        customer=kept.customer,
        period_from=kept.period.start,
        period_to=kept.period.end,
        created_time=kept.created_time,
        finalised_time=kept.finalised_time,
        digest=kept.digest,
        original_id=kept.original_id,
        voided_time=kept.voided_time,
        void_reason=kept.void_reason,
        as_of_commit=None if said is None else said.as_of.commit,
        totals=None
        if said is None
        else {name: getattr(said.totals, name) for name in ("net", "tax", "gross", "prepaid", "payable")},
        currency=None if said is None else said.currency,
        document=content,
    )


def period_of(period: str | PeriodForm, *, zone: Any) -> Period:
    """Read the period of a request; a month is one of the customer's time zone."""
    if isinstance(period, PeriodForm):
        return parse_period(period.from_, period.to)
    return parse_month(period, zone)
