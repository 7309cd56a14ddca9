"""The Filesystem seam: every durable write of journal, segments and manifest passes through here.

Two implementations exist: `LocalFilesystem`, and a fault-injecting one in the tests. `LocalFilesystem` in turn makes
every call to the kernel through `SystemCalls`, so that the tests can let any single call fail, tear, or be the last one
before a power cut. The rules a caller may rely on:

* `AppendFile.append` may write short and raise; then the file must not be appended to again.
* After `AppendFile.sync` returns, everything appended before survives power loss, and the file still had a name after
  that; after it raised, nothing is known. *Case: somebody deletes the file that is being written, or puts another in
  its place: what is synced into it nobody will ever read.*
* `write_durably` is all or nothing: temporary name, fsync, rename, fsync of the folder.
* `remove` is durable only after `sync_folder`.
* `make_folder` makes durable what another process may have left behind undurably: it never takes a folder's being
  there for its being on the disk. *Case: killed between mkdir and the fsync of the parent; started again, the folder
  is there; a power cut takes it away with all that was written into it.*

Must not: know what is in the files.
"""

from __future__ import annotations

import contextlib
import errno
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


class SystemCalls:
    """The calls to the kernel that change files or make them durable, as they are."""

    __slots__ = ()

    def open(self, path: Path, flags: int, mode: int) -> int:
        """Open or create a file; return its descriptor."""
        return os.open(path, flags | os.O_CLOEXEC, mode)

    def write(self, descriptor: int, data: memoryview) -> int:
        """Write at the file's end; return how many bytes were taken."""
        return os.write(descriptor, data)

    def fsync(self, descriptor: int) -> None:
        """Make a file or folder survive power loss."""
        os.fsync(descriptor)

    def fdatasync(self, descriptor: int) -> None:
        """Make a file's bytes survive power loss."""
        os.fdatasync(descriptor)

    def names(self, descriptor: int) -> int:
        """Return how many names a file has."""
        return os.fstat(descriptor).st_nlink

    def close(self, descriptor: int) -> None:
        """Give a descriptor back."""
        os.close(descriptor)

    def rename(self, path: Path, target: Path) -> None:
        """Put a file in the place of another name."""
        path.replace(target)

    def unlink(self, path: Path) -> None:
        """Remove a name; a missing one is no error."""
        path.unlink(missing_ok=True)

    def mkdir(self, path: Path) -> None:
        """Create a folder; an existing one is no error."""
        path.mkdir(exist_ok=True)


class _LocalAppendFile:
    __slots__ = ("_calls", "_descriptor")

    def __init__(self, descriptor: int, calls: SystemCalls) -> None:
        self._descriptor = descriptor
        self._calls = calls

    def append(self, data: bytes) -> None:
        _write_all(self._calls, self._descriptor, data)

    def sync(self) -> None:
        self._calls.fdatasync(self._descriptor)
        if not self._calls.names(self._descriptor):
            raise FileNotFoundError(errno.ENOENT, "the file was deleted or replaced while it was written")

    def close(self) -> None:
        self._calls.close(self._descriptor)


# An ancestor of the data directory that is not ours may not let itself be opened, or be of a kind that knows no fsync.
_NOT_OURS_TO_SYNC: Final = frozenset({errno.EACCES, errno.EPERM, errno.EINVAL, errno.EROFS})


class LocalFilesystem:
    """The machine's own filesystem."""

    __slots__ = ("_calls", "_durable_folders")

    def __init__(self, calls: SystemCalls | None = None) -> None:
        self._calls = calls or SystemCalls()
        self._durable_folders: set[Path] = set()

    def create(self, path: Path, *, mode: int) -> AppendFile:
        """Create a file that must not exist yet; its folder entry is synced before this returns."""
        descriptor = self._calls.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, mode)
        try:
            self.sync_folder(path.parent)
        except BaseException:
            self._calls.close(descriptor)
            raise
        return _LocalAppendFile(descriptor, self._calls)

    def open_append(self, path: Path) -> AppendFile:
        """Open an existing file for appending."""
        return _LocalAppendFile(self._calls.open(path, os.O_WRONLY | os.O_APPEND, 0), self._calls)

    def write_durably(self, path: Path, data: bytes, *, mode: int = SHARED_FILE_MODE) -> None:
        """Write under a temporary name, fsync, rename, fsync the folder."""
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{TEMPORARY_SUFFIX}")
        descriptor = self._calls.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with self._closing(descriptor):
                _write_all(self._calls, descriptor, data)
                self._calls.fsync(descriptor)
            self._calls.rename(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                self._calls.unlink(temporary)
            raise
        self.sync_folder(path.parent)

    def remove(self, path: Path) -> None:
        """Delete a file; a missing one is no error."""
        self._calls.unlink(path)

    def rename(self, path: Path, target: Path) -> None:
        """Rename, then fsync the folder."""
        self._calls.rename(path, target)
        self.sync_folder(target.parent)

    def sync_file(self, path: Path) -> None:
        """Fdatasync the file through a descriptor of our own."""
        with self._closing(self._calls.open(path, os.O_RDONLY, 0)) as descriptor:
            self._calls.fdatasync(descriptor)

    def sync_folder(self, path: Path) -> None:
        """Fsync the folder itself."""
        with self._closing(self._calls.open(path, os.O_RDONLY | os.O_DIRECTORY, 0)) as descriptor:
            self._calls.fsync(descriptor)

    def make_folder(self, path: Path) -> None:
        """Create each missing folder from the top down, and sync the parent of each that this process has not yet."""
        is_there = path.is_dir()
        if (is_there and path in self._durable_folders) or path == path.parent:
            return
        self.make_folder(path.parent)
        if not is_there:
            self._calls.mkdir(path)
        try:
            self.sync_folder(path.parent)
        except OSError as refused:
            if not is_there or refused.errno not in _NOT_OURS_TO_SYNC:
                raise
        self._durable_folders.add(path)

    @contextlib.contextmanager
    def _closing(self, descriptor: int) -> Iterator[int]:
        try:
            yield descriptor
        finally:
            self._calls.close(descriptor)


def _write_all(calls: SystemCalls, descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        written = calls.write(descriptor, view)
        view = view[written:]
