"""What billing is told. Values only; where they come from is the front door's affair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ledger.layout import DataDirectory

DEFAULT_HTTP_LISTEN: Final = "127.0.0.1:8321"  # loopback, since nobody is authenticated yet


@dataclass(frozen=True, slots=True)
class BillingConfig:
    """What `billing.api.create_app` needs."""

    data: DataDirectory
    http_listen: str = DEFAULT_HTTP_LISTEN
    database_url: str | None = None
    """SQLAlchemy URL of the store of invoices; None = SQLite in the data directory."""
    sql_rows_max: int = 10_000
    sql_time_s_max: float = 30.0
    sql_memory_bytes_max: int = 2**30

    @property
    def store_url(self) -> str:
        """The store's URL, with its default."""
        return self.database_url or f"sqlite:///{self.data.billing_database}"
