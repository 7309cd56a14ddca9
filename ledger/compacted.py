"""A compacted segment: the rows of many commits in one large file, written piece by piece, durable before it is listed.

What differs from a segment that one commit wrote (`segment`):

* rows are sorted by `source_id`, which is trace id and span id, in row groups whose least and greatest ids are known;
* columns are encoded for size: ids share beginnings, times and counts are small numbers spread over eight bytes;
* it lies in `<table>/day=YYYY-MM-DD/` if all its calls began on that UTC day, else in `<table>/mixed/`. The path only
  helps people: what day a call is of, its row says;
* its footer names under `spanledger.merged` the segments it was made from, instead of journal ranges: an unlisted one
  may go as long as those are live.

Must not: choose what is merged, or know what a row means.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ledger.filesystem import SHARED_FILE_MODE, TEMPORARY_SUFFIX, AppendFile, Filesystem
from ledger.money import COST_TYPE
from ledger.schema import SCHEMA_VERSION, SCHEMAS, Table
from ledger.segment import Segment, evidence_of, times_of

MERGED: Final = b"spanledger.merged"
MIXED_FOLDER: Final = "mixed"
# Half of what one of DuckDB's threads takes at a time: small enough to look one row up in, large enough to compress.
ROW_GROUP_ROWS: Final = 61_440
DAY_US: Final = 86_400_000_000
_WRITE_BYTES: Final = 2**20
_COMPRESSION_LEVEL: Final = 6  # a file is written once and read for years
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SHARE_BEGINNINGS: Final = frozenset({"source_id", "trace_id"})
_UNIQUE: Final = frozenset({"span_id", "parent_span_id", "content_hash", "response_id"})
_COMMITS: Final = frozenset({"commit", "superseded_commit"})
_LEAF_OF_MAP: Final = ("key_value.key", "key_value.value")


def is_mixed(segment: Segment) -> bool:
    """Say whether a compacted segment has calls of several days."""
    return segment.folder.endswith(f"/{MIXED_FOLDER}")


def day_of(moment_us: int) -> str:
    """Return the UTC day of a moment, as folders are named."""
    return (_EPOCH + timedelta(microseconds=moment_us)).strftime("%Y-%m-%d")


def read_merged(path: Path) -> list[str] | None:
    """Return the paths that a file was made from, by its own footer; None where compaction did not make it.

    A footer that cannot be read says nothing here: whoever asks for its journal ranges is told.
    """
    try:
        said = (pq.read_metadata(path).metadata or {}).get(MERGED)
    except (OSError, pa.ArrowException):
        return None
    return None if said is None else list(json.loads(said))


class CompactedWriter:
    """One segment being written. `write` what comes in order, then `finish`; or `abandon`."""

    def __init__(
        self, table: Table, *, day: str | None, merged: Sequence[Segment], ledger: Path, filesystem: Filesystem
    ) -> None:
        self._table = table
        self._merged = [one.path for one in merged]
        self._ledger = ledger
        self._filesystem = filesystem
        self._folder = ledger / table.value / (MIXED_FOLDER if day is None else f"day={day}")
        filesystem.make_folder(self._folder)
        self._temporary = self._folder / f".{secrets.token_hex(8)}{TEMPORARY_SUFFIX}"
        self._sink = _Sink(filesystem.create(self._temporary, mode=SHARED_FILE_MODE))
        self._writer = pq.ParquetWriter(self._sink, SCHEMAS[table], **_how(SCHEMAS[table]))
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self._said = _Said()
        self._is_finished = False

    def write(self, rows: pa.Table) -> None:
        """Take rows whose ids come after those taken before."""
        assert rows.schema.equals(SCHEMAS[self._table]), f"{self._table} rows do not have the table's columns"
        self._said.add(rows)
        self._waiting.append(rows)
        self._waiting_rows += rows.num_rows
        if self._waiting_rows >= ROW_GROUP_ROWS:
            joined = pa.concat_tables(self._waiting)
            whole = joined.num_rows - joined.num_rows % ROW_GROUP_ROWS
            self._writer.write_table(joined.slice(0, whole), row_group_size=ROW_GROUP_ROWS)
            self._waiting = [joined.slice(whole)]
            self._waiting_rows = joined.num_rows - whole

    def finish(self, *, commit: int, marked: int) -> Segment:
        """Make the file durable under its name, and describe it; `commit` is about to list it."""
        if self._waiting_rows:
            self._writer.write_table(pa.concat_tables(self._waiting), row_group_size=ROW_GROUP_ROWS)
        self._writer.add_key_value_metadata(
            {
                b"spanledger.schema_version": str(SCHEMA_VERSION).encode(),
                b"spanledger.table": self._table.value.encode(),
                b"spanledger.commit": str(commit).encode(),
                MERGED: json.dumps(self._merged).encode(),
            }
        )
        self._writer.close()
        self._sink.write_out()
        self._sink.file.sync()
        self._sink.file.close()
        self._is_finished = True
        target = self._folder / f"{commit:012d}-{secrets.token_hex(4)}.parquet"
        self._filesystem.rename(self._temporary, target)
        said = self._said
        return Segment(
            table=self._table,
            path=str(target.relative_to(self._ledger)),
            rows=said.rows,
            size_bytes=self._sink.size_bytes,
            digest=self._sink.digest.hexdigest(),
            first_us=said.first_us if said.knows_times else None,
            last_us=said.last_us if said.knows_times else None,
            first_commit=said.first_commit,
            last_commit=said.last_commit,
            marked=marked,
            evidence_us=said.evidence_us,
        )

    def abandon(self) -> None:
        """Leave no file behind; one that is finished already stays, for the sweep."""
        if self._is_finished:
            return
        self._sink.is_abandoned = True
        self._writer.close()
        self._sink.file.close()
        self._filesystem.remove(self._temporary)


class _Said:
    """What a segment's description says of its rows, gathered as they come."""

    def __init__(self) -> None:
        self.rows = 0
        self.knows_times = True
        self.first_us: int | None = None
        self.last_us: int | None = None
        self.first_commit: int | None = None
        self.last_commit: int | None = None
        self.evidence_us: int | None = None

    def add(self, rows: pa.Table) -> None:
        if not rows.num_rows:
            return
        self.rows += rows.num_rows
        first_us, last_us = times_of(rows)
        if first_us is None or last_us is None:
            self.knows_times = False
        self.first_us, self.last_us = _least(self.first_us, first_us), _greatest(self.last_us, last_us)
        commits = rows.column("commit").to_numpy()
        self.first_commit = _least(self.first_commit, int(commits.min()))
        self.last_commit = _greatest(self.last_commit, int(commits.max()))
        self.evidence_us = _least(self.evidence_us, evidence_of(rows))


