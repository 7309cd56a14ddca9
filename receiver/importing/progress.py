"""How far each file has come: an import that was interrupted, and a file that has grown since, go on from there.

One small JSON file per imported file, in `<data>/jobs/imports/`, named by how its content begins: a file that was
rotated meanwhile is still the same. It is trusted only if the digest of everything before the position is that of the
file as it is now; else, or when it cannot be read, the import begins at the beginning, which costs time and nothing
else: spans are counted once.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from ledger.filesystem import PRIVATE_FILE_MODE, Filesystem


class FileProgress(msgspec.Struct):
    """What was imported of a file."""

    position: int = 0
    """Bytes, decompressed, of which every record is durable in the journal."""
    digest: str = ""
    """BLAKE2b-128 of those bytes."""
    lines: int = 0
    records: int = 0
    spans: int = 0
    kept: int = 0
    """Spans among them that may matter to the ledger."""
    no_traces: int = 0
    """Records of logs or metrics."""
    unreadable: int = 0
    """Places that could not be read."""


class ImportProgress:
    """The progress of all files, in one folder."""

    def __init__(self, folder: Path, *, filesystem: Filesystem) -> None:
        self._folder = folder
        self._filesystem = filesystem

    def of(self, head: str) -> FileProgress:
        """Return what is known of the file that begins like this; nothing, for a new one."""
        try:
            return msgspec.json.decode(self._path(head).read_bytes(), type=FileProgress)
        except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
            return FileProgress()

    def save(self, head: str, progress: FileProgress) -> None:
        """Record what is durable by now."""
        self._filesystem.make_folder(self._folder)
        self._filesystem.write_durably(self._path(head), msgspec.json.encode(progress), mode=PRIVATE_FILE_MODE)

    def _path(self, head: str) -> Path:
        return self._folder / f"{head}.json"
