"""A file's records: one request each, in the forms that a Collector's file exporter writes.

    JSON      one object a line (`format: json`)
    messages  4 bytes of length, big-endian, and so many bytes of protobuf (`format: proto`) or, where
              `compression: zstd` is set, of zstd-compressed protobuf or JSON

either in a file as it is, or in one that is compressed as a whole with gzip or zstd: by whoever archived it, or by the
exporter itself (feature gate `exporter.file.nativeCompression`). Which, is told by the bytes, never by the name.

Bytes that are no record are damage: they are yielded as such, and reading goes on at the next record: the next line, or
the next place where a length is followed by a message that holds spans. What ends before it is whole, at the end of the
file, is `unfinished`: it may still be being written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import DecodeError

from receiver import wire
from receiver.importing.otlp_json import UnreadableJsonError, traces_of
from receiver.importing.window import ZSTD_MAGIC, Window, decompressed

# What one record may be: a Collector's batch is far smaller, and what is larger is a damaged length.
RECORD_BYTES_MAX: Final = 64 * 2**20
_LENGTH_BYTES: Final = 4
_HEAD_BYTES: Final = 1024
_RESOURCE_SPANS_TAG: Final = b"\x0a"
_TRACE_ID_BYTES: Final = 16
_SPAN_ID_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Traces:
    """A record of spans."""

    where: str
    """Offset, and the line in a file of lines."""
    request: bytes
    spans: int
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NoTraces:
    """A record of logs, metrics or profiles, or one without a span."""

    where: str


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that are no record."""

    where: str
    why: str
    is_unfinished: bool = False


Record = Traces | NoTraces | Damage


def form_of(window: Window) -> str:
    """Say what a file that has just been opened holds; `head` names it however long it grows."""
    content = "JSON lines" if _is_json(window) else "messages"
    return f"{content}, {window.compression}" if window.compression else content


def head_of(window: Window) -> str:
    """Return a name for the content of a file that has just been opened: the digest of how it begins."""
    return hashlib.blake2b(window.peek(_HEAD_BYTES), digest_size=16).hexdigest()


def records_of(window: Window, *, lines_before: int = 0) -> Iterator[tuple[Record, int]]:
    """Yield the records from where the window stands, each with the number of lines up to its end.

    The window stands behind a record when it is yielded, so its offset and digest are those to go on from.
    """
    if _is_json(window):
        yield from _lines(window, lines_before)
    else:
        yield from ((record, 0) for record in _messages(window))
    if window.fault:
        yield Damage(f"offset {window.offset} when decompressed", f"{window.compression}: {window.fault}"), 0


def _is_json(window: Window) -> bool:
    """A message begins with its length, of which the first byte is small; no line of ours begins so."""
    return bytes(window.peek(64)).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"


# ---------------------------------------------------------------- lines
def _lines(window: Window, number: int) -> Iterator[tuple[Record, int]]:
    while window.peek(1):
        number += 1
        where = f"line {number} (offset {window.offset})"
        size = window.find(b"\n", within_bytes=RECORD_BYTES_MAX)
        if size < 0 and len(window.peek(RECORD_BYTES_MAX)) == RECORD_BYTES_MAX:
            window.skip(RECORD_BYTES_MAX)
            while window.peek(1) and (size := window.find(b"\n", within_bytes=RECORD_BYTES_MAX)) < 0:
                window.skip(RECORD_BYTES_MAX)
            window.skip(size + 1)
            yield Damage(where, f"a line of more than {RECORD_BYTES_MAX} bytes"), number
            continue
        text = bytes(window.peek(size if size >= 0 else RECORD_BYTES_MAX))
        record = _line(text, where, is_last=size < 0)
        if not (isinstance(record, Damage) and record.is_unfinished):
            window.skip(len(text) + 1)
        if record is not None:
            is_whole = not (isinstance(record, Damage) and record.is_unfinished)
            yield record, number if is_whole else number - 1
        if size < 0:
            return


def _line(text: bytes, where: str, *, is_last: bool) -> Record | None:
    text = text.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\x00" if is_last else b" \t\r")
    if not text:
        return None
    try:
        return _json(text, where)
    except UnreadableJsonError as unreadable:
        return Damage(where, str(unreadable), is_unfinished=is_last)


def _json(text: bytes, where: str) -> Record:
    found = traces_of(text)
    if found is None:
        return NoTraces(where)
    return Traces(where, found.request, found.spans, found.problems)


