"""The summary of a job: what its corrections come to, by reason and by customer. Pure: rows in, sums out.

Reversals are what stood before, restatements and first billings what stands afterwards. Amounts are exact decimals.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pyarrow as pa

from ledger.schema import EntryType, PriceStatus, Table
from receiver.sealer.jobs.job import Change, JobProgress

_COLUMNS = ("ingest_scope", "source_id", "entry_type", "reason", "customer_id", "cost", "price_status")


class Summary:
    """Adds rows to a job's progress; of a source that several slices touch, the first one's rows count."""

    def __init__(self, progress: JobProgress) -> None:
        self._progress = progress
        self._seen: set[tuple[str, bytes]] = set()

    def add(self, tables: Mapping[Table, pa.Table]) -> None:
        """Add one slice's rows."""
        now: set[tuple[str, bytes]] = set()
        for table in (Table.USAGE, Table.CORRECTIONS):
            if table in tables:
                for row in tables[table].select(_COLUMNS).to_pylist():
                    source = (row["ingest_scope"], row["source_id"])
                    if source not in self._seen:
                        now.add(source)
                        self._add_row(row)
        self._seen |= now

    def _add_row(self, row: Mapping[str, object]) -> None:
        groups = (
            self._progress.by_reason.setdefault(str(row["reason"]), Change()),
            self._progress.by_customer.setdefault(str(row["customer_id"] or ""), Change()),
        )
        for change in groups:
            if row["entry_type"] == EntryType.REVERSAL:
                _add_before(change, row)
            else:
                _add_after(change, row)


def _add_before(change: Change, row: Mapping[str, object]) -> None:
    change.calls += 1
    change.before = _sum(change.before, row["cost"], sign=-1)
    change.unpriced_before += row["price_status"] != PriceStatus.PRICED


def _add_after(change: Change, row: Mapping[str, object]) -> None:
    change.calls += row["entry_type"] == EntryType.USAGE
    change.after = _sum(change.after, row["cost"], sign=1)
    change.unpriced_after += row["price_status"] != PriceStatus.PRICED


def _sum(total: str, amount: object, *, sign: int) -> str:
    if amount is None:
        return total
    assert isinstance(amount, Decimal)
    return format(Decimal(total) + sign * amount, "f")
