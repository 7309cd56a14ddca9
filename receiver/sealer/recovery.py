"""What the sealer does before its first commit: sweep what no line lists, and bring the index up to the manifest.

A segment that no manifest line lists is removed only if the journal frames it was made from are still there to be
sealed again, or, if compaction made it, the segments that it was made from. Otherwise a manifest line was lost, and
starting would lose calls: the start is refused. One case is neither: the journal file is there and not consumed, but
shorter than it was read. What is missing was never durable (its fsync had failed, its sender was told to send again,
and then the power went); the segment is kept under another name, and what is left of the file is sealed again.

The index is brought up to date from the segments of the commits it has not applied; one that is missing, of another
ledger or format, ahead of the manifest, or so far behind that what it lacks is gone as a line or a file, is deleted and
built from the live segments.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa

from ledger.compacted import read_merged
from ledger.errors import LedgerDamagedError
from ledger.filesystem import TEMPORARY_SUFFIX, Filesystem
from ledger.layout import DataDirectory
from ledger.manifest import LedgerState, checkpoint_commit, read_lines
from ledger.row_groups import read_row_groups, row_group_bounds
from ledger.schema import UNIT_COLUMNS, Flag, SpanClass, Table
from ledger.segment import Segment, read_journal_ranges, read_segment, segment_of
from ledger.views import commit_of_views
from receiver.sealer.candidate import QUARANTINED_WEIGHT, weight
from receiver.sealer.facts import UNKNOWN_EMITTER, FactKind, SpanFact, SpanState, TraceFact, emitter_number
from receiver.sealer.index import Index, IndexChanges, IndexMeta, ResponseKey, TraceKey, delete_index
from receiver.sealer.links import merged, said_of_ids
from receiver.sealer.nesting import nesting
from receiver.sealer.payers import BORROWED_SOURCES

UNLISTED_SUFFIX: Final = ".unlisted"
_ID_BYTES: Final = 24
_KINDS: Final = {
    SpanClass.AGGREGATE: FactKind.AGGREGATE,
    SpanClass.QUARANTINED: FactKind.QUARANTINED,
}
_COLUMNS: Final = [
    "ingest_scope", "source_id", "parent_span_id", "content_hash", "revision", "commit", "entry_type", "start_time",
    "end_time", "scope_name", "response_model", "request_model", "response_id", "usage_status", "customer_id",
    "customer_source", "provider", "service_tier", "usage_flags", "reason", "other_usage", *UNIT_COLUMNS,
]  # fmt: skip


def sweep(data: DataDirectory, state: LedgerState, *, filesystem: Filesystem) -> list[Path]:
    """Remove segments and temporary files that no commit lists; return what was removed.

    Raises:
        LedgerDamagedError: an unlisted segment's journal frames are gone.
    """
    _check_no_line_is_lost(data, state)
    # Retired files are deleted when their time is over.
    listed = {data.ledger / path for path in (*(one.path for one in state.segments), *state.retired)}
    removed: list[Path] = []
    for temporary in data.ledger.rglob(f"*{TEMPORARY_SUFFIX}"):
        filesystem.remove(temporary)
        removed.append(temporary)
    for table in Table:
        for path in sorted(data.table(table).rglob("*.parquet")):
            if path in listed:
                continue
            merged = read_merged(path)
            if merged is not None:
                _check_still_there(path, merged, state)
            if merged is not None or _is_resealed_whole(path, data=data, state=state):
                filesystem.remove(path)
                filesystem.sync_folder(path.parent)
            else:
                filesystem.rename(path, path.with_name(path.name + UNLISTED_SUFFIX))
            removed.append(path)
    return removed


def _check_no_line_is_lost(data: DataDirectory, state: LedgerState) -> None:
    """views.sql is written only after the line it is of is durable: it is never ahead of a manifest that is whole."""
    stated = commit_of_views(data.views.read_text(errors="replace")) if data.views.exists() else None
    if stated is not None and stated > state.commit:
        raise LedgerDamagedError(
            f"{data.views} is of commit {stated}, and {data.manifest} ends with {state.commit}: a line was lost.",
            hint="`spanledger verify --repair` brings it back if it can; else restore the manifest from a backup.",
        )


def _check_still_there(path: Path, merged: Sequence[str], state: LedgerState) -> None:
    """A merge whose line was never written: its rows stand in what it was made from."""
    known = {*(one.path for one in state.segments), *state.retired}
    if lost := [one for one in merged if one not in known]:
        raise LedgerDamagedError(
            f"merged segment {path} is in no commit, and {lost[0]}, of which it was made, is not either: a line of the "
            "manifest was lost.",
            hint="Restore ledger/manifest.jsonl from a backup. Nothing was changed.",
        )


def _is_resealed_whole(path: Path, *, data: DataDirectory, state: LedgerState) -> bool:
    """Say whether all frames the segment was made from are still there; some may never have been durable."""
    is_whole = True
    for name, (_, end) in read_journal_ranges(path).items():
        file = data.journal / name
        is_whole = is_whole and file.exists() and file.stat().st_size >= end
        if not file.exists() or state.positions.get(name, 0) >= end:
            raise LedgerDamagedError(
                f"segment {path} is in no commit, and the journal frames it was made from ({name} up to byte {end}) "
                "are gone: a line of the manifest was lost.",
                hint="`spanledger verify --repair` lists it again if it can; else restore ledger/manifest.jsonl from a "
                "backup. Nothing was changed.",
            )
    return is_whole


def open_index(
    data: DataDirectory, state: LedgerState, *, progress: Callable[[int, int], None] = lambda _done, _of: None
) -> Index:
    """Open the index, brought up to the manifest's newest commit. `progress` gets (commits done, of)."""
    index = _open_or_delete(data.index)
    meta = index.meta
    if meta is None or not _can_catch_up(data, state, meta):
        index.close()
        delete_index(data.index)
        index = Index(data.index)
        meta = None
    try:
        if meta is None:
            _build(index, data, state, progress=progress)
        else:
            _catch_up(index, data, state, applied=meta.applied, progress=progress)
    except BaseException:
        # It holds a lock of its own: left open it would stand in the way of the next try.
        with contextlib.suppress(Exception):
            index.close()
        raise
    return index


