"""The receiver's side of the trace path: a bounded queue that drops, and a child process behind a pipe.

Sampling decodes and encodes; in this process that would hold the interpreter lock that the cost path needs. So requests
go, as they came, to a child that does it. One thread (the keeper) starts the child, writes to it, and starts another,
after a growing pause, when it ends.

    offer → queue, bounded in bytes → keeper → pipe → child → backend

A backend that is slow makes the child stop reading, the pipe fill, the keeper wait and the queue fill; then `offer`
drops. While no child runs, `offer` drops too. Every request ends in one counter:

    offered = dropped_queue_full + dropped_no_child + handed_over + those in the queue
    handed_over = what children have read + lost_with_child + those in the pipe

Must not: wait or raise in `offer`; look into a request.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from typing import Final

from receiver.trace_path.address import BackendAddress
from receiver.trace_path.child import Child, Keeping
from receiver.trace_path.counters import RunningCounters, TraceCounters
from receiver.trace_path.keeping import KeepRules
from receiver.trace_path.report import WorkerReport
from receiver.trace_path.sampling import Sampler

# A second or so of a busy receiver's intake; one request of the greatest size fits.
QUEUE_BYTES_MAX: Final = 64 * 2**20
_PAUSE_S: Final = 0.2
_PAUSE_MAX_S: Final = 10.0
_STEADY_S: Final = 30.0  # a child that lived so long did not fail at starting: pauses are short again


class TraceForwarder:
    """Takes whole requests and forwards a sample of their traces. `start`, `offer` from any thread, `close`."""

    def __init__(
        self,
        *,
        backend: str,
        ratio: float,
        keep_rules: Sequence[str] = (),
        customer_attributes: Sequence[str] = (),
        queue_bytes_max: int = QUEUE_BYTES_MAX,
    ) -> None:
        """Check the settings; nothing runs yet.

        Raises:
            ValueError: no address, no ratio, or no rules.
        """
        BackendAddress.parse(backend)
        Sampler.of_ratio(ratio)
        KeepRules.parse(keep_rules, customer_keys=customer_attributes)
        self._keeping: Keeping = (tuple(keep_rules), tuple(customer_attributes))
        self._backend = backend
        self._ratio = ratio
        self._queue_bytes_max = queue_bytes_max
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()  # None wakes the keeper
        self._lock = threading.Lock()  # over the four below; held for a few instructions, never for a system call
        self._counters = RunningCounters()
        self._queued_bytes = 0
        self._is_taking = False
        self._child: Child | None = None
        self._closing = threading.Event()
        self._keeper = threading.Thread(target=self._keep_child, name="trace-keeper", daemon=True)

    def start(self) -> None:
        """Begin to take, and to start the child."""
        self._is_taking = True
        self._keeper.start()

    def offer(self, request: bytes) -> None:
        """Take the request, or drop it and count that. Neither waits nor raises."""
        with self._lock:
            self._counters.offered += 1
            if not self._is_taking:
                self._counters.dropped_no_child += 1
            elif self._queued_bytes + len(request) > self._queue_bytes_max:
                self._counters.dropped_queue_full += 1
            else:
                self._queued_bytes += len(request)
                self._queue.put(request)

    def counters(self) -> TraceCounters:
        """Return what has been done so far."""
        with self._lock:
            return self._counters.snapshot(running=self._child.report if self._child else WorkerReport())

    def close(self, *, timeout_s: float) -> None:
        """Take no more, hand over what is queued, let the child finish; when the time is up, kill it."""
        with self._lock:
            self._is_taking = False
        self._closing.set()
        self._queue.put(None)
        if self._keeper.ident is None:
            return
        self._keeper.join(timeout_s)
        while self._keeper.is_alive():
            if child := self._child:
                child.kill()
            self._keeper.join(0.1)

    def _keep_child(self) -> None:
        pause_s = _PAUSE_S
        while not self._closing.is_set():
            started = time.monotonic()
            self._run_child()
            if time.monotonic() - started > _STEADY_S:
                pause_s = _PAUSE_S
            self._closing.wait(pause_s)
            pause_s = min(2 * pause_s, _PAUSE_MAX_S)
        self._discard_queue()

    def _run_child(self) -> None:
        try:
            child = Child(
                backend=self._backend, ratio=self._ratio, keeping=self._keeping, on_end=lambda: self._queue.put(None)
            )
        except OSError as error:  # no memory, no processes left: this path may fail, the receiver may not
            self._has_no_child(WorkerReport(last_failure=f"the trace path's process does not start: {error}"))
            return
        with self._lock:
            self._child = child
            self._is_taking = not self._closing.is_set()
            self._counters.child_starts += 1
        handed_over = self._feed(child)
        with self._lock:
            self._is_taking = False
        child.end()
        self._has_no_child(child.report, lost=max(0, handed_over - child.report.requests))

    def _has_no_child(self, last_report: WorkerReport, *, lost: int = 0) -> None:
        with self._lock:
            self._is_taking = False
            self._child = None
            self._counters.ended += last_report
            self._counters.lost_with_child += lost

    def _feed(self, child: Child) -> int:
        """Write what is queued until the child ends or we close; return how many requests it was given."""
        handed_over = 0
        while not child.has_ended:
            request = self._queue.get()
            if request is None:
                if self._closing.is_set():
                    break
                continue  # this child has ended, or the one before it had
            try:
                child.write(request)
            except BrokenPipeError:
                self._dropped(request)
                break
            handed_over += 1
            with self._lock:
                self._queued_bytes -= len(request)
                self._counters.handed_over += 1
        return handed_over

    def _discard_queue(self) -> None:
        while True:
            try:
                request = self._queue.get_nowait()
            except Empty:
                return
            if request is not None:
                self._dropped(request)

    def _dropped(self, request: bytes) -> None:
        with self._lock:
            self._queued_bytes -= len(request)
            self._counters.dropped_no_child += 1
