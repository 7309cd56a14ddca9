"""Jobs that change what the ledger says of a time: asked for, or under way. Reads `jobs/`; asks for nothing.

The files are the ledger writer's: `<id>.json` with `start_us`, `end_us` (null: open), `dry_run`; `<id>.progress.json`
with `state`, which is done or failed when nothing more will happen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FINAL: Final = frozenset({"done", "failed"})


@dataclass(frozen=True, slots=True)
class OpenJob:
    """A job that may still change calls that began in [start_us, end_us); None is open."""

    id: str
    start_us: int | None = None
    end_us: int | None = None

    def touches(self, start: datetime, end: datetime) -> bool:
        """Say whether it may change calls that began in [start, end)."""
        begins_before_end = self.start_us is None or self.start_us < _microseconds(end)
        return begins_before_end and (self.end_us is None or self.end_us > _microseconds(start))


class _Asked(msgspec.Struct):
    id: str
    start_us: int | None = None
    end_us: int | None = None
    dry_run: bool = False


class _Progress(msgspec.Struct):
    state: str = "asked"


def open_jobs(folder: Path) -> list[OpenJob]:
    """Return the jobs that are not finished. One whose file cannot be read may change anything."""
    found = []
    for path in sorted(folder.glob("*.json")):
        if path.name.startswith(".") or path.name.endswith(".progress.json"):
            continue
        try:
            asked = msgspec.json.decode(path.read_bytes(), type=_Asked)
            progress = path.with_name(f"{path.stem}.progress.json")
            state = msgspec.json.decode(progress.read_bytes(), type=_Progress).state if progress.exists() else "asked"
        except FileNotFoundError:
            continue  # withdrawn between two looks
        except (msgspec.MsgspecError, UnicodeDecodeError):
            found.append(OpenJob(path.stem))
            continue
        if not asked.dry_run and state not in _FINAL:
            found.append(OpenJob(asked.id, asked.start_us, asked.end_us))
    return found


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
