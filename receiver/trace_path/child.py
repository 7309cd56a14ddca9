"""The child process as its parent sees it: a pipe for requests, a stream of reports, an end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import receiver
from receiver.trace_path.frames import write_frame
from receiver.trace_path.report import WorkerReport

# A child whose stdin has ended leaves by itself after its drain; only one that hangs is still there by then.
_LEAVE_S: Final = 15.0


Keeping = tuple[Sequence[str], Sequence[str]]
"""The keep rules as settings write them, and the attributes that name customers."""


class Child:
    """One run of `receiver.trace_path.worker`. `write` and `end` are called by one thread; `kill` by any."""

    def __init__(self, *, backend: str, ratio: float, keeping: Keeping, on_end: Callable[[], None]) -> None:
        """Start it; `on_end` is called from a thread when it has ended by itself or been killed.

        Raises:
            OSError: it cannot be started.
        """
        # Not a fork: this process has threads of gRPC. A group of its own: Ctrl-C is not meant for it.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "receiver.trace_path.worker", backend, repr(ratio), *map(json.dumps, keeping)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=_environment(),
            process_group=0,
        )
        assert self._process.stdin is not None
        self._pipe = self._process.stdin
        self._report = WorkerReport()
        self._ended = threading.Event()
        self._reader = threading.Thread(target=self._read_reports, args=(on_end,), name="trace-reports", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def report(self) -> WorkerReport:
        """What it has last said."""
        return self._report

    @property
    def has_ended(self) -> bool:
        """Whether it has closed its side."""
        return self._ended.is_set()

    def write(self, request: bytes) -> None:
        """Hand a request over; waits while the pipe is full.

        Raises:
            BrokenPipeError: it has ended.
        """
        write_frame(self._pipe.fileno(), request)

    def end(self) -> None:
        """Close its stdin and wait until it has gone."""
        self._pipe.close()
        try:
            self._process.wait(timeout=_LEAVE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()
        self._reader.join()

    def kill(self) -> None:
        """Kill it."""
        self._process.kill()

    def _read_reports(self, on_end: Callable[[], None]) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            while line := lines.readline():
                self._report = WorkerReport.from_line(line)
        self._ended.set()
        on_end()


def _environment() -> dict[str, str]:
    """Return ours, with the folder of this very package first: the child must run the parent's code, from anywhere."""
    root = str(Path(receiver.__file__).resolve().parent.parent)
    inherited = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, inherited] if inherited else [root])}
