"""The warehouse: sums are right for every grouping, corrections included."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from billing.errors import InvalidPeriodError, UnknownDimensionError
from billing.periods import Period, parse_moment, parse_month, parse_period
from billing.warehouse.dimensions import DIMENSIONS
from billing.warehouse.warehouse import Warehouse
from ledger.errors import LedgerMissingError
from ledger.layout import DataDirectory
from spanledger import connect
from tests.otlp import NS, START_NS, SpanText, call
from tests.pipeline import Pipeline


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """A ledger with two customers, a correction, an unpriced and an unattributed call."""
    with Pipeline(tmp_path) as made:
        made.take(
            call(attributes={"customer.id": "acme", "team": "search"}),
            call(tokens=(1000, 1), attributes={"customer.id": "acme", "team": "support"}),
            call(model="no-such-model", attributes={"customer.id": "acme"}),
            call(tokens=(7, 7), trace=900, span=901),
        )
        made.take(
            call(tokens=(50, 5), attributes={"customer.id": "globex"}, start_ns=START_NS + 40 * 86_400 * NS),
            SpanText(trace=900, span=902, scope="http", attributes={"customer.id": "late"}),
        )
        made.take(call(tokens=(3, 3)))
        yield made


def test_sums_agree_over_every_grouping(pipeline: Pipeline) -> None:
    """However costs are grouped, they add up to the same total."""
    warehouse = Warehouse(pipeline.data)
    (total,) = [row for row in warehouse.costs() if row["currency"] == "USD"]
    for name in [*DIMENSIONS, "label.team"]:
        rows = [row for row in warehouse.costs(by=[name]) if row["currency"] == "USD"]
        assert sum(row["cost"] for row in rows) == total["cost"]
        assert sum(row["calls"] for row in rows) == total["calls"]


def test_late_customer_pays_and_nobody_else_does(pipeline: Pipeline) -> None:
    """A correction moves the whole cost to the customer found later."""
    rows = {row["customer"]: row for row in Warehouse(pipeline.data).costs(by=["customer"]) if row["cost"] is not None}
    assert rows["late"]["calls"] == 1
    assert rows["late"]["cost"] == Decimal("0.0000875")
    assert rows[None]["calls"] == 1


def test_unpriced_calls_have_no_cost_and_are_listed(pipeline: Pipeline) -> None:
    """A model without a price is not free."""
    warehouse = Warehouse(pipeline.data)
    rows = warehouse.costs(by=["model"], where={"model": "no-such-model"})
    assert [(row["calls"], row["unpriced_calls"], row["cost"]) for row in rows] == [(1, 1, None)]
    (listed,) = warehouse.unpriced()
    assert (listed["model"], listed["price_status"], listed["calls"]) == ("no-such-model", "unknown_model", 1)


def test_period_is_half_open(pipeline: Pipeline) -> None:
    """A call at the first moment of a month is that month's, and no other's."""
    warehouse = Warehouse(pipeline.data)
    october = warehouse.costs(by=["customer"], period=parse_month("2026-10"))
    november = warehouse.costs(by=["customer"], period=parse_month("2026-11"))
    assert {row["customer"] for row in november} == {"globex"}
    assert "globex" not in {row["customer"] for row in october}


def test_new_commits_are_seen_without_reopening(pipeline: Pipeline) -> None:
    """The warehouse follows views.sql."""
    warehouse = Warehouse(pipeline.data)
    before = warehouse.costs()
    pipeline.take(call(attributes={"customer.id": "new"}))
    assert warehouse.costs() != before


def test_unknown_dimension_names_the_nearest(pipeline: Pipeline) -> None:
    """A misspelt dimension is answered with the right one."""
    with pytest.raises(UnknownDimensionError, match="customer"):
        Warehouse(pipeline.data).costs(by=["custmer"])


def test_label_cannot_carry_sql(pipeline: Pipeline) -> None:
    """A dimension is a name, never text for the engine."""
    with pytest.raises(UnknownDimensionError):
        Warehouse(pipeline.data).costs(by=["label.x'] FROM entries; DROP VIEW calls; --"])


def test_missing_ledger_says_what_to_do(tmp_path: Path) -> None:
    """Asking an empty directory is an error with the next step."""
    with pytest.raises(LedgerMissingError, match="spanledger up"):
        Warehouse(DataDirectory(tmp_path)).costs()


def test_connect_gives_a_plain_duckdb(pipeline: Pipeline) -> None:
    """`spanledger.connect()` is a DuckDB connection with the views."""
    with connect(pipeline.data.root) as connection:
        assert connection.execute("SELECT count(*) FROM calls").fetchall() == [(6,)]


@pytest.mark.parametrize("text", ["2026-13", "2026-1", "yesterday", "2026-02-30", "", "0000-01"])
def test_what_is_no_month_is_refused(text: str) -> None:
    """A period is never guessed."""
    with pytest.raises(InvalidPeriodError):
        parse_month(text) if len(text) < 8 else parse_moment(text)


def test_inverted_period_is_refused() -> None:
    """`to` must be later than `from`."""
    with pytest.raises(InvalidPeriodError, match="empty"):
        parse_period("2026-11", "2026-10")


def test_offset_is_turned_into_utc() -> None:
    """A moment with an offset is the same moment."""
    assert parse_moment("2026-10-01T02:00:00+02:00") == parse_month("2026-10").start
    assert parse_period(None, None) == Period()
