"""`spanledger up`: receiver, sealer and billing as three processes, kept running, stopped in order.

A part that dies is started again, with a growing pause, and it is said. A part that ends because it was told something
unusable (exit code 2) would only end again: everything is stopped and its words stand. A stop goes along the data:
the receiver first (nothing new comes in), then the sealer (what is there is sealed), then billing.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

_log = structlog.get_logger("up")
SUPERVISOR_VARIABLE: Final = "SPANLEDGER_SUPERVISOR_PID"
WRONG_USE: Final = 2
_PAUSE_S_MIN: Final = 0.5
_PAUSE_S_MAX: Final = 30.0
# A part that ran this long had started well; its next pause begins small again.
_HEALTHY_AFTER_S: Final = 60.0
_STOP_S_MAX: Final = 30.0
_POLL_S: Final = 0.1


@dataclass(slots=True)
class Part:
    """One program under supervision."""

    name: str
    arguments: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    pause_s: float = _PAUSE_S_MIN
    restart_at_s: float = field(default=0.0)


class Supervisor:
    """Keeps the parts running until told to stop. `run` returns the exit code for the command."""

    def __init__(self, parts: Sequence[Part], *, environment: Mapping[str, str]) -> None:
        self._parts = list(parts)
        self._environment = {**environment, SUPERVISOR_VARIABLE: str(os.getpid())}

    def run(self, stopping: threading.Event) -> int:
        """Start all, watch all, stop all in order."""
        for part in self._parts:
            self._start(part)
        try:
            while not stopping.wait(_POLL_S):
                for part in self._parts:
                    if not self._watch(part):
                        return 1
        finally:
            self._stop_all()
        return 0

    def _start(self, part: Part) -> None:
        # A session of its own: Ctrl-C in a terminal reaches only this process, which stops the parts in order.
        part.process = subprocess.Popen(
            [sys.executable, "-m", "spanledger", *part.arguments], env=self._environment, start_new_session=True
        )
        part.started_s = time.monotonic()

    def _watch(self, part: Part) -> bool:
        """Start a part again when it is due; say whether going on makes sense."""
        now = time.monotonic()
        if part.process is None:
            if now >= part.restart_at_s:
                self._start(part)
            return True
        code = part.process.poll()
        if code is None:
            return True
        if code == WRONG_USE:
            _log.error("stopping everything: a part cannot run as it was told", part=part.name)
            return False
        if now - part.started_s > _HEALTHY_AFTER_S:
            part.pause_s = _PAUSE_S_MIN
        _log.warning("part died, starting it again", part=part.name, exit_code=code, pause_s=part.pause_s)
        part.process = None
        part.restart_at_s = now + part.pause_s
        part.pause_s = min(part.pause_s * 2, _PAUSE_S_MAX)
        return True

    def _stop_all(self) -> None:
        for part in self._parts:
            if part.process is None or part.process.poll() is not None:
                continue
            part.process.send_signal(signal.SIGTERM)
            try:
                part.process.wait(_STOP_S_MAX)
            except subprocess.TimeoutExpired:
                _log.error("part did not stop in time, killing it", part=part.name, waited_s=_STOP_S_MAX)
                part.process.kill()
                part.process.wait()


def stop_with_supervisor(stop: Callable[[], None] = lambda: os.kill(os.getpid(), signal.SIGTERM)) -> None:
    """In a part: stop when the supervisor is gone, however it went. Does nothing when there is none."""
    supervisor = os.environ.get(SUPERVISOR_VARIABLE)
    if supervisor is None:
        return

    def watch() -> None:
        while os.getppid() == int(supervisor):
            time.sleep(1.0)
        stop()

    threading.Thread(target=watch, name="supervisor-watch", daemon=True).start()
