"""The journal: where a request is durable before it is acknowledged. This docstring is the format's specification.

A file is `<incarnation>-<sequence>.journal`. An incarnation is one start of a receiver: 16 random hexadecimal digits;
while it lives it holds the lock `<incarnation>.lock`; if that is deleted, another incarnation begins, and what was
being written is not acknowledged, for readers take the file to be finished. Sequences rise from 1 and are never reused;
nothing is appended to another incarnation's file, nor to a file after a write error. Files have mode 0600 and are
deleted by the sealer.

A file is frames, one after another, integers little-endian:

    offset  size
    0       4     magic F5 'S' 'L' 1           readers resynchronise on it past damage
    4       4     body_bytes                   length of everything after crc
    8       4     crc                          CRC-32C of body_bytes (4 bytes) and the body
    12      1     kind                         1 request, 2 end of file
    13      1     scope_bytes                  length of ingest_scope
    14      4     received                     spans of the request(s) this frame speaks for
    18      4     kept                         candidates among them: the spans in payload
    22      …     ingest_scope                 UTF-8; empty = operator
    …       …     payload                      OTLP ExportTraceServiceRequest of the candidates; empty in an end frame

Counts of requests without candidates need no durability of their own (a crash loses them on both sides of
received = Σ classes): they ride in the next frame.

Invariants: `append` returns only after fdatasync covered the frame (group commit: one fdatasync for all that wait).
What waits is bounded in bytes; one request always fits.
After any error the file is abandoned and the next frame goes to a new one; whether the failed frames survive is
unknown, and their senders were told to send again.
"""

from __future__ import annotations

import errno
import secrets
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Final

import google_crc32c

from ledger.filesystem import PRIVATE_FILE_MODE, AppendFile, Filesystem
from ledger.lock import ProcessLock
from receiver.errors import JournalClosedError, JournalWriteError, OverloadedError

MAGIC: Final = b"\xf5SL\x01"
FRAME_HEADER: Final = struct.Struct("<4sII")
BODY_HEADER: Final = struct.Struct("<BBII")
KIND_REQUEST: Final = 1
KIND_END: Final = 2
FILE_SUFFIX: Final = ".journal"
LOCK_SUFFIX: Final = ".lock"

# A file is deleted only when it is closed, and may hold what users said: so it is closed soon, full or not.
FILE_BYTES_MAX: Final = 128 * 2**20
FILE_AGE_MAX_S: Final = 10.0
COUNT_MAX: Final = 2**32 - 1
# The group-commit queue: what waits for the disk, with what is being written. A slow disk makes senders wait, and
# those that give up would leave their requests here.
WAITING_BYTES_MAX: Final = 128 * 2**20


