"""A disk that forgets: the second implementation of the kernel's calls, with a model of what survives a power cut.

Files are real files below `root`; beside them this keeps what is durable. What was not made so may be gone after a
power cut, or half there:

* bytes of a file after its last fsync: kept, cut short anywhere, zeros in their place, or gone;
* creations, renames and removals in a folder since its last fsync: each of them happened or did not;
* after an fsync that failed, no later one brings that file's bytes back: the kernel has forgotten that they are dirty.

A killed process (`kill`) loses nothing of that, and makes nothing durable either: the next power cut still may.

Calls that change something are counted; `fault` decides about each before it is made. Must not: know what is in files.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from ledger.filesystem import SystemCalls


class PowerCutError(OSError):
    """The machine, or the process, stopped here; nothing that it still tries has any effect."""


class Survives(StrEnum):
    """What of that which was not made durable is there after the stop."""

    EVERYTHING = "kill"
    """The process was killed; the machine runs on."""
    NOTHING = "power cut, nothing unsynced survives"
    ANYTHING = "power cut, anything unsynced may survive"


@dataclass(eq=False)
class Node:
    """A file, under whatever name."""

    synced_bytes: int = 0
    is_doubtful: bool = False
    """An fsync of it failed: no later one is believed."""
    last_content: bytes = b""
    """What it held when it lost its last name."""


@dataclass
class Change:
    """One change to a folder that is not durable yet. `node` None: the entry is a folder."""

    name: str
    node: Node | None = None
    is_removal: bool = False
    former: str | None = None
    """The name that a rename took away."""


@dataclass
class Folder:
    """A folder's durable entries, and what happened since."""

    durable: dict[str, Node | None] = field(default_factory=dict)
    pending: list[Change] = field(default_factory=list)


Fault = Callable[[str, Path], None]


def no_fault(_call: str, _path: Path) -> None:
    """Let every call be made."""


