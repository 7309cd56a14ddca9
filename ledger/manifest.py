"""The manifest: the only list of what is in the ledger. Appending a line to it is the commit.

`manifest.jsonl`, one JSON object a line, in the order of commits, chained by digest. Line 0 founds the ledger:

    {"commit":0,"ledger_id":…,"format":1,"min_reader":1,"min_writer":1,"recorded_time":…,"previous":"","digest":…}

every later line is one commit:

    commit         N, one more than the line before
    recorded_time  the writer's clock, RFC 3339 UTC; only informs
    positions      {journal file: bytes of it that this and earlier commits consumed}
    forgotten      [journal file …] whose deletion is durable; their positions are dropped
    segments       [{table, path, rows, size_bytes, digest} …] added
    counts         {class: difference}; `received` beside the six classes
    versions       {name: version} of what readings and prices were made with, when it changed
    previous       digest of the line before
    digest         BLAKE2b-128 over the line's JSON without this member (sorted keys, no spaces)

Invariants: received = the sum of the six classes, in every line and in the sum of all lines. A line that is torn or
fails its digest ends the list if nothing valid follows it: it was never acknowledged as a commit. Damage *before* valid
lines is an error. After any error while appending, the writer must be opened afresh (`ManifestWriter.open` copies the
valid lines into a new file first).
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

from ledger.errors import LedgerDamagedError, LedgerMissingError, LedgerTooNewError
from ledger.filesystem import AppendFile, Filesystem
from ledger.schema import SpanClass, Table
from ledger.segment import Segment, segment_of

FORMAT: Final = 1
TORN_SUFFIX: Final = ".torn"
RECEIVED: Final = "received"


@dataclass(frozen=True, slots=True)
class Commit:
    """What one commit says, before it has a number and a digest."""

    positions: Mapping[str, int] = field(default_factory=dict)
    forgotten: tuple[str, ...] = ()
    segments: tuple[Segment, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        classes = sum(self.counts.get(one.value, 0) for one in SpanClass)
        assert self.counts.get(RECEIVED, 0) == classes, f"the classes of {dict(self.counts)} do not add up to received"


@dataclass(slots=True)
class LedgerState:
    """What the ledger holds as of its newest commit: the fold of all lines."""

    ledger_id: str
    commit: int
    digest: str
    recorded_time: str
    segments: list[Segment] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def apply(self, line: Mapping[str, Any]) -> None:
        """Fold one later line in."""
        self.commit = line["commit"]
        self.digest = line["digest"]
        self.recorded_time = line["recorded_time"]
        self.segments += [segment_of(one) for one in line["segments"]]
        self.positions.update(line["positions"])
        for name in line["forgotten"]:
            self.positions.pop(name, None)
        for name, difference in line["counts"].items():
            self.counts[name] = self.counts.get(name, 0) + difference
        self.versions.update(line["versions"])

    def count(self, name: str) -> int:
        """Return how many spans ended in a class, or were received."""
        return self.counts.get(name, 0)

    @property
    def adds_up(self) -> bool:
        """Whether received equals the sum of the classes."""
        return self.count(RECEIVED) == sum(self.count(one.value) for one in SpanClass)

    def of_table(self, table: Table) -> list[Segment]:
        """Return the live segments of one table, oldest first."""
        return [segment for segment in self.segments if segment.table == table]


def read_state(path: Path) -> LedgerState:
    """Read the whole manifest.

    Raises:
        LedgerMissingError: no manifest there.
        LedgerDamagedError: a line in the middle is damaged, or the chain is broken.
        LedgerTooNewError: written by a newer program that says this one must not read it.
    """
    state, _ = _read(path)
    return state


def read_lines(path: Path, *, after: int) -> Iterator[Mapping[str, Any]]:
    """Yield the commits after number `after`, oldest first."""
    for line in _valid_lines(path)[0]:
        if line["commit"] > after:
            yield line


class ManifestWriter:
    """The one writer's hand on the manifest. Hold the ledger's lock before opening it."""

    def __init__(self, path: Path, file: AppendFile, state: LedgerState) -> None:
        self._path = path
        self._file = file
        self._broken = False
        self.state = state

    @classmethod
    def open(cls, path: Path, *, filesystem: Filesystem) -> Self:
        """Open the manifest for appending, founding the ledger if there is none; a torn last line is cut off.

        What can be read may not be on the disk: whoever wrote it may have died before its fsync, or been refused it,
        and then no later fsync of that file can be believed. So the valid lines are always copied into a new file.
        """
        filesystem.make_folder(path.parent)
        if not path.exists():
            filesystem.write_durably(path, _founding_line())
        state = read_state(path)
        whole = b"".join(_encode(line) for line in _valid_lines(path)[0])
        if tail := path.read_bytes()[len(whole) :]:
            # What is cut off is kept beside: should it be damage, `spanledger verify --repair` may put the line right.
            filesystem.write_durably(path.with_name(path.name + TORN_SUFFIX), tail)
        filesystem.write_durably(path, whole)
        return cls(path, filesystem.open_append(path), state)

    def append(self, commit: Commit) -> int:
        """Make the commit durable and return its number.

        Raises:
            OSError: nothing is known of the line; close this writer and open another.
        """
        assert not self._broken, "a manifest is not appended to after an error; open it afresh"
        line = {
            "commit": self.state.commit + 1,
            "recorded_time": _now(),
            "positions": dict(commit.positions),
            "forgotten": list(commit.forgotten),
            "segments": [segment.described() for segment in commit.segments],
            "counts": {name: count for name, count in commit.counts.items() if count},
            "versions": dict(commit.versions),
            "previous": self.state.digest,
        }
        line["digest"] = _digest(line)
        self._broken = True
        self._file.append(_encode(line))
        self._file.sync()
        self._broken = False
        self.state.apply(line)
        return self.state.commit

    def close(self) -> None:
        """Give the file back."""
        self._file.close()


def decode_line(piece: bytes) -> dict[str, Any] | None:
    """Return what a line says, without its newline; None when it fails its digest."""
    return _decode(piece)


def _founding_line() -> bytes:
    line: dict[str, Any] = {
        "commit": 0,
        "ledger_id": secrets.token_hex(16),
        "format": FORMAT,
        "min_reader": FORMAT,
        "min_writer": FORMAT,
        "recorded_time": _now(),
        "previous": "",
    }
    line["digest"] = _digest(line)
    return _encode(line)


def _read(path: Path) -> tuple[LedgerState, bool]:
    lines, torn = _valid_lines(path)
    if not lines or "ledger_id" not in lines[0]:
        raise LedgerDamagedError(f"manifest {path} has no valid founding line.", hint="Restore it from a backup.")
    first = lines[0]
    if first.get("min_reader", 0) > FORMAT:
        raise LedgerTooNewError(
            f"ledger {path.parent} has format {first['format']}, this program reads up to {FORMAT}.",
            hint="Upgrade spanledger.",
        )
    state = LedgerState(
        ledger_id=first["ledger_id"], commit=0, digest=first["digest"], recorded_time=first["recorded_time"]
    )
    for line in lines[1:]:
        # A second founding line follows nothing either: it begins another chain.
        if line["previous"] != state.digest or line["commit"] != state.commit + 1:
            raise LedgerDamagedError(
                f"manifest {path}: commit {line['commit']} does not follow commit {state.commit}.",
                hint="Restore the manifest from a backup; do not edit it.",
            )
        state.apply(line)
    return state, torn


def _valid_lines(path: Path) -> tuple[list[dict[str, Any]], bool]:
    """Return the valid lines, and whether something torn follows them."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as missing:
        raise LedgerMissingError(
            f"there is no ledger at {path.parent}.",
            hint="Has the receiver run on this data_dir? It is created by `spanledger up`.",
        ) from missing
    pieces = data.split(b"\n")
    lines: list[dict[str, Any]] = []
    for number, piece in enumerate(pieces[:-1]):
        line = _decode(piece)
        if line is None:
            if any(_decode(later) is not None for later in pieces[number + 1 :]):
                raise LedgerDamagedError(
                    f"manifest {path}: line {number + 1} is damaged, but later lines are whole.",
                    hint="Restore the manifest from a backup; the segments are untouched.",
                )
            return lines, True
        lines.append(line)
    return lines, pieces[-1] != b""


def _encode(line: Mapping[str, Any]) -> bytes:
    return json.dumps(line, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _decode(piece: bytes) -> dict[str, Any] | None:
    try:
        line = json.loads(piece)
    except (ValueError, RecursionError):
        return None
    if not isinstance(line, dict) or line.get("digest") != _digest(line):
        return None
    return line


def _digest(line: Mapping[str, Any]) -> str:
    body = json.dumps(
        {name: value for name, value in line.items() if name != "digest"}, sort_keys=True, separators=(",", ":")
    )
    return hashlib.blake2b(body.encode(), digest_size=16).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
