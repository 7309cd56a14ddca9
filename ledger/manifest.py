"""The manifest: the only list of what is in the ledger. Appending a line to it is the commit.

`manifest.jsonl`, one JSON object a line, in the order of commits, chained by digest. Line 0 founds the ledger:

    {"commit":0,"ledger_id":…,"format":1,"min_reader":1,"min_writer":1,"recorded_time":…,"previous":"","digest":…}

every later line is one commit:

    commit         N, one more than the line before
    recorded_time  the writer's clock, RFC 3339 UTC; only informs
    positions      {journal file: bytes of it that this and earlier commits consumed}
    forgotten      [journal file …] whose deletion is durable; their positions are dropped
    segments       [{table, path, rows, size_bytes, digest, …} …] added (`ledger.segment`)
    counts         {class: difference}; `received` beside the six classes
    versions       {name: version} of what readings and prices were made with, when it changed
    retired        [path …] no longer live: their rows stand in this line's segments (this and below only if any)
    expiring       {path: moment}: how long a retired segment is kept for those still reading it
    removed        [path …] retired segments whose deletion is durable
    previous       digest of the line before
    digest         BLAKE2b-128 over the line's JSON without this member (sorted keys, no spaces)

or, only right behind line 0, a checkpoint: the fold of all commits up to one, which are then no longer there as lines:

    checkpoint     the commit's number; `chain` its digest, which the next line's `previous` repeats
    recorded_time, segments, positions, counts, versions, retired   as of that commit (`ledger.state`)
    history        [{name, first, last, digest} …]: files with each folded commit's digest and counts (`ledger.history`)

Invariants: received = the sum of the six classes, in every line and in the sum of all lines. A line that is torn or
fails its digest ends the list if nothing valid follows it: it was never acknowledged as a commit. Damage *before* valid
lines is an error. After any error while appending, the writer must be opened afresh (`ManifestWriter.open` copies the
valid lines into a new file first).
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from ledger.errors import LedgerDamagedError, LedgerMissingError, LedgerTooNewError
from ledger.filesystem import AppendFile, Filesystem
from ledger.history import digest_in_history, write_history
from ledger.moments import now
from ledger.state import RECEIVED as RECEIVED
from ledger.state import Commit as Commit
from ledger.state import LedgerState as LedgerState
from ledger.state import state_of

FORMAT: Final = 1
TORN_SUFFIX: Final = ".torn"
# Lines that a checkpoint leaves: readers whose views.sql is a few commits old still find theirs.
LINES_KEPT: Final = 100
# A line takes about 20 µs to read: opening stays below a tenth of a second.
LINES_MAX: Final = 2_000
_Line = dict[str, Any]


def read_state(path: Path) -> LedgerState:
    """Read the whole manifest.

    Raises:
        LedgerMissingError: no manifest there.
        LedgerDamagedError: a line in the middle is damaged, or the chain is broken.
        LedgerTooNewError: written by a newer program that says this one must not read it.
    """
    return _state(path, _valid_lines(path)[0])


def read_lines(path: Path, *, after: int) -> Iterator[Mapping[str, Any]]:
    """Yield the commits after number `after`, oldest first; those that a checkpoint has folded are not there."""
    for line in _valid_lines(path)[0]:
        if "commit" in line and line["commit"] > after:
            yield line


def digest_of_commit(path: Path, commit: int) -> str | None:
    """Return a commit's digest, however old it is; None when the ledger has no such commit."""
    lines = _valid_lines(path)[0]
    for line in lines:
        if line.get("commit", line.get("checkpoint")) == commit:
            return str(line.get("chain", line["digest"]))
    return digest_in_history(_folded(lines).get("history", ()), commit, ledger=path.parent)


