"""What the routes share: made at start, given back at stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from billing.config import BillingConfig
from billing.invoices.store import InvoiceStore
from billing.warehouse.sandbox import Sandbox
from billing.warehouse.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class State:
    """The application's parts."""

    config: BillingConfig
    warehouse: Warehouse
    sandbox: Sandbox
    store: InvoiceStore


def _state(request: Request) -> State:
    state: State = request.app.state.spanledger
    return state


Shared = Annotated[State, Depends(_state)]
