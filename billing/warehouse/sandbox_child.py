"""The sandbox's inside: a process that answers one query and ends. `sandbox` starts it, and kills it at its deadline.

In this order, each step believing that all before it may fail to hold: limit the address space; forbid core files;
Landlock (reading the ledger and what Python and DuckDB need, nothing else, no network); connect without extensions;
make the views; switch off everything that reaches outside; lock the settings; the gate; the query, with bounded rows
and bytes. The job comes as JSON on stdin, the answer goes as JSON to stdout.

Must not import more than it needs: it is started for every query.
"""

from __future__ import annotations

import json
import math
import resource
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

import duckdb
import pytz  # noqa: F401 - DuckDB imports it for times with a zone, and could not once this process is closed in

from billing.warehouse.gate import GateError, check
from billing.warehouse.landlock import LandlockUnavailableError, allow_only_reading

# What DuckDB and its threads reserve beyond what they use; without it, connecting fails.
_ADDRESS_SPACE_BYTES: Final = 3 * 2**30
_ANSWER_BYTES_MAX: Final = 32 * 2**20
_READABLE: Final = ("/proc", "/sys/fs/cgroup", "/sys/devices", "/usr/share/zoneinfo", "/etc/localtime")
_THREADS: Final = 2


def main() -> None:
    """Answer the job on stdin."""
    job = json.load(sys.stdin)
    try:
        connection = open_sandbox(job)
        check(job["query"], views=job["views"])
        answer = _run(connection, job["query"], rows_max=job["rows_max"])
    except GateError as refused:
        answer = {"error": "refused", "message": str(refused)}
    except (duckdb.OutOfMemoryException, MemoryError) as exhausted:
        answer = {"error": "memory", "message": _first_line(exhausted)}
    except duckdb.Error as failed:
        answer = {"error": "failed", "message": _first_line(failed)}
    json.dump(answer, sys.stdout)


def open_sandbox(job: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    """Close this process in, and return a connection that has the views and nothing else."""
    memory_bytes = job["memory_bytes_max"]
    limit = memory_bytes + _ADDRESS_SPACE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    has_landlock = True
    try:
        allow_only_reading([*job["files"], *_READABLE, sys.prefix, sys.base_prefix])
    except LandlockUnavailableError:
        has_landlock = False
    connection = duckdb.connect(
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "threads": _THREADS,
            "memory_limit": f"{memory_bytes // 2**20}MiB",
        }
    )
    connection.execute(job["views_sql"])
    _lock(connection, job["files"], has_landlock=has_landlock)
    return connection


def _lock(connection: duckdb.DuckDBPyConnection, files: Sequence[str], *, has_landlock: bool) -> None:
    paths = ", ".join("'" + path.replace("'", "''") + "'" for path in files)
    settings = [
        "SET python_enable_replacements = false",
        "SET allow_persistent_secrets = false",
        "SET temp_directory = ''",
        f"SET allowed_paths = [{paths}]",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    ]
    if not has_landlock:
        # Nothing below DuckDB forbids writing then: no file of this process may grow, and the gate allows no COPY.
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    for setting in settings:
        connection.execute(setting)


def _run(connection: duckdb.DuckDBPyConnection, query: str, *, rows_max: int) -> dict[str, Any]:
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


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


if __name__ == "__main__":
    main()
