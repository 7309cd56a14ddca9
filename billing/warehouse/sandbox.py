"""SQL from strangers: each query in a process of its own, with bounds on rows, bytes, memory and time.

    SqlError
    ├── SqlRefusedError   not a query that may be asked: ask another
    ├── SqlTimeoutError   it took longer than it may: ask for less
    ├── SqlMemoryError    it took more memory than it may: ask for less
    ├── SqlFailedError    DuckDB could not run it: its own words say why
    └── SqlBusyError      as many as may run are running: ask again
    SandboxBrokenError    the process itself does not work: whoever runs this must act

The process is `sandbox_process` outside and `sandbox_child` inside. Must not: run or parse a stranger's text in this
process.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from billing.config import SQL_AT_ONCE_MAX, SQL_MEMORY_BYTES_MAX, SQL_ROWS_MAX, SQL_TIME_S_MAX, SqlBounds
from billing.errors import RequestError
from billing.warehouse import landlock, sandbox_process
from billing.warehouse.sandbox_process import DeadlineError, Ended, TooLongError
from billing.warehouse.views_file import ViewsFile, read_views
from ledger.errors import SpanledgerError
from ledger.layout import DataDirectory
from ledger.views import VIEW_NAMES

_TURN_S_MAX: Final = 2.0  # those who wait hold one of the server's few threads each
_LESS: Final = "Ask for less: a shorter period, fewer columns, no cross join."


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


class SqlBusyError(SqlError):
    """As many queries as may run at once are running."""


class SandboxBrokenError(SpanledgerError):
    """The process did not do its work; whoever asked can do nothing about it."""


class Confinement(StrEnum):
    """What keeps a query's process from other files."""

    LANDLOCK = "landlock"
    DATASETS = "datasets"
    """No Landlock in this kernel: DuckDB has no file system, Python's Arrow reads for it."""


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


class Sandbox:
    """Answers strangers' queries over one ledger, so many at once and no more. Thread-safe."""

    def __init__(
        self,
        data: DataDirectory,
        *,
        bounds: SqlBounds | None = None,
        at_once_max: int = SQL_AT_ONCE_MAX,
        confinement: Confinement | None = None,
    ) -> None:
        self._data = data
        self._bounds = bounds or SqlBounds()
        self._at_once_max = at_once_max
        self._turns = threading.BoundedSemaphore(at_once_max)
        self._confinement = confinement or best_confinement()

    def run(self, text: str) -> SqlResult:
        """Answer a query from the ledger as of now.

        Raises:
            SqlError: one of its five kinds.
            LedgerMissingError: nothing has been sealed yet.
        """
        views = read_views(self._data)
        if not self._turns.acquire(timeout=_TURN_S_MAX):
            raise SqlBusyError(f"{self._at_once_max} queries are running, and no more may.", hint="Ask again soon.")
        try:
            ended = sandbox_process.answer(self._job(text, views), time_s_max=self._bounds.time_s_max)
        except DeadlineError:
            raise SqlTimeoutError(
                f"the query was ended after {self._bounds.time_s_max:g} s, which is as long as one may take.",
                hint=_LESS,
            ) from None
        except TooLongError:
            raise SqlFailedError("the answer is longer than one may be.", hint=_LESS) from None
        finally:
            self._turns.release()
        return _result(self._answered(ended), commit=views.commit)

    def _job(self, text: str, views: ViewsFile) -> dict[str, Any]:
        return {
            "query": text,
            "views": VIEW_NAMES,
            "views_parts": views.parts,
            "files": views.files,
            "rows_max": self._bounds.rows_max,
            "memory_bytes_max": self._bounds.memory_bytes_max,
            "confinement": self._confinement,
        }

    def _answered(self, ended: Ended) -> dict[str, Any]:
        """Return what the process answered, or raise what it says went wrong."""
        if ended.code == 0:
            answer: dict[str, Any] = json.loads(ended.output)
            if "error" not in answer:
                return answer
            kind, message = answer["error"], answer["message"]
        elif ended.code > 0 and not ended.is_out_of_memory:
            last = ended.fault.strip().rpartition("\n")[2]
            raise SandboxBrokenError(f"the process for queries failed: {last}", hint="The query is not to blame.")
        else:
            kind = "memory" if ended.is_out_of_memory else "failed"
            message = f"its process was ended by signal {-ended.code}"
        if kind == "refused":
            raise SqlRefusedError(message, hint="/docs names the views; `DESCRIBE calls` shows the columns of one.")
        if kind == "memory":
            mib = self._bounds.memory_bytes_max // 2**20
            raise SqlMemoryError(f"the query took more memory than it may, {mib} MiB ({message}).", hint=_LESS)
        raise SqlFailedError(message, hint="`DESCRIBE calls` shows the columns of a view.")


def run_sql(
    text: str,
    *,
    data: DataDirectory,
    rows_max: int = SQL_ROWS_MAX,
    memory_bytes_max: int = SQL_MEMORY_BYTES_MAX,
    time_s_max: float = SQL_TIME_S_MAX,
) -> SqlResult:
    """Answer one query from the ledger as of now; a program that answers many keeps a `Sandbox`.

    Raises:
        SqlError: one of its kinds.
        LedgerMissingError: nothing has been sealed yet.
    """
    bounds = SqlBounds(rows_max=rows_max, memory_bytes_max=memory_bytes_max, time_s_max=time_s_max)
    return Sandbox(data, bounds=bounds).run(text)


def best_confinement() -> Confinement:
    """Return what this kernel can do."""
    return Confinement.LANDLOCK if landlock.is_available() else Confinement.DATASETS


def _result(answer: dict[str, Any], *, commit: int) -> SqlResult:
    return SqlResult(
        columns=tuple(answer["columns"]),
        types=tuple(answer["types"]),
        rows=tuple(tuple(row) for row in answer["rows"]),
        truncated=answer["truncated"],
        commit=commit,
    )