def _can_catch_up(data: DataDirectory, state: LedgerState, meta: IndexMeta) -> bool:
    """Say whether all that the index lacks can be read from lines and files that are still there."""
    if meta.ledger_id != state.ledger_id or not checkpoint_commit(data.manifest) <= meta.applied <= state.commit:
        return False
    return all(
        (data.ledger / segment.path).exists()
        for line in read_lines(data.manifest, after=meta.applied)
        for segment in _added(line)
    )


def _catch_up(
    index: Index, data: DataDirectory, state: LedgerState, *, applied: int, progress: Callable[[int, int], None]
) -> None:
    for line in read_lines(data.manifest, after=applied):
        changes = changes_of(_added(line), ledger=data.ledger, index=index)
        index.apply(changes, ledger_id=state.ledger_id, commit=line["commit"])
        progress(line["commit"], state.commit)


def _added(line: Mapping[str, Any]) -> list[Segment]:
    """Return the segments of a line that have rows no earlier one had: not those of a merge."""
    return [] if line.get("retired") else [segment_of(one) for one in line["segments"]]


def _build(index: Index, data: DataDirectory, state: LedgerState, *, progress: Callable[[int, int], None]) -> None:
    """Build the index from all live segments. It counts as applied only with the last: a half one is begun anew."""
    of = sum(segment.rows for segment in state.segments)
    done = 0
    for segment in state.segments:
        for rows in _slices(segment, ledger=data.ledger):
            index.add(changes_of_rows([(segment.table, rows)], index=index))
            done += rows.num_rows
            progress(done, of)
    index.apply(IndexChanges(), ledger_id=state.ledger_id, commit=state.commit)


