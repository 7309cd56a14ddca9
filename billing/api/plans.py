"""/v1/plans and /v1/exchange-rates: what customers are asked for."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Response, status
from pydantic import BaseModel, Field

from billing.api.forms import Money
from billing.api.once import Key, Once
from billing.api.state import Shared
from billing.plans import shelf
from billing.plans.exchange import ExchangeRate, add_rate, exchange_rates, read_rate
from billing.plans.plan import AT_COST, Plan
from billing.plans.reading import read_plan

router = APIRouter(prefix="/v1", tags=["plans"])
_PLAN_EXAMPLE = {
    "id": "standard",
    "name": "Standard",
    "currency": "USD",
    "from": "2026-10-01",
    "charges": [{"id": "models", "kind": "pass_through", "markup": "0.20"}],
}
PlanBody = Annotated[
    dict[str, Any],
    Body(description="A plan, as docs/billing.md describes it; money is text.", examples=[_PLAN_EXAMPLE]),
]


class PlanOut(BaseModel):
    """A plan version."""

    id: str
    version: int
    in_force_from: str = Field(description="The first day, in the customer's time zone.")
    content: dict[str, Any] = Field(description="As it was written.", examples=[_PLAN_EXAMPLE])


class Plans(BaseModel):
    """Plans, or versions of one."""

    plans: list[PlanOut]


class RateOut(BaseModel):
    """One unit of `base` is `rate` units of `quote`, from a day on."""

    base: str
    quote: str
    in_force_from: str
    rate: Money


class Rates(BaseModel):
    """The user's exchange rates."""

    rates: list[RateOut]


@router.post("/plans", status_code=status.HTTP_201_CREATED, response_model=PlanOut)
def create(state: Shared, body: PlanBody, idempotency_key: Key = None) -> Response:
    """Add a plan, or a new version of one. It is checked as a whole; all its problems are reported at once."""
    once = Once(state.database, idempotency_key, {"plan": body})
    return once.do(lambda session: plan_out(shelf.add_version(session, read_plan(body))))


@router.post("/plans/check")
def check(body: PlanBody) -> PlanOut:
    """Check a plan without keeping it."""
    return plan_out(read_plan(body))


@router.get("/plans")
def index(state: Shared) -> Plans:
    """List the newest version of every plan; `at-cost` is always there."""
    with state.database.reading() as session:
        return Plans(plans=[plan_out(one) for one in (AT_COST, *shelf.plans(session))])


@router.get("/plans/{plan_id}")
def show(state: Shared, plan_id: str) -> Plans:
    """List all versions of a plan, oldest first."""
    with state.database.reading() as session:
        return Plans(plans=[plan_out(one) for one in shelf.versions(session, plan_id)])


@router.post("/exchange-rates", status_code=status.HTTP_201_CREATED, response_model=RateOut)
def create_rate(
    state: Shared,
    body: Annotated[
        dict[str, Any],
        Body(
            description="One unit of base is rate units of quote, from a day on.",
            examples=[{"base": "USD", "quote": "EUR", "rate": "0.92", "from": "2026-10-01"}],
        ),
    ],
    idempotency_key: Key = None,
) -> Response:
    """Add an exchange rate. A rate is never changed: add one from a later day."""
    once = Once(state.database, idempotency_key, {"rate": body})
    return once.do(lambda session: rate_out(add_rate(session, read_rate(body))))


@router.get("/exchange-rates")
def rates(state: Shared) -> Rates:
    """List the exchange rates, by currencies and day."""
    with state.database.reading() as session:
        return Rates(rates=[rate_out(one) for one in exchange_rates(session)])


def plan_out(plan: Plan) -> PlanOut:
    """Return a plan version as the API says it."""
    return PlanOut(
        id=plan.id, version=plan.version, in_force_from=plan.in_force_from.isoformat(), content=dict(plan.content)
    )


def rate_out(rate: ExchangeRate) -> RateOut:
    """Return an exchange rate as the API says it."""
    return RateOut(base=rate.base, quote=rate.quote, in_force_from=rate.in_force_from.isoformat(), rate=rate.rate)
