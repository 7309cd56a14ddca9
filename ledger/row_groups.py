"""Row groups: parts of a listed segment, read without the rest. For segments that compaction has sorted.

Must not: write.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ledger.errors import LedgerDamagedError
from ledger.segment import Segment, completed


def row_group_bounds(segment: Segment, *, column: str, ledger: Path) -> list[tuple[bytes, bytes]]:
    """Return the least and the greatest value of a column in each row group; without statistics, all values."""
    with _open(segment, ledger) as file:
        place = file.schema_arrow.names.index(column)
        chunks = [file.metadata.row_group(group).column(place) for group in range(file.num_row_groups)]
        return [_bounds(chunk.statistics) for chunk in chunks]


def read_row_groups(
    segment: Segment, groups: Sequence[int], *, ledger: Path, columns: list[str] | None = None
) -> pa.Table:
    """Read some row groups' rows (all columns unless named), in the newest schema: what the file lacks is null.

    Raises:
        LedgerDamagedError: when the file is missing or unreadable.
    """
    with _open(segment, ledger) as file:
        return _read(file, list(groups), segment, ledger=ledger, columns=columns)


def each_row_group(segment: Segment, *, ledger: Path, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """Yield the rows of one row group after another, from a file opened once; columns as `read_row_groups` says.

    Raises:
        LedgerDamagedError: when the file is missing or unreadable.
    """
    with _open(segment, ledger) as file:
        for group in range(file.num_row_groups):
            yield _read(file, [group], segment, ledger=ledger, columns=columns)


def _read(
    file: pq.ParquetFile, groups: list[int], segment: Segment, *, ledger: Path, columns: list[str] | None
) -> pa.Table:
    known = None if columns is None else [name for name in columns if name in file.schema_arrow.names]
    try:
        rows = file.read_row_groups(groups, columns=known)
    except (OSError, pa.ArrowException) as unreadable:
        raise _damaged(segment, ledger, unreadable) from unreadable
    return completed(rows, segment.table, columns)


def _open(segment: Segment, ledger: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(ledger / segment.path)
    except (OSError, pa.ArrowException) as unreadable:
        raise _damaged(segment, ledger, unreadable) from unreadable


def _damaged(segment: Segment, ledger: Path, unreadable: Exception) -> LedgerDamagedError:
    return LedgerDamagedError(
        f"segment {ledger / segment.path} cannot be read ({unreadable}).",
        hint="Restore it from a backup; the manifest lists it.",
    )


def _bounds(statistics: object) -> tuple[bytes, bytes]:
    if statistics is None or not statistics.has_min_max:  # type: ignore[attr-defined]
        return b"", b"\xff" * 64
    return statistics.min, statistics.max  # type: ignore[attr-defined]