def encode_frame(*, kind: int, received: int, kept: int, payload: bytes, ingest_scope: bytes = b"") -> bytes:
    """Return one frame."""
    body_header = BODY_HEADER.pack(kind, len(ingest_scope), received, kept) + ingest_scope
    length = len(body_header) + len(payload)
    crc = google_crc32c.extend(google_crc32c.value(struct.pack("<I", length) + body_header), payload)
    return FRAME_HEADER.pack(MAGIC, length, crc) + body_header + payload


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A request on its way to the disk."""

    received: int
    kept: int
    payload: bytes
    settle: Callable[[JournalWriteError | None], None]


class Journal:
    """One incarnation's journal. Thread-safe; one thread of its own writes."""

    def __init__(
        self,
        folder: Path,
        *,
        filesystem: Filesystem,
        file_bytes_max: int = FILE_BYTES_MAX,
        file_age_max_s: float = FILE_AGE_MAX_S,
        waiting_bytes_max: int = WAITING_BYTES_MAX,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        filesystem.make_folder(folder)
        self._folder = folder
        self._filesystem = filesystem
        self._file_bytes_max = file_bytes_max
        self._file_age_max_s = file_age_max_s
        self._waiting_bytes_max = waiting_bytes_max
        self._clock = clock
        self._begin_incarnation()
        self._file: AppendFile | None = None
        self._file_bytes = 0
        self._file_opened_s = 0.0
        self._waiting: list[_Waiting] = []
        self._waiting_bytes = 0
        self._uncounted = 0
        self._closed = False
        self._trouble = ""
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def _begin_incarnation(self) -> None:
        self.incarnation = secrets.token_hex(8)
        self._lock = ProcessLock(self._folder / f"{self.incarnation}{LOCK_SUFFIX}", what="journal")
        self._sequence = 0

    @property
    def waiting_bytes(self) -> int:
        """Bytes of requests that wait for the disk."""
        return self._waiting_bytes

    @property
    def trouble(self) -> str:
        """Why the last write failed; empty when it did not."""
        return self._trouble

    def forget_trouble(self) -> None:
        """Take the disk to be well again, after somebody has tried it."""
        self._trouble = ""

    def append(self, *, received: int, kept: int, payload: bytes) -> None:
        """Return when the request is durable.

        A request without candidates is only counted, and returns at once.

        Raises:
            JournalWriteError: the disk refused; nothing is promised of this request.
            JournalClosedError: the journal was closed first.
        """
        settled: SimpleQueue[JournalWriteError | None] = SimpleQueue()
        self.submit(received=received, kept=kept, payload=payload, settle=settled.put)
        error = settled.get()
        if error is not None:
            raise error

    def submit(
        self, *, received: int, kept: int, payload: bytes, settle: Callable[[JournalWriteError | None], None]
    ) -> None:
        """Take the request, and call `settle` once: with None when it is durable, with the error when it may not be.

        It is called by the journal's thread, which waits for it; for a request without candidates at once.

        Raises:
            JournalClosedError: the journal was closed first; `settle` is not called.
            OverloadedError: too much waits for the disk; `settle` is not called.
        """
        with self._wake:
            if self._closed:
                raise JournalClosedError("the receiver is stopping; send it again")
            if kept:
                if self._waiting_bytes and self._waiting_bytes + len(payload) > self._waiting_bytes_max:
                    raise OverloadedError(f"{self._waiting_bytes} bytes wait for the disk; send it again")
                self._waiting_bytes += len(payload)
                self._waiting.append(_Waiting(received=received, kept=kept, payload=payload, settle=settle))
                self._wake.notify()
                return
            self._uncounted += received
        settle(None)

    def close(self) -> None:
        """Write what waits, end the file and let the lock go. Safe to call twice."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join()
            self._lock.release()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._closed:
                    if not self._wake.wait(timeout=self._idle_s()):
                        break
                batch, self._waiting = self._waiting, []
                closed = self._closed
            self._write(batch)
            if closed and not self._waiting:
                self._end_file(last=True)
                return
            if self._file is not None and self._is_due():
                self._end_file(last=False)

    def _idle_s(self) -> float | None:
        if self._file is None:
            return None
        return max(0.0, self._file_opened_s + self._file_age_max_s - self._clock())

    def _is_due(self) -> bool:
        aged = self._clock() - self._file_opened_s >= self._file_age_max_s
        return aged or self._file_bytes >= self._file_bytes_max

    def _write(self, batch: list[_Waiting]) -> None:
        if not batch:
            return
        refused: BaseException | None = None
        try:
            self._append(b"".join(self._frame(waiting) for waiting in batch))
        except Exception as error:  # noqa: BLE001 - whatever it was, those who wait are told
            self._abandon_file()
            refused = error
        self._trouble = "" if refused is None else f"the journal could not be written: {refused}"
        with self._wake:
            self._waiting_bytes -= sum(len(waiting.payload) for waiting in batch)
        for waiting in batch:
            waiting.settle(None if refused is None else self._write_error(refused))

    def _write_error(self, refused: BaseException) -> JournalWriteError:
        error = JournalWriteError(f"the journal in {self._folder} could not be written: {refused}")
        error.__cause__ = refused
        return error

    def _frame(self, waiting: _Waiting) -> bytes:
        with self._wake:
            riding, self._uncounted = self._uncounted, 0
        return encode_frame(
            kind=KIND_REQUEST,
            received=min(waiting.received + riding, COUNT_MAX),
            kept=waiting.kept,
            payload=waiting.payload,
        )

    def _append(self, data: bytes) -> None:
        if self._file is None:
            self._filesystem.make_folder(self._folder)  # somebody may have deleted it
            if not self._lock.is_in_place():
                self._lock.release()
                self._begin_incarnation()
            self._sequence += 1
            name = f"{self.incarnation}-{self._sequence:08d}{FILE_SUFFIX}"
            self._file = self._filesystem.create(self._folder / name, mode=PRIVATE_FILE_MODE)
            self._file_bytes = 0
            self._file_opened_s = self._clock()
        self._file.append(data)
        self._file.sync()
        if not self._lock.is_in_place():
            raise FileNotFoundError(errno.ENOENT, f"the journal's lock {self.incarnation}{LOCK_SUFFIX} was deleted")
        self._file_bytes += len(data)

    def _end_file(self, *, last: bool) -> None:
        """Close the file with an end frame; `last` lets counts without a frame of their own ride in it."""
        if self._file is None and not (last and self._uncounted):
            return
        with self._wake:
            riding, self._uncounted = self._uncounted, 0
        try:
            self._append(encode_frame(kind=KIND_END, received=min(riding, COUNT_MAX), kept=0, payload=b""))
        except OSError:
            # The data frames before it are durable; readers find the end by the lock or a later file.
            self._abandon_file()
            return
        self._abandon_file()

    def _abandon_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
