"""The compactor: what the sealer does for compaction between its commits. Each step is one commit or none.

    a merge is worth it          start it, as a process
    it has ended                 list its segments and retire those it was made from: one line, no answer changes
    views.sql says so, durably   the next line says until when the retired files stay
    their time is over           delete them, then a line that says so
    there are many lines         fold the old ones into a checkpoint

A merge that fails is tried again later; sealing never depends on one. While a job goes through the segments, none are
replaced under it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from ledger.compacted import DAY_US
from ledger.filesystem import Filesystem
from ledger.layout import DataDirectory
from ledger.moments import moment
from ledger.room import room_at
from ledger.state import Commit
from receiver.sealer.compaction.choosing import Merge, choose
from receiver.sealer.compaction.merging import merge
from receiver.sealer.compaction.process import MergeProcess
from receiver.sealer.seal import Sealer

_log = structlog.get_logger("compactor")
GRACE: Final = timedelta(hours=24)
_RETRY_S: Final = 60.0


class Compactor:
    """Compacts the ledger of one open sealer."""

    def __init__(
        self,
        sealer: Sealer,
        data: DataDirectory,
        *,
        filesystem: Filesystem,
        evidence_days: int | None = None,
        grace: timedelta = GRACE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sealer = sealer
        self._data = data
        self._filesystem = filesystem
        self._evidence_days = evidence_days
        self._grace = grace
        self._clock = clock
        self._running: MergeProcess | None = None
        self._not_before = 0.0

    def work(self, *, may_replace: bool = True) -> None:
        """Do what there is to do now, without waiting for a merge. `may_replace`: whether no job reads segments."""
        if self._running is not None and self._running.is_done and may_replace:
            self._take(self._running)
        elif self._running is None and may_replace and self._clock() >= self._not_before:
            self._begin()
        self._look_after_retired()
        self._sealer.checkpoint()

    def merge_now(
        self, *, thoroughly: bool = True, progress: Callable[[int, int], None] = lambda _done, _of: None
    ) -> Merge | None:
        """Carry out one merge in this process; None when there is none left."""
        asked = choose(self._sealer.state, evidence_from_us=self._evidence_from_us(), thoroughly=thoroughly)
        if asked is not None:
            made = merge(asked, ledger=self._data.ledger, filesystem=self._filesystem, progress=progress)
            self._sealer.replace_segments(asked.segments, made)
        return asked

    def close(self) -> None:
        """Stop a merge that is under way."""
        if self._running is not None:
            self._running.stop()
            self._running = None

    def _begin(self) -> None:
        asked = choose(self._sealer.state, evidence_from_us=self._evidence_from_us())
        if asked is None:
            return
        room = room_at(self._data.ledger)
        if room.free_bytes < room.sealer_reserve_bytes + 2 * sum(one.size_bytes for one in asked.segments):
            self._not_before = self._clock() + _RETRY_S
            _log.warning("no room to merge segments", segments=len(asked.segments), free_bytes=room.free_bytes)
            return
        self._running = MergeProcess(asked, ledger=self._data.ledger)

    def _take(self, running: MergeProcess) -> None:
        self._running = None
        made, trouble = running.outcome()
        if trouble:
            self._not_before = self._clock() + _RETRY_S
            _log.error("a merge failed; it is tried again, nothing is lost", problem=trouble, retry_s=_RETRY_S)
            return
        asked = running.asked
        self._sealer.replace_segments(asked.segments, made)
        _log.info("compacted", table=asked.table.value, segments=len(asked.segments), into=len(made), rows=asked.rows)

    def _look_after_retired(self) -> None:
        retired = self._sealer.state.retired
        if not retired:
            return
        now = datetime.fromtimestamp(self._clock(), UTC)
        unknown = [path for path, one in retired.items() if one.until is None]
        if unknown:
            # views.sql of this state was written durably with the last commit, or when the ledger was opened.
            self._sealer.note(Commit(expiring=dict.fromkeys(unknown, moment(now + self._grace))))
            return
        over = [path for path, one in retired.items() if one.until is not None and one.until <= moment(now)]
        if over:
            self._delete(over)
            self._sealer.note(Commit(removed=tuple(over)))

    def _delete(self, paths: list[str]) -> None:
        folders = set()
        for path in paths:
            file = self._data.ledger / path
            if file.exists():
                self._filesystem.remove(file)
            folders.add(file.parent)
        for folder in sorted(folders):
            if folder.is_dir():
                self._filesystem.sync_folder(folder)

    def _evidence_from_us(self) -> int | None:
        if self._evidence_days is None:
            return None
        return int(self._clock() * 1_000_000) - self._evidence_days * DAY_US
