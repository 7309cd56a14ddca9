"""Status: what a running part says of itself, for those who ask from outside: readiness and metrics.

`<data>/<part>.status` is one block of 4,096 bytes, a JSON object padded with spaces, overwritten in place about every
half second: that needs no space, so it also works on a full disk. It informs only: it is not durable, and a reader who
meets a torn block takes the next one. Whether the part lives is not said here but by its lock.

    ready    whether it does its work
    reason   in words, why not; empty when ready
    stopped  whether it ended in good order
    figures  {name: number}

Must not: decide anything.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

_BLOCK_BYTES: Final = 4096
_REASON_CHARS_MAX: Final = 1000


@dataclass(frozen=True, slots=True)
class Status:
    """What a part says of itself."""

    ready: bool = True
    reason: str = ""
    stopped: bool = False
    figures: Mapping[str, float] = field(default_factory=dict)


def write_status(path: Path, status: Status) -> None:
    """Say it; where that cannot be written, nothing is said, for it must never stop the work."""
    text = json.dumps({**asdict(status), "reason": status.reason[:_REASON_CHARS_MAX]}).encode()
    assert len(text) < _BLOCK_BYTES, "a status is one block"
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.pwrite(descriptor, text.ljust(_BLOCK_BYTES), 0)
        finally:
            os.close(descriptor)


def read_status(path: Path) -> Status | None:
    """Return what was said last; None when nothing was, or it cannot be read now."""
    try:
        said = json.loads(path.read_bytes())
        return Status(
            ready=bool(said["ready"]),
            reason=str(said["reason"]),
            stopped=bool(said["stopped"]),
            figures={str(name): float(value) for name, value in said["figures"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
