"""The Filesystem seam: every durable write of journal, segments and manifest passes through here.

Two implementations exist: `LocalFilesystem`, and a fault-injecting one in the tests. The rules a caller may rely on:

* `AppendFile.append` may write short and raise; then the file must not be appended to again.
* After `AppendFile.sync` returns, everything appended before survives power loss; after it raised, nothing is known.
* `write_durably` is all or nothing: temporary name, fsync, rename, fsync of the folder.
* `remove` is durable only after `sync_folder`.

Must not: know what is in the files.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

PRIVATE_FILE_MODE: Final = 0o600  # journals may hold what users said to a model
SHARED_FILE_MODE: Final = 0o644  # the ledger is there to be read
TEMPORARY_SUFFIX: Final = ".tmp"


class AppendFile(Protocol):
    """A file that only grows."""

    def append(self, data: bytes) -> None:
        """Write all of `data` at the end."""

    def sync(self) -> None:
        """Make everything appended so far survive power loss (fdatasync)."""

    def close(self) -> None:
        """Give the file back; does not sync."""


class Filesystem(Protocol):
    """The file operations that durability depends on."""

    def create(self, path: Path, *, mode: int) -> AppendFile:
        """Create a file that must not exist yet, for appending, and make its name durable."""

    def open_append(self, path: Path) -> AppendFile:
        """Open an existing file for appending."""

    def write_durably(self, path: Path, data: bytes, *, mode: int = SHARED_FILE_MODE) -> None:
        """Put `data` at `path` so that either the old file or the whole new one survives any crash."""

    def remove(self, path: Path) -> None:
        """Delete a file; a missing one is no error."""

    def rename(self, path: Path, target: Path) -> None:
        """Give a file another name in the same folder, durably."""

    def sync_file(self, path: Path) -> None:
        """Make what another process wrote to this file survive power loss."""

    def sync_folder(self, path: Path) -> None:
        """Make creations, renames and removals in this folder survive power loss."""

    def make_folder(self, path: Path) -> None:
        """Create a folder and its parents, durably; existing ones are no error."""


class _LocalAppendFile:
    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def append(self, data: bytes) -> None:
        _write_all(self._descriptor, data)

    def sync(self) -> None:
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


class LocalFilesystem:
    """The machine's own filesystem."""

    __slots__ = ()

    def create(self, path: Path, *, mode: int) -> AppendFile:
        """Create a file that must not exist yet; its folder entry is synced before this returns."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, mode)
        try:
            self.sync_folder(path.parent)
        except BaseException:
            os.close(descriptor)
            raise
        return _LocalAppendFile(descriptor)

    def open_append(self, path: Path) -> AppendFile:
        """Open an existing file for appending."""
        return _LocalAppendFile(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC))

    def write_durably(self, path: Path, data: bytes, *, mode: int = SHARED_FILE_MODE) -> None:
        """Write under a temporary name, fsync, rename, fsync the folder."""
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{TEMPORARY_SUFFIX}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            with _closing(descriptor):
                _write_all(descriptor, data)
                os.fsync(descriptor)
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        self.sync_folder(path.parent)

    def remove(self, path: Path) -> None:
        """Delete a file; a missing one is no error."""
        path.unlink(missing_ok=True)

    def rename(self, path: Path, target: Path) -> None:
        """Rename, then fsync the folder."""
        path.rename(target)
        self.sync_folder(target.parent)

    def sync_file(self, path: Path) -> None:
        """Fdatasync the file through a descriptor of our own."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        with _closing(descriptor):
            os.fdatasync(descriptor)

    def sync_folder(self, path: Path) -> None:
        """Fsync the folder itself."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with _closing(descriptor):
            os.fsync(descriptor)

    def make_folder(self, path: Path) -> None:
        """Create each missing folder from the top down, syncing the parent of each."""
        if path.is_dir():
            return
        self.make_folder(path.parent)
        path.mkdir(exist_ok=True)
        self.sync_folder(path.parent)


@contextlib.contextmanager
def _closing(descriptor: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        written = os.write(descriptor, view)
        view = view[written:]
