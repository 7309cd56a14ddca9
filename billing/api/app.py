"""The application: routes put together, and the server that runs it."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
import uvicorn
from fastapi import FastAPI

from billing.api import costs, customers, health, invoices, page, plans, problems, reconciliation, reference, sql
from billing.api.forms import Problem
from billing.api.limits import BodyLimit
from billing.api.state import State
from billing.config import BillingConfig
from billing.store.database import Database
from billing.warehouse.sandbox import Sandbox
from billing.warehouse.warehouse import Warehouse
from ledger.errors import AddressError

_log = structlog.get_logger("billing")
_DESCRIPTION = """
Costs of LLM calls, read from a ledger in which every call is counted once.

Money is a decimal string; times are RFC 3339 UTC; errors are problem documents (RFC 9457). Sums are over entries, so
corrections are in them.
"""
_PROBLEM: Final = {
    "description": "A problem document (RFC 9457)",
    "content": {problems.MEDIA_TYPE: {"schema": Problem.model_json_schema()}},
}
# Named so, FastAPI leaves out its own form of a 422, which is never sent.
_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {"4XX": _PROBLEM, "5XX": _PROBLEM}


def create_app(config: BillingConfig) -> FastAPI:
    """Return the application for one data directory."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.spanledger = State(
            config=config,
            warehouse=Warehouse(config.data),
            sandbox=Sandbox(config.data, bounds=config.sql_bounds, at_once_max=config.sql_at_once_max),
            database=Database(config.store_url),
        )
        yield
        app.state.spanledger.warehouse.close()
        app.state.spanledger.database.close()

    app = FastAPI(
        title="spanledger",
        description=_DESCRIPTION,
        version="1",
        lifespan=lifespan,
        responses=_PROBLEMS,
        docs_url=None,
        redoc_url=None,
    )
    app.add_middleware(BodyLimit)
    problems.install(app)
    for part in (costs, sql, customers, plans, invoices, reconciliation, health, page, reference):
        app.include_router(part.router)
    return app


def serve(config: BillingConfig) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        AddressError: the address cannot be listened on.
    """
    host, _, port = config.http_listen.rpartition(":")
    _check_address(host.strip("[]"), int(port))
    _log.info("serving", listen=config.http_listen, data_dir=str(config.data.root))
    uvicorn.run(create_app(config), host=host.strip("[]"), port=int(port), log_level="warning", access_log=False)


def _check_address(host: str, port: int) -> None:
    """Try the address before the server does: it would only log the refusal and end."""
    try:
        (family, kind, protocol, _, address), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as refused:
        raise AddressError(
            f"cannot listen on {host}:{port} ({refused.strerror}).",
            hint="Is another program there already? Choose another address: setting http_listen, host:port.",
        ) from refused
