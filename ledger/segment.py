"""A segment: an immutable Parquet file of one table, written once, whole, and durable before it is listed.

Its footer's key-value metadata says where it came from, so that a file no manifest line names can be told from one
whose line was lost:

    spanledger.schema_version   columns known to the writer
    spanledger.table            usage, corrections, set_aside, trace_facts
    spanledger.commit           the commit that was to list it
    spanledger.journal          JSON {journal file: [from byte, to byte]}: the frames it was made from

Names are <commit>-<random attempt>.parquet: a second attempt at a commit never meets the first one's files.
Must not: decide what is listed; that is the manifest's.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ledger.errors import LedgerDamagedError
from ledger.filesystem import Filesystem
from ledger.schema import EVIDENCE_COLUMNS, SCHEMA_VERSION, SCHEMAS, Table

JournalRanges = Mapping[str, tuple[int, int]]

_DIGEST_BYTES: Final = 16
# Recent segments live for minutes until compaction: the fast codec at its lowest level keeps the sealer quick.
_COMPRESSION: Final = "zstd"
_COMPRESSION_LEVEL: Final = 1
_NO_DICTIONARY: Final = frozenset({"source_id", "trace_id", "span_id", "parent_span_id", "response_id", "content_hash"})


@dataclass(frozen=True, slots=True)
class Segment:
    """One listed file: where it is, and what must be true of it."""

    table: Table
    path: str
    """Relative to the ledger folder."""
    rows: int
    size_bytes: int
    digest: str
    """BLAKE2b-128 of the file, hexadecimal."""
    first_us: int | None = None
    """When the earliest of its calls began; None where that is not known of every row, or the table has no calls."""
    last_us: int | None = None
    """When the latest of its calls began; None with `first_us`."""
    first_commit: int | None = None
    """The first commit that wrote one of its rows; None for what one commit wrote, and its name says which."""
    last_commit: int | None = None
    """The last one; None with `first_commit`."""
    marked: int | None = None
    """Compacted: the commit up to which `superseded_commit` says what took rows back. None: nothing says it."""
    evidence_us: int | None = 0
    """When the earliest call began whose evidence may still be there; None when no row has any. 0 is not known."""

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """The folder it lies in, relative to the ledger's."""
        return self.path.rpartition("/")[0]

    @property
    def is_compacted(self) -> bool:
        """Whether compaction wrote it: sorted by trace and span, with rows of many commits."""
        return self.first_commit is not None

    @property
    def commits(self) -> tuple[int, int]:
        """The first and the last commit whose rows it may hold."""
        if self.first_commit is not None and self.last_commit is not None:
            return self.first_commit, self.last_commit
        number = int(self.name.partition("-")[0])
        return number, number

    def overlaps(self, other: Segment) -> bool:
        """Whether calls of both may have begun at one time; true where a segment does not know its times."""
        if self.first_us is None or self.last_us is None or other.first_us is None or other.last_us is None:
            return True
        return self.first_us <= other.last_us and other.first_us <= self.last_us

    def described(self) -> dict[str, Any]:
        """Return what a manifest line says of it: what is as it mostly is goes unsaid."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        defaults = {field.name: field.default for field in fields(self)}
        return {name: value for name, value in said.items() if value != defaults[name]}


def segment_of(said: Mapping[str, Any]) -> Segment:
    """Return the segment that a manifest line describes."""
    return Segment(**{**said, "table": Table(said["table"])})


def write_segment(
    rows: pa.Table, *, table: Table, commit: int, journal: JournalRanges, ledger: Path, filesystem: Filesystem
) -> Segment:
    """Write `rows` (the table's schema exactly) as a new durable file and describe it."""
    assert rows.schema.equals(SCHEMAS[table]), f"{table} rows do not have the table's columns"
    relative = f"{table.value}/recent/{commit:012d}-{secrets.token_hex(4)}.parquet"
    data = _encode(rows, table=table, commit=commit, journal=journal)
    path = ledger / relative
    filesystem.make_folder(path.parent)
    filesystem.write_durably(path, data)
    first_us, last_us = times_of(rows)
    return Segment(
        table=table,
        path=relative,
        rows=rows.num_rows,
        size_bytes=len(data),
        digest=_digest(data),
        first_us=first_us,
        last_us=last_us,
        evidence_us=evidence_of(rows),
    )


def times_of(rows: pa.Table) -> tuple[int | None, int | None]:
    """Return when the first and the last of these calls began; None where one does not say."""
    if "start_time" not in rows.column_names or not rows.num_rows or rows.column("start_time").null_count:
        return None, None
    both = pc.min_max(rows.column("start_time").cast(pa.int64()))
    return both["min"].as_py(), both["max"].as_py()


def evidence_of(rows: pa.Table) -> int | None:
    """Return when the earliest of these calls began that has evidence; None when none has any."""
    if "span_kind" not in rows.column_names or not rows.num_rows:
        return None
    # A call without a time is as old as the ledger's knowledge of it.
    began = pc.coalesce(rows.column("start_time"), rows.column("recorded_time")).cast(pa.int64())
    return pc.min(pc.if_else(has_evidence(rows), began, None)).as_py()  # type: ignore[no-any-return]


def has_evidence(rows: pa.Table) -> Any:
    """Say of each row whether any evidence of it is left."""
    columns = [rows.column(name) for name in EVIDENCE_COLUMNS if name in rows.column_names]
    found = pc.is_valid(columns[0])
    for column in columns[1:]:
        found = pc.or_(found, pc.is_valid(column))
    return found


def read_segment(segment: Segment, *, ledger: Path, columns: list[str] | None = None) -> pa.Table:
    """Read a listed segment's rows (all columns unless named), in the newest schema: what its file lacks is null.

    Raises:
        LedgerDamagedError: when the file is missing, unreadable or has another number of rows than was listed.
    """
    path = ledger / segment.path
    try:
        rows = pq.read_table(path, columns=columns, partitioning=None)
    except (OSError, pa.ArrowException) as unreadable:
        raise LedgerDamagedError(
            f"segment {path} cannot be read ({unreadable}).", hint="Restore it from a backup; the manifest lists it."
        ) from unreadable
    if rows.num_rows != segment.rows:
        raise LedgerDamagedError(
            f"segment {path} has {rows.num_rows} rows, the manifest says {segment.rows}.",
            hint="Restore it from a backup.",
        )
    return completed(rows, segment.table, columns)


def completed(rows: pa.Table, table: Table, columns: list[str] | None) -> pa.Table:
    """Add the columns that were not known yet when the file was written, and put all into the schema's order."""
    schema = SCHEMAS[table]
    wanted = schema.names if columns is None else columns
    if rows.column_names == wanted:
        return rows
    arrays = [
        rows.column(name) if name in rows.column_names else pa.nulls(rows.num_rows, schema.field(name).type)
        for name in wanted
    ]
    return pa.Table.from_arrays(arrays, schema=pa.schema([schema.field(name) for name in wanted]))


def read_journal_ranges(path: Path) -> dict[str, tuple[int, int]]:
    """Return the journal frames a segment file was made from, by its own footer.

    Raises:
        LedgerDamagedError: when the footer cannot be read.
    """
    try:
        metadata = pq.read_metadata(path).metadata or {}
        ranges = json.loads(metadata[b"spanledger.journal"])
    except (OSError, pa.ArrowException, KeyError, ValueError) as unreadable:
        raise LedgerDamagedError(
            f"unlisted segment {path} has no readable footer ({unreadable}).",
            hint="It is not part of the ledger; move it away, then start again.",
        ) from unreadable
    return {name: (start, end) for name, (start, end) in ranges.items()}


def _encode(rows: pa.Table, *, table: Table, commit: int, journal: JournalRanges) -> bytes:
    footer = {
        b"spanledger.schema_version": str(SCHEMA_VERSION).encode(),
        b"spanledger.table": table.value.encode(),
        b"spanledger.commit": str(commit).encode(),
        b"spanledger.journal": json.dumps({name: list(ends) for name, ends in journal.items()}).encode(),
    }
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        rows.schema,
        compression=_COMPRESSION,
        compression_level=_COMPRESSION_LEVEL,
        use_dictionary=_dictionary_columns(rows.schema),
        write_statistics=_statistics_columns(rows.schema),
        store_schema=False,
    ) as writer:
        writer.write_table(rows)
        writer.add_key_value_metadata(footer)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def _dictionary_columns(schema: pa.Schema) -> list[str]:
    """Name the leaf columns that repeat; ids never do."""
    leaves: list[str] = []
    for field in schema:
        if pa.types.is_map(field.type):
            leaves += [f"{field.name}.key_value.key", f"{field.name}.key_value.value"]
        elif pa.types.is_list(field.type):
            leaves.append(f"{field.name}.list.element")
        elif field.name not in _NO_DICTIONARY:
            leaves.append(field.name)
    return leaves


def _statistics_columns(schema: pa.Schema) -> list[str]:
    """Name the columns of which least and most can spare a reader something: not ids, nor what stands in maps."""
    return [field.name for field in schema if field.name not in _NO_DICTIONARY and not pa.types.is_nested(field.type)]


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()
