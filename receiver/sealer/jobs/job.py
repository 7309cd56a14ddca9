"""A job: what is asked of the ledger's writer, and how far it has come. Values, and their form on disk.

`<id>.json` is what was asked and never changes; `<id>.progress.json` is replaced whole after every slice. Both are JSON
objects of the structs below; moments are microseconds since 1970 UTC, amounts are decimal text.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class JobKind(StrEnum):
    """What a job moves."""

    REPRICE = "reprice"
    REREAD = "reread"
    REATTRIBUTE = "reattribute"


class JobState(StrEnum):
    """How far a job is. `asked` and `running` are open; the others are final."""

    ASKED = "asked"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Job(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked: a kind of work over the calls that began in [start_us, end_us)."""

    id: str
    kind: JobKind
    start_us: int | None = None
    """None: from the beginning."""
    end_us: int | None = None
    """None: to the end."""
    dry_run: bool = False
    """Compute and sum up, write nothing."""
    only_unpriced: bool = False
    """Reprice only what has no price, and only if it has one now: nothing that was billed moves."""
    because: str = ""
    """What the sealer itself asked it for; empty when a person asked."""

    def covers(self, start_time_us: int | None) -> bool:
        """Say whether a call that began then is within the period; one without a time is within every open one."""
        if start_time_us is None:
            return self.start_us is None and self.end_us is None
        after = self.start_us is None or start_time_us >= self.start_us
        return after and (self.end_us is None or start_time_us < self.end_us)


class Change(msgspec.Struct):
    """What entries of one group came to, before and after."""

    calls: int = 0
    """Calls whose entry is taken back or billed anew."""
    before: str = "0"
    after: str = "0"
    unpriced_before: int = 0
    unpriced_after: int = 0


class JobProgress(msgspec.Struct):
    """How far a job has come, and what it changed so far."""

    state: JobState = JobState.ASKED
    done: int = 0
    """Segments of the ledger looked through."""
    of: int = 0
    cursor: str = ""
    """The last segment looked through."""
    until: str = ""
    """The last segment that was live when the job began: the job ends there."""
    rows_seen: int = 0
    rows_changed: int = 0
    rows_without_evidence: int = 0
    """Rows that could not be read again because their evidence was dropped; they stay as they are."""
    commits: list[int] = msgspec.field(default_factory=list)
    """The first and the last commit it made; empty when it wrote nothing."""
    by_reason: dict[str, Change] = msgspec.field(default_factory=dict)
    by_customer: dict[str, Change] = msgspec.field(default_factory=dict)
    """Under the empty name: what nobody is known to pay for."""
    error: str = ""

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in {JobState.DONE, JobState.FAILED}
