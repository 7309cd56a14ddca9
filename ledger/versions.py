"""Versions: what users give the ledger to go by (prices, rules), kept for ever as it was given.

Each version is a file of its own in a folder, never changed or removed:

    000003-own-prices.toml-3f9a12c4d5e6f708.json      number, kind, name, digest of the text
    {"recorded_time": …, "details": {…}, "text": "the file as it was given", "digest": …}

Numbers ascend; of one kind and name the newest version is in force, the older ones say what was. Adding is all or
nothing, and survives power loss. One process adds at a time (`.lock`); readers need no lock.

Must not: know what a text means.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ledger.errors import LedgerDamagedError, SpanledgerError
from ledger.filesystem import Filesystem
from ledger.lock import ProcessLock
from ledger.moments import now

_FILE: Final = re.compile(r"(\d{6,})-([a-z]+)-([A-Za-z0-9._-]{1,80})-([0-9a-f]{16})\.json")
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,80}")
_SHORT_DIGITS: Final = 8  # of a digest, where people read it


class VersionNameError(SpanledgerError):
    """A file's name cannot be kept."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version, as its file's name says it."""

    number: int
    kind: str
    name: str
    digest: str
    """Of the text: 16 hexadecimal digits."""
    path: Path

    @property
    def short(self) -> str:
        """The beginning of the digest, as people see it."""
        return self.digest[:_SHORT_DIGITS]


@dataclass(frozen=True, slots=True)
class Content:
    """What a version's file holds."""

    recorded_time: str
    """RFC 3339 UTC: when the ledger was told."""
    details: Mapping[str, str]
    text: str


class Versions:
    """The versions in one folder."""

    def __init__(self, folder: Path, *, filesystem: Filesystem) -> None:
        self._folder = folder
        self._filesystem = filesystem
        self._is_held = False

    def all(self) -> list[Version]:
        """Return every version, oldest first."""
        if not self._folder.is_dir():
            return []
        found = [(_FILE.fullmatch(path.name), path) for path in self._folder.iterdir()]
        return sorted(
            (Version(int(name[1]), name[2], name[3], name[4], path) for name, path in found if name),
            key=lambda version: version.number,
        )

    def in_force(self, kind: str) -> list[Version]:
        """Return the newest version of each name of a kind, by name."""
        newest = {version.name: version for version in self.all() if version.kind == kind}
        return [newest[name] for name in sorted(newest)]

    def add(self, *, kind: str, name: str, text: str, details: Mapping[str, str] | None = None) -> Version:
        """Keep a text as the newest version of its name.

        Raises:
            VersionNameError: the name has other characters than letters, digits, `.`, `_` and `-`, or more than 80.
            LedgerInUseError: another process is adding a version.
        """
        if not _NAME.fullmatch(name):
            raise VersionNameError(
                f"the name {name!r} cannot be kept.", hint="Use 1 to 80 letters, digits, dots, dashes and underscores."
            )
        if self._is_held:
            return self._write(kind, name, text, details or {})
        with self.held():
            return self._write(kind, name, text, details or {})

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep others from adding, for who first looks at what is there and then adds to it.

        Raises:
            LedgerInUseError: another process is adding a version.
        """
        self._filesystem.make_folder(self._folder)
        with ProcessLock(self._folder / ".lock", what="the versions in"):
            self._is_held = True
            try:
                yield
            finally:
                self._is_held = False

    def read(self, version: Version) -> Content:
        """Read a version.

        Raises:
            LedgerDamagedError: the text is not the one that its digest is of.
        """
        try:
            body = json.loads(version.path.read_bytes())
            content = Content(body["recorded_time"], body["details"], body["text"])
            whole = body["digest"] == _digest_of(body) and _digest(content.text) == version.digest
        except (ValueError, KeyError, TypeError):
            whole = False
        if not whole:
            raise LedgerDamagedError(
                f"{version.path} is damaged: its text does not fit its digest.", hint="Restore it from a backup."
            )
        return content

    def _write(self, kind: str, name: str, text: str, details: Mapping[str, str]) -> Version:
        number = max((version.number for version in self.all()), default=0) + 1
        digest = _digest(text)
        path = self._folder / f"{number:06d}-{kind}-{name}-{digest}.json"
        assert not path.exists(), f"{path} is there already"
        body: dict[str, Any] = {"recorded_time": now(), "details": dict(details), "text": text}
        body["digest"] = _digest_of(body)
        self._filesystem.write_durably(path, json.dumps(body, sort_keys=True).encode())
        return Version(number, kind, name, digest, path)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _digest_of(body: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in body.items() if name != "digest"}
    return _digest(json.dumps(rest, sort_keys=True))
