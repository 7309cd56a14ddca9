"""Tables: one commit's plan becomes each table's rows, and what the index must learn of where they stand.

Within a table the rows that a plan made new come first, then the old ones, then plain calls billed from their columns,
then the calls that are alone.

Must not: write anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ledger.schema import EntryType, Table
from pricing.book import PriceBook
from receiver.sealer.columns.calls import CallInColumns, PlainCalls
from receiver.sealer.columns.quick import QuickWay
from receiver.sealer.differences import NewRow, Plan
from receiver.sealer.facts import SpanState
from receiver.sealer.found import InColumns
from receiver.sealer.index import IndexChanges
from receiver.sealer.row_keys import RowKey
from receiver.sealer.rows import Labels, Stamp, new_rows, old_rows, payer_rows


@dataclass(frozen=True, slots=True)
class Layout:
    """What rows are laid out with."""

    labels: Labels
    book: PriceBook
    quick: QuickWay
    read_back: Callable[[Table, Sequence[RowKey]], pa.Table]
    """Returns a table's rows by their keys, in the same order."""

    def tables(self, planned: Plan, plain: InColumns, *, stamp: Stamp) -> tuple[dict[Table, pa.Table], IndexChanges]:
        """Build the rows of each table that has any, and what the index must learn of where they stand."""
        tables: dict[Table, pa.Table] = {}
        for table in (Table.USAGE, Table.CORRECTIONS, Table.SET_ASIDE):
            parts = self._rows(planned, table, stamp, plain.company)
            if plain.alone is not None and table == Table.USAGE:
                parts.append(plain.alone.table(stamp=stamp, book=self.book))
            if parts:
                tables[table] = pa.concat_tables(parts)
        if planned.payers:
            tables[Table.TRACE_FACTS] = payer_rows(planned.payers, stamp=stamp)
        changes = _index_changes(planned, stamp.commit)
        if plain.alone is not None:
            plain.alone.put(changes, commit=stamp.commit)
        return tables, changes

    def _rows(self, planned: Plan, table: Table, stamp: Stamp, company: PlainCalls | None) -> list[pa.Table]:
        new = [row for row in planned.new_rows if row.table == table and not _is_first_bill(row)]
        old = [row for row in planned.old_rows if row.table == table]
        first = [row for row in planned.new_rows if row.table == table and _is_first_bill(row)]
        parts = []
        if new:
            for row in new:
                if isinstance(row.candidate, CallInColumns):
                    assert company is not None, "a call in columns without columns"
                    row.candidate = self.quick.as_decoded(row.candidate, company)
            parts.append(new_rows(new, table=table, stamp=stamp, labels=self.labels, book=self.book))
        if old:
            parts.append(old_rows(old, table=table, stamp=stamp, read=self.read_back, book=self.book))
        if first:
            assert company is not None, "a call in columns without columns"
            parts.append(_billed_from_columns(company, first).table(stamp=stamp, book=self.book))
        return parts


def _is_first_bill(row: NewRow) -> bool:
    """Say whether a row is a usage entry of a call in columns, as its prototype is."""
    return (
        isinstance(row.candidate, CallInColumns)
        and row.entry_type == EntryType.USAGE
        and row.revision == 0
        and row.reason is None
    )


def _billed_from_columns(company: PlainCalls, rows: Sequence[NewRow]) -> PlainCalls:
    places = [row.candidate.place for row in rows if isinstance(row.candidate, CallInColumns)]
    payers = [(row.outcome.customer_id, row.outcome.customer_source) for row in rows]
    return company.chosen(np.array(places, np.int64), payers)


def _index_changes(planned: Plan, commit: int) -> IndexChanges:
    changes = IndexChanges()
    for change in planned.changes:
        row = change.row
        changes.put_state(
            change.trace,
            SpanState(
                change.fact,
                change.outcome.span_class,
                row.revision,
                change.outcome.customer_id,
                change.outcome.customer_source,
                commit,
                row.table.value,
                change.was_billed,
                row.reason if row.table == Table.SET_ASIDE else None,
            ),
        )
    for trace, span_id, content_hash in planned.losers:
        changes.put_loser(trace, span_id=span_id, content_hash=content_hash)
    for trace, fact in planned.payers:
        changes.put_payer(trace, fact)
    for response, seen in planned.responses:
        changes.put_response(response, seen)
    return changes
