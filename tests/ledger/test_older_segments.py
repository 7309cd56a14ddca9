"""Segments of an older schema: written before a column was known, read by every program since, as not known."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ledger.schema import Table
from receiver.sealer.jobs.job import JobKind
from tests.jobs.test_jobs import book_without, carried_out
from tests.otlp import SpanText, call
from tests.pipeline import Pipeline

# The columns that version 2 added.
_NEWER = {
    "cost_low", "cost_high", "price_reason", "list_price_version", "span_name", "span_kind", "span_status",
}  # fmt: skip


def make_older(pipeline: Pipeline) -> None:
    """Take the newer columns out of every segment, as a program of version 1 would have written them."""
    pipeline.restart_sealer()
    for table in (Table.USAGE, Table.CORRECTIONS, Table.SET_ASIDE):
        for path in pipeline.data.table(table).rglob("*.parquet"):
            rows = pq.read_table(path, partitioning=None)
            pq.write_table(rows.drop_columns([name for name in rows.column_names if name in _NEWER]), path)


@pytest.fixture
def older(tmp_path: Path) -> Iterator[Pipeline]:
    """A ledger of version 1: a call that a later span says who pays for, one without a price, an agent."""
    with Pipeline(tmp_path, book=book_without("gpt-4o-mini")) as pipeline:
        pipeline.take(
            call(trace=1, span=2, parent=3),
            call(model="gpt-4o-mini-2024-07-18"),
            call(attributes={"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner"}),
        )
        make_older(pipeline)
        shutil.rmtree(pipeline.data.index)
        yield pipeline


def test_every_view_reads_it(older: Pipeline) -> None:
    """What the older program did not know is null; the sums stand."""
    assert older.sealer
    assert older.value("SELECT count(*) FROM calls WHERE price_reason IS NULL AND cost_low IS NULL") == 2
    assert older.value("SELECT count(*) FROM set_aside WHERE span_name IS NULL") == 1
    older.audit()


def test_corrections_of_it_are_written_in_the_newer_schema(older: Pipeline) -> None:
    """A late payer and a price that has come reach calls that an older program sealed."""
    older.take(SpanText(trace=1, span=3, scope="http", attributes={"customer.id": "acme"}))
    progress = carried_out(older, JobKind.REPRICE)
    assert list(progress.by_reason) == ["price_arrived"]
    assert older.value("SELECT count(*) FROM unpriced") == 0
    assert older.value("SELECT customer_id FROM calls WHERE customer_id IS NOT NULL") == "acme"
    assert older.value("SELECT sum(cost) FROM entries") == older.value("SELECT sum(cost) FROM calls")


def test_rereading_it_moves_nothing_that_the_name_does_not_decide(older: Pipeline) -> None:
    """A span's own name and kind are not there; who is read by attributes alone means what it meant."""
    assert carried_out(older, JobKind.REREAD).rows_changed == 0