def _least(one: int | None, other: int | None) -> int | None:
    known = [value for value in (one, other) if value is not None]
    return min(known) if known else None


def _greatest(one: int | None, other: int | None) -> int | None:
    known = [value for value in (one, other) if value is not None]
    return max(known) if known else None


class _Sink:
    """What Parquet writes to: a file of the seam, digested as it grows."""

    closed = False
    mode = "wb"

    def __init__(self, file: AppendFile) -> None:
        self.file = file
        self.size_bytes = 0
        self.is_abandoned = False
        self._waiting = bytearray()
        self.digest = hashlib.blake2b(digest_size=16)

    def write(self, data: Any) -> int:
        piece = bytes(data)
        if self.is_abandoned:
            return len(piece)
        # Parquet's writer comes with a few hundred bytes at a time.
        self._waiting += piece
        self.size_bytes += len(piece)
        self.digest.update(piece)
        if len(self._waiting) >= _WRITE_BYTES:
            self.write_out()
        return len(piece)

    def write_out(self) -> None:
        self.file.append(bytes(self._waiting))
        self._waiting.clear()

    def tell(self) -> int:
        return self.size_bytes

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """The file is synced and closed by whoever finishes it."""


def _how(schema: pa.Schema) -> dict[str, Any]:
    encodings: dict[str, str] = {}
    dictionary: list[str] = []
    for field in schema:
        if pa.types.is_map(field.type):
            dictionary += [f"{field.name}.{leaf}" for leaf in _LEAF_OF_MAP]
        elif pa.types.is_list(field.type):
            dictionary.append(f"{field.name}.list.element")
        elif field.name in _SHARE_BEGINNINGS:
            encodings[field.name] = "DELTA_BYTE_ARRAY"
        elif field.name in {"start_time", "end_time"}:
            encodings[field.name] = "DELTA_BINARY_PACKED"
        elif field.type == pa.int64() and field.name not in _COMMITS:
            encodings[field.name] = "BYTE_STREAM_SPLIT"
        elif field.type != COST_TYPE and field.name not in _UNIQUE:
            dictionary.append(field.name)
    return {
        "compression": "zstd",
        "compression_level": _COMPRESSION_LEVEL,
        "use_dictionary": dictionary,
        "column_encoding": encodings,
        "write_statistics": [
            one.name for one in schema if one.name not in _UNIQUE and not pa.types.is_nested(one.type)
        ],
        "store_schema": False,
    }
