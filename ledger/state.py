"""The ledger's state: the fold of the manifest's lines, and the names of what they say. No files.

A segment is *live* from the line that adds it to the one that retires it. A retired one stays on disk, for readers in
the middle of a query and for sessions that have not read views.sql again:

    retired    a later line names it no more; views.sql is replaced next
    expiring   a line after that says until when it is kept
    removed    a line says that its deletion is durable; only then it is no longer listed
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ledger.schema import SpanClass, Table
from ledger.segment import Segment, segment_of

RECEIVED: Final = "received"


@dataclass(frozen=True, slots=True)
class Commit:
    """What one commit says, before it has a number and a digest."""

    positions: Mapping[str, int] = field(default_factory=dict)
    forgotten: tuple[str, ...] = ()
    segments: tuple[Segment, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    retired: tuple[str, ...] = ()
    """Paths of live segments whose rows stand in `segments` now."""
    expiring: Mapping[str, str] = field(default_factory=dict)
    """Path of a retired segment → the moment (RFC 3339 UTC) after which it may go."""
    removed: tuple[str, ...] = ()
    """Paths of retired segments whose deletion is durable."""

    def __post_init__(self) -> None:
        classes = sum(self.counts.get(one.value, 0) for one in SpanClass)
        assert self.counts.get(RECEIVED, 0) == classes, f"the classes of {dict(self.counts)} do not add up to received"

    def line(self) -> dict[str, Any]:
        """Return the members of its manifest line; what only compaction says is left out where it says nothing."""
        line: dict[str, Any] = {
            "positions": dict(self.positions),
            "forgotten": list(self.forgotten),
            "segments": [segment.described() for segment in self.segments],
            "counts": {name: count for name, count in self.counts.items() if count},
            "versions": dict(self.versions),
        }
        if self.retired:
            line["retired"] = list(self.retired)
        if self.expiring:
            line["expiring"] = dict(self.expiring)
        if self.removed:
            line["removed"] = list(self.removed)
        return line


@dataclass(frozen=True, slots=True)
class Retired:
    """A segment that is listed but no longer live."""

    segment: Segment
    commit: int
    """The commit that retired it."""
    until: str | None
    """Kept until then; None while no line has said so."""


@dataclass(slots=True)
class LedgerState:
    """What the ledger holds as of its newest commit: the fold of all lines."""

    ledger_id: str
    commit: int
    digest: str
    recorded_time: str
    segments: list[Segment] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    retired: dict[str, Retired] = field(default_factory=dict)
    """By path."""

    def apply(self, line: Mapping[str, Any]) -> None:
        """Fold one later line in."""
        self.commit = line["commit"]
        self.digest = line["digest"]
        self.recorded_time = line["recorded_time"]
        self.segments += [segment_of(one) for one in line["segments"]]
        self.positions.update(line["positions"])
        for name in line["forgotten"]:
            self.positions.pop(name, None)
        for name, difference in line["counts"].items():
            self.counts[name] = self.counts.get(name, 0) + difference
        self.versions.update(line["versions"])
        if "retired" in line:
            self._retire(frozenset(line["retired"]))
        for path, until in line.get("expiring", {}).items():
            known = self.retired[path]
            self.retired[path] = Retired(known.segment, known.commit, until)
        for path in line.get("removed", ()):
            del self.retired[path]

    def _retire(self, paths: frozenset[str]) -> None:
        gone = [segment for segment in self.segments if segment.path in paths]
        assert len(gone) == len(paths), "a commit retires what is not live"
        self.segments = [segment for segment in self.segments if segment.path not in paths]
        self.retired.update({segment.path: Retired(segment, self.commit, None) for segment in gone})

    def count(self, name: str) -> int:
        """Return how many spans ended in a class, or were received."""
        return self.counts.get(name, 0)

    @property
    def adds_up(self) -> bool:
        """Whether received equals the sum of the classes."""
        return self.count(RECEIVED) == sum(self.count(one.value) for one in SpanClass)

    def of_table(self, table: Table) -> list[Segment]:
        """Return the live segments of one table, oldest first."""
        return [segment for segment in self.segments if segment.table == table]

    def described(self) -> dict[str, Any]:
        """Return the state as a checkpoint says it."""
        return {
            "segments": [segment.described() for segment in self.segments],
            "positions": dict(self.positions),
            "counts": dict(self.counts),
            "versions": dict(self.versions),
            "retired": [
                {"segment": one.segment.described(), "commit": one.commit, "until": one.until}
                for one in self.retired.values()
            ],
        }


def state_of(line: Mapping[str, Any], *, ledger_id: str) -> LedgerState:
    """Return the state that a checkpoint says."""
    retired = [Retired(segment_of(one["segment"]), one["commit"], one["until"]) for one in line["retired"]]
    return LedgerState(
        ledger_id=ledger_id,
        commit=line["checkpoint"],
        digest=line["chain"],
        recorded_time=line["recorded_time"],
        segments=[segment_of(one) for one in line["segments"]],
        positions=dict(line["positions"]),
        counts=dict(line["counts"]),
        versions=dict(line["versions"]),
        retired={one.segment.path: one for one in retired},
    )
