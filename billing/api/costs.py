"""GET /v1/costs, /v1/costs/reported and /v1/audit."""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import APIRouter, Query

from billing.api.forms import (
    Audit,
    CostRow,
    Costs,
    ReportedCall,
    ReportedCosts,
    ReportedRow,
    UnattributedCalls,
    UnattributedList,
    UnexplainedAggregate,
    UnexplainedAggregates,
)
from billing.api.state import Shared
from billing.errors import RequestError
from billing.periods import parse_period
from billing.warehouse import doubts, reported
from billing.warehouse.warehouse import FIGURES

_CURSOR: Final = re.compile(r"([0-9]{1,15})\.([0-9]{1,15})")
router = APIRouter(prefix="/v1", tags=["costs"])


@router.get("/costs")
def costs(
    state: Shared,
    by: Annotated[
        str, Query(description="Dimensions, comma-separated: customer, model, provider, day, label.team …")
    ] = "customer,model",
    from_: Annotated[str | None, Query(alias="from", description="First moment: 2026-10, a day or RFC 3339.")] = None,
    to: Annotated[str | None, Query(description="First moment after.")] = None,
    customer: Annotated[str | None, Query(description="Only this customer.")] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    cursor: Annotated[str | None, Query(description="`next` of the page before.")] = None,
) -> Costs:
    """What calls cost, grouped; dearest first."""
    names = [name.strip() for name in by.split(",") if name.strip()]
    commit, offset = _place(cursor) or (state.warehouse.commit(), 0)
    rows = state.warehouse.costs(
        by=names,
        period=parse_period(from_, to),
        where={} if customer is None else {"customer": customer},
        commit=commit,
        limit=limit + 1,
        offset=offset,
    )
    return Costs(
        rows=[
            CostRow(
                group={name: None if row[name] is None else str(row[name]) for name in names},
                **{name: row[name] for name in FIGURES},
            )
            for row in rows[:limit]
        ],
        commit=commit,
        next=f"{commit}.{offset + limit}" if len(rows) > limit else None,
    )


@router.get("/costs/reported")
def reported_costs(
    state: Shared,
    by: Annotated[str, Query(description="Dimensions, comma-separated.")] = ",".join(reported.BY_DEFAULT),
    from_: Annotated[str | None, Query(alias="from", description="First moment: 2026-10, a day or RFC 3339.")] = None,
    to: Annotated[str | None, Query(description="First moment after.")] = None,
    customer: Annotated[str | None, Query(description="Only this customer.")] = None,
    worst: Annotated[int, Query(ge=0, le=1000, description="How many of the calls furthest apart to list.")] = 10,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    cursor: Annotated[str | None, Query(description="`next` of the page before.")] = None,
) -> ReportedCosts:
    """Where costs that spans carry differ from the ledger's own; the largest differences first.

    Only calls that have both are compared; those with a reported cost alone are counted beside.
    """
    names = [name.strip() for name in by.split(",") if name.strip()]
    commit, offset = _place(cursor) or (state.warehouse.commit(), 0)
    period, where = parse_period(from_, to), {} if customer is None else {"customer": customer}
    rows = reported.compare_reported(
        state.warehouse, by=names, period=period, where=where, commit=commit, limit=limit + 1, offset=offset
    )
    calls = reported.worst_reported(state.warehouse, count=worst, period=period, where=where) if worst else []
    return ReportedCosts(
        rows=[
            ReportedRow(
                group={name: None if row[name] is None else str(row[name]) for name in names},
                **{name: row[name] for name in reported.FIGURES},
            )
            for row in rows[:limit]
        ],
        worst=[ReportedCall(**call) for call in calls],
        commit=commit,
        next=f"{commit}.{offset + limit}" if len(rows) > limit else None,
    )


@router.get("/audit")
def audit(state: Shared) -> Audit:
    """Spans received, the classes they ended in, and whether they add up."""
    return Audit(**state.warehouse.audit())


@router.get("/audit/unexplained")
def unexplained(
    state: Shared,
    from_: Annotated[str | None, Query(alias="from", description="First moment: 2026-10, a day or RFC 3339.")] = None,
    to: Annotated[str | None, Query(description="First moment after.")] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> UnexplainedAggregates:
    """Agents and workflows that tell of spend, while no call below them is known: remote, or never traced."""
    commit = state.warehouse.commit()
    rows = doubts.unexplained(state.warehouse, period=parse_period(from_, to), limit=limit + 1)
    return UnexplainedAggregates(
        rows=[UnexplainedAggregate(**row) for row in rows[:limit]], commit=commit, truncated=len(rows) > limit
    )


@router.get("/unattributed")
def unattributed(
    state: Shared,
    from_: Annotated[str | None, Query(alias="from", description="First moment: 2026-10, a day or RFC 3339.")] = None,
    to: Annotated[str | None, Query(description="First moment after.")] = None,
) -> UnattributedList:
    """Calls that nobody is known to pay for, and their share."""
    commit = state.warehouse.commit()
    rows = doubts.unattributed(state.warehouse, period=parse_period(from_, to))
    return UnattributedList(rows=[UnattributedCalls(**row) for row in rows], commit=commit)


def _place(cursor: str | None) -> tuple[int, int] | None:
    """Read a cursor: the commit that the first page was of, and how many rows came before."""
    if cursor is None:
        return None
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise RequestError(f"{cursor!r} is no cursor.", hint="Use `next` of the page before, or none.")
    return int(match[1]), int(match[2])
