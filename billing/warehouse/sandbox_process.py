"""One query's process, seen from outside: started, given its job, read within bounds, killed at its deadline.

Whatever happens here, also Ctrl-C, the process is gone when `answer` returns; if this program dies, the kernel kills
it. Must not: trust what it says to be short, whole or in time.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

ANSWER_BYTES_MAX: Final = 64 * 2**20  # twice what the child puts into an answer: more is no answer of ours
_CHUNK_BYTES: Final = 2**18
_FAULT_BYTES_MAX: Final = 4096
_OURS: Final = str(Path(__file__).parents[2])  # sys.path may know it as the folder we were started in only
# Nothing of this program's environment is the query's business. glibc and Arrow would reserve address space by the
# gigabyte, which is what the process is bounded by.
_ENVIRONMENT: Final = {
    "TZ": "UTC", "HOME": "/nonexistent", "MALLOC_ARENA_MAX": "2", "ARROW_DEFAULT_MEMORY_POOL": "system",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: its whole output, and the fault it died of."""

    code: int
    output: bytes
    fault: str

    @property
    def is_out_of_memory(self) -> bool:
        """Whether it ended as processes end that get no memory: C++ aborts, the kernel kills."""
        return self.code in {-signal.SIGABRT, -signal.SIGKILL} or "MemoryError" in self.fault


class DeadlineError(Exception):
    """It had not answered by its deadline, and was killed."""


class TooLongError(Exception):
    """It said more than an answer may be, and was killed."""


def answer(job: Mapping[str, Any], *, time_s_max: float) -> Ended:
    """Run a process on this job.

    Raises:
        DeadlineError: it was not done in time.
        TooLongError: its output was longer than an answer may be.
    """
    deadline = time.monotonic() + time_s_max
    # Files, not pipes: neither side can wait for the other over what it is told or complains of.
    with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as faults:
        told.write(json.dumps(dict(job)).encode())
        told.seek(0)
        with _started(told, faults) as process:
            output = _read(process, deadline)
            try:
                code = process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                raise DeadlineError from None
        faults.seek(0)
        return Ended(code=code, output=output, fault=faults.read(_FAULT_BYTES_MAX).decode(errors="replace"))


@contextlib.contextmanager
def _started(told: IO[bytes], faults: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "billing.warehouse.sandbox_child", str(os.getpid())],
        stdin=told,
        stdout=subprocess.PIPE,
        stderr=faults,
        env={**_ENVIRONMENT, "PYTHONPATH": os.pathsep.join([_OURS, *(path for path in sys.path if path)])},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _read(process: subprocess.Popen[bytes], deadline: float) -> bytes:
    assert process.stdout is not None
    output = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise DeadlineError
            chunk = os.read(process.stdout.fileno(), _CHUNK_BYTES)
            if not chunk:
                return bytes(output)
            output += chunk
            if len(output) > ANSWER_BYTES_MAX:
                raise TooLongError
