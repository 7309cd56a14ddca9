"""The shelf: plan versions as kept. A version is added, never changed; the day says which one is in force."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from billing.errors import UnknownPlanError, did_you_mean
from billing.plans.plan import AT_COST, DEFAULT_PLAN, Plan
from billing.plans.reading import plan_json, read_plan
from billing.store.tables import PlanRow


def add_version(session: Session, plan: Plan) -> Plan:
    """Keep a plan as the newest version of its id; the same content as the newest one is that one."""
    newest = session.scalar(select(PlanRow).where(PlanRow.id == plan.id).order_by(PlanRow.version.desc()).limit(1))
    content = plan_json(plan)
    if newest is not None and newest.content == content:
        return _plan(newest)
    row = PlanRow(
        id=plan.id,
        version=1 if newest is None else newest.version + 1,
        in_force_from=plan.in_force_from.isoformat(),
        content=content,
        created_time=datetime.now(UTC),
    )
    session.add(row)
    session.flush()
    return _plan(row)


def plans(session: Session) -> list[Plan]:
    """Return the newest version of every plan, by id."""
    newest = select(PlanRow.id, func.max(PlanRow.version).label("version")).group_by(PlanRow.id).subquery()
    rows = session.scalars(
        select(PlanRow)
        .join(newest, (PlanRow.id == newest.c.id) & (PlanRow.version == newest.c.version))
        .order_by(PlanRow.id)
    )
    return [_plan(row) for row in rows]


def versions(session: Session, plan_id: str) -> list[Plan]:
    """Return all versions of a plan, oldest first.

    Raises:
        UnknownPlanError: there is no plan of that id.
    """
    if plan_id == AT_COST.id:
        return [AT_COST]
    rows = session.scalars(select(PlanRow).where(PlanRow.id == plan_id).order_by(PlanRow.version)).all()
    if not rows:
        known = [*session.scalars(select(PlanRow.id).distinct().order_by(PlanRow.id)), AT_COST.id]
        raise UnknownPlanError(f"there is no plan {plan_id!r}.", hint=did_you_mean(plan_id, known))
    return [_plan(row) for row in rows]


def version(session: Session, plan_id: str, number: int) -> Plan:
    """Return one version of a plan.

    Raises:
        UnknownPlanError: there is none of that id and number.
    """
    for one in versions(session, plan_id):
        if one.version == number:
            return one
    raise UnknownPlanError(f"plan {plan_id!r} has no version {number}.", hint="Ask for the plan to see those it has.")


def default_plan_id(session: Session) -> str:
    """Return whose plan holds where a customer has none: the one called `default`, else what calls cost."""
    return DEFAULT_PLAN if session.scalar(select(PlanRow.id).where(PlanRow.id == DEFAULT_PLAN).limit(1)) else AT_COST.id


def in_force(candidates: Sequence[Plan], day: date) -> Plan | None:
    """Return the version in force on a day: the one that began last; of two that began together, the newer."""
    begun = [one for one in candidates if one.in_force_from <= day]
    return max(begun, key=lambda one: (one.in_force_from, one.version), default=None)


def _plan(row: PlanRow) -> Plan:
    plan = read_plan(json.loads(row.content), version=row.version)
    return replace(plan, version=row.version)
