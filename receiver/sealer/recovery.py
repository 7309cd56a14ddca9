"""Recovery: the index, brought up to the manifest before the sealer's first commit.

It is brought up to date from the segments of the commits it has not applied. One that is missing, of another ledger or
format, ahead of the manifest, or so far behind that what it lacks is gone as a line or a file, is deleted and built
from the live segments.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from ledger.layout import DataDirectory
from ledger.manifest import LedgerState, read_lines
from ledger.row_groups import each_row_group
from ledger.schema import Table
from ledger.segment import Segment, read_segment, segment_of
from receiver.sealer.index import Index, IndexMeta, delete_index
from receiver.sealer.lone_rows import changes_of_lone_rows
from receiver.sealer.row_facts import changes_of_rows, columns_of

Progress = Callable[[int, int], None]


def open_index(data: DataDirectory, state: LedgerState, *, progress: Progress = lambda _done, _of: None) -> Index:
    """Open the index, brought up to the manifest's newest commit. `progress` gets (commits or rows done, of)."""
    index = _open_or_delete(data.index)
    lines = _lacking(index.meta, data, state)
    if lines is None:
        index.close()
        delete_index(data.index)
        index = Index(data.index)
    try:
        if lines is None:
            _build(index, data, state, progress=progress)
        else:
            _catch_up(index, data, state, lines, progress=progress)
    except BaseException:
        # It holds a lock of its own: left open it would stand in the way of the next try.
        with contextlib.suppress(Exception):
            index.close()
        raise
    return index


def _lacking(meta: IndexMeta | None, data: DataDirectory, state: LedgerState) -> list[Mapping[str, Any]] | None:
    """Return the lines that the index has not applied; None when they, or the files they name, are not all there."""
    if meta is None or meta.ledger_id != state.ledger_id:
        return None
    lines = list(read_lines(data.manifest, after=meta.applied))
    if len(lines) != state.commit - meta.applied:
        return None
    files = (data.ledger / segment.path for line in lines for segment in _added(line))
    return lines if all(file.exists() for file in files) else None


def _catch_up(
    index: Index, data: DataDirectory, state: LedgerState, lines: Sequence[Mapping[str, Any]], *, progress: Progress
) -> None:
    for line in lines:
        parts = ((one.table, rows) for one in _added(line) for rows in _parts(one, data))
        index.apply(changes_of_rows(parts, index=index), ledger_id=state.ledger_id, commit=line["commit"])
        progress(line["commit"], state.commit)


def _added(line: Mapping[str, Any]) -> list[Segment]:
    """Return the segments of a line that have rows no earlier one had: not those of a merge."""
    return [] if line.get("retired") else [segment_of(one) for one in line["segments"]]


def _build(index: Index, data: DataDirectory, state: LedgerState, *, progress: Progress) -> None:
    """Build the index from all live segments. It counts as applied only with the last: a half one is begun anew."""
    of = sum(segment.rows for segment in state.segments)
    done = 0
    for segment in state.segments:
        for rows in _parts(segment, data):
            done += rows.num_rows
            others = rows
            if segment.table == Table.USAGE:
                lone, others = changes_of_lone_rows(rows, index=index)
                index.add(lone)
            if others.num_rows:
                index.add(changes_of_rows([(segment.table, others)], index=index))
            progress(done, of)
    index.built(ledger_id=state.ledger_id, commit=state.commit)


def _parts(segment: Segment, data: DataDirectory) -> Iterator[pa.Table]:
    """Yield what the index needs of a segment, in parts that fit into memory."""
    columns = columns_of(segment.table)
    if segment.is_compacted:
        yield from each_row_group(segment, ledger=data.ledger, columns=columns)
    else:
        yield read_segment(segment, ledger=data.ledger, columns=columns)


def _open_or_delete(folder: Path) -> Index:
    try:
        return Index(folder)
    except Exception:  # noqa: BLE001 - RocksDB raises bare exceptions; the index is derived, so any is met alike
        delete_index(folder)
        return Index(folder)
