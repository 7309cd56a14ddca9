"""Consuming the journal: what is sealed is deleted, and forgotten once its deletion is durable.

A file goes when it is finished and consumed to its end; one with damage in it is kept under another name. Positions
stay in the manifest until a later commit records, after the folder's fsync, that the file is gone: an unlink that was
not durable would come back and be counted again.

Must not: read what is not yet sealed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger.filesystem import Filesystem
from ledger.lock import remove_stale_lock
from receiver.journal import FILE_SUFFIX, LOCK_SUFFIX
from receiver.journal_reader import Damage, JournalFile, read_frames

DAMAGED_SUFFIX: Final = ".damaged"


@dataclass(frozen=True, slots=True)
class JournalFolder:
    """The folder of the receiver's journal files, as the one who deletes from it."""

    folder: Path
    filesystem: Filesystem

    def gone(self, files: Sequence[JournalFile], *, positions: Mapping[str, int]) -> tuple[str, ...]:
        """Return the files with a position that are no longer there, once the folder's removals are durable."""
        there = {file.name for file in files}
        gone = tuple(sorted(name for name in positions if name not in there))
        if gone:
            self.filesystem.sync_folder(self.folder)
        return gone

    def delete_consumed(self, files: Sequence[JournalFile], *, positions: Mapping[str, int]) -> None:
        """Delete files that are finished and consumed to their end, and the locks that guard none any more."""
        for file in files:
            if not file.is_finished:
                continue
            try:
                size_bytes = file.path.stat().st_size
            except FileNotFoundError:
                continue
            # One that was created and never written to has no position, and nothing to consume.
            if positions.get(file.name, 0) >= size_bytes:
                self._remove(file, size_bytes)
        for lock in self.folder.glob(f"*{LOCK_SUFFIX}"):
            if not any(self.folder.glob(f"{lock.stem}-*{FILE_SUFFIX}")):
                remove_stale_lock(lock)

    def _remove(self, file: JournalFile, size_bytes: int) -> None:
        """Delete a consumed file; one with damage in it is kept under another name, for who must look at it."""
        found = read_frames(file, position=0, bytes_max=size_bytes + 1)
        if any(isinstance(one, Damage) for one in found):
            self.filesystem.rename(file.path, file.path.with_name(file.name + DAMAGED_SUFFIX))
        else:
            self.filesystem.remove(file.path)
