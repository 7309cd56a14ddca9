"""Choosing: which segments to merge next. Pure.

Segments of a table are in tiers by their rows, each `_FAN_IN` times the one below; what a commit wrote is the lowest.
A tier that is full is merged whole into the next, so a row is rewritten once per tier, and the number of files grows
with the logarithm of the rows. A segment of `ROWS_MAX` is never merged again. Evidence that has become too old is
dropped by writing its segment anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.compacted import DAY_US, is_mixed
from ledger.schema import Table
from ledger.segment import Segment
from ledger.state import LedgerState

ROWS_MAX: Final = 4_000_000
"""Rows of a segment that is large enough: some 0.5 to 1 GB."""
_FAN_IN: Final = 16
# Days are many: each may have fewer segments.
_FAN_IN_OF_DAY: Final = 4
# What one second's commit wrote: a few more of them, so that a merge is worth its process.
_RECENT_MIN: Final = 24
# Merged at once, so that a long backlog is not one merge.
_SEGMENTS_MAX: Final = 128
# Evidence goes a day after its time at the earliest, so that a segment is rewritten once a day and not once a call.
_EVIDENCE_SLACK_US: Final = DAY_US


@dataclass(frozen=True, slots=True)
class Merge:
    """Segments of one table whose rows are to stand in new ones."""

    table: Table
    segments: tuple[Segment, ...]
    corrections: tuple[Segment, ...]
    """Those whose rows may take back what stands in `segments`."""
    marked: int
    """The newest commit: up to it, what was taken back is marked."""
    evidence_from_us: int | None = None
    """Evidence of calls that began before is dropped; None keeps all."""

    @property
    def rows(self) -> int:
        """How many rows are read and written."""
        return sum(one.rows for one in self.segments)


def choose(state: LedgerState, *, evidence_from_us: int | None = None, thoroughly: bool = False) -> Merge | None:
    """Return the most useful merge; None when there is none. `thoroughly`: as few files as can be, whatever the tiers.

    `evidence_from_us` is the moment (µs since 1970) before which evidence is to be dropped.
    """
    for table in Table:
        segments = state.of_table(table)
        chosen = _small(segments) if thoroughly else _full_tier(segments)
        if chosen is None and evidence_from_us is not None:
            chosen = _with_old_evidence(segments, evidence_from_us - (0 if thoroughly else _EVIDENCE_SLACK_US))
        if chosen is not None:
            corrections = state.of_table(Table.CORRECTIONS) if table in {Table.USAGE, Table.CORRECTIONS} else []
            about = tuple(one for one in corrections if any(one.overlaps(segment) for segment in chosen))
            return Merge(table, tuple(chosen), about, state.commit, evidence_from_us)
    return None


def _full_tier(segments: Iterable[Segment]) -> list[Segment] | None:
    for (tier, _), alike in sorted(_alike(one for one in segments if one.rows < ROWS_MAX).items()):
        if len(alike) >= _fan_in(alike[0], tier):
            return _at_once(alike)
    return None


def _fan_in(segment: Segment, tier: int) -> int:
    if not tier:
        return _RECENT_MIN
    return _FAN_IN if is_mixed(segment) else _FAN_IN_OF_DAY


def _small(segments: Iterable[Segment]) -> list[Segment] | None:
    small = [one for one in segments if one.rows < ROWS_MAX // 2]
    recent = [one for one in small if not one.is_compacted]
    if recent:
        return _at_once([*recent, *(one for one in small if one.is_compacted and is_mixed(one))])
    folders: dict[str, list[Segment]] = {}
    for one in small:
        folders.setdefault(one.folder, []).append(one)
    # Merged over days, they would only be told apart again.
    chosen = (_at_once(alike) for alike in folders.values())
    return next((alike for alike in chosen if len(alike) > 1), None)


def _alike(segments: Iterable[Segment]) -> dict[tuple[int, str], list[Segment]]:
    """Return the segments by tier and folder: those of one day are never merged with another's."""
    alike: dict[tuple[int, str], list[Segment]] = {}
    for one in segments:
        alike.setdefault((_tier(one), one.folder), []).append(one)
    return alike


def _at_once(segments: Sequence[Segment]) -> list[Segment]:
    chosen: list[Segment] = []
    rows = 0
    for one in segments[:_SEGMENTS_MAX]:
        if chosen and rows + one.rows > ROWS_MAX:
            break
        chosen.append(one)
        rows += one.rows
    return chosen


def _with_old_evidence(segments: Iterable[Segment], before_us: int) -> list[Segment] | None:
    old = [one for one in segments if one.is_compacted and one.evidence_us is not None and one.evidence_us < before_us]
    return [min(old, key=lambda one: one.evidence_us or 0)] if old else None


def _tier(segment: Segment) -> int:
    if not segment.is_compacted:
        return 0
    tier, rows = 1, segment.rows
    while rows >= _FAN_IN:
        tier, rows = tier + 1, rows // _FAN_IN
    return tier
