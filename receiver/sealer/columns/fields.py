"""The fields of many spans at once, found by offset in the wire format.

All spans of a batch are walked in lockstep: the first field of every span, then the second, and so on, each step a
handful of array operations however many spans there are. What OTLP's encoders write is read: the fields of
`opentelemetry.proto.trace.v1.Span` with their own wire types, each but the repeated ones at most once, ids of the right
length, small numbers in one byte. A span with anything else is not `plain`, and none of its columns means anything.

Wire format: https://protobuf.dev/programming-guides/encoding/. Must not: look into an attribute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Octets = npt.NDArray[np.uint8]

TRACE_ID_BYTES: Final = 16
SPAN_ID_BYTES: Final = 8
# So that what stands beyond the end of a cut-off span can be looked at, and be refused.
_PADDING: Final = bytes(32)

# Tags are field number × 8 + wire type.
_TRACE_ID, _SPAN_ID, _TRACE_STATE, _PARENT, _NAME = 0x0A, 0x12, 0x1A, 0x22, 0x2A
_KIND, _START, _END, _ATTRIBUTE, _DROPPED = 0x30, 0x39, 0x41, 0x4A, 0x50
_EVENT, _DROPPED_EVENTS, _LINK, _DROPPED_LINKS, _STATUS = 0x5A, 0x60, 0x6A, 0x70, 0x7A
# Field 16, fixed32: the one tag of two bytes.
_FLAGS, _FLAGS_SECOND = 0x85, 0x01
_STATUS_CODE: Final = 0x18

_SIZED: Final = (_TRACE_ID, _SPAN_ID, _TRACE_STATE, _PARENT, _NAME, _ATTRIBUTE, _EVENT, _LINK, _STATUS)
_NUMBERS: Final = (_KIND, _DROPPED, _DROPPED_EVENTS, _DROPPED_LINKS)
_TIMES: Final = (_START, _END)
_REPEATED: Final = (_ATTRIBUTE, _EVENT, _LINK)
_KNOWN: Final = frozenset((*_SIZED, *_NUMBERS, *_TIMES, _FLAGS))


# How far the value is from the tag, and how long it is where the tag alone says so.
_HEAD: Final = {**dict.fromkeys(_SIZED, 2), **dict.fromkeys((*_NUMBERS, *_TIMES), 1), _FLAGS: 2}
_SIZE: Final = {**dict.fromkeys(_NUMBERS, 1), **dict.fromkeys(_TIMES, 8), _FLAGS: 4}


@dataclass(frozen=True, slots=True)
class Pieces:
    """Pieces of the batch's bytes, and whose they are."""

    row: Integers
    start: Integers
    size: Integers


@dataclass(frozen=True, slots=True)
class SpanFields:
    """The fields of spans, one item a span; of meaning where `plain`."""

    data: Octets
    """The spans' bytes, one after the other."""
    plain: Mask
    trace_id: Octets
    """A row of 16 bytes each."""
    span_id: Octets
    parent_span_id: Octets
    has_parent: Mask
    name: Pieces
    kind: Integers
    status_code: Integers
    start_ns: npt.NDArray[np.uint64]
    end_ns: npt.NDArray[np.uint64]
    dropped_attributes: Integers
    attributes: Pieces
    """In the spans' order, and in each span's own."""


def read_fields(spans: Sequence[bytes]) -> SpanFields:
    """Find the fields of these encoded spans."""
    walk = _Walk(spans)
    while walk.rows.size:
        walk.step()
    return walk.fields()


