"""POST /v1/sql: a stranger's question, in a sandbox."""

from __future__ import annotations

from fastapi import APIRouter

from billing.api.forms import SqlAnswer, SqlQuery
from billing.api.state import Shared

router = APIRouter(prefix="/v1", tags=["sql"])


@router.post("/sql")
def sql(state: Shared, body: SqlQuery) -> SqlAnswer:
    """One SELECT over the views: entries, calls, costs_daily, unpriced, unattributed, set_aside, audit and others."""
    result = state.sandbox.run(body.query)
    return SqlAnswer(
        columns=list(result.columns),
        types=list(result.types),
        rows=[list(row) for row in result.rows],
        truncated=result.truncated,
        commit=result.commit,
    )
