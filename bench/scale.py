"""At scale: what a compacted call takes on disk, how long a month's costs take, how fast an index comes back.

    python -m bench.scale [--calls 2000000]

Calls are sealed by the real sealer, merged by the real compactor, and asked for by a stock DuckDB; beside it stands the
same rows in one plain Parquet file, as pyarrow writes it by default.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from bench.families import WRITERS
from bench.load import make_request
from bench.sealers import open_sealer
from bench.table import row, scratch
from ledger.filesystem import LocalFilesystem
from ledger.layout import DataDirectory
from ledger.schema import EVIDENCE_COLUMNS, Table
from receiver.journal import Journal
from receiver.sealer.compaction.compactor import Compactor
from receiver.sealer.index import delete_index
from receiver.sealer.seal import Sealer

_SPANS_EACH: Final = 1000
_QUERY: Final = "SELECT customer_id, response_model, sum(call_count), sum(cost) FROM entries GROUP BY ALL"
_ROUNDS: Final = 5


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--calls", type=int, default=2_000_000)
    calls: int = parser.parse_args().calls
    with scratch() as folder:
        data = DataDirectory(folder)
        with _sealed(data, calls) as sealer:
            _compact(sealer, data, calls)
            _sizes(sealer, data)
            _queries(sealer, data, folder)
        _rebuild(data, calls)


def _sealed(data: DataDirectory, calls: int) -> Sealer:
    sealer = open_sealer(data)
    gc.disable()
    began, kinds = time.process_time(), len(WRITERS)
    for seed in range(calls // _SPANS_EACH):
        if seed % 30 == 0:
            journal = Journal(data.journal, filesystem=LocalFilesystem())
        writer = WRITERS[seed % (kinds - 2)]  # without the slow ones: they are rare
        body = make_request(spans=_SPANS_EACH, genai_share=1.0, seed=seed, writer=writer)
        journal.append(received=_SPANS_EACH, kept=_SPANS_EACH, payload=body)
        if seed % 30 == 29 or seed == calls // _SPANS_EACH - 1:
            journal.close()
            while sealer.seal() is not None:
                pass
    row("calls sealed", f"{sealer.state.count('usage'):,}", "", f"{time.process_time() - began:,.0f} s, making them")
    return sealer


def _compact(sealer: Sealer, data: DataDirectory, calls: int) -> None:
    files = len(sealer.state.segments)
    compactor = Compactor(sealer, data, filesystem=LocalFilesystem())
    began = time.process_time()
    while compactor.merge_now() is not None:
        pass
    took = time.process_time() - began
    row("compaction", f"{calls / took:,.0f} calls/s per core", "", f"{files} files → {len(sealer.state.segments)}")


def _sizes(sealer: Sealer, data: DataDirectory) -> None:
    usage = sealer.state.of_table(Table.USAGE)
    rows, whole = sum(one.rows for one in usage), sum(one.size_bytes for one in usage)
    evidence = sum(_evidence_bytes(data.ledger / one.path) for one in usage)
    row("on disk, compacted, with evidence", f"{whole / rows:,.0f} bytes a call", "≤ 300")
    row("  without it", f"{(whole - evidence) / rows:,.0f} bytes a call", "≤ 110")


def _evidence_bytes(path: Path) -> int:
    metadata = pq.read_metadata(path)
    chunks = (
        metadata.row_group(group).column(place)
        for group in range(metadata.num_row_groups)
        for place in range(metadata.num_columns)
    )
    return sum(one.total_compressed_size for one in chunks if one.path_in_schema.partition(".")[0] in EVIDENCE_COLUMNS)


def _queries(sealer: Sealer, data: DataDirectory, folder: Path) -> None:
    rows = pa.concat_tables([sealer.segment_rows(one) for one in sealer.state.of_table(Table.USAGE)])
    plain = folder / "plain.parquet"
    pq.write_table(rows.drop_columns([*EVIDENCE_COLUMNS, "superseded_commit"]), plain)
    count = rows.num_rows
    del rows
    ours, theirs = duckdb.connect(), duckdb.connect()
    ours.execute(data.views.read_text())
    theirs.execute(f"CREATE VIEW entries AS SELECT * FROM read_parquet('{plain}')")
    took = _best(lambda: ours.execute(_QUERY).fetchall())
    beside = _best(lambda: theirs.execute(_QUERY).fetchall())
    row("costs by customer × model", f"{took:.2f} s over {count:,} calls", "≤ plain", f"plain Parquet {beside:.2f} s")


def _best(query: Callable[[], object]) -> float:
    times = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        query()
        times.append(time.perf_counter() - began)
    return min(times)


def _rebuild(data: DataDirectory, calls: int) -> None:
    delete_index(data.index)
    began = time.perf_counter()
    with open_sealer(data):
        took = time.perf_counter() - began
    size = sum(path.stat().st_size for path in data.index.rglob("*") if path.is_file())
    row("index rebuilt", f"{calls / took:,.0f} calls/s", "≥ 100,000", f"{size / calls:.0f} bytes a call on disk")


if __name__ == "__main__":
    main()
