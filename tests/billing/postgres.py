"""A real PostgreSQL for tests: Debian's, on a temporary folder and a Unix socket, ended with the tests.

`apt-get install postgresql` gives it. As root it runs under the user `postgres` of that package, since PostgreSQL
refuses root. Without it, tests that need it are skipped; with CI=true they fail.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

_INSTALLED = Path("/usr/lib/postgresql")
_OWNER = "postgres"
_numbers = itertools.count()


class Cluster:
    """A running PostgreSQL of our own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def new_database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"test_{next(_numbers)}"
        with self._admin() as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql://{_OWNER}@/{name}?host={self.folder}"

    def drop_connections(self) -> None:
        """End every connection of clients, as a restart of the server does."""
        with self._admin() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )

    def _admin(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(f"postgresql://{_OWNER}@/postgres?host={self.folder}", autocommit=True)


@contextmanager
def running() -> Iterator[Cluster]:
    """Start PostgreSQL, give it, and stop it."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="sl-pg-"))
    data = folder / "data"
    if os.geteuid() == 0:
        shutil.chown(folder, _OWNER)
    try:
        _run(programs / "initdb", "-D", data, "-U", _OWNER, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "-N")
        # No network, no waiting for the disk: the folder is thrown away.
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c max_connections=60"
        _run(programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
        try:
            yield Cluster(folder)
        finally:
            _run(programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    found = sorted(_INSTALLED.glob("*/bin/initdb"), key=lambda one: int(one.parts[-3]))
    runs_as_owner = os.geteuid() != 0 or (shutil.which("runuser") and _has_owner())
    if found and runs_as_owner:
        return found[-1].parent
    message = "PostgreSQL is not here: apt-get install postgresql"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def _has_owner() -> bool:
    try:
        pwd.getpwnam(_OWNER)
    except KeyError:
        return False
    return True


def _run(*command: object) -> None:
    words = [str(one) for one in command]
    if os.geteuid() == 0:
        words = ["runuser", "-u", _OWNER, "--", *words]
    done = subprocess.run(words, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          check=False, text=True)  # fmt: skip
    assert done.returncode == 0, f"{words}: {done.stderr}"
