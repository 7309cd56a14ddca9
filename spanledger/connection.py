"""`spanledger.connect()`: the ledger's views in a DuckDB connection of your own."""

from __future__ import annotations

from pathlib import Path

from billing.warehouse.warehouse import Connection, open_views
from receiver.config import data_directory


def connect(data_dir: str | Path = "spanledger-data") -> Connection:
    """Return a plain DuckDB connection with the views entries, calls, costs_daily, unpriced and the others.

    The views show the ledger as of now; connect again to see newer commits.

    Raises:
        LedgerMissingError: nothing has been sealed in that data directory yet.
    """
    return open_views(data_directory(Path(data_dir)))
