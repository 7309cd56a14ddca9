"""Stores for billing's tests: each test that asks for `store_url` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from billing.store.database import Database
from tests.billing import postgres
from tests.billing.shop import Shop


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgres.Cluster]:
    """One PostgreSQL for all tests of a process."""
    with postgres.running() as started:
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store."""
    if request.param == "postgresql":
        started: postgres.Cluster = request.getfixturevalue("cluster")
        return started.new_database()
    return f"sqlite:///{tmp_path / 'store' / 'billing.db'}"


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    """An empty store, its schema made."""
    opened = Database(store_url)
    yield opened
    opened.close()


@pytest.fixture
def shop(tmp_path: Path, database: Database) -> Iterator[Shop]:
    """A ledger and a store, both empty."""
    opened = Shop(tmp_path / "data", database)
    yield opened
    opened.close()
