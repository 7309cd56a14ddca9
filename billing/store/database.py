"""The database: connections, transactions, and the schema brought up to date when it is opened.

`reading()` and `writing()` each give a session of one transaction, committed at the end of the block, rolled back by
any error. SQLite's writers take its write lock at once (BEGIN IMMEDIATE), so what they read stays true until they
write; on PostgreSQL the row that orders them is locked by who needs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.orm import Session

from billing.errors import InvalidValueError, StoreUnavailableError

_MIGRATIONS: Final = Path(__file__).with_name("migrations")
# A finalising run holds SQLite's write lock for milliseconds at a time; half a minute means something hangs.
_LOCK_WAIT_S: Final = 30
# Any number, the same in every program that may bring this schema up to date.
_MIGRATION_LOCK: Final = 7_316_455_021


class Database:
    """The store's database. Thread-safe; one for the life of a program."""

    def __init__(self, url: str) -> None:
        self._url = _with_driver(url)
        self._engine = _engine(self._url)
        self._writer = self._engine.execution_options(writing=True)
        with _explained():
            self._migrate()

    @property
    def engine(self) -> Engine:
        """The connections, for what looks at the schema."""
        return self._engine

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session that sees one state and writes nothing."""
        with _explained(), Session(self._engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Give a session whose writes are committed together when the block ends well."""
        with _explained(), Session(self._writer) as session, session.begin():
            yield session

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    def _migrate(self) -> None:
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        with self._writer.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _with_driver(text_url: str) -> URL:
    try:
        url = make_url(text_url)
    except ArgumentError as unreadable:
        raise StoreUnavailableError(
            "database_url is no URL.", hint="Use a form like postgresql://user@host/database."
        ) from unreadable
    return url.set(drivername="postgresql+psycopg") if url.drivername in {"postgres", "postgresql"} else url


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        if url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, connect_args={"timeout": _LOCK_WAIT_S})
        event.listen(engine, "connect", _make_sqlite_strict)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        return create_engine(url, pool_pre_ping=True)
    except (NoSuchModuleError, ModuleNotFoundError) as missing:
        raise StoreUnavailableError(
            f"database_url names {url.get_backend_name()}, which cannot be used here ({missing}).",
            hint="Use sqlite:///… or postgresql://….",
        ) from missing


def _make_sqlite_strict(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by `_begin_sqlite`, not guessed by the driver
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    is_writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what a driver says into errors of ours; an IntegrityError is the caller's to understand."""
    try:
        yield
    except DataError as refused:
        raise InvalidValueError(
            "a text has a character that the store cannot keep.", hint="Leave out NUL characters."
        ) from refused
    except UnicodeEncodeError as broken:
        raise InvalidValueError(
            "a text has half a character (a lone surrogate).", hint="Send well-formed Unicode."
        ) from broken
    except (OperationalError, InterfaceError) as gone:
        raise StoreUnavailableError(
            f"the store of invoices cannot be used ({str(gone.orig).strip()}).",
            hint="Nothing of this step was kept. Is the database up, and its disk not full? Then do it again.",
        ) from gone
    except DBAPIError as failed:
        if not failed.connection_invalidated:
            raise
        raise StoreUnavailableError(
            "the store of invoices closed the connection.", hint="Nothing of this step was kept. Do it again."
        ) from failed
