"""The manifest past damage: its whole lines and where they stand, what is damaged, and lines with one flipped bit.

A line carries a digest of 128 bits over what it says, so a line in which one bit has flipped is found by trying each:
what then fits the digest is what was written. Nothing else about a damaged line is ever guessed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ledger.manifest import decode_line
from ledger.segment import Segment, segment_of

# Trying every bit of a line takes seconds for one this long; a commit's has one to three thousand bytes.
_TRIED_BYTES_MAX: Final = 20_000


@dataclass(frozen=True, slots=True)
class Line:
    """A whole line."""

    number: int
    start: int
    says: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DamagedBytes:
    """Bytes that are no line, up to the next whole one or the end."""

    number: int
    """Of the first line in them."""
    start: int
    end: int
    is_tail: bool


@dataclass(frozen=True, slots=True)
class ManifestScan:
    """A manifest's bytes, in order."""

    data: bytes
    lines: list[Line]
    damaged: list[DamagedBytes]

    def live_segments(self) -> list[Segment]:
        """Return the segments that whole lines list and do not retire, whether or not the chain is whole."""
        segments: dict[str, Segment] = {}
        for line in self.lines:
            said = line.says
            segments.update({one["path"]: segment_of(one) for one in said.get("segments", ())})
            for path in (*_paths(said.get("retired", ())), *said.get("removed", ())):
                segments.pop(path, None)
        return list(segments.values())


def scan(path: Path) -> ManifestScan:
    """Read the manifest's lines."""
    return scan_bytes(path.read_bytes())


def scan_bytes(data: bytes) -> ManifestScan:
    """Tell whole lines from damage."""
    lines: list[Line] = []
    damaged: list[DamagedBytes] = []
    start = begun = 0
    first_bad = 0
    for number, piece in enumerate(data.split(b"\n"), start=1):
        end = start + len(piece)
        says = decode_line(piece) if end < len(data) else None
        if says is not None:
            if first_bad:
                damaged.append(DamagedBytes(first_bad, begun, start - 1, is_tail=False))
            lines.append(Line(number, start, says))
            first_bad = 0
        elif not first_bad and start < len(data):
            first_bad, begun = number, start
        start = end + 1
    if first_bad:
        damaged.append(DamagedBytes(first_bad, begun, len(data), is_tail=True))
    return ManifestScan(data, lines, damaged)


def with_one_bit_back(data: bytes) -> bytes | None:
    """Return these bytes as whole lines, if one bit makes them so; without the last newline."""
    if len(data) > _TRIED_BYTES_MAX:
        return None
    for changed in _with_each_bit_flipped(data.removesuffix(b"\n")):
        if all(decode_line(piece) is not None for piece in changed.split(b"\n")):
            return changed
    return None


def _with_each_bit_flipped(data: bytes) -> Iterator[bytes]:
    tried = bytearray(data)
    for place in range(len(tried)):
        for bit in range(8):
            tried[place] ^= 1 << bit
            yield bytes(tried)
            tried[place] ^= 1 << bit
    if data and data[-1] != 0x0A:
        # The newline behind the last line was the one.
        yield data[:-1]


def mended(found: ManifestScan) -> bytes | None:
    """Return the manifest with every damaged place put right by one bit; None where one cannot be."""
    data, cut = found.data, 0
    parts: list[bytes] = []
    for one in found.damaged:
        back = with_one_bit_back(data[one.start : one.end])
        if back is None:
            return None
        parts += [data[cut : one.start], back, b"\n"]
        cut = min(one.end + 1, len(data))
    return b"".join([*parts, data[cut:]])


def breaks(lines: Sequence[Line]) -> Iterator[tuple[Line, str]]:
    """Yield the lines that do not follow the one before them, and why."""
    for before, line in itertools.pairwise(lines):
        if "checkpoint" in line.says:
            continue  # it stands for the lines before it, whose chain is in the history
        expected = before.says.get("chain", before.says["digest"])
        if line.says.get("previous") not in {expected, before.says["digest"]}:
            yield line, f"its `previous` is not the digest of line {before.number}"


def _paths(retired: Any) -> Iterator[str]:
    for one in retired:
        yield one["path"] if isinstance(one, Mapping) else one
