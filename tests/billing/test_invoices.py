"""Invoices, first form: drafts whose totals are the ledger's sums, rounded once a line."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import String, create_engine, inspect

from billing.errors import IdempotencyConflictError, InvalidPeriodError, UnknownCustomerError, UnknownInvoiceError
from billing.invoices.drafting import draft
from billing.invoices.store import Base, InvoiceStore
from billing.periods import parse_month, parse_period
from billing.warehouse.warehouse import Warehouse
from ledger.money import round_to_minor_unit
from tests.otlp import call
from tests.pipeline import Pipeline

OCTOBER = parse_month("2026-10")


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """A ledger in which acme has calls of two models and an unpriced one, and one call has no customer."""
    with Pipeline(tmp_path) as made:
        acme = {"customer.id": "acme"}
        made.take(
            *(call(tokens=(33_333, 777), attributes=acme) for _ in range(7)),
            call(tokens=(10_000, 1_000), model="gpt-4o-mini-2024-07-18", attributes=acme),
            call(model="no-such-model", attributes=acme),
            call(attributes={"customer.id": "globex"}),
            call(tokens=(100, 10)),
        )
        yield made


@pytest.fixture
def store(tmp_path: Path) -> Iterator[InvoiceStore]:
    """An empty store."""
    opened = InvoiceStore(f"sqlite:///{tmp_path / 'billing.db'}")
    yield opened
    opened.close()


def test_lines_are_the_ledgers_sums_rounded_once(pipeline: Pipeline) -> None:
    """Each line is one provider and model; the total is the sum of the rounded lines."""
    made = draft(Warehouse(pipeline.data), customer="acme", period=OCTOBER)
    exact = Decimal(7) * (Decimal("2.5") * 33_333 + Decimal(10) * 777) / 10**6
    by_model = {line.model: line for line in made.lines}
    line = by_model["gpt-4o-2024-08-06"]
    assert (line.calls, line.exact_cost, line.amount) == (7, exact, round_to_minor_unit(exact, currency="USD"))
    assert line.quantities == {"input_tokens": 7 * 33_333, "output_tokens": 7 * 777}
    assert made.totals == {"USD": sum(line.amount for line in made.lines)}


def test_what_is_unpriced_or_unattributed_is_named(pipeline: Pipeline) -> None:
    """Nothing is silently left out of the amount."""
    made = draft(Warehouse(pipeline.data), customer="acme", period=OCTOBER)
    (gap,) = made.unpriced
    assert (gap.model, gap.calls, gap.quantities) == ("no-such-model", 1, {"input_tokens": 100, "output_tokens": 10})
    assert (made.unattributed.calls, made.unattributed.of_calls) == (1, 11)
    assert made.unattributed.cost == Decimal("0.00035")


def test_draft_is_as_of_a_commit(pipeline: Pipeline, store: InvoiceStore) -> None:
    """What is learned later does not change a draft that was kept."""
    warehouse = Warehouse(pipeline.data)
    made = store.add(draft(warehouse, customer="acme", period=OCTOBER))
    pipeline.take(call(attributes={"customer.id": "acme"}))
    assert store.get(made.id) == made
    later = draft(warehouse, customer="acme", period=OCTOBER)
    assert later.as_of.commit == made.as_of.commit + 1
    assert sum(line.calls for line in later.lines) == sum(line.calls for line in made.lines) + 1
    assert warehouse.invoice_lines("acme", OCTOBER, as_of=made.as_of) != warehouse.invoice_lines(
        "acme", OCTOBER, as_of=later.as_of
    )


def test_draft_is_as_of_the_commit_its_figures_are_of(pipeline: Pipeline) -> None:
    """Between a commit and its views.sql, a draft says the older commit, whose figures it has."""
    warehouse = Warehouse(pipeline.data)
    before = draft(warehouse, customer="acme", period=OCTOBER)
    older_views = pipeline.data.views.read_text()
    pipeline.take(call(attributes={"customer.id": "acme"}))
    pipeline.data.views.write_text(older_views)
    between = draft(warehouse, customer="acme", period=OCTOBER)
    assert (between.as_of, between.lines) == (before.as_of, before.lines)


def test_same_key_at_the_same_time_makes_one_invoice(pipeline: Pipeline, store: InvoiceStore) -> None:
    """Whoever loses the race gets the winner's invoice, not an error."""
    warehouse = Warehouse(pipeline.data)
    drafts = [draft(warehouse, customer="acme", period=OCTOBER) for _ in range(8)]
    with ThreadPoolExecutor(len(drafts)) as pool:
        kept = list(pool.map(lambda one: store.add(one, idempotency_key="k", request={"a": 1}), drafts))
    assert len({one.id for one in kept}) == 1
    assert [one.id for one in store.list(limit=10)] == [kept[0].id]


