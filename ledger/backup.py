"""Backups: a ledger as of one commit, copied while it is being written, and put back.

    <backup>/ledger/…       manifest up to that commit, and the segments it lists, each checked by its digest
    <backup>/prices/…       the versions of prices that users gave
    <backup>/backup.json    {ledger_id, commit, digest}: what it is a backup of; written last

Segments never change, so a backup made into the same folder again copies only what is new, and until the new manifest
takes the old one's place it is the old backup, whole. The journal, the index and views.sql are not in it: the first is
sealed within seconds, the other two are made anew.

Restoring goes into a data directory without a ledger. Whoever asks for it deletes the index, which may be of commits
that came after the backup. A journal that is there stays: frames that the restored manifest
has not consumed are sealed again, and what the ledger has already is counted once by its key. What was sealed after the
backup and is no longer in the journal is not there: whoever has it (a Collector's file exporter) imports it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger.errors import LedgerDamagedError, LedgerMissingError, WrongUseError
from ledger.filesystem import TEMPORARY_SUFFIX, Filesystem
from ledger.history import FOLDER as HISTORY_FOLDER
from ledger.layout import DataDirectory
from ledger.manifest import LedgerState, read_state
from ledger.segment import Segment
from ledger.verifying.lines import scan
from ledger.verifying.segments import is_whole
from ledger.views import render_views

# Compaction may remove a segment between the reading of the manifest and the copy: then all is tried afresh.
_ATTEMPTS: Final = 5
_ABOUT: Final = "backup.json"
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup is of."""

    ledger_id: str
    commit: int
    digest: str
    segments: int
    copied: int
    """Segments that this run copied; the others were there."""


def back_up(data: DataDirectory, target: Path, *, filesystem: Filesystem, progress: Progress) -> Backup:
    """Copy the ledger as of its newest commit.

    Raises:
        LedgerMissingError: there is none.
        LedgerDamagedError: a segment is not what the manifest lists; nothing of an older backup is changed.
        WrongUseError: the folder has a backup of another ledger.
    """
    if not data.manifest.exists():
        raise LedgerMissingError(f"there is no ledger at {data.ledger}.", hint="Correct the path (--data-dir).")
    there = DataDirectory(target)
    filesystem.make_folder(there.ledger)
    for attempt in range(_ATTEMPTS):
        manifest, state = _manifest_now(data, there, filesystem)
        _check_same_ledger(there, state)
        try:
            copied = _copy_segments(data, there, state, filesystem, progress)
        except FileNotFoundError:
            if attempt + 1 == _ATTEMPTS:
                raise
            continue
        break
    _copy_rest(data, there, filesystem)
    filesystem.write_durably(there.manifest, manifest)
    about = {"ledger_id": state.ledger_id, "commit": state.commit, "digest": state.digest}
    filesystem.write_durably(target / _ABOUT, json.dumps(about).encode() + b"\n")
    return Backup(state.ledger_id, state.commit, state.digest, len(state.segments), copied)


def restore(backup: Path, data: DataDirectory, *, filesystem: Filesystem, progress: Progress) -> Backup:
    """Put a backup into a data directory that has no ledger.

    Raises:
        WrongUseError: it is no backup, or there is a ledger already.
        LedgerDamagedError: the backup is not whole; nothing was put in place.
    """
    source = DataDirectory(backup)
    if not (backup / _ABOUT).is_file():
        raise WrongUseError(f"{backup} is no finished backup: it has no {_ABOUT}.", hint="Name another folder.")
    if data.manifest.exists() or any(data.ledger.rglob("*.parquet")):
        raise WrongUseError(
            f"there is a ledger at {data.ledger}.",
            hint="Move that folder away first, or restore into another data_dir; leave the journal where it is.",
        )
    state = read_state(source.manifest)
    filesystem.make_folder(data.ledger)
    try:
        copied = _copy_segments(source, data, state, filesystem, progress)
    except FileNotFoundError as missing:
        raise LedgerDamagedError(f"{missing.filename} is missing in the backup.", hint="Use another one.") from missing
    _copy_rest(source, data, filesystem)
    filesystem.write_durably(data.views, render_views(state, ledger=data.ledger.absolute()).encode())
    filesystem.write_durably(data.manifest, source.manifest.read_bytes())
    return Backup(state.ledger_id, state.commit, state.digest, len(state.segments), copied)


def _manifest_now(data: DataDirectory, there: DataDirectory, filesystem: Filesystem) -> tuple[bytes, LedgerState]:
    """Return the manifest's whole lines, and what they come to."""
    found = scan(data.manifest)
    # A last line in the making is not yet a commit; damage anywhere else is refused by the reading.
    end = found.damaged[-1].start if found.damaged and found.damaged[-1].is_tail else len(found.data)
    copy = there.ledger / f"manifest{TEMPORARY_SUFFIX}"
    filesystem.write_durably(copy, found.data[:end])
    try:
        return found.data[:end], read_state(copy)
    finally:
        filesystem.remove(copy)


def _check_same_ledger(there: DataDirectory, state: LedgerState) -> None:
    if there.manifest.exists() and (other := read_state(there.manifest).ledger_id) != state.ledger_id:
        raise WrongUseError(
            f"{there.root} has a backup of ledger {other}, and this one is {state.ledger_id}.",
            hint="Name another folder.",
        )


def _copy_segments(
    source: DataDirectory, target: DataDirectory, state: LedgerState, filesystem: Filesystem, progress: Progress
) -> int:
    copied = 0
    for number, segment in enumerate(state.segments, start=1):
        if not is_whole(target.ledger / segment.path, segment):
            _copy_segment(segment, source, target, filesystem)
            copied += 1
        progress(number, len(state.segments))
    return copied


def _copy_segment(segment: Segment, source: DataDirectory, target: DataDirectory, filesystem: Filesystem) -> None:
    path = target.ledger / segment.path
    filesystem.make_folder(path.parent)
    filesystem.write_durably(path, (source.ledger / segment.path).read_bytes())
    if not is_whole(path, segment):
        filesystem.remove(path)
        raise LedgerDamagedError(
            f"segment {source.ledger / segment.path} is not what the manifest lists.",
            hint="`spanledger verify` says where; an older backup may have the whole file.",
        )


def _copy_rest(source: DataDirectory, target: DataDirectory, filesystem: Filesystem) -> None:
    """Copy versions of prices, and what else the ledger folder keeps beside segments: the history of its commits."""
    skipped = {source.manifest.name, source.views.name}
    files = [path for path in source.prices.glob("*.json") if path.is_file()]
    files += [
        path for path in source.ledger.rglob("*")
        if path.is_file() and path.name not in skipped
        and (path.suffix in {".json", ".jsonl"} or path.parent.name == HISTORY_FOLDER)
    ]  # fmt: skip
    for path in files:
        copy = target.root / path.relative_to(source.root)
        filesystem.make_folder(copy.parent)
        filesystem.write_durably(copy, path.read_bytes())
