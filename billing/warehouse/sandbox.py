"""SQL from strangers: each query in a process of its own, with bounds on rows, bytes, memory and time.

    SqlError
    ├── SqlRefusedError   not a query that may be asked: ask another
    ├── SqlTimeoutError   it took longer than it may: ask for less
    ├── SqlMemoryError    it took more memory than it may: ask for less
    └── SqlFailedError    DuckDB could not run it: its own words say why

The process is `sandbox_child`; at the deadline it is killed. Must not: run a stranger's text in this process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any, Final

from billing.errors import RequestError
from ledger.errors import LedgerMissingError
from ledger.layout import DataDirectory
from ledger.manifest import read_state
from ledger.views import VIEW_NAMES, render_views

ROWS_MAX: Final = 10_000
MEMORY_BYTES_MAX: Final = 2**30
TIME_S_MAX: Final = 30.0
# More at once would only make each slower; others wait their turn, within their own deadline.
_AT_ONCE_MAX: Final = 2
_turns: Final = threading.BoundedSemaphore(_AT_ONCE_MAX)


class SqlError(RequestError):
    """A query that gave no answer."""


class SqlRefusedError(SqlError):
    """The query is not one that may be asked."""


class SqlTimeoutError(SqlError):
    """The query took longer than it may."""


class SqlMemoryError(SqlError):
    """The query took more memory than it may."""


class SqlFailedError(SqlError):
    """DuckDB could not run the query."""


@dataclass(frozen=True, slots=True)
class SqlResult:
    """Rows, as JSON keeps them exactly: decimals and times as text."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: bool
    """Whether there were more rows or bytes than an answer may have."""
    commit: int
    """The ledger's state that was asked."""


def run_sql(
    text: str,
    *,
    data: DataDirectory,
    rows_max: int = ROWS_MAX,
    memory_bytes_max: int = MEMORY_BYTES_MAX,
    time_s_max: float = TIME_S_MAX,
) -> SqlResult:
    """Answer a stranger's query from the ledger as of now.

    Raises:
        SqlError: one of its four kinds.
        LedgerMissingError: nothing has been sealed yet.
    """
    if not data.manifest.exists():
        raise LedgerMissingError(
            f"there is no ledger at {data.ledger} yet.",
            hint="Start `spanledger up` with this data_dir, or correct the path.",
        )
    state = read_state(data.manifest)
    ledger = data.ledger.absolute()
    job = {
        "query": text,
        "views": VIEW_NAMES,
        "views_sql": render_views(state, ledger=ledger),
        "files": [str(ledger / segment.path) for segment in state.segments],
        "rows_max": rows_max,
        "memory_bytes_max": memory_bytes_max,
    }
    if not _turns.acquire(timeout=time_s_max):
        raise SqlTimeoutError(
            f"no turn came within {time_s_max:g} s; {_AT_ONCE_MAX} queries run at once.", hint="Try again."
        )
    try:
        answer = _answer(job, time_s_max=time_s_max)
    finally:
        _turns.release()
    return SqlResult(
        columns=tuple(answer["columns"]),
        types=tuple(answer["types"]),
        rows=tuple(tuple(row) for row in answer["rows"]),
        truncated=answer["truncated"],
        commit=state.commit,
    )


def _answer(job: dict[str, Any], *, time_s_max: float) -> dict[str, Any]:
    process = subprocess.Popen(
        [sys.executable, "-m", "billing.warehouse.sandbox_child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "TZ": "UTC", "HOME": "/nonexistent"},
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(json.dumps(job).encode(), timeout=time_s_max)
    except subprocess.TimeoutExpired:
        raise SqlTimeoutError(
            f"the query was ended after {time_s_max:g} s.", hint="Ask for less: a shorter period, fewer columns."
        ) from None
    finally:
        process.kill()
        process.communicate()
    return _read_answer(process.returncode, output, errors, job)


def _read_answer(code: int, output: bytes, errors: bytes, job: dict[str, Any]) -> dict[str, Any]:
    memory_mib = job["memory_bytes_max"] // 2**20
    hint = f"A query may take {memory_mib} MiB; ask for less."
    if code != 0:
        if b"MemoryError" in errors or b"bad_alloc" in errors or code < 0:
            raise SqlMemoryError("the query took more memory than it may.", hint=hint)
        last = errors.decode(errors="replace").strip().rpartition("\n")[2]
        raise SqlFailedError(f"the query's process failed: {last}")
    answer: dict[str, Any] = json.loads(output)
    if "error" not in answer:
        return answer
    message = answer["message"]
    if answer["error"] == "refused":
        raise SqlRefusedError(message)
    if answer["error"] == "memory":
        raise SqlMemoryError(f"the query took more memory than it may ({message}).", hint=hint)
    raise SqlFailedError(message, hint="GET /docs names the views; `SELECT * FROM calls LIMIT 1` shows columns.")
