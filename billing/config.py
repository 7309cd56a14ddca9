"""What billing is told. Values only; where they come from is the front door's affair."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger.layout import DataDirectory

DEFAULT_HTTP_LISTEN: Final = "127.0.0.1:8321"  # loopback, since nobody is authenticated yet

SQL_ROWS_MAX: Final = 10_000  # enough to look at, not to export by
SQL_TIME_S_MAX: Final = 30.0  # nobody waits longer; more of a stranger's cross join is this machine's loss
SQL_MEMORY_BYTES_MAX: Final = 2**30  # a group-by over tens of millions of calls; two at once fit a small machine
SQL_AT_ONCE_MAX: Final = 2  # each may use two threads; more at once would only make each slower


@dataclass(frozen=True, slots=True)
class SqlBounds:
    """What one stranger's query may take."""

    rows_max: int = SQL_ROWS_MAX
    memory_bytes_max: int = SQL_MEMORY_BYTES_MAX
    time_s_max: float = SQL_TIME_S_MAX


@dataclass(frozen=True, slots=True)
class BillingConfig:
    """What `billing.api.create_app` needs."""

    data: DataDirectory
    http_listen: str = DEFAULT_HTTP_LISTEN
    database_url: str | None = None
    """SQLAlchemy URL of the store of invoices; None = SQLite in the data directory."""
    seller: Path | None = None
    """TOML file that says who sends invoices."""
    sql_rows_max: int = SQL_ROWS_MAX
    sql_time_s_max: float = SQL_TIME_S_MAX
    sql_memory_bytes_max: int = SQL_MEMORY_BYTES_MAX
    sql_at_once_max: int = SQL_AT_ONCE_MAX

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
