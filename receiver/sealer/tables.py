"""Tables: one commit's plan becomes each table's rows, and what the index must learn of where they stand.

Within a table the rows that a plan made new come first, then the old ones, then plain calls billed from their columns,
then the calls that are alone: `SpanState.row` counts on it.

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
from receiver.sealer.rows import Labels, Stamp, new_rows, old_rows, payer_rows


@dataclass(frozen=True, slots=True)
class Layout:
    """What rows are laid out with."""

    labels: Labels
    book: PriceBook
    quick: QuickWay
    read_back: Callable[[Table, int], pa.Table]
    """Returns a table's rows of an earlier commit."""

    def tables(self, planned: Plan, plain: InColumns, *, stamp: Stamp) -> tuple[dict[Table, pa.Table], IndexChanges]:
        """Build the rows of each table that has any, and what the index must learn of where they stand."""
        places: dict[int, int] = {}
        tables: dict[Table, pa.Table] = {}
        first_alone = 0
        for table in (Table.USAGE, Table.CORRECTIONS, Table.SET_ASIDE):
            parts = self._rows(planned, table, stamp, places, plain.company)
            if plain.alone is not None and table == Table.USAGE:
                first_alone = sum(part.num_rows for part in parts)
                parts.append(plain.alone.table(stamp=stamp, book=self.book))
            if parts:
                tables[table] = pa.concat_tables(parts)
        if planned.payers:
            tables[Table.TRACE_FACTS] = payer_rows(planned.payers, stamp=stamp)
        changes = _index_changes(planned, stamp.commit, places)
        if plain.alone is not None:
            plain.alone.put(changes, commit=stamp.commit, first_row=first_alone)
        return tables, changes

    def _rows(
        self, planned: Plan, table: Table, stamp: Stamp, places: dict[int, int], company: PlainCalls | None
    ) -> list[pa.Table]:
        """Build one table's rows; note in `places` where each planned row (by identity) will stand."""
        new = [row for row in planned.new_rows if row.table == table and not _is_first_bill(row)]
        old = [row for row in planned.old_rows if row.table == table]
        first = [row for row in planned.new_rows if row.table == table and _is_first_bill(row)]
        places.update({id(row): position for position, row in enumerate([*new, *old, *first])})
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


def _index_changes(planned: Plan, commit: int, places: dict[int, int]) -> IndexChanges:
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
                places[id(row)],
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
