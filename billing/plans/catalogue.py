"""The catalogue: all plan versions and exchange rates as of one look: many customers, one reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.errors import UnknownPlanError, did_you_mean
from billing.plans.exchange import ExchangeRate, exchange_rates
from billing.plans.plan import AT_COST, DEFAULT_PLAN, Plan
from billing.plans.shelf import versions
from billing.store.tables import PlanRow


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Plan versions by id, and the user's rates."""

    plans: Mapping[str, Sequence[Plan]]
    rates: Sequence[ExchangeRate] = ()

    def versions(self, plan_id: str) -> Sequence[Plan]:
        """Return the versions of a plan.

        Raises:
            UnknownPlanError: there is no plan of that id.
        """
        if plan_id not in self.plans:
            raise UnknownPlanError(f"there is no plan {plan_id!r}.", hint=did_you_mean(plan_id, self.plans))
        return self.plans[plan_id]

    @property
    def default(self) -> str:
        """Return whose plan holds where a customer has none."""
        return DEFAULT_PLAN if DEFAULT_PLAN in self.plans else AT_COST.id


def read_catalogue(session: Session) -> Catalogue:
    """Read all plan versions and rates."""
    ids = session.scalars(select(PlanRow.id).distinct().order_by(PlanRow.id)).all()
    plans = {plan_id: versions(session, plan_id) for plan_id in ids}
    return Catalogue(plans={**plans, AT_COST.id: [AT_COST]}, rates=exchange_rates(session))
