"""A filesystem whose operations fail when told to: the second implementation of the Filesystem seam."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

from ledger.filesystem import SHARED_FILE_MODE, AppendFile, LocalFilesystem


class FaultyFilesystem(LocalFilesystem):
    """Runs `before(operation, path)` before each operation; whatever that raises is the operation's failure."""

    __slots__ = ("before", "space_bytes")

    def __init__(self) -> None:
        super().__init__()
        self.before: Callable[[str, Path], None] = lambda _operation, _path: None
        self.space_bytes: int | None = None
        """Bytes that may still be appended; then a short write and ENOSPC, as a full disk does it."""

    def create(self, path: Path, *, mode: int) -> AppendFile:
        """Create, unless told to fail."""
        self.before("create", path)
        return _FaultyFile(super().create(path, mode=mode), self, path)

    def open_append(self, path: Path) -> AppendFile:
        """Open, unless told to fail."""
        self.before("open_append", path)
        return _FaultyFile(super().open_append(path), self, path)

    def write_durably(self, path: Path, data: bytes, *, mode: int = SHARED_FILE_MODE) -> None:
        """Write, unless told to fail."""
        self.before("write_durably", path)
        super().write_durably(path, data, mode=mode)

    def remove(self, path: Path) -> None:
        """Remove, unless told to fail."""
        self.before("remove", path)
        super().remove(path)


class _FaultyFile:
    def __init__(self, file: AppendFile, filesystem: FaultyFilesystem, path: Path) -> None:
        self._file = file
        self._filesystem = filesystem
        self._path = path

    def append(self, data: bytes) -> None:
        self._filesystem.before("append", self._path)
        space = self._filesystem.space_bytes
        if space is not None:
            if len(data) > space:
                self._file.append(data[:space])
                self._filesystem.space_bytes = 0
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
            self._filesystem.space_bytes = space - len(data)
        self._file.append(data)

    def sync(self) -> None:
        self._filesystem.before("sync", self._path)
        self._file.sync()

    def close(self) -> None:
        self._file.close()


def io_error(path: Path) -> OSError:
    """Return the error a failing disk gives."""
    return OSError(errno.EIO, os.strerror(errno.EIO), str(path))
