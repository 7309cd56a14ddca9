"""What the API says of customers."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from billing.api.forms import Moment, Money
from billing.customers.customer import Customer
from billing.customers.grants import Grant
from billing.customers.reading import customer_content


class CustomerOut(BaseModel):
    """A registered customer."""

    id: str
    name: str
    legal_name: str
    address: dict[str, Any]
    email: str
    tax_id: str
    tax_rate: str = Field(description="A part of 1.", examples=["0.19"])
    tax_reason: str
    currency: str | None = Field(description="What invoices are in; null: the plan's.")
    language: str
    time_zone: str
    series: str
    reference: str
    plans: list[dict[str, str | None]] = Field(description="Which plan holds from when; empty: the default plan.")
    aliases: list[dict[str, str | None]] = Field(description="Ids in spans that mean this customer, and when.")
    revision: int
    created_time: Moment | None
    archived_time: Moment | None


class Customers(BaseModel):
    """One page of customers, by id."""

    customers: list[CustomerOut]
    next: str | None


class SeenCustomer(BaseModel):
    """An id that calls name, and that is not registered."""

    id: str
    first_call: Moment | None
    last_call: Moment | None
    calls: int
    cost: Money | None


class GrantOut(BaseModel):
    """A prepaid credit."""

    id: str
    customer: str
    amount: Money
    left: Money
    currency: str
    valid_from: Moment
    expires: Moment | None
    reason: str


class Grants(BaseModel):
    """A customer's prepaid credits, oldest first."""

    credits: list[GrantOut]


def customer_out(customer: Customer) -> CustomerOut:
    """Return a customer as the API says it."""
    return CustomerOut(
        **customer_content(customer),
        revision=customer.revision,
        created_time=customer.created_time,
        archived_time=customer.archived_time,
    )


def grant_out(grant: Grant) -> GrantOut:
    """Return a grant as the API says it."""
    return GrantOut(
        id=grant.id,
        customer=grant.customer,
        amount=grant.amount,
        left=grant.left,
        currency=grant.currency,
        valid_from=grant.valid_from,
        expires=grant.expires,
        reason=grant.reason,
    )
