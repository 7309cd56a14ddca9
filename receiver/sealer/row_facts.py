"""Rows as facts: what the ledger's rows say to the index. How it is brought up to date, and how a reread knows spans.

What the index becomes is the same in whatever order and parts the rows come, and however often. Must not: read a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
import pyarrow as pa

from ledger.schema import UNIT_COLUMNS, Flag, SpanClass, Table
from receiver.sealer.candidate import QUARANTINED_WEIGHT, weight
from receiver.sealer.facts import UNKNOWN_EMITTER, FactKind, SpanFact, SpanState, TraceFact, emitter_number
from receiver.sealer.index import Index, IndexChanges, ResponseKey, TraceKey
from receiver.sealer.links import merged, said_of_ids
from receiver.sealer.nesting import nesting
from receiver.sealer.payers import BORROWED_SOURCES

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


def columns_of(table: Table) -> list[str] | None:
    """Return the columns that are asked for here; None for all."""
    if table == Table.TRACE_FACTS:
        return None
    return [*_COLUMNS, "span_class"] if table == Table.SET_ASIDE else _COLUMNS


def changes_of_rows(parts: Iterable[tuple[Table, pa.Table]], *, index: Index) -> IndexChanges:
    """Derive from rows of tables what they say to the index, beside what it has."""
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