class ManifestWriter:
    """The one writer's hand on the manifest. Hold the ledger's lock before opening it."""

    def __init__(self, path: Path, *, filesystem: Filesystem, state: LedgerState, lines: int) -> None:
        self._path = path
        self._filesystem = filesystem
        self._file: AppendFile = filesystem.open_append(path)
        self._broken = False
        self._lines = lines
        self.state = state

    @classmethod
    def open(cls, path: Path, *, filesystem: Filesystem) -> Self:
        """Open the manifest for appending, founding the ledger if there is none; a torn last line is cut off.

        What can be read may not be on the disk: whoever wrote it may have died before its fsync, or been refused it,
        and then no later fsync of that file can be believed. So the valid lines are always copied into a new file.
        """
        filesystem.make_folder(path.parent)
        if not path.exists():
            filesystem.write_durably(path, _encode(_founding_line()))
        lines, _ = _valid_lines(path)
        state = _state(path, lines)
        whole = b"".join(_encode(line) for line in lines)
        if tail := path.read_bytes()[len(whole) :]:
            # What is cut off is kept beside: should it be damage, `spanledger verify --repair` may put the line right.
            filesystem.write_durably(path.with_name(path.name + TORN_SUFFIX), tail)
        filesystem.write_durably(path, whole)
        return cls(path, filesystem=filesystem, state=state, lines=len(lines))

    def append(self, commit: Commit) -> int:
        """Make the commit durable and return its number.

        Raises:
            OSError: nothing is known of the line; close this writer and open another.
        """
        assert not self._broken, "a manifest is not appended to after an error; open it afresh"
        line = {
            "commit": self.state.commit + 1,
            "recorded_time": now(),
            **commit.line(),
            "previous": self.state.digest,
        }
        line["digest"] = _digest(line)
        self._broken = True
        self._file.append(_encode(line))
        self._file.sync()
        self._broken = False
        self._lines += 1
        self.state.apply(line)
        return self.state.commit

    @property
    def wants_checkpoint(self) -> bool:
        """Whether there are so many lines that opening would take its time."""
        return self._lines > LINES_MAX

    def checkpoint(self, *, lines_kept: int = LINES_KEPT) -> None:
        """Fold all but the newest lines into one, durably: the old file is there until the new one is.

        Raises:
            OSError: close this writer and open another.
        """
        assert not self._broken, "a manifest is not written to after an error; open it afresh"
        lines, _ = _valid_lines(self._path)
        commits = [line for line in lines if "commit" in line][1:]
        folded = commits[: max(0, len(commits) - lines_kept)]
        if not folded:
            return
        self._broken = True
        state = _state(self._path, [line for line in lines if line.get("commit", 0) <= folded[-1]["commit"]])
        history = [*_folded(lines).get("history", ())]
        history.append(write_history(folded, ledger=self._path.parent, filesystem=self._filesystem))
        kept = [lines[0], _checkpoint_line(state, history), *commits[len(folded) :]]
        self._filesystem.write_durably(self._path, b"".join(_encode(line) for line in kept))
        self._file.close()
        self._file = self._filesystem.open_append(self._path)
        self._lines = len(kept)
        self._broken = False

    def close(self) -> None:
        """Give the file back."""
        self._file.close()


def decode_line(piece: bytes) -> _Line | None:
    """Return what a line says, without its newline; None when it fails its digest."""
    return _decode(piece)


def _founding_line() -> _Line:
    line: _Line = {
        "commit": 0,
        "ledger_id": secrets.token_hex(16),
        "format": FORMAT,
        "min_reader": FORMAT,
        "min_writer": FORMAT,
        "recorded_time": now(),
        "previous": "",
    }
    line["digest"] = _digest(line)
    return line


def _checkpoint_line(state: LedgerState, history: Sequence[Mapping[str, Any]]) -> _Line:
    line: _Line = {
        "checkpoint": state.commit,
        "chain": state.digest,
        "recorded_time": state.recorded_time,
        "history": [dict(file) for file in history],
        **state.described(),
    }
    line["digest"] = _digest(line)
    return line


def _folded(lines: Sequence[_Line]) -> _Line:
    """Return the checkpoint; empty when there is none."""
    return lines[1] if len(lines) > 1 and "checkpoint" in lines[1] else {}


def _state(path: Path, lines: Sequence[_Line]) -> LedgerState:
    if not lines or "ledger_id" not in lines[0]:
        raise LedgerDamagedError(f"manifest {path} has no valid founding line.", hint="Restore it from a backup.")
    first = lines[0]
    if first.get("min_reader", 0) > FORMAT:
        raise LedgerTooNewError(
            f"ledger {path.parent} has format {first['format']}, this program reads up to {FORMAT}.",
            hint="Upgrade spanledger.",
        )
    state = LedgerState(first["ledger_id"], 0, first["digest"], first["recorded_time"])
    rest = lines[1:]
    if folded := _folded(lines):
        state = state_of(folded, ledger_id=first["ledger_id"])
        rest = lines[2:]
    for line in rest:
        if line.get("previous") != state.digest or line.get("commit") != state.commit + 1:
            raise LedgerDamagedError(
                f"manifest {path}: commit {line.get('commit')} does not follow commit {state.commit}.",
                hint="Restore the manifest from a backup; do not edit it.",
            )
        state.apply(line)
    return state


def _valid_lines(path: Path) -> tuple[list[_Line], bool]:
    """Return the valid lines, and whether something torn follows them."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as missing:
        raise LedgerMissingError(
            f"there is no ledger at {path.parent}.",
            hint="Has the receiver run on this data_dir? It is created by `spanledger up`.",
        ) from missing
    pieces = data.split(b"\n")
    lines: list[_Line] = []
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


def _decode(piece: bytes) -> _Line | None:
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
