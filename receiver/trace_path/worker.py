"""The child process: reads requests from stdin, samples them, sends them on, and reports on stdout.

    python -m receiver.trace_path.worker BACKEND RATIO [RULES CUSTOMER_KEYS]     the last two as JSON lists

It lives exactly as long as its stdin: the end of it means that the receiver has closed it or is gone, however it went.
Signals that a terminal or a service manager sends to the whole group are the receiver's to answer, not this process's.
It runs at low priority: what time it lacks, it lacks in favour of the cost path, and the pipe before it drops.

Must not: write anything but reports to stdout.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import threading
import time
from typing import Final

from receiver.trace_path.address import BackendAddress
from receiver.trace_path.export import DEADLINE_S, Exporter
from receiver.trace_path.frames import read_frame
from receiver.trace_path.keeping import KeepRules
from receiver.trace_path.report import Tally, WorkerReport
from receiver.trace_path.rewrite import Keeper, sample_request
from receiver.trace_path.sampling import Sampler
from receiver.wire import DecodeError

REPORT_INTERVAL_S: Final = 0.2
# After stdin has ended: time for what is under way. And after the receiver is gone: out, whatever the pipe still holds.
DRAIN_S: Final = DEADLINE_S
LEAVE_S: Final = 2 * DRAIN_S
_NICENESS: Final = 10
_STDIN: Final = 0
_STDOUT: Final = 1


def main(backend: str, ratio: str, rules: str = "[]", customer_keys: str = "[]") -> None:
    """Forward until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(_NICENESS)
    tally = Tally()
    reporter = _Reporter(tally)
    reporter.start()
    exporter = Exporter(BackendAddress.parse(backend), tally=tally)
    kept = KeepRules.parse(json.loads(rules), customer_keys=json.loads(customer_keys))
    keeper = Keeper(kept) if kept else None
    _forward_all(sampler=Sampler.of_ratio(float(ratio)), keeper=keeper, exporter=exporter, tally=tally)
    exporter.close(timeout_s=DRAIN_S)
    reporter.stop()


def _forward_all(*, sampler: Sampler, keeper: Keeper | None, exporter: Exporter, tally: Tally) -> None:
    with open(_STDIN, "rb", closefd=False) as source:
        while (request := read_frame(source)) is not None:
            _forward(request, sampler=sampler, keeper=keeper, exporter=exporter, tally=tally)


def _forward(request: bytes, *, sampler: Sampler, keeper: Keeper | None, exporter: Exporter, tally: Tally) -> None:
    try:
        sampled = sample_request(request, sampler=sampler, keeper=keeper)
    except DecodeError:
        tally.add(WorkerReport(requests=1, malformed_requests=1))
        return
    tally.add(
        WorkerReport(
            requests=1,
            received_spans=sampled.received,
            unreadable_spans=sampled.unreadable,
            sampled_spans=sampled.kept,
        )
    )
    if sampled.kept:
        exporter.send(sampled.request, spans=sampled.kept)


class _Reporter:
    """A thread that reports what has changed, and ends the process when the receiver is gone and work does not end."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._told = WorkerReport()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reports", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Report a last time."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        hang_up = select.poll()
        hang_up.register(_STDIN, 0)  # nothing but POLLHUP, which shows while unread frames still stand in the pipe
        while not self._stopping.is_set() and not hang_up.poll(REPORT_INTERVAL_S * 1000):
            self._report()
        leave_at = time.monotonic() + LEAVE_S
        while not self._stopping.wait(REPORT_INTERVAL_S):
            self._report()
            if time.monotonic() > leave_at:
                os._exit(1)
        self._report()

    def _report(self) -> None:
        report = self._tally.report()
        if report == self._told:
            return
        try:
            os.write(_STDOUT, report.to_line())  # shorter than PIPE_BUF: never torn
        except OSError:
            self._told = report  # nobody listens any more; the end of stdin is about to say so too
        else:
            self._told = report


if __name__ == "__main__":
    main(*sys.argv[1:])
