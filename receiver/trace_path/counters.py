"""What the trace path has done since it started, as its operator sees it."""

from __future__ import annotations

from dataclasses import dataclass, field

from receiver.trace_path.report import WorkerReport


@dataclass(frozen=True, slots=True)
class TraceCounters:
    """Requests on this side of the pipe, spans on the child's; the child's are at most a report old."""

    offered: int
    """Requests."""
    dropped_queue_full: int
    """Requests: the backend, or the child, is slower than what comes in."""
    dropped_no_child: int
    """Requests: not started, between two children, or closed."""
    handed_over: int
    """Requests written to a child."""
    lost_with_child: int
    """Requests written to a child that ended before it said that it had read them."""
    child_starts: int
    malformed_requests: int
    received_spans: int
    """Spans that reached the sampler."""
    unreadable_spans: int
    sampled_spans: int
    forwarded_spans: int
    """Accepted by the backend."""
    failed_spans: int
    """Sampled, but not accepted by the backend."""
    last_failure: str | None
    """Why the last of those was not, or no child could be started."""

    @property
    def dropped(self) -> int:
        """Requests that never reached the sampler."""
        return self.dropped_queue_full + self.dropped_no_child + self.lost_with_child


@dataclass(slots=True)
class RunningCounters:
    """The same while it is being counted; its owner locks."""

    offered: int = 0
    dropped_queue_full: int = 0
    dropped_no_child: int = 0
    handed_over: int = 0
    lost_with_child: int = 0
    child_starts: int = 0
    ended: WorkerReport = field(default_factory=WorkerReport)
    """The sum of what children that have ended had said."""

    def snapshot(self, *, running: WorkerReport) -> TraceCounters:
        """Return the counters now, with what the running child has said."""
        said = self.ended + running
        return TraceCounters(
            offered=self.offered,
            dropped_queue_full=self.dropped_queue_full,
            dropped_no_child=self.dropped_no_child,
            handed_over=self.handed_over,
            lost_with_child=self.lost_with_child,
            child_starts=self.child_starts,
            malformed_requests=said.malformed_requests,
            received_spans=said.received_spans,
            unreadable_spans=said.unreadable_spans,
            sampled_spans=said.sampled_spans,
            forwarded_spans=said.forwarded_spans,
            failed_spans=said.failed_spans,
            last_failure=said.last_failure,
        )
