"""What a check found: values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Part(StrEnum):
    """Which part of a data directory."""

    MANIFEST = "manifest"
    SEGMENT = "segment"
    COUNTS = "counts"
    VIEWS = "views"
    JOURNAL = "journal"
    INDEX = "index"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be."""

    part: Part
    file: str
    place: str
    """Bytes, line or column of it; empty when it is the whole file."""
    what: str
    todo: str
    is_damage: bool = True
    """False for what is only worth knowing: nothing is lost, and the next start puts it right."""


@dataclass(slots=True)
class Report:
    """What was checked, and what was found."""

    findings: list[Finding] = field(default_factory=list)
    commit: int = -1
    segments: int = 0
    segments_whole: int = 0
    rows: int = 0
    rows_whole: int = 0
    journal_frames: int = 0
    index_records: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether nothing is damaged."""
        return not any(one.is_damage for one in self.findings)