class _Walk:
    """The state of reading: the spans that go on, where their next fields begin, and what was found."""

    def __init__(self, spans: Sequence[bytes]) -> None:
        count = len(spans)
        self.data: Octets = np.frombuffer(b"".join((*spans, _PADDING)), np.uint8)
        sizes = np.fromiter(map(len, spans), np.int64, count=count)
        self._plain = np.ones(count, np.bool_)
        self._start = {tag: np.full(count, -1, np.int64) for tag in _KNOWN if tag not in _REPEATED}
        self._size = {tag: np.zeros(count, np.int64) for tag in _SIZED if tag not in _REPEATED}
        self._attributes: list[tuple[Integers, Integers, Integers]] = []
        ends = np.cumsum(sizes)
        self.rows: Integers = np.arange(count)
        self._at, self._ends = ends - sizes, ends
        self._keep(sizes > 0)

    def step(self) -> None:
        """Read one field of every span that has another."""
        tags = self.data.take(self._at)
        tag = int(tags[0])
        if (tags == tag).all():
            # The usual case: spans of one emitter are built alike.
            self._at, good = self._read_alike(tag, self.rows, self._at, self._ends)
        else:
            following, good = self._at.copy(), np.ones(len(tags), np.bool_)
            for tag in np.flatnonzero(np.bincount(tags, minlength=256)).tolist():
                alike = np.flatnonzero(tags == tag)
                following[alike], good[alike] = self._read_alike(
                    tag, self.rows[alike], self._at[alike], self._ends[alike]
                )
            self._at = following
        if not good.all():
            self._plain[self.rows[~good]] = False
        self._keep(good & (self._at < self._ends))

    def _keep(self, going_on: Mask) -> None:
        if not going_on.all():
            self.rows, self._at, self._ends = self.rows[going_on], self._at[going_on], self._ends[going_on]

    def _read_alike(self, tag: int, rows: Integers, at: Integers, ends: Integers) -> tuple[Integers, Mask]:
        """Read one field, the same of all these spans; return where they go on, and which are still plain."""
        if tag not in _KNOWN:
            return at, np.zeros(len(rows), np.bool_)
        second = self.data.take(at + 1)
        start, size = at + _HEAD[tag], np.full(len(rows), _SIZE.get(tag, 0), np.int64)
        good: Mask | bool = True
        if tag in _SIZED:
            size = second.astype(np.int64)
            long = np.flatnonzero(second >= 0x80)
            if long.size:
                size, good = self._read_long_sizes(long, at, start, size)
        elif tag in _NUMBERS:
            good = second < 0x80
        elif tag == _FLAGS:
            good = second == _FLAGS_SECOND
        following = start + size
        still = (following <= ends) & good
        if still.all():
            self._note(tag, rows, start, size)
        else:
            self._note(tag, rows[still], start[still], size[still])
        return following, still

    def _read_long_sizes(
        self, places: Integers, at: Integers, start: Integers, size: Integers
    ) -> tuple[Integers, Mask]:
        """Read lengths of two and three bytes, and move their starts; say which are not longer still."""
        first, middle, last = (self.data[at[places] + offset].astype(np.int64) for offset in (1, 2, 3))
        is_three = middle >= 0x80
        size = size.copy()
        size[places] = (first & 0x7F) | (middle & 0x7F) << 7 | np.where(is_three, last << 14, 0)
        start[places] += np.where(is_three, 2, 1)
        good = np.ones(len(at), np.bool_)
        good[places] = ~(is_three & (last >= 0x80))
        return size, good

    def _note(self, tag: int, rows: Integers, start: Integers, size: Integers) -> None:
        if tag in _REPEATED:
            if tag == _ATTRIBUTE:
                self._attributes.append((rows, start, size))
            return
        starts = self._start[tag]
        again = starts[rows] >= 0
        if again.any():
            # Twice the same field: the last one counts, or they merge. Left to the library.
            self._plain[rows[again]] = False
        starts[rows] = start
        if tag in self._size:
            self._size[tag][rows] = size

    def fields(self) -> SpanFields:
        """Return what was found."""
        has_parent = self._size[_PARENT] == SPAN_ID_BYTES
        self._plain &= self._size[_TRACE_ID] == TRACE_ID_BYTES
        self._plain &= self._size[_SPAN_ID] == SPAN_ID_BYTES
        self._plain &= has_parent | (self._size[_PARENT] == 0)
        trace_id, span_id = self._octets(_TRACE_ID, TRACE_ID_BYTES), self._octets(_SPAN_ID, SPAN_ID_BYTES)
        parent = self._octets(_PARENT, SPAN_ID_BYTES)
        self._plain &= trace_id.any(axis=1) & span_id.any(axis=1)
        # An id of zeros is no parent, but it is hashed as it was sent.
        self._plain &= ~has_parent | parent.any(axis=1)
        return SpanFields(
            data=self.data,
            plain=self._plain,
            trace_id=trace_id,
            span_id=span_id,
            parent_span_id=parent,
            has_parent=has_parent,
            name=Pieces(np.arange(len(self._plain)), np.maximum(self._start[_NAME], 0), self._size[_NAME]),
            kind=self._numbers(_KIND),
            status_code=self._status_codes(),
            start_ns=self._octets(_START, 8).view("<u8")[:, 0],
            end_ns=self._octets(_END, 8).view("<u8")[:, 0],
            dropped_attributes=self._numbers(_DROPPED),
            attributes=self._ordered_attributes(),
        )

    def _octets(self, tag: int, size: int) -> Any:
        """Gather fields of one size; zeros where there is none."""
        starts = self._start[tag]
        gathered = self.data[np.maximum(starts, 0)[:, None] + np.arange(size)]
        missing = starts < 0 if tag not in self._size else self._size[tag] != size
        gathered[missing | ~self._plain] = 0
        return gathered

    def _numbers(self, tag: int) -> Integers:
        starts = self._start[tag]
        return np.where(starts < 0, 0, self.data[np.maximum(starts, 0)].astype(np.int64))

    def _status_codes(self) -> Integers:
        """Read a status that is empty, or a code alone; one with a message is not plain."""
        starts, sizes = np.maximum(self._start[_STATUS], 0), self._size[_STATUS]
        is_code = (sizes == 2) & (self.data[starts] == _STATUS_CODE) & (self.data[starts + 1] < 0x80)
        self._plain &= is_code | (sizes == 0)
        return np.where(is_code, self.data[starts + 1].astype(np.int64), 0)

    def _ordered_attributes(self) -> Pieces:
        """Bring the attributes, noted step by step, into the spans' order."""
        counts = np.zeros(len(self._plain), np.int64)
        for rows, _, _ in self._attributes:
            counts[rows] += 1
        place = np.cumsum(counts) - counts
        total = int(counts.sum())
        row, start, size = (np.empty(total, np.int64) for _ in range(3))
        for rows, starts, sizes in self._attributes:
            here = place[rows]
            row[here], start[here], size[here] = rows, starts, sizes
            place[rows] += 1
        return Pieces(row, start, size)
