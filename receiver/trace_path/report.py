"""What the child has done so far, told to the parent as JSON lines."""

from __future__ import annotations

import dataclasses
import json
import threading
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """Totals since the child started. Spans add up: sampled = forwarded + failed + those still under way."""

    requests: int = 0
    """Taken from the pipe."""
    malformed_requests: int = 0
    received_spans: int = 0
    unreadable_spans: int = 0
    sampled_spans: int = 0
    forwarded_spans: int = 0
    """Accepted by the backend."""
    failed_spans: int = 0
    """Not accepted: unreachable, too slow, refused."""
    last_failure: str | None = None
    """Why the backend did not accept the last of those."""

    def __add__(self, other: Self) -> Self:
        return dataclasses.replace(
            self,
            requests=self.requests + other.requests,
            malformed_requests=self.malformed_requests + other.malformed_requests,
            received_spans=self.received_spans + other.received_spans,
            unreadable_spans=self.unreadable_spans + other.unreadable_spans,
            sampled_spans=self.sampled_spans + other.sampled_spans,
            forwarded_spans=self.forwarded_spans + other.forwarded_spans,
            failed_spans=self.failed_spans + other.failed_spans,
            last_failure=other.last_failure or self.last_failure,
        )

    def to_line(self) -> bytes:
        """Return the report as a line of JSON."""
        return json.dumps(dataclasses.asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """Read what `to_line` wrote."""
        return cls(**json.loads(line))


class Tally:
    """A report that several threads add to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._report = WorkerReport()

    def add(self, change: WorkerReport) -> None:
        """Add to the totals."""
        with self._lock:
            self._report += change

    def report(self) -> WorkerReport:
        """Return the totals."""
        with self._lock:
            return self._report