def _slices(segment: Segment, *, ledger: Path) -> Iterator[pa.Table]:
    """Yield what the index needs of a segment, in parts that fit into memory."""
    columns = _columns(segment.table)
    if not segment.is_compacted:
        yield read_segment(segment, ledger=ledger, columns=columns)
        return
    first = "trace_id" if segment.table == Table.TRACE_FACTS else "source_id"
    for group in range(len(row_group_bounds(segment, column=first, ledger=ledger))):
        yield read_row_groups(segment, [group], ledger=ledger, columns=columns)


def _columns(table: Table) -> list[str] | None:
    if table == Table.TRACE_FACTS:
        return None
    return [*_COLUMNS, "span_class"] if table == Table.SET_ASIDE else _COLUMNS


def _open_or_delete(folder: Path) -> Index:
    try:
        return Index(folder)
    except Exception:  # noqa: BLE001 - RocksDB raises bare exceptions; the index is derived, so any is met alike
        delete_index(folder)
        return Index(folder)


def changes_of(segments: list[Segment], *, ledger: Path, index: Index) -> IndexChanges:
    """Derive from rows what they say to the index, beside what it has.

    What the index becomes is the same in whatever order and parts the ledger's rows come, and however often.
    """
    return changes_of_rows(
        ((one.table, read_segment(one, ledger=ledger, columns=_columns(one.table))) for one in segments), index=index
    )


def changes_of_rows(parts: Iterable[tuple[Table, pa.Table]], *, index: Index) -> IndexChanges:
    """Derive from rows of tables what they say to the index, as `changes_of` does."""
    changes = IndexChanges()
    newest: dict[TraceKey, dict[bytes, SpanState]] = {}
    contents: dict[TraceKey, list[SpanFact]] = {}
    for table, rows in parts:
        if table == Table.TRACE_FACTS:
            _add_payers(changes, rows, index)
            continue
        for row in in_microseconds(rows):
            trace = TraceKey(row["ingest_scope"], row["source_id"][:16])
            span_id, content_hash = row["source_id"][16:_ID_BYTES], row["source_id"][_ID_BYTES:]
            if content_hash:
                changes.put_loser(trace, span_id=span_id, content_hash=content_hash)
                contents.setdefault(trace, []).append(fact_of_row(row, span_id, kind=FactKind.CALL))
                continue
            state = _state(row, span_id, table=table)
            states = newest.setdefault(trace, {})
            states[span_id] = _newer(state, states.get(span_id))
            contents.setdefault(trace, []).append(state.fact)
    responses: dict[ResponseKey, dict[bytes, bytes]] = {}
    # A content that loses may come alone, and still says in which trace its response id was seen.
    touched = list(contents)
    for trace, is_known in zip(touched, index.known_traces(touched), strict=True):
        former = index.trace(trace).states if is_known else {}
        states = {span_id: _newer(state, former.get(span_id)) for span_id, state in newest.get(trace, {}).items()}
        for state in states.values():
            changes.put_state(trace, state)
        for response_id, stands in _said(former, states, contents[trace]).items():
            responses.setdefault(ResponseKey(trace.ingest_scope, response_id), {})[trace.trace_id] = stands
    for (response, said), recorded in zip(responses.items(), index.responses(list(responses)), strict=True):
        changes.put_response(response, merged(recorded, said))
    return changes


def _newer(one: SpanState, other: SpanState | None) -> SpanState:
    """Return the state of the higher revision; whether the span was ever billed, both say."""
    if other is None:
        return one
    newer = one if one.revision >= other.revision else other
    was_billed = one.was_billed or other.was_billed
    return newer if newer.was_billed == was_billed else msgspec.structs.replace(newer, was_billed=was_billed)