def test_kept_invoice_comes_back_to_the_digit(pipeline: Pipeline, store: InvoiceStore) -> None:
    """The store changes nothing: not an amount, not a time, not a null."""
    made = store.add(draft(Warehouse(pipeline.data), customer="acme", period=OCTOBER))
    assert store.get(made.id) == made
    assert store.list(limit=10) == [made]


def test_unknown_customer_is_told_similar_ones(pipeline: Pipeline) -> None:
    """A misspelt customer is an error, not an invoice of nothing."""
    with pytest.raises(UnknownCustomerError, match="acme"):
        draft(Warehouse(pipeline.data), customer="acmee", period=OCTOBER)


def test_customer_without_calls_in_the_period_owes_nothing(pipeline: Pipeline) -> None:
    """A known customer with no calls gets an empty draft."""
    made = draft(Warehouse(pipeline.data), customer="acme", period=parse_month("2026-09"))
    assert (made.lines, made.totals, made.unpriced) == ((), {}, ())


def test_future_and_open_periods_are_refused(pipeline: Pipeline) -> None:
    """A period that has not begun, or has no end, cannot be invoiced."""
    warehouse = Warehouse(pipeline.data)
    with pytest.raises(InvalidPeriodError, match="still to come"):
        draft(warehouse, customer="acme", period=OCTOBER, now=datetime(2026, 9, 1, tzinfo=UTC))
    with pytest.raises(InvalidPeriodError, match="both ends"):
        draft(warehouse, customer="acme", period=parse_period("2026-10", None))


def test_same_key_and_request_give_the_same_invoice(pipeline: Pipeline, store: InvoiceStore) -> None:
    """A request sent twice makes one invoice."""
    warehouse = Warehouse(pipeline.data)
    first = store.add(draft(warehouse, customer="acme", period=OCTOBER), idempotency_key="k", request={"a": 1})
    again = store.add(draft(warehouse, customer="acme", period=OCTOBER), idempotency_key="k", request={"a": 1})
    assert again == first
    assert len(store.list(limit=10)) == 1


def test_same_key_with_another_request_is_refused(pipeline: Pipeline, store: InvoiceStore) -> None:
    """A key is for one request."""
    warehouse = Warehouse(pipeline.data)
    store.add(draft(warehouse, customer="acme", period=OCTOBER), idempotency_key="k", request={"a": 1})
    with pytest.raises(IdempotencyConflictError):
        store.add(draft(warehouse, customer="globex", period=OCTOBER), idempotency_key="k", request={"a": 2})


def test_migrations_make_the_schema_the_program_uses(store: InvoiceStore, tmp_path: Path) -> None:
    """From an empty file, the migrations make exactly the tables that the store reads and writes; amounts are text."""
    engine = create_engine(f"sqlite:///{tmp_path / 'billing.db'}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
        amounts = [column["type"] for column in inspect(connection).get_columns("invoice_lines")
                   if column["name"] in {"amount", "exact_cost"}]  # fmt: skip
        assert all(isinstance(kind, String) for kind in amounts)
        assert len(amounts) == 2
    engine.dispose()


def test_unknown_invoice_is_an_error(store: InvoiceStore) -> None:
    """An id that names nothing is told so."""
    with pytest.raises(UnknownInvoiceError, match="inv_0"):
        store.get("inv_0")


def test_pages_of_invoices_meet(pipeline: Pipeline, store: InvoiceStore) -> None:
    """Paging through gives every invoice once, newest first."""
    warehouse = Warehouse(pipeline.data)
    made = [store.add(draft(warehouse, customer="acme", period=OCTOBER)) for _ in range(5)]
    seen: list[str] = []
    before = None
    while page := store.list(limit=2, before=before):
        seen += [one.id for one in page]
        before = page[-1].id
    assert sorted(seen) == sorted(one.id for one in made)


@settings(max_examples=50, deadline=None)
@given(st.decimals(-(10**9), 10**9, places=12))
def test_amounts_round_half_even_once(exact: Decimal) -> None:
    """A line differs from the ledger's sum by at most half a minor unit."""
    assert abs(round_to_minor_unit(exact, currency="USD") - exact) <= Decimal("0.005")
