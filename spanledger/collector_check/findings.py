"""Findings: what a setting of a Collector costs, where it stands, and what would mend it. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from spanledger.collector_check.document import Path, Place, shown


class Severity(StrEnum):
    """How bad it is.

    LOSES: a span that this Collector has acknowledged is gone, or none ever comes, in an event that every deployment
    sees: an outage of ours, a restart, a full queue, a power cut. MAY_LOSE: so in an event that is rare, or that
    depends on what cannot be seen here (how long senders try, what spans carry). NOTE: nothing is lost by it alone.
    """

    LOSES = "loses"
    MAY_LOSE = "may lose"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One setting: `why` is a sentence, `fix` is YAML to merge over the configuration, empty where there is none."""

    rule: str
    severity: Severity
    path: Path
    why: str
    fix: str = ""
    place: Place | None = None

    @property
    def setting(self) -> str:
        """Return the path as people write it."""
        return shown(self.path)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a component does to what passes through it, wherever it stands; `at` is the setting within it."""

    rule: str
    severity: Severity
    why: str
    at: Path = ()