def _said(former: dict[bytes, SpanState], newest: dict[bytes, SpanState], contents: list[SpanFact]) -> dict[str, bytes]:
    """Return what the trace says of its response ids."""
    facts = {span_id: state.fact for span_id, state in (former | newest).items()}
    return said_of_ids(nesting(facts).standing, [*facts.values(), *(one.fact for one in former.values()), *contents])


def _state(row: dict[str, Any], span_id: bytes, *, table: Table) -> SpanState:
    span_class = SpanClass(row["span_class"]) if table == Table.SET_ASIDE else SpanClass.USAGE
    return SpanState(
        fact=fact_of_row(row, span_id, kind=_KINDS.get(span_class, FactKind.CALL)),
        span_class=span_class,
        revision=row["revision"],
        customer_id=row["customer_id"],
        customer_source=row["customer_source"],
        commit=row["commit"],
        table=table.value,
        was_billed=span_class == SpanClass.USAGE,
        reason=row["reason"] if table == Table.SET_ASIDE else None,
    )


def fact_of_row(row: Mapping[str, Any], span_id: bytes, *, kind: FactKind) -> SpanFact:
    """Return what is known of a span by the permanent columns of its row, as `in_microseconds` gives it."""
    source = row["customer_source"]
    own = row["customer_id"] if source not in BORROWED_SOURCES else None
    flags = row["usage_flags"] or ()
    is_cache_hit = Flag.LOCAL_CACHE_HIT in flags
    units = sum(row[name] is not None for name in UNIT_COLUMNS) + len(row["other_usage"] or ())
    return SpanFact(
        span_id=span_id,
        parent_span_id=row["parent_span_id"] or b"",
        content_hash=row["content_hash"],
        kind=kind,
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        model=row["response_model"] or row["request_model"],
        response_id=row["response_id"],
        weight=QUARANTINED_WEIGHT
        if kind == FactKind.QUARANTINED
        else weight(
            usage_status=row["usage_status"],
            units_known=units,
            has_response_id=row["response_id"] is not None,
            has_response_model=row["response_model"] is not None,
            usage_flags=flags,
            service_tier=row["service_tier"],
        ),
        end_us=row["end_time"] or 0,
        customer_id=own,
        customer_source=source if own is not None else None,
        provider=row["provider"],
        is_gateway=Flag.GATEWAY in flags,
        is_cache_hit=is_cache_hit,
        # Of a span that cannot be believed no time is either.
        duration_us=0 if kind == FactKind.QUARANTINED else (row["end_time"] or 0) - (row["start_time"] or 0),
        emitter=UNKNOWN_EMITTER if kind == FactKind.QUARANTINED else emitter_number(row["scope_name"] or "", flags),
    )


def in_microseconds(rows: pa.Table) -> list[dict[str, Any]]:
    """Return rows in Python's values, their start and end as numbers."""
    for name in ("start_time", "end_time"):
        rows = rows.set_column(rows.schema.get_field_index(name), name, rows.column(name).cast(pa.int64()))
    return rows.to_pylist()  # type: ignore[no-any-return]


def _add_payers(changes: IndexChanges, rows: pa.Table, index: Index) -> None:
    """Record who pays; of two things one span said, the better one, as `differences` keeps it."""
    best: dict[tuple[TraceKey, bytes], TraceFact] = {}
    for row in rows.to_pylist():
        fact = TraceFact(row["span_id"], row["parent_span_id"] or b"", row["value"], row["rank"], row["key"])
        key = (TraceKey(row["ingest_scope"], row["trace_id"]), fact.span_id)
        best[key] = _better(fact, best.get(key))
    for ((trace, _), fact), known in zip(best.items(), index.payers(list(best)), strict=True):
        changes.put_payer(trace, _better(fact, known))


def _better(one: TraceFact, other: TraceFact | None) -> TraceFact:
    return one if other is None or (one.rank, one.value) < (other.rank, other.value) else other
