"""Segments against what the manifest says of them, and files that it does not name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ledger.compacted import read_merged
from ledger.errors import LedgerDamagedError
from ledger.layout import DataDirectory
from ledger.schema import Table
from ledger.segment import Segment, read_journal_ranges
from ledger.verifying.findings import Finding, Part

_READ_BYTES: Final = 2**20
_RESTORE: Final = "Restore this one file from a backup: `spanledger verify --repair --from BACKUP`."


def check_segment(segment: Segment, *, ledger: Path) -> Finding | None:
    """Compare a file with its size, digest and rows as listed; None when it is whole."""
    path = ledger / segment.path
    try:
        size_bytes, digest = _size_and_digest(path)
    except OSError as unreadable:
        return Finding(Part.SEGMENT, str(path), "", f"cannot be read: {unreadable.strerror}", _RESTORE)
    if (size_bytes, digest) == (segment.size_bytes, segment.digest):
        return None
    what = (
        f"has {size_bytes} bytes, the manifest says {segment.size_bytes}"
        if size_bytes != segment.size_bytes
        else "its digest is not the one the manifest says"
    )
    return Finding(Part.SEGMENT, str(path), _where(path), f"{what}; {segment.rows} {segment.table} rows", _RESTORE)


def is_whole(path: Path, segment: Segment) -> bool:
    """Say whether a file is the one the manifest lists."""
    try:
        return _size_and_digest(path) == (segment.size_bytes, segment.digest)
    except OSError:
        return False


def calls_in(segments: Iterable[Segment], *, ledger: Path) -> int:
    """Return the sum of `call_count` over usage entries and corrections: how many calls stand."""
    calls = 0
    for segment in segments:
        if segment.table in {Table.USAGE, Table.CORRECTIONS}:
            counts = pq.read_table(ledger / segment.path, columns=["call_count"], partitioning=None).column(0)
            calls += pc.sum(counts.cast(pa.int64())).as_py() or 0
    return calls


def unlisted(data: DataDirectory, listed: Iterable[str]) -> Iterator[Path]:
    """Yield the segment files that no line lists."""
    known = {data.ledger / path for path in listed}
    for table in Table:
        yield from (path for path in sorted(data.table(table).rglob("*.parquet")) if path not in known)


def check_unlisted(path: Path, data: DataDirectory, positions: dict[str, int]) -> Finding:
    """Say of a file that no line lists whether a line was lost, or the next start sweeps it."""
    if read_merged(path) is not None:
        return Finding(
            Part.SEGMENT, str(path), "", "no line lists it: a merge that was not finished",
            "Nothing: its rows stand in the segments that it was made from, and the next start removes it.",
            is_damage=False,
        )  # fmt: skip
    try:
        ranges = read_journal_ranges(path)
    except LedgerDamagedError as damaged:
        return Finding(Part.SEGMENT, str(path), "footer", damaged.message, damaged.hint)
    for name, (_, end) in ranges.items():
        if not (data.journal / name).exists() or positions.get(name, 0) >= end:
            return Finding(
                Part.SEGMENT, str(path), "", f"no line lists it, and the frames it was made from ({name}) are gone: a "
                "line of the manifest was lost", "`spanledger verify --repair` lists it again if the damaged line can "
                "be put right; else restore ledger/manifest.jsonl from a backup.",
            )  # fmt: skip
    return Finding(
        Part.SEGMENT, str(path), "", "no line lists it: a commit that was not finished",
        "Nothing: its frames are in the journal, and the next start seals them.", is_damage=False,
    )  # fmt: skip


def _size_and_digest(path: Path) -> tuple[int, str]:
    digest, size_bytes = hashlib.blake2b(digest_size=16), 0
    with path.open("rb") as file:
        while part := file.read(_READ_BYTES):
            digest.update(part)
            size_bytes += len(part)
    return size_bytes, digest.hexdigest()


def _where(path: Path) -> str:
    """Say which bytes of a damaged file no reader can decode: its footer, or columns of it."""
    try:
        file = pq.ParquetFile(path)
    except (OSError, pa.ArrowException):
        return f"the footer, before byte {path.stat().st_size}"
    with file:
        for group in range(file.num_row_groups):
            for place in range(file.metadata.num_columns):
                chunk = file.metadata.row_group(group).column(place)
                try:
                    file.read_row_group(group, columns=[chunk.path_in_schema.partition(".")[0]])
                except (OSError, pa.ArrowException, UnicodeDecodeError):
                    start = chunk.dictionary_page_offset or chunk.data_page_offset
                    end = start + chunk.total_compressed_size
                    return f"bytes {start} to {end}: column {chunk.path_in_schema}, row group {group}"
    return f"somewhere in bytes 0 to {path.stat().st_size}; every column can still be decoded, not all of it is true"
