"""Lone rows: put from columns they say what they say one by one, whatever stands beside them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from ledger.schema import Table
from receiver.sealer.index import Index
from receiver.sealer.lone_rows import changes_of_lone_rows
from receiver.sealer.row_facts import changes_of_rows, columns_of
from tests.otlp import call
from tests.pipeline import Pipeline

CONTENT_HASH = bytes(16)


@pytest.fixture
def rows(tmp_path: Path) -> pa.Table:
    """Usage of four calls, two of them in one trace."""
    with Pipeline(tmp_path / "data") as pipeline:
        ids = {"gen_ai.response.id": "chatcmpl-" + "Ab3dEf6hIj9lMn2pQr5t"}
        pipeline.take(
            call(trace=1, span=1, attributes={**ids, "customer.id": "acme"}),
            call(trace=2, span=1),
            call(trace=3, span=1, tokens=(7, 7)),
            call(trace=3, span=2, tokens=(8, 8)),
        )
        (segment,) = pipeline.sealer.state.of_table(Table.USAGE)
        return pipeline.sealer.segment_rows(segment).select(columns_of(Table.USAGE))


def as_content(rows: pa.Table, *, trace: int) -> pa.Table:
    """A row of this trace once more, as a content of its span that lost."""
    ids = [one[:16] for one in rows.column("source_id").to_pylist()]
    one = rows.slice(ids.index(trace.to_bytes(16, "big")), 1)
    source_id = one.column("source_id")[0].as_py() + CONTENT_HASH
    at = one.schema.get_field_index("source_id")
    return one.set_column(at, one.schema.field(at), pa.array([source_id], pa.binary()))


@pytest.mark.parametrize(("beside", "left"), [(None, 2), (1, 4), (3, 3)])
def test_an_index_from_columns_is_the_one_from_rows(
    tmp_path: Path, rows: pa.Table, beside: int | None, left: int
) -> None:
    """Also where a row beside them names more than a span: its trace is not alone, and the others are as before."""
    if beside is not None:
        rows = pa.concat_tables([rows, as_content(rows, trace=beside)])
    one, other = Index(tmp_path / "one"), Index(tmp_path / "other")
    lone, others = changes_of_lone_rows(rows, index=one)
    one.add(lone)
    one.add(changes_of_rows([(Table.USAGE, others)], index=one))
    other.add(changes_of_rows([(Table.USAGE, rows)], index=other))
    assert others.num_rows == left
    assert list(one.items()) == list(other.items())
    one.close()
    other.close()
