"""Merging: the rows of some segments, sorted by id, in new segments; in memory that does not depend on how many.

Ids are cut into ranges of about `_RANGE_ROWS` rows each. Of each range the rows are read (of sorted segments only the
row groups that enclose it), sorted, marked with what took them back, and written. Rows of a day that has many go into
a segment of that day's; those of all other days share one.

Must not: change what a row says. What it leaves out is evidence that is older than asked for.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from ledger.compacted import DAY_US, CompactedWriter, day_of
from ledger.filesystem import Filesystem
from ledger.row_groups import read_row_groups, row_group_bounds
from ledger.schema import EVIDENCE_COLUMNS, Table
from ledger.segment import Segment, read_segment
from receiver.sealer.compaction.choosing import Merge

_RANGE_ROWS: Final = 200_000
# A day with fewer rows in the merge has no segment of its own.
_DAY_ROWS_MIN: Final = 100_000
_ID: Final = "source_id"
_KEY: Final = ["ingest_scope", _ID, "revision"]
_SORTED_BY: Final = {Table.TRACE_FACTS: ["trace_id", "span_id", "key", "value"]}
_SORTED: Final = [_ID, "revision"]

Range = tuple[bytes | None, bytes | None]
"""From an id on, up to another that is not in it; None is open."""
_ALL: Final[Range] = (None, None)


def merge(
    asked: Merge,
    *,
    ledger: Path,
    filesystem: Filesystem,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> list[Segment]:
    """Write the rows anew and return the segments that have them now. `progress` gets (rows written, of).

    Raises:
        LedgerDamagedError: a segment cannot be read. No file is left behind.
        OSError: as the disk says. Files that were finished may be left, unlisted: the next start removes them.
    """
    writers = _Writers(asked, ledger=ledger, filesystem=filesystem)
    try:
        done = 0
        for one in _ranges(asked, ledger):
            rows = _sorted(pa.concat_tables(_parts(asked.segments, one, ledger=ledger)), asked.table)
            if asked.table in {Table.USAGE, Table.CORRECTIONS}:
                rows = _marked(rows, _reversals(asked.corrections, one, ledger=ledger))
            writers.write(_without_old_evidence(rows, asked.evidence_from_us))
            done += rows.num_rows
            progress(done, asked.rows)
        assert done == asked.rows, f"{asked.rows} rows were to be merged, {done} were found"
        return writers.finish()
    except BaseException:
        writers.abandon()
        raise


class _Writers:
    """The segments being written: one for each day that has many rows, one for all others."""

    def __init__(self, asked: Merge, *, ledger: Path, filesystem: Filesystem) -> None:
        self._asked = asked
        self._ledger = ledger
        self._filesystem = filesystem
        self._large = _large_days(asked, ledger)
        self._only_day = _only_day(asked.segments)
        self._open: dict[int | None, CompactedWriter] = {}

    def write(self, rows: pa.Table) -> None:
        if not self._large:
            self._to(None, rows)
            return
        days = _days(rows)
        for day in self._large:
            self._to(day, rows.filter(pc.equal(days, day)))
        others = pc.invert(pc.is_in(days, value_set=pa.array(sorted(self._large), pa.int64())))
        self._to(None, rows.filter(others))

    def finish(self) -> list[Segment]:
        commit = self._asked.marked + 1
        return [writer.finish(commit=commit, marked=self._asked.marked) for writer in self._open.values()]

    def abandon(self) -> None:
        for writer in self._open.values():
            # Whatever stopped the merge may stop this too; the sweep removes temporary files.
            with contextlib.suppress(OSError):
                writer.abandon()

    def _to(self, day: int | None, rows: pa.Table) -> None:
        if not rows.num_rows:
            return
        if day not in self._open:
            self._open[day] = CompactedWriter(
                self._asked.table,
                day=self._only_day if day is None else day_of(day * DAY_US),
                merged=self._asked.segments,
                ledger=self._ledger,
                filesystem=self._filesystem,
            )
        self._open[day].write(rows)


def _only_day(segments: Sequence[Segment]) -> str | None:
    """Return the day on which all calls began; None where there are several, or it is not known."""
    if any(one.first_us is None or one.last_us is None for one in segments):
        return None
    days = {day_of(moment or 0) for one in segments for moment in (one.first_us, one.last_us)}
    return days.pop() if len(days) == 1 else None


def _large_days(asked: Merge, ledger: Path) -> frozenset[int]:
    """Return the days (since 1970, UTC) that get a segment of their own."""
    if asked.table == Table.TRACE_FACTS:
        return frozenset()
    counts: dict[int | None, int] = {}
    for segment in asked.segments:
        for entry in pc.value_counts(_days(read_segment(segment, ledger=ledger, columns=["start_time"]))).to_pylist():
            counts[entry["values"]] = counts.get(entry["values"], 0) + entry["counts"]
    return frozenset(day for day, count in counts.items() if day is not None and count >= _DAY_ROWS_MIN)


def _days(rows: pa.Table) -> Any:
    # Integer division rounds towards zero: times before 1970 are no calls, and their day is only a folder's name.
    return pc.divide(rows.column("start_time").cast(pa.int64()), DAY_US)


def _ranges(asked: Merge, ledger: Path) -> Iterator[Range]:
    """Cut the ids that there are into ranges of about equally many rows."""
    count = -(-asked.rows // _RANGE_ROWS)
    if count <= 1 or asked.table == Table.TRACE_FACTS:
        yield _ALL
        return
    ids = pa.concat_arrays(
        [
            chunk
            for segment in asked.segments
            for chunk in read_segment(segment, ledger=ledger, columns=[_ID]).column(0).chunks
        ]
    )
    order = pc.array_sort_indices(ids)
    places = pa.array([len(ids) * number // count for number in range(1, count)])
    bounds = list(dict.fromkeys(ids.take(order.take(places)).to_pylist()))
    yield from zip([None, *bounds], [*bounds, None], strict=True)


def _parts(
    segments: Sequence[Segment], part: Range, *, ledger: Path, columns: list[str] | None = None
) -> Iterator[pa.Table]:
    for segment in segments:
        if not segment.is_compacted or part == _ALL:
            rows = read_segment(segment, ledger=ledger, columns=columns)
        else:
            bounds = row_group_bounds(segment, column=_ID, ledger=ledger)
            groups = [group for group, (least, greatest) in enumerate(bounds) if _meets(part, least, greatest)]
            rows = read_row_groups(segment, groups, ledger=ledger, columns=columns)
        yield _within(rows, part)


def _meets(part: Range, least: bytes, greatest: bytes) -> bool:
    begin, end = part
    return (begin is None or greatest >= begin) and (end is None or least < end)


def _within(rows: pa.Table, part: Range) -> pa.Table:
    begin, end = part
    if begin is not None:
        rows = rows.filter(pc.greater_equal(rows.column(_ID), pa.scalar(begin, pa.binary())))
    if end is not None:
        rows = rows.filter(pc.less(rows.column(_ID), pa.scalar(end, pa.binary())))
    return rows


def _sorted(rows: pa.Table, table: Table) -> pa.Table:
    names = _SORTED_BY.get(table, _SORTED)
    # Fixed-size binary has no order of its own in Arrow.
    keys = pa.table({name: _sortable(rows.column(name)) for name in names})
    order = pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in names])
    return rows.take(order)


def _sortable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.binary()) if pa.types.is_fixed_size_binary(column.type) else column


def _reversals(corrections: tuple[Segment, ...], part: Range, *, ledger: Path) -> dict[tuple[str, bytes, int], int]:
    """Return which entries were taken back, and by which commit."""
    taken: dict[tuple[str, bytes, int], int] = {}
    columns = [*_KEY, "entry_type", "commit"]
    for rows in _parts(corrections, part, ledger=ledger, columns=columns):
        reversals = rows.filter(pc.equal(rows.column("entry_type"), "reversal"))
        values = (reversals.column(name).to_pylist() for name in (*_KEY, "commit"))
        for scope, source_id, revision, commit in zip(*values, strict=True):
            taken[scope, source_id, revision - 1] = commit
    return taken


def _marked(rows: pa.Table, taken: dict[tuple[str, bytes, int], int]) -> pa.Table:
    place = rows.schema.get_field_index("superseded_commit")
    if taken:
        keys = zip(*(rows.column(name).to_pylist() for name in _KEY), strict=True)
        marks = pa.array([taken.get(key) for key in keys], pa.int64())
    else:
        marks = pa.nulls(rows.num_rows, pa.int64())
    return rows.set_column(place, rows.schema.field(place), marks)


def _without_old_evidence(rows: pa.Table, from_us: int | None) -> pa.Table:
    if from_us is None or "span_kind" not in rows.column_names:
        return rows
    began = pc.coalesce(rows.column("start_time"), rows.column("recorded_time")).cast(pa.int64())
    is_old = pc.less(began, from_us)
    if not pc.any(is_old).as_py():
        return rows
    # Maps have no conditional kernel: what goes is taken from a row that is null.
    places = pc.if_else(is_old, None, pa.array(range(rows.num_rows), pa.int64()))
    for name in EVIDENCE_COLUMNS:
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, rows.schema.field(place), rows.column(name).take(places))
    return rows
