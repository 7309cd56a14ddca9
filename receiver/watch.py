"""The watch: looks at disk, journal and itself about twice a second, and says whether more may be taken.

It refuses before the disk is full, and before a sealer that is slow or dead lets the journal fill it unseen. What it
finds is the answer to every request until the next look (`admit`), the receiver's status (`ledger.status`), and, when
it changes and every minute while it lasts, a line in the log.

Must not: touch what is in the journal.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import structlog

from ledger.filesystem import Filesystem
from ledger.layout import DataDirectory
from ledger.room import GIB, Room, as_mib, room_at
from ledger.status import Status, write_status
from receiver.errors import BacklogError, DiskLowError, RetryableError
from receiver.journal import FILE_SUFFIX, Journal

_log = structlog.get_logger("receiver")
# The reserve is more than a receiver can write in such a pause.
LOOK_EVERY_S: Final = 0.5
SAY_AGAIN_S: Final = 60.0
# Journalled and not sealed: at 700 bytes a call about 11 million of them, an hour at 3,000 a second. Beyond that the
# Collector's queue holds them: it is bounded and seen there.
BACKLOG_BYTES_MAX: Final = 8 * GIB
# From here on it is said loudly: a sealer that keeps up leaves a file or two of 128 MiB.
BACKLOG_ALARM_BYTES: Final = 1 * GIB
_PROBE: Final = ".probe"
_PROBE_BYTES: Final = 4096


class Watch:
    """A thread that looks. `look` does it once, for tests; `admit` raises what it found."""

    def __init__(
        self,
        data: DataDirectory,
        *,
        journal: Journal,
        filesystem: Filesystem,
        figures: Callable[[], Mapping[str, float]] = dict,
        room: Callable[[Path], Room] = room_at,
        backlog_bytes_max: int = BACKLOG_BYTES_MAX,
        backlog_alarm_bytes: int = BACKLOG_ALARM_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._data = data
        self._journal = journal
        self._filesystem = filesystem
        self._figures = figures
        self._room = room
        self._backlog_bytes_max = backlog_bytes_max
        self._backlog_alarm_bytes = backlog_alarm_bytes
        self._clock = clock
        self._refusal: RetryableError | None = None
        self._alarm = ""
        self._said = ""
        self._said_s = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Look once, and go on looking."""
        self.look()
        self._thread.start()

    def stop(self) -> None:
        """Look no more, and say that it ended in good order."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        write_status(self._data.receiver_status, Status(ready=False, reason="stopped", stopped=True))

    def admit(self) -> None:
        """Return when another request may be taken.

        Raises:
            RetryableError: not now; `retry_after_s` says when to ask again.
        """
        if self._refusal is not None:
            raise self._refusal

    def look(self) -> None:
        """Look once: decide, say it in the status, and in the log when it is news."""
        figures = dict(self._figures())
        self._refusal = self._find(figures)
        trouble = str(self._refusal) if self._refusal is not None else self._journal_trouble()
        write_status(self._data.receiver_status, Status(ready=not trouble, reason=trouble, figures=figures))
        self._tell(trouble or self._alarm, figures)

    def _find(self, figures: dict[str, float]) -> RetryableError | None:
        backlog_bytes = backlog_of(self._data.journal)
        figures["journal_backlog_bytes"] = backlog_bytes
        figures["journal_waiting_bytes"] = self._journal.waiting_bytes
        self._alarm = ""
        if backlog_bytes >= self._backlog_alarm_bytes:
            self._alarm = f"the journal holds {as_mib(backlog_bytes)} that are not sealed: is the sealer running?"
        try:
            room = self._room(self._data.journal)
        except OSError as unknown:
            return DiskLowError(f"the disk of {self._data.root} does not answer: {unknown}")
        figures["disk_free_bytes"], figures["disk_reserve_bytes"] = room.free_bytes, room.reserve_bytes
        if room.free_bytes < room.reserve_bytes:
            return DiskLowError(
                f"the disk of {self._data.root} has {as_mib(room.free_bytes)} left, {as_mib(room.reserve_bytes)} are "
                "kept free; make room, and receiving goes on by itself"
            )
        if backlog_bytes >= self._backlog_bytes_max:
            return BacklogError(
                f"the journal holds {as_mib(backlog_bytes)} that are not sealed, {as_mib(self._backlog_bytes_max)} are "
                "allowed; is the sealer running?"
            )
        return None

    def _journal_trouble(self) -> str:
        """Return why the journal could not be written last; tries whether it can be now, as nobody else may."""
        trouble = self._journal.trouble
        if not trouble:
            return ""
        try:
            probe = self._data.journal / _PROBE
            self._filesystem.write_durably(probe, bytes(_PROBE_BYTES))
            self._filesystem.remove(probe)
        except OSError:
            return trouble
        self._journal.forget_trouble()
        return ""

    def _tell(self, trouble: str, figures: Mapping[str, float]) -> None:
        now = self._clock()
        if not trouble:
            if self._said:
                _log.info("well again", free_bytes=figures.get("disk_free_bytes"))
        elif not self._said or now - self._said_s >= SAY_AGAIN_S:
            say = _log.error if self._refusal is not None else _log.warning
            say("in trouble", problem=trouble, refusing=self._refusal is not None)
            self._said_s = now
        self._said = trouble

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            try:
                self.look()
            except Exception as fault:  # noqa: BLE001 - whoever watches must not end, whatever it meets
                _log.error("the watch met a fault", fault=f"{type(fault).__name__}: {fault}")


def backlog_of(folder: Path) -> int:
    """Return the bytes of all journal files that the sealer has not deleted yet."""
    size_bytes = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(FILE_SUFFIX):
                    try:
                        size_bytes += entry.stat().st_size
                    except FileNotFoundError:  # the sealer was quicker
                        continue
    except FileNotFoundError:
        return 0
    return size_bytes
