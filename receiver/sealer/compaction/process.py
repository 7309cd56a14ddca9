"""The merge as a process of its own: asked by one line of JSON, answering by one. Sealing does not wait for it.

It runs with a low priority on one core, and ends when the sealer that started it does. Must not: touch the manifest.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from ledger.filesystem import LocalFilesystem
from ledger.schema import Table
from ledger.segment import Segment, segment_of
from receiver.sealer.compaction.choosing import Merge
from receiver.sealer.compaction.merging import merge

_NICENESS: Final = 10


class OrphanedError(Exception):
    """The sealer that asked is gone; nobody would list the outcome."""


class MergeProcess:
    """A merge under way."""

    def __init__(self, asked: Merge, *, ledger: Path) -> None:
        self.asked = asked
        self._process = subprocess.Popen(
            [sys.executable, "-m", "receiver.sealer.compaction"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(_described(asked, ledger)).encode())
        self._process.stdin.close()
        self._process.stdin = None

    @property
    def is_done(self) -> bool:
        """Whether it has ended, one way or the other."""
        return self._process.poll() is not None

    def outcome(self) -> tuple[list[Segment], str]:
        """Return the new segments, and why there are none; waits for the end."""
        said, errors = self._process.communicate()
        if self._process.returncode != 0:
            words = errors.decode(errors="replace").strip().splitlines()
            return [], words[-1] if words else f"it ended with {self._process.returncode}"
        return [segment_of(one) for one in json.loads(said)], ""

    def stop(self) -> None:
        """End it; what it has written is swept by the next start."""
        self._process.kill()
        self._process.communicate()


def main() -> None:
    """Carry out what standard input asks for."""
    parent = os.getppid()
    os.nice(_NICENESS)
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    said = json.load(sys.stdin)
    asked = Merge(
        Table(said["table"]),
        tuple(segment_of(one) for one in said["segments"]),
        tuple(segment_of(one) for one in said["corrections"]),
        said["marked"],
        said["evidence_from_us"],
    )

    def go_on(_done: int, _of: int) -> None:
        if os.getppid() != parent:
            raise OrphanedError

    made = merge(asked, ledger=Path(said["ledger"]), filesystem=LocalFilesystem(), progress=go_on)
    json.dump([segment.described() for segment in made], sys.stdout)


def _described(asked: Merge, ledger: Path) -> dict[str, Any]:
    return {
        "table": asked.table.value,
        "segments": [one.described() for one in asked.segments],
        "corrections": [one.described() for one in asked.corrections],
        "marked": asked.marked,
        "evidence_from_us": asked.evidence_from_us,
        "ledger": str(ledger.absolute()),
    }
