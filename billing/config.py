"""What billing is told. Values only; where they come from is the front door's affair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from billing.warehouse.sandbox import AT_ONCE_MAX, MEMORY_BYTES_MAX, ROWS_MAX, TIME_S_MAX, SqlBounds
from ledger.layout import DataDirectory

DEFAULT_HTTP_LISTEN: Final = "127.0.0.1:8321"  # loopback, since nobody is authenticated yet


@dataclass(frozen=True, slots=True)
class BillingConfig:
    """What `billing.api.create_app` needs."""

    data: DataDirectory
    http_listen: str = DEFAULT_HTTP_LISTEN
    database_url: str | None = None
    """SQLAlchemy URL of the store of invoices; None = SQLite in the data directory."""
    sql_rows_max: int = ROWS_MAX
    """Enough to look at, not to export by."""
    sql_time_s_max: float = TIME_S_MAX
    """A person waits no longer, and a minute of a stranger's cross join is a minute of this machine."""
    sql_memory_bytes_max: int = MEMORY_BYTES_MAX
    """A group-by over tens of millions of calls fits, and two at once fit beside the receiver on a small machine."""
    sql_at_once_max: int = AT_ONCE_MAX
    """Each may use two threads; more at once would only make each slower."""

    @property
    def store_url(self) -> str:
        """The store's URL, with its default."""
        return self.database_url or f"sqlite:///{self.data.billing_database}"

    @property
    def sql_bounds(self) -> SqlBounds:
        """What one stranger's query may take."""
        return SqlBounds(
            rows_max=self.sql_rows_max, memory_bytes_max=self.sql_memory_bytes_max, time_s_max=self.sql_time_s_max
        )
