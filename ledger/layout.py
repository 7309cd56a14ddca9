"""Where things are in a data directory. Names only; nothing is opened or created here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ledger.vocabulary import Table


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """The paths of one spanledger data directory."""

    root: Path

    @property
    def journal(self) -> Path:
        """Folder of the receiver's journal files."""
        return self.root / "journal"

    @property
    def ledger(self) -> Path:
        """Folder of the ledger."""
        return self.root / "ledger"

    @property
    def manifest(self) -> Path:
        """The only list of what is in the ledger."""
        return self.ledger / "manifest.jsonl"

    @property
    def views(self) -> Path:
        """The SQL views over exactly the files the manifest lists."""
        return self.ledger / "views.sql"

    @property
    def index(self) -> Path:
        """Folder of the derived index; may be deleted at any time."""
        return self.root / "index"

    @property
    def jobs(self) -> Path:
        """Folder of work asked of the ledger's one writer."""
        return self.root / "jobs"

    @property
    def prices(self) -> Path:
        """Folder of the versions of prices that the user has added."""
        return self.root / "prices"

    @property
    def billing_database(self) -> Path:
        """The default store of invoices."""
        return self.root / "billing.db"

    @property
    def receiver_lock(self) -> Path:
        """Held by the one receiver of this directory."""
        return self.root / "receiver.lock"

    @property
    def writer_lock(self) -> Path:
        """Held by the ledger's one writer."""
        return self.root / "ledger.lock"

    @property
    def receiver_status(self) -> Path:
        """What the receiver says of itself."""
        return self.root / "receiver.status"

    @property
    def sealer_status(self) -> Path:
        """What the sealer says of itself."""
        return self.root / "sealer.status"

    def table(self, table: Table) -> Path:
        """Folder of one table's segments."""
        return self.ledger / table.value
