"""Reading the journal back: frames in order, past damage, without ever guessing.

The format is `journal`'s. What a reader may conclude:

* Bytes that are no valid frame at the end of a file that may still grow are a frame being written: wait.
* A file cannot grow any more when it has an end frame, when its incarnation's lock is free, or when its incarnation has
  a later file. Then invalid bytes are damage: reading goes on at the next magic that begins a valid frame, and the file
  is reported and kept.

Must not: delete, or decide what a span is.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import google_crc32c

from ledger.lock import is_locked
from receiver.journal import (
    BODY_HEADER,
    FILE_SUFFIX,
    FRAME_HEADER,
    KIND_END,
    LOCK_SUFFIX,
    MAGIC,
)

_END_FRAME_BYTES: Final = FRAME_HEADER.size + BODY_HEADER.size


@dataclass(frozen=True, slots=True)
class Frame:
    """One valid frame and where it stands."""

    file: str
    start: int
    end: int
    """Offset of the byte after it."""
    kind: int
    ingest_scope: str
    received: int
    kept: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a finished file that are no frame."""

    file: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class JournalFile:
    """A journal file as found, and whether it can still grow."""

    path: Path
    is_finished: bool

    @property
    def name(self) -> str:
        """The name that the manifest's positions use."""
        return self.path.name


def journal_files(folder: Path) -> list[JournalFile]:
    """List the journal's files in order of incarnation and sequence.

    Whether a file is finished is decided before its content is read, so a finished file is read whole.
    """
    names = sorted(path.name for path in folder.glob(f"*{FILE_SUFFIX}"))
    last_of = {_incarnation(name): name for name in names}
    alive = {incarnation: is_locked(folder / f"{incarnation}{LOCK_SUFFIX}") for incarnation in last_of}
    return [
        JournalFile(
            path=folder / name,
            is_finished=not alive[_incarnation(name)] or last_of[_incarnation(name)] != name or _has_end(folder / name),
        )
        for name in names
    ]


def _has_end(path: Path) -> bool:
    """Say whether a file closes with an end frame, which has neither scope nor payload."""
    try:
        with path.open("rb") as opened:
            start = max(0, opened.seek(0, os.SEEK_END) - _END_FRAME_BYTES)
            opened.seek(start)
            frame = _frame_at(opened.read(), 0, path.name, start)
    except FileNotFoundError:
        return False
    return frame is not None and frame.kind == KIND_END


def read_frames(file: JournalFile, *, position: int, bytes_max: int) -> Iterator[Frame | Damage]:
    """Yield the frames from `position` on, and any damage between them, until about `bytes_max` were read.

    Stops at the first thing that is no whole frame while the file may still grow.
    """
    try:
        with file.path.open("rb") as opened:
            opened.seek(position)
            data = opened.read(bytes_max)
            if _is_cut(data):
                data += opened.read(_frame_bytes(data) - len(data))
            if file.is_finished and data and _frame_at(data, 0, file.name, position) is None:
                # Damage: where it ends may be beyond what was to be read at once.
                data += opened.read()
            is_whole = not opened.read(1)
    except FileNotFoundError:
        return
    yield from _frames(data, file=file, base=position, is_whole=is_whole)


def _frames(data: bytes, *, file: JournalFile, base: int, is_whole: bool) -> Iterator[Frame | Damage]:
    offset = 0
    while offset < len(data):
        frame = _frame_at(data, offset, file.name, base)
        if frame is not None:
            yield frame
            if frame.kind == KIND_END:
                return
            offset = frame.end - base
            continue
        if not (file.is_finished and is_whole):
            return
        following = _next_frame(data, offset + 1, file.name, base)
        end = base + len(data) if following is None else following.start
        yield Damage(file=file.name, start=base + offset, end=end)
        offset = end - base


def _frame_at(data: bytes, offset: int, name: str, base: int) -> Frame | None:
    header_end = offset + FRAME_HEADER.size
    if len(data) < header_end:
        return None
    magic, body_bytes, crc = FRAME_HEADER.unpack_from(data, offset)
    end = header_end + body_bytes
    if magic != MAGIC or end > len(data) or body_bytes < BODY_HEADER.size:
        return None
    body = data[header_end:end]
    if google_crc32c.extend(google_crc32c.value(struct.pack("<I", body_bytes)), body) != crc:
        return None
    kind, scope_bytes, received, kept = BODY_HEADER.unpack_from(body)
    payload_start = BODY_HEADER.size + scope_bytes
    if payload_start > body_bytes:
        return None
    return Frame(
        file=name,
        start=base + offset,
        end=base + end,
        kind=kind,
        ingest_scope=body[BODY_HEADER.size : payload_start].decode(),
        received=received,
        kept=kept,
        payload=body[payload_start:],
    )


def _is_cut(data: bytes) -> bool:
    """Say whether the first frame is longer than what was read of it."""
    return data.startswith(MAGIC) and _frame_bytes(data) > len(data)


def _frame_bytes(data: bytes) -> int:
    """Return the length that the first frame claims; at least its header's."""
    if len(data) < FRAME_HEADER.size:
        return FRAME_HEADER.size
    body_bytes: int = FRAME_HEADER.unpack_from(data)[1]
    return FRAME_HEADER.size + body_bytes


def _next_frame(data: bytes, offset: int, name: str, base: int) -> Frame | None:
    while (found := data.find(MAGIC, offset)) >= 0:
        frame = _frame_at(data, found, name, base)
        if frame is not None:
            return frame
        offset = found + 1
    return None


def _incarnation(name: str) -> str:
    return name.partition("-")[0]
