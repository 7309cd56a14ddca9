"""Slices: the ledger's rows, a bounded number at a time, and which of them stand.

A row stands when the index says that it is its span's newest: whatever came after it has a higher revision. Must not:
change anything, or know what a job is about.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from ledger.schema import Table
from receiver.sealer.facts import SpanState
from receiver.sealer.index import Index, TraceKey
from receiver.sealer.jobs.job import Job

# A slice is one commit between two seals: about a second's work, so that new calls never wait for long.
SLICE_ROWS_MAX: Final = 10_000
_SPAN_BYTES: Final = slice(16, 24)
_SOURCE_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class StandingRow:
    """A row that is its span's newest."""

    place: int
    """Its position within the slice."""
    trace: TraceKey
    span_id: bytes
    state: SpanState


def slices(rows: pa.Table) -> Iterator[pa.Table]:
    """Yield the rows in bounded parts."""
    for start in range(0, rows.num_rows, SLICE_ROWS_MAX):
        yield rows.slice(start, SLICE_ROWS_MAX)


def standing(rows: pa.Table, *, table: Table, job: Job, index: Index) -> list[StandingRow]:
    """Return the rows of a slice that stand and that the job covers."""
    columns: dict[str, list[Any]] = {
        "scope": rows.column("ingest_scope").to_pylist(),
        "source_id": rows.column("source_id").to_pylist(),
        "revision": rows.column("revision").to_pylist(),
        "start_us": rows.column("start_time").cast(pa.int64()).to_pylist(),
    }
    places = [
        place
        for place, (source_id, start_us) in enumerate(zip(columns["source_id"], columns["start_us"], strict=True))
        # A longer source id is a losing content of a conflict: it never speaks for its span.
        if len(source_id) == _SOURCE_BYTES and job.covers(start_us)
    ]
    keys = [
        (TraceKey(columns["scope"][place], columns["source_id"][place][:16]), columns["source_id"][place][_SPAN_BYTES])
        for place in places
    ]
    found = zip(places, keys, index.spans(keys), strict=True)
    return [
        StandingRow(place, trace, span_id, state)
        for place, (trace, span_id), state in found
        if state is not None and state.table == table.value and state.revision == columns["revision"][place]
    ]
