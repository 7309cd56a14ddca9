"""The sandbox's inside: a process that answers one query and ends. `sandbox_process` starts it, and kills it in time.

In this order, each step believing that all before it may fail to hold: die with the parent; limit the address space;
forbid growing any file, and core files; Landlock (reading the ledger's files and what Python and DuckDB need, nothing
else, no network); connect without extensions; the gate; make the views; switch off everything that reaches outside;
lock the settings; the query, with bounded rows and bytes. The job comes as JSON on stdin, the answer goes as JSON to
stdout.

Must not import more than it needs: it is started for every query.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

import duckdb
import pytz  # noqa: F401 - DuckDB imports it for times with a zone, and could not once this process is closed in

from billing.warehouse.gate import GateError, check
from billing.warehouse.landlock import allow_only_reading
from billing.warehouse.views_needed import views_needed

Connection = duckdb.DuckDBPyConnection
# What Python, DuckDB and their threads map beyond what they use: 200 MiB here, 330 with Arrow; without it, connecting
# fails.
_ADDRESS_SPACE_BYTES: Final = 768 * 2**20
_ANSWER_BYTES_MAX: Final = 32 * 2**20
_MESSAGE_CHARACTERS_MAX: Final = 1000
# DuckDB reads its machine's size here, and aborts if it cannot. Landlock itself forbids /proc of other processes.
_READABLE: Final = ("/proc", "/sys/fs/cgroup", "/sys/devices", "/usr/share/zoneinfo", "/etc/localtime")
_THREADS: Final = 2
_DIE_WITH_PARENT: Final = 1  # prctl PR_SET_PDEATHSIG


def main() -> None:
    """Answer the job on stdin."""
    _die_with_parent(int(sys.argv[1]))
    job = json.load(sys.stdin)
    try:
        answer = _answer(job)
    except GateError as refused:
        answer = {"error": "refused", "message": str(refused)}
    except (duckdb.OutOfMemoryException, MemoryError) as exhausted:
        answer = {"error": "memory", "message": _first_line(exhausted)}
    except duckdb.Error as failed:
        answer = {"error": "failed", "message": _words(failed)}
    json.dump(answer, sys.stdout)
    sys.stdout.flush()
    # Nothing is left to tidy: DuckDB's threads would only be waited for.
    os._exit(0)


def _die_with_parent(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before it could take us along
        os._exit(1)


def _answer(job: dict[str, Any]) -> dict[str, Any]:
    query = job["query"]
    connection = open_sandbox(job, gate=lambda parser: check(query, views=job["views"], parser=parser))
    return _run(connection, query, rows_max=job["rows_max"])


def open_sandbox(job: dict[str, Any], *, gate: Callable[[Connection], frozenset[str]]) -> Connection:
    """Close this process in, and return a connection that has the views the gate lets through, and nothing else."""
    over_landlock = job["confinement"] == "landlock"
    if not over_landlock:
        from billing.warehouse.sandbox_datasets import over_datasets  # noqa: PLC0415 - 0.2 s, needed nowhere else
    _limit(job["memory_bytes_max"])
    if over_landlock:
        allow_only_reading([*job["files"], *_READABLE, sys.prefix, sys.base_prefix])
    connection = _connect(job["memory_bytes_max"])
    views_sql = "\n\n".join(statement for _, statement in views_needed(gate(connection), job["views_parts"]))
    connection.execute(views_sql if over_landlock else over_datasets(views_sql, connection))
    _close_in(connection, _reading(job["files"]) if over_landlock else _NOT_EVEN_READING)
    return connection


def _limit(memory_bytes: int) -> None:
    address_space = memory_bytes + _ADDRESS_SPACE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _connect(memory_bytes: int) -> Connection:
    connection = duckdb.connect(
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "threads": _THREADS,
            "async_threads": 1,
            "memory_limit": f"{memory_bytes // 2**20}MiB",
        }
    )
    # Each file is opened when its view is made and again when it is read; its footer never changes.
    connection.execute("SET parquet_metadata_cache = true")
    return connection


def _reading(files: Iterable[str]) -> str:
    """Let DuckDB reach these files only. It would also write them: that is what Landlock forbids."""
    paths = ", ".join("'" + path.replace("'", "''") + "'" for path in files)
    return f"SET allowed_paths = [{paths}]"


_NOT_EVEN_READING: Final = "SET disabled_filesystems = 'LocalFileSystem'"


def _close_in(connection: Connection, files: str) -> None:
    settings: Sequence[str] = (
        "SET python_enable_replacements = false",
        "SET allow_persistent_secrets = false",
        "SET temp_directory = ''",
        files,
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    )
    for setting in settings:
        connection.execute(setting)


def _run(connection: Connection, query: str, *, rows_max: int) -> dict[str, Any]:
    cursor = connection.execute(query)
    description = cursor.description or []
    rows: list[list[Any]] = []
    size_bytes = 0
    truncated = False
    while batch := cursor.fetchmany(1000):
        for row in batch:
            shown = [shown_value(value) for value in row]
            size_bytes += len(json.dumps(shown))
            if len(rows) >= rows_max or size_bytes > _ANSWER_BYTES_MAX:
                truncated = True
                break
            rows.append(shown)
        if truncated:
            break
    return {
        "columns": [column[0] for column in description],
        "types": [str(column[1]) for column in description],
        "rows": rows,
        "truncated": truncated,
    }


def shown_value(value: Any) -> Any:
    """Return a value as JSON keeps it exactly: decimals and times as text, bytes as hexadecimal."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, dict):
        return {str(key): shown_value(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set):
        return [shown_value(one) for one in value]
    for kind, show in _SHOWN:
        if isinstance(value, kind):
            return show(value)
    return str(value)


def _moment(value: datetime) -> str:
    moment = value if value.tzinfo is None else value.astimezone(UTC)
    return moment.isoformat().replace("+00:00", "Z")


_SHOWN: Final[tuple[tuple[type, Callable[[Any], Any]], ...]] = (
    (Decimal, lambda value: format(value, "f")),
    (float, lambda value: value if math.isfinite(value) else str(value)),
    (datetime, _moment),
    (date, date.isoformat),
    (time, time.isoformat),
    (timedelta, timedelta.total_seconds),
    (bytes, bytes.hex),
)


def _words(error: duckdb.Error) -> str:
    """Return DuckDB's message in one line, without its drawing of where in the query."""
    return " ".join(str(error).partition("\n\nLINE ")[0].split())[:_MESSAGE_CHARACTERS_MAX]


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


if __name__ == "__main__":
    main()
