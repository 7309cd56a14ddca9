"""Reading back: rows of the ledger by their keys, a segment read once however many rows it gives.

What one commit wrote is read whole: it is small. A compacted segment is sorted by source id, so only those of its row
groups are read whose least and greatest id enclose a wanted one.

Must not: change a row.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ledger.row_groups import read_row_groups, row_group_bounds
from ledger.segment import Segment, read_segment
from receiver.sealer.row_keys import RowKey

_KEY_COLUMNS: Final = ["ingest_scope", "source_id", "revision"]


def read_rows(keys: Sequence[RowKey], segments: Sequence[Segment], *, ledger: Path) -> pa.Table:
    """Return the rows of these keys from one table's live segments, in the keys' order."""
    missing = set(keys)
    found: dict[tuple[str, bytes, int], int] = {}
    parts: list[pa.Table] = []
    size = 0
    for segment in segments:
        first, last = segment.commits
        wanted = [key for key in missing if first <= key.commit <= last]
        if not wanted:
            continue
        for rows in _parts(segment, wanted, ledger):
            places = _places(rows, wanted)
            found.update({name: size + number for number, (name, _) in enumerate(places)})
            size += len(places)
            parts.append(rows.take([place for _, place in places]))
        missing = {key for key in missing if key[:3] not in found}
        if not missing:
            break
    assert not missing, f"the index names rows that no listed segment has: {next(iter(missing), None)}"
    return pa.concat_tables(parts).take([found[key[:3]] for key in keys])


def _parts(segment: Segment, wanted: Iterable[RowKey], ledger: Path) -> Iterable[pa.Table]:
    if not segment.is_compacted:
        yield read_segment(segment, ledger=ledger)
        return
    ids = sorted({key.source_id for key in wanted})
    bounds = row_group_bounds(segment, column="source_id", ledger=ledger)
    for group, (least, greatest) in enumerate(bounds):
        place = bisect_left(ids, least)
        if place < len(ids) and ids[place] <= greatest:
            yield read_row_groups(segment, [group], ledger=ledger)


def _places(rows: pa.Table, wanted: Iterable[RowKey]) -> list[tuple[tuple[str, bytes, int], int]]:
    """Return which of the wanted keys these rows have, and where."""
    names = {key[:3] for key in wanted}
    ids = pa.array({source_id for _, source_id, _ in names}, pa.binary())
    places = pc.indices_nonzero(pc.is_in(rows.column("source_id"), value_set=ids))
    near = rows.select(_KEY_COLUMNS).take(places)
    columns = (near.column(name).to_pylist() for name in _KEY_COLUMNS)
    keys = zip(*columns, strict=True)
    return [(key, place) for key, place in zip(keys, places.to_pylist(), strict=True) if key in names]
