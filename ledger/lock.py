"""One process at a time: an advisory lock on a file that names its holder.

The lock is the kernel's (flock), so it goes when its holder dies, however it dies. The file's text (the process id)
only serves the message for whoever comes second.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ledger.errors import LedgerInUseError

# Asking whether a lock is held takes it for an instant; a taker tries again for a moment before it believes a refusal.
_ATTEMPTS: Final = 20
_PAUSE_S: Final = 0.01


class ProcessLock:
    """An exclusive lock on `path`, held from construction until `release`.

    Raises:
        LedgerInUseError: when another process holds it; the message names its process id.
    """

    def __init__(self, path: Path, *, what: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._descriptor = _acquire(path, what=what)
        # The text is a courtesy: on a full disk the lock holds without it.
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode("ascii"), 0)

    def is_in_place(self) -> bool:
        """Say whether others still meet this lock: its file may have been deleted, and then nobody respects it."""
        return _is_named(self._descriptor, self._path)

    def release(self) -> None:
        """Let the next process in."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _acquire(path: Path, *, what: str) -> int:
    """Open and lock the file that has this name when both are done."""
    for attempt in range(_ATTEMPTS):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as refused:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            if attempt + 1 < _ATTEMPTS:
                time.sleep(_PAUSE_S)  # somebody may only be asking, see is_locked
                continue
            raise LedgerInUseError(
                f"{what} {path.parent} is in use by process {holder}.",
                hint="Stop that process, or give this one another data_dir.",
            ) from refused
        if _is_named(descriptor, path):
            return descriptor
        os.close(descriptor)  # removed as stale between the open and the lock
    raise LedgerInUseError(f"{what} {path.parent}: its lock file keeps vanishing.", hint="Start again.")


def _is_named(descriptor: int, path: Path) -> bool:
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    ours = os.fstat(descriptor)
    return (named.st_dev, named.st_ino) == (ours.st_dev, ours.st_ino)


def remove_stale_lock(path: Path) -> bool:
    """Remove a lock file that nobody holds; say whether it was removed.

    It is removed while held, so a process that opens it at the same moment notices and takes a new one.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def is_locked(path: Path) -> bool:
    """Say whether some living process holds the lock on `path`."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