class Disk(SystemCalls):
    """The kernel's calls below one folder, with a memory of what is durable."""

    __slots__ = ("_at", "_folders", "_lock", "_names", "_root", "calls_made", "fault", "is_dead", "later_faults")

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders: dict[Path, Folder] = {root: Folder()}
        self._names: dict[Path, Node] = {}
        self._at: dict[int, Path] = {}
        self._lock = threading.Lock()
        self.is_dead = False
        self.fault: Fault = no_fault
        self.later_faults: list[Fault] = []
        """What comes after each restart."""
        self.calls_made = 0

    # ------------------------------------------------------------ the calls
    def open(self, path: Path, flags: int, mode: int) -> int:
        """Open; creating counts."""
        if flags & os.O_CREAT:
            self._before("create", path)
        elif self.is_dead:
            raise PowerCutError
        descriptor = super().open(path, flags, mode)
        with self._lock:
            self._at[descriptor] = path
            if flags & os.O_CREAT and self._is_ours(path):
                node = self._names[path] = Node()
                self._folders[path.parent].pending.append(Change(path.name, node))
        return descriptor

    def write(self, descriptor: int, data: memoryview) -> int:
        """Write; a fault may have it write short first (`TornError`)."""
        path = self._at[descriptor]
        try:
            self._before("write", path)
        except TornError as torn:
            super().write(descriptor, data[: int(len(data) * torn.share)])
            if torn.code is None:
                self.is_dead = True
                raise PowerCutError from torn
            raise OSError(torn.code, os.strerror(torn.code), str(path)) from torn
        return super().write(descriptor, data)

    def fsync(self, descriptor: int) -> None:
        """Make a file or a folder durable."""
        self._sync(descriptor)

    def fdatasync(self, descriptor: int) -> None:
        """Make a file durable."""
        self._sync(descriptor)

    def close(self, descriptor: int) -> None:
        """Close; never fails."""
        with self._lock:
            self._at.pop(descriptor, None)
        super().close(descriptor)

    def rename(self, path: Path, target: Path) -> None:
        """Rename within a folder."""
        assert path.parent == target.parent
        self._before("rename", target)
        with self._lock:
            self._bury(target)
            super().rename(path, target)
            node = self._names[target] = self._names.pop(path)
            self._folders[target.parent].pending.append(Change(target.name, node, former=path.name))

    def unlink(self, path: Path) -> None:
        """Remove a name."""
        self._before("unlink", path)
        with self._lock:
            self._bury(path)
            super().unlink(path)
            if self._names.pop(path, None) is not None:
                self._folders[path.parent].pending.append(Change(path.name, is_removal=True))

    def mkdir(self, path: Path) -> None:
        """Create a folder."""
        self._before("mkdir", path)
        with self._lock:
            super().mkdir(path)
            self._folders[path] = Folder()
            self._folders[path.parent].pending.append(Change(path.name))

    def _sync(self, descriptor: int) -> None:
        path = self._at[descriptor]
        try:
            self._before("fsync", path)
        except PowerCutError:
            raise
        except OSError:
            with self._lock:
                if path in self._names:
                    self._names[path].is_doubtful = True
            raise
        with self._lock:
            if path in self._folders:
                folder = self._folders[path]
                for change in folder.pending:
                    _happen(folder.durable, change)
                folder.pending.clear()
            elif path in self._names and not self._names[path].is_doubtful:
                self._names[path].synced_bytes = path.stat().st_size

    def _before(self, call: str, path: Path) -> None:
        if self.is_dead:
            raise PowerCutError
        with self._lock:
            self.calls_made += 1
        try:
            self.fault(call, path)
        except PowerCutError:
            self.is_dead = True
            raise

    def _bury(self, path: Path) -> None:
        node = self._names.get(path)
        if node is not None:
            node.last_content = path.read_bytes()

    def _is_ours(self, path: Path) -> bool:
        return path.parent in self._folders

    # ------------------------------------------------------------ the stop
    def restart(self, survives: Survives, chance: random.Random) -> None:
        """Bring the files to a state in which the stop may have left them, and let calls be made again.

        Every descriptor must have been closed. What is not ours (locks, the index) is left alone.
        """
        if survives is not Survives.EVERYTHING:
            self._forget(survives, chance)
        self.is_dead = False
        self.fault = self.later_faults.pop(0) if self.later_faults else no_fault

    def _forget(self, survives: Survives, chance: random.Random) -> None:
        content = {node: path.read_bytes() for path, node in self._names.items()}
        for path in sorted(self._names):
            path.unlink(missing_ok=True)
        former, self._folders, self._names = self._folders, {}, {}
        self._rebuild(self._root, former, content, survives, chance)
        for path in sorted(former, reverse=True):
            if path not in self._folders:
                shutil.rmtree(path)

    def _rebuild(
        self,
        path: Path,
        former: dict[Path, Folder],
        content: dict[Node, bytes],
        survives: Survives,
        chance: random.Random,
    ) -> None:
        entries = dict(former[path].durable)
        for change in former[path].pending:
            if survives is Survives.ANYTHING and chance.random() < 0.5:
                _happen(entries, change)
        self._folders[path] = Folder(durable=entries)
        for name, node in entries.items():
            if node is None:
                self._rebuild(path / name, former, content, survives, chance)
                continue
            was = content.get(node, node.last_content)
            kept = was[: node.synced_bytes] + _tail(was[node.synced_bytes :], survives, chance)
            (path / name).write_bytes(kept)
            self._names[path / name] = Node(synced_bytes=len(kept))
            entries[name] = self._names[path / name]


class TornError(Exception):
    """Told by a fault: write this share of the bytes, then fail with this errno; None: then the machine stops."""

    def __init__(self, share: float, code: int | None) -> None:
        super().__init__(share)
        self.share = share
        self.code = code


def failing(code: int) -> Callable[[str, Path], None]:
    """Return a fault that fails each call with this errno."""

    def fail(_call: str, path: Path) -> None:
        raise OSError(code, os.strerror(code), str(path))

    return fail


def full(call: str, path: Path) -> None:
    """Fail as a full disk does: nothing is created, what is written is written short; removing and syncing work."""
    if call == "write":
        raise TornError(0.5, errno.ENOSPC)
    if call in {"create", "mkdir"}:
        failing(errno.ENOSPC)(call, path)


def _happen(entries: dict[str, Node | None], change: Change) -> None:
    if change.is_removal:
        entries.pop(change.name, None)
        return
    if change.former is not None and entries.get(change.former) is change.node:
        del entries[change.former]
    entries[change.name] = change.node


def _tail(tail: bytes, survives: Survives, chance: random.Random) -> bytes:
    """Return what is left of bytes that were not synced."""
    if survives is Survives.NOTHING or not tail:
        return b""
    cut = chance.randrange(len(tail) + 1)
    return chance.choice([b"", tail, tail[:cut], tail[:cut] + bytes(len(tail) - cut), bytes(len(tail))])
