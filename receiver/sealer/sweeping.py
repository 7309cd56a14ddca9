"""The sweep: what the sealer does about files that no manifest line lists, before anything else.

A segment is removed only if the journal frames it was made from are still there to be sealed again, or, if compaction
made it, the segments that it was made from. Otherwise a manifest line was lost, and starting would lose calls: the
start is refused. One case is neither: the journal file is there and not consumed, but shorter than it was read. What is
missing was never durable (its fsync had failed, its sender was told to send again, and then the power went); the
segment is kept under another name, and what is left of the file is sealed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ledger.compacted import read_merged
from ledger.errors import LedgerDamagedError
from ledger.filesystem import TEMPORARY_SUFFIX, Filesystem
from ledger.layout import DataDirectory
from ledger.manifest import LedgerState
from ledger.schema import Table
from ledger.segment import read_journal_ranges
from ledger.views import commit_of_views

UNLISTED_SUFFIX: Final = ".unlisted"


def sweep(data: DataDirectory, state: LedgerState, *, filesystem: Filesystem) -> list[Path]:
    """Remove segments and temporary files that no commit lists; return what was removed.

    Raises:
        LedgerDamagedError: an unlisted segment's journal frames are gone.
    """
    _check_no_line_is_lost(data, state)
    # Retired files are deleted when their time is over.
    listed = {data.ledger / path for path in (*(one.path for one in state.segments), *state.retired)}
    removed: list[Path] = []
    for temporary in data.ledger.rglob(f"*{TEMPORARY_SUFFIX}"):
        filesystem.remove(temporary)
        removed.append(temporary)
    for table in Table:
        for path in sorted(data.table(table).rglob("*.parquet")):
            if path in listed:
                continue
            merged = read_merged(path)
            if merged is not None:
                _check_still_there(path, merged, state)
            if merged is not None or _is_resealed_whole(path, data=data, state=state):
                filesystem.remove(path)
                filesystem.sync_folder(path.parent)
            else:
                filesystem.rename(path, path.with_name(path.name + UNLISTED_SUFFIX))
            removed.append(path)
    return removed


def _check_no_line_is_lost(data: DataDirectory, state: LedgerState) -> None:
    """views.sql is written only after the line it is of is durable: it is never ahead of a manifest that is whole."""
    stated = commit_of_views(data.views.read_text(errors="replace")) if data.views.exists() else None
    if stated is not None and stated > state.commit:
        raise LedgerDamagedError(
            f"{data.views} is of commit {stated}, and {data.manifest} ends with {state.commit}: a line was lost.",
            hint="`spanledger verify --repair` brings it back if it can; else restore the manifest from a backup.",
        )


def _check_still_there(path: Path, merged: Sequence[str], state: LedgerState) -> None:
    """A merge whose line was never written: its rows stand in what it was made from."""
    known = {*(one.path for one in state.segments), *state.retired}
    if lost := [one for one in merged if one not in known]:
        raise LedgerDamagedError(
            f"merged segment {path} is in no commit, and {lost[0]}, of which it was made, is not either: a line of the "
            "manifest was lost.",
            hint="Restore ledger/manifest.jsonl from a backup. Nothing was changed.",
        )


def _is_resealed_whole(path: Path, *, data: DataDirectory, state: LedgerState) -> bool:
    """Say whether all frames the segment was made from are still there; some may never have been durable."""
    is_whole = True
    for name, (_, end) in read_journal_ranges(path).items():
        file = data.journal / name
        is_whole = is_whole and file.exists() and file.stat().st_size >= end
        if not file.exists() or state.positions.get(name, 0) >= end:
            raise LedgerDamagedError(
                f"segment {path} is in no commit, and the journal frames it was made from ({name} up to byte {end}) "
                "are gone: a line of the manifest was lost.",
                hint="`spanledger verify --repair` lists it again if it can; else restore ledger/manifest.jsonl from a "
                "backup. Nothing was changed.",
            )
    return is_whole
