"""What billing's commands work on, opened for one command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from billing.invoices.drafting import Parts
from billing.store.database import Database
from billing.warehouse.warehouse import Warehouse
from spanledger.settings import load_settings


@contextmanager
def billing_parts(data_dir: Path | None) -> Iterator[Parts]:
    """Open the warehouse and the store of one data directory."""
    config = load_settings(data_dir=data_dir).billing()
    parts = Parts(config.data, Warehouse(config.data), Database(config.store_url), config.seller)
    try:
        yield parts
    finally:
        parts.warehouse.close()
        parts.database.close()
