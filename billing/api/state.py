"""What the routes share: made at start, given back at stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from billing.config import BillingConfig
from billing.invoices.drafting import Parts
from billing.store.database import Database
from billing.warehouse.sandbox import Sandbox
from billing.warehouse.warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class State:
    """The application's parts."""

    config: BillingConfig
    warehouse: Warehouse
    sandbox: Sandbox
    database: Database

    @property
    def parts(self) -> Parts:
        """What invoices are made from."""
        return Parts(self.config.data, self.warehouse, self.database, self.config.seller)


def _state(request: Request) -> State:
    state: State = request.app.state.spanledger
    return state


Shared = Annotated[State, Depends(_state)]
