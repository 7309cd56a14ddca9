"""History: what a checkpoint folds away, kept for ever: of every commit its digest and its class counts.

`history/<first>-<last>.parquet`, one row a commit, in their order:

    commit, recorded_time, previous, digest   as its line said them (digests as 16 bytes; the first `previous` is empty)
    received, not_genai, usage, …             its differences of the class counts

The checkpoint's line holds each file's name and digest, so the chain of commits goes through it. An invoice of years
ago that says (ledger, commit, digest) is checked against it.

Must not: hold anything that a reader of the ledger's figures needs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ledger.errors import LedgerDamagedError
from ledger.filesystem import Filesystem
from ledger.schema import SpanClass
from ledger.state import RECEIVED

FOLDER: Final = "history"
COUNTS: Final = (RECEIVED, *(one.value for one in SpanClass))
_SCHEMA: Final[pa.Schema] = pa.schema(
    [
        pa.field("commit", pa.int64(), nullable=False),
        pa.field("recorded_time", pa.string(), nullable=False),
        pa.field("previous", pa.binary(), nullable=False),
        pa.field("digest", pa.binary(), nullable=False),
        *(pa.field(name, pa.int64(), nullable=False) for name in COUNTS),
    ]
)


def write_history(lines: Sequence[Mapping[str, Any]], *, ledger: Path, filesystem: Filesystem) -> dict[str, Any]:
    """Keep these commits' lines in short, durably; return how a checkpoint names the file."""
    first, last = lines[0]["commit"], lines[-1]["commit"]
    columns: dict[str, list[Any]] = {
        "commit": [line["commit"] for line in lines],
        "recorded_time": [line["recorded_time"] for line in lines],
        "previous": [bytes.fromhex(line["previous"]) for line in lines],
        "digest": [bytes.fromhex(line["digest"]) for line in lines],
    }
    columns |= {name: [line["counts"].get(name, 0) for line in lines] for name in COUNTS}
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns, schema=_SCHEMA), sink, compression="zstd", store_schema=False)
    data = sink.getvalue().to_pybytes()
    name = f"{first:012d}-{last:012d}.parquet"
    filesystem.make_folder(ledger / FOLDER)
    filesystem.write_durably(ledger / FOLDER / name, data)
    return {"name": name, "first": first, "last": last, "digest": hashlib.blake2b(data, digest_size=16).hexdigest()}


def digest_in_history(files: Sequence[Mapping[str, Any]], commit: int, *, ledger: Path) -> str | None:
    """Return the digest of a commit that checkpoints have folded away; None when none of the files has it.

    Raises:
        LedgerDamagedError: the file that must have it is missing, or not the one the checkpoint names.
    """
    for file in files:
        if file["first"] <= commit <= file["last"]:
            rows = read_history(file, ledger=ledger)
            found = rows.filter(pc.equal(rows.column("commit"), commit)).column("digest").to_pylist()
            return found[0].hex() if found else None
    return None


def read_history(file: Mapping[str, Any], *, ledger: Path) -> pa.Table:
    """Read one file that a checkpoint names.

    Raises:
        LedgerDamagedError: it is missing, or not the one the checkpoint names.
    """
    path = ledger / FOLDER / file["name"]
    try:
        data = path.read_bytes()
    except OSError as unreadable:
        raise _damaged(path, str(unreadable)) from unreadable
    if hashlib.blake2b(data, digest_size=16).hexdigest() != file["digest"]:
        raise _damaged(path, "its digest is another")
    return pq.read_table(pa.BufferReader(data))


def chain_breaks(files: Sequence[Mapping[str, Any]], chain: str, *, ledger: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files that do not go on where the one before ended, or are not what the checkpoint names, and why.

    `chain` is the digest of the last commit that was folded.
    """
    expected: bytes | None = None
    path = ledger / FOLDER
    for file in files:
        path = ledger / FOLDER / file["name"]
        try:
            rows = read_history(file, ledger=ledger)
        except LedgerDamagedError as damaged:
            yield path, damaged.message
            return
        previous, digests = (rows.column(name).to_pylist() for name in ("previous", "digest"))
        if previous[1:] != digests[:-1] or (expected is not None and previous[0] != expected):
            yield path, "its commits do not follow one another"
            return
        expected = digests[-1]
    if expected is not None and expected.hex() != chain:
        yield path, "it does not end with the commit that the checkpoint names"


def _damaged(path: Path, why: str) -> LedgerDamagedError:
    return LedgerDamagedError(
        f"{path}, which the manifest's checkpoint names, cannot be read ({why}).",
        hint="Restore it from a backup. Calls and costs do not depend on it.",
    )
