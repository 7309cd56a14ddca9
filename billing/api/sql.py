"""POST /v1/sql: a stranger's question, in a sandbox."""

from __future__ import annotations

from fastapi import APIRouter

from billing.api.forms import SqlAnswer, SqlQuery
from billing.api.state import Shared
from billing.warehouse.sandbox import run_sql

router = APIRouter(prefix="/v1", tags=["sql"])


@router.post("/sql")
def sql(state: Shared, body: SqlQuery) -> SqlAnswer:
    """One SELECT over the views: entries, calls, costs_daily, unpriced, unattributed, set_aside, audit."""
    config = state.config
    result = run_sql(
        body.query,
        data=config.data,
        rows_max=config.sql_rows_max,
        memory_bytes_max=config.sql_memory_bytes_max,
        time_s_max=config.sql_time_s_max,
    )
    return SqlAnswer(
        columns=list(result.columns),
        types=list(result.types),
        rows=[list(row) for row in result.rows],
        truncated=result.truncated,
        commit=result.commit,
    )