# ---------------------------------------------------------------- messages
def _messages(window: Window) -> Iterator[Record]:
    while window.peek(1):
        where = f"offset {window.offset}"
        head = window.peek(_LENGTH_BYTES)
        size = int.from_bytes(head, "big")
        whole = window.peek(_LENGTH_BYTES + size) if len(head) == _LENGTH_BYTES and size <= RECORD_BYTES_MAX else b""
        if len(whole) == _LENGTH_BYTES + size and len(head) == _LENGTH_BYTES:
            record = _message(bytes(whole[_LENGTH_BYTES:]), where)
            if _is_sound(record) or _is_followed(window, len(whole)):
                window.skip(len(whole))
                yield record
                continue
            why = record.why if isinstance(record, Damage) else "no whole message"
        else:
            why = f"a length of {size} bytes, which the file does not have" if len(head) == _LENGTH_BYTES else "cut off"
        start = window.offset
        if _to_next_message(window):
            yield Damage(f"offsets {start} to {window.offset}", f"{why}; reading goes on behind it")
        else:
            # What could still be a message in the making stays before the window, to be read once it is whole.
            yield Damage(where, why, is_unfinished=True)
            return


def _is_sound(record: Record) -> bool:
    """Say whether a message is one beyond doubt: it has spans, and every one can be decoded.

    The length of any other is believed only if another message follows: a torn one takes its end from the next, and a
    run of zeros would be empty messages without end.
    """
    if not isinstance(record, Traces):
        return False
    try:
        for span in _spans(wire.ExportRequest.FromString(record.request)):
            wire.Span.FromString(span)
    except DecodeError:
        return False
    return True


def _is_followed(window: Window, size_bytes: int) -> bool:
    """Say whether what follows begins like a message, so that the length of this one can be believed."""
    after = bytes(window.peek(size_bytes + _LENGTH_BYTES + len(ZSTD_MAGIC))[size_bytes:])
    return not after or _may_begin(after)


def _may_begin(head: bytes) -> bool:
    size = int.from_bytes(head[:_LENGTH_BYTES], "big")
    content = head[_LENGTH_BYTES:]
    return 0 < size <= RECORD_BYTES_MAX and content.startswith((ZSTD_MAGIC, _RESOURCE_SPANS_TAG, b"{"))


def _to_next_message(window: Window) -> bool:
    """Move to the next place where a whole message of spans stands; stay where none does."""
    look_bytes, place = 2**20, 1
    while True:
        view = bytes(window.peek(look_bytes))
        last = len(view) - _LENGTH_BYTES - len(ZSTD_MAGIC)
        while place <= last:
            head = view[place : place + _LENGTH_BYTES + len(ZSTD_MAGIC)]
            if _may_begin(head) and _stands_at(window, place, int.from_bytes(head[:_LENGTH_BYTES], "big")):
                window.skip(place)
                return True
            place += 1
        if len(view) < look_bytes:
            return False
        look_bytes += 2**20
        if look_bytes > 2 * RECORD_BYTES_MAX:
            window.skip(place - 1)
            look_bytes, place = 2**20, 1


def _stands_at(window: Window, place: int, size: int) -> bool:
    whole = bytes(window.peek(place + _LENGTH_BYTES + size)[place + _LENGTH_BYTES :])
    return len(whole) == size and isinstance(_message(whole, ""), Traces)


def _message(content: bytes, where: str) -> Record:
    try:
        if content.startswith(ZSTD_MAGIC):
            content = decompressed(content, bytes_max=RECORD_BYTES_MAX)
        if content.lstrip()[:1] == b"{":
            return _json(content, where)
        request = wire.ExportRequest.FromString(content)
    except (ValueError, DecodeError) as unreadable:
        return Damage(where, f"no message of OTLP: {unreadable}")
    spans = list(_spans(request))
    # Protobuf does not say which signal it is; logs and metrics have other things where a span has its ids and time.
    return Traces(where, content, len(spans)) if any(map(_is_span, spans)) else NoTraces(where)


def _spans(request: Any) -> Iterator[bytes]:
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            yield from scope_spans.spans


def _is_span(raw: bytes) -> bool:
    try:
        span = wire.Span.FromString(raw)
    except DecodeError:
        return False
    return (
        len(span.trace_id) == _TRACE_ID_BYTES
        and len(span.span_id) == _SPAN_ID_BYTES
        and span.HasField("start_time_unix_nano")
    )
