"""The store: migrations with data in them, exact decimals, transactions that leave nothing half."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

import billing.store.database
from billing.errors import StoreUnavailableError
from billing.invoices.kept import get
from billing.store.database import Database
from billing.store.requests import answered
from billing.store.tables import Base, ExchangeRateRow
from tests.billing.postgres import Cluster


def test_migrations_make_the_schema_the_program_uses(database: Database) -> None:
    """From nothing, the migrations make exactly the tables that the program reads and writes."""
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_first_schema_with_drafts_is_brought_up_to_date(store_url: str) -> None:
    """Drafts and answered requests of the first version are there after the upgrade."""
    _make_first_schema(store_url)
    database = Database(store_url)
    with database.reading() as session:
        kept = get(session, "inv_old")
        known = answered(session, "key", {"customer": "acme"})
    assert (kept.state.value, kept.customer, kept.period.start) == ("draft", "acme", datetime(2026, 10, 1, tzinfo=UTC))
    assert known is not None
    assert known.invoice_id == "inv_old"
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    database.close()


def test_opening_twice_changes_nothing(store_url: str) -> None:
    """A program that starts beside another finds the schema made."""
    first, second = Database(store_url), Database(store_url)
    with first.writing() as session:
        session.add(_rate("1.5"))
    with second.reading() as session:
        assert session.get(ExchangeRateRow, ("USD", "EUR", "2026-10-01")) is not None
    first.close()
    second.close()


@pytest.mark.parametrize("digits", ["0.000000000001", "12345678901234567890123456.123456789012", "1E-12", "-0.10"])
def test_decimals_come_back_to_the_last_digit(database: Database, digits: str) -> None:
    """Neither store rounds an amount."""
    with database.writing() as session:
        session.add(_rate(digits))
    with database.reading() as session:
        row = session.get(ExchangeRateRow, ("USD", "EUR", "2026-10-01"))
        assert row is not None
        assert row.rate == Decimal(digits)


def test_error_in_the_middle_leaves_nothing(database: Database) -> None:
    """A block that fails has written nothing."""
    with pytest.raises(ZeroDivisionError), database.writing() as session:  # noqa: PT012 - the block is the transaction
        session.add(_rate("2"))
        session.flush()
        raise ZeroDivisionError
    with database.reading() as session:
        assert session.get(ExchangeRateRow, ("USD", "EUR", "2026-10-01")) is None


def test_database_gone_in_the_middle_is_told_and_leaves_nothing(cluster: Cluster) -> None:
    """When PostgreSQL ends the connection within a transaction, the error says so, and the next try works."""
    database = Database(cluster.new_database())
    with pytest.raises(StoreUnavailableError, match=r"[Dd]o it again"), database.writing() as session:  # noqa: PT012
        session.add(_rate("2"))
        session.flush()
        cluster.drop_connections()
        session.add(_rate("3", quote="GBP"))
        session.flush()
    with database.writing() as session:
        assert session.get(ExchangeRateRow, ("USD", "EUR", "2026-10-01")) is None
        session.add(_rate("2"))
    database.close()


def test_url_of_no_store_is_told(tmp_path: Path) -> None:
    """A database that is not there, and a URL that is none, are errors with the next step."""
    with pytest.raises(StoreUnavailableError, match="postgresql://"):
        Database("not a url")
    with pytest.raises(StoreUnavailableError, match="cannot be used"):
        Database(f"postgresql://nobody@/nothing?host={tmp_path}")


def _rate(rate: str, quote: str = "EUR") -> ExchangeRateRow:
    return ExchangeRateRow(base="USD", quote=quote, in_force_from="2026-10-01", rate=Decimal(rate))


def _make_first_schema(url: str) -> None:
    """Make the first version's tables with its own migration, and a draft in them as it wrote one."""
    config = Config()
    config.set_main_option("script_location", str(Path(billing.store.database.__file__).with_name("migrations")))
    with_driver = make_url(url)
    if with_driver.drivername == "postgresql":
        with_driver = with_driver.set(drivername="postgresql+psycopg")
    elif with_driver.database:
        Path(with_driver.database).parent.mkdir(parents=True)
    engine = create_engine(with_driver)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(
            text(
                "INSERT INTO invoices (id, state, customer, period_start, period_end, ledger_id, as_of_commit, "
                "as_of_digest, created_time, unpriced, unattributed_calls, unattributed_of_calls, unattributed_cost) "
                "VALUES ('inv_old', 'draft', 'acme', '2026-10-01T00:00:00.000000+00:00', "
                "'2026-11-01T00:00:00.000000+00:00', 'l', 7, 'd', '2026-11-02T10:00:00.000000+00:00', '[]', 0, 3, '0')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO invoice_lines (invoice_id, position, provider, model, calls, quantities, amount, "
                "exact_cost, currency) VALUES ('inv_old', 0, 'openai', 'gpt-4o', 3, '{}', '1.10', '1.1', 'USD')"
            )
        )
        digest = billing.store.requests.request_digest({"customer": "acme"})
        connection.execute(text(f"INSERT INTO idempotency_keys VALUES ('key', '{digest}', 'inv_old')"))
    engine.dispose()
