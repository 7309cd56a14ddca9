"""Rows: a plan becomes Arrow tables with the ledger's columns, exactly.

New rows are laid out column by column from what the spans said. Old rows are taken from the segments they stand in, a
segment read once however many rows it gives, and changed as their purpose asks: a reversal has every figure negated
and no evidence; a restatement and a row set aside keep their figures, and have their payer and class anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ledger.money import COST_TYPE, cost_array, round_cost, to_picos
from ledger.schema import (
    COST_COLUMNS,
    ENTRY_SCHEMA,
    EVIDENCE_COLUMNS,
    SET_ASIDE_SCHEMA,
    TIME,
    TRACE_FACTS_SCHEMA,
    UNIT_COLUMNS,
    EntryType,
    SpanClass,
    Table,
)
from pricing.book import PriceBook
from receiver.dialects.reading import Reading, SpanKind
from receiver.sealer.arrays import one_chunk
from receiver.sealer.candidate import Candidate
from receiver.sealer.decode import EVIDENCE_CHARS_MAX, DecodedSpan, ResourceView, ScopeView, stripped
from receiver.sealer.differences import NewRow, OldRow
from receiver.sealer.facts import TraceFact
from receiver.sealer.index import TraceKey
from receiver.sealer.money import price_new, price_unpriced
from receiver.sealer.named_payer import named_labels
from receiver.sealer.row_keys import RowKey

Column = Any  # a pyarrow array; the library has no types
_WITH_COLUMN: Final = frozenset(UNIT_COLUMNS)
_NO_READING: Final = Reading(kind=SpanKind.CALL, dialect="")
_NO_SPAN: Final = DecodedSpan(
    b"", b"", b"", "", 0, 0, 0, 0, {}, {}, 0, b"", (), ResourceView({}, {}), ScopeView("", ""), b""
)


@dataclass(frozen=True, slots=True)
class Stamp:
    """What all rows of one commit share."""

    commit: int
    recorded_us: int


@dataclass(frozen=True, slots=True)
class Labels:
    """Which attributes become labels."""

    keys: tuple[str, ...]


def new_rows(rows: Sequence[NewRow], *, table: Table, stamp: Stamp, labels: Labels, book: PriceBook) -> pa.Table:
    """Lay out new rows of one table; what is set aside is not priced."""
    candidates = [row.candidate for row in rows]
    spans = [one.span if isinstance(one.span, DecodedSpan) else _NO_SPAN for one in candidates]
    readings = [one.reading or _NO_READING for one in candidates]
    columns: dict[str, Column] = {}
    columns |= _identity(rows, candidates, readings)
    columns |= _times(spans, stamp)
    columns |= _payer(rows, spans, readings, labels)
    columns |= _call(readings, spans)
    columns |= _usage(readings, spans, call_count=0 if table == Table.SET_ASIDE else 1)
    columns |= _reported(readings)
    columns |= _evidence(spans)
    if table == Table.SET_ASIDE:
        columns |= _set_aside(rows)
        return _table(columns, SET_ASIDE_SCHEMA, len(rows))
    columns |= price_new(readings, spans, book=book)
    return _table(columns, ENTRY_SCHEMA, len(rows))


def old_rows(
    rows: Sequence[OldRow],
    *,
    table: Table,
    stamp: Stamp,
    read: Callable[[Table, Sequence[RowKey]], pa.Table],
    book: PriceBook,
) -> pa.Table:
    """Take rows from where they stand (`read(table, keys)`, in the keys' order), changed for their new purpose."""
    schema = SET_ASIDE_SCHEMA if table == Table.SET_ASIDE else ENTRY_SCHEMA
    places: dict[str, list[int]] = {}
    for position, row in enumerate(rows):
        places.setdefault(row.state.table, []).append(position)
    parts: list[pa.Table] = []
    order: list[int] = []
    for source, positions in places.items():
        chosen = [rows[position] for position in positions]
        taken = read(Table(source), [_key(row) for row in chosen])
        _check_taken(taken, chosen)
        parts.append(_rewritten(taken, chosen, schema, stamp))
        order += positions
    joined = pa.concat_tables(parts)
    ordered = joined.take(np.argsort(np.array(order)))
    return ordered if table == Table.SET_ASIDE else price_unpriced(ordered, book=book)


def _key(row: OldRow) -> RowKey:
    state = row.state
    return RowKey(row.trace.ingest_scope, row.trace.trace_id + state.fact.span_id, state.revision, state.commit)


def payer_rows(payers: Sequence[tuple[TraceKey, TraceFact]], *, stamp: Stamp) -> pa.Table:
    """Lay out what spans that are no calls say about who pays."""
    columns = {
        "ingest_scope": pa.array([trace.ingest_scope for trace, _ in payers], pa.string()),
        "trace_id": pa.array([trace.trace_id for trace, _ in payers], pa.binary(16)),
        "span_id": pa.array([fact.span_id for _, fact in payers], pa.binary(8)),
        "parent_span_id": _parents([fact.parent_span_id for _, fact in payers]),
        "key": pa.array([fact.key for _, fact in payers], pa.string()),
        "value": pa.array([fact.value for _, fact in payers], pa.string()),
        "rank": pa.array([fact.rank for _, fact in payers], pa.int32()),
        "recorded_time": pa.repeat(pa.scalar(stamp.recorded_us, TIME), len(payers)),
        "commit": pa.repeat(pa.scalar(stamp.commit, pa.int64()), len(payers)),
    }
    return _table(columns, TRACE_FACTS_SCHEMA, len(payers))


# ---------------------------------------------------------------- new rows, group by group as in ledger.schema


def _identity(
    rows: Sequence[NewRow], candidates: Sequence[Candidate], readings: Sequence[Reading]
) -> dict[str, Column]:
    count = len(rows)
    return {
        "source": _constant("span", count),
        "ingest_scope": pa.array([one.ingest_scope for one in candidates], pa.string()),
        "source_id": pa.array([row.source_id for row in rows], pa.binary()),
        "trace_id": pa.array([one.source_id[:16] if one.has_ids else None for one in candidates], pa.binary(16)),
        "span_id": pa.array([one.source_id[16:] if one.has_ids else None for one in candidates], pa.binary(8)),
        "parent_span_id": _parents([one.fact.parent_span_id for one in candidates]),
        "revision": pa.array([row.revision for row in rows], pa.int32()),
        "entry_type": _texts([row.entry_type for row in rows]),
        "reason": _texts([row.reason for row in rows]),
        "response_id": _texts([reading.response_id for reading in readings]),
        "content_hash": pa.array([one.fact.content_hash for one in candidates], pa.binary(16)),
    }


def _times(spans: Sequence[DecodedSpan], stamp: Stamp) -> dict[str, Column]:
    return {
        "start_time": _microseconds([span.start_ns for span in spans]),
        "end_time": _microseconds([span.end_ns for span in spans]),
        "recorded_time": pa.repeat(pa.scalar(stamp.recorded_us, TIME), len(spans)),
        "commit": pa.repeat(pa.scalar(stamp.commit, pa.int64()), len(spans)),
    }


def _payer(
    rows: Sequence[NewRow], spans: Sequence[DecodedSpan], readings: Sequence[Reading], labels: Labels
) -> dict[str, Column]:
    resources = [span.resource.evidence for span in spans]
    return {
        "customer_id": _texts([row.outcome.customer_id for row in rows]),
        "customer_source": _texts([row.outcome.customer_source for row in rows]),
        "labels": _maps(
            [_labels(span, labels.keys, row.candidate.rule_labels) for span, row in zip(spans, rows, strict=True)],
            pa.string(),
        ),
        "user_id": _texts([reading.user_id for reading in readings]),
        "session_id": _texts([reading.session_id for reading in readings]),
        "service_name": _texts([one.get("service.name") for one in resources]),
        "environment": _texts(
            [one.get("deployment.environment.name") or one.get("deployment.environment") for one in resources]
        ),
        "agent_name": _texts([reading.agent_name for reading in readings]),
    }


def _labels(span: DecodedSpan, keys: tuple[str, ...], ruled: Mapping[str, str]) -> dict[str, str] | None:
    return {**named_labels(span.attributes, span.resource.attributes, keys), **ruled} or None


def _call(readings: Sequence[Reading], spans: Sequence[DecodedSpan]) -> dict[str, Column]:
    return {
        "operation": _texts([one.operation for one in readings]),
        "provider": _texts([one.provider for one in readings]),
        "provider_account": _texts([one.provider_account for one in readings]),
        "api_key_id": _texts([one.api_key_id for one in readings]),
        "region": _texts([one.region for one in readings]),
        "deployment": _texts([one.deployment for one in readings]),
        "request_model": _texts([one.request_model for one in readings]),
        "response_model": _texts([one.response_model for one in readings]),
        "service_tier": _texts([one.service_tier for one in readings]),
        "billing_mode": _texts([one.billing_mode for one in readings]),
        "error_type": _texts([one.error_type for one in readings]),
        "dialect": _texts([one.dialect or None for one in readings]),
        "scope_name": _texts([one.scope.name or None for one in spans]),
        "scope_version": _texts([one.scope.version or None for one in spans]),
    }


def _usage(readings: Sequence[Reading], spans: Sequence[DecodedSpan], *, call_count: int) -> dict[str, Column]:
    units = {name: _integers([one.usage.get(name) for one in readings]) for name in UNIT_COLUMNS}
    return {
        **units,
        "other_usage": _maps([_other_usage(one.usage) for one in readings], pa.int64()),
        "usage_status": _texts([one.usage_status if one.dialect else None for one in readings]),
        "usage_flags": _lists(
            [(*one.usage_flags, *span.flags) or None for one, span in zip(readings, spans, strict=True)]
        ),
        "call_count": pa.repeat(pa.scalar(call_count, pa.int8()), len(readings)),
    }


def _other_usage(usage: Mapping[str, int]) -> dict[str, int] | None:
    if usage.keys() <= _WITH_COLUMN:
        return None
    return {name: value for name, value in usage.items() if name not in _WITH_COLUMN}


def _reported(readings: Sequence[Reading]) -> dict[str, Column]:
    costs = [one.reported_cost for one in readings]
    return {
        "reported_cost": cost_array([None if cost is None else to_picos(round_cost(cost)) for cost in costs]),
        "reported_cost_source": _texts([one.reported_cost_source for one in readings]),
    }


def _evidence(spans: Sequence[DecodedSpan]) -> dict[str, Column]:
    return {
        "span_attributes": _maps([span.evidence or None for span in spans], pa.string()),
        "resource_attributes": _maps([span.resource.evidence or None for span in spans], pa.string()),
        "span_name": _texts([span.name[:EVIDENCE_CHARS_MAX] or None for span in spans]),
        "span_kind": pa.array([span.kind if 0 <= span.kind < 128 else 0 for span in spans], pa.int8()),
        "span_status": pa.array([span.status_code if 0 <= span.status_code < 128 else 0 for span in spans], pa.int8()),
    }


def _set_aside(rows: Sequence[NewRow]) -> dict[str, Column]:
    return {
        "span_class": _texts(
            [SpanClass.DUPLICATE if len(row.source_id) > 24 else
             row.outcome.span_class for row in rows]
        ),
        "detail": _texts([row.candidate.detail for row in rows]),
        "quarantined_span": pa.array(
            [stripped(row.candidate.span) if row.outcome.span_class == SpanClass.QUARANTINED else None for row in rows],
            pa.binary(),
        ),
    }  # fmt: skip


# ---------------------------------------------------------------- old rows


def _check_taken(taken: pa.Table, rows: Sequence[OldRow]) -> None:
    """The row read back is the row the index meant; anything else would reverse another call."""
    ids = taken.column("source_id").to_pylist()
    revisions = taken.column("revision").to_pylist()
    for row, source_id, revision in zip(rows, ids, revisions, strict=True):
        expected = row.trace.trace_id + row.state.fact.span_id
        assert source_id == expected, f"row of {expected.hex()} holds {source_id.hex()}"
        assert revision == row.state.revision, f"row of {expected.hex()} is revision {revision}"


def _rewritten(taken: pa.Table, rows: Sequence[OldRow], schema: pa.Schema, stamp: Stamp) -> pa.Table:
    count = len(rows)
    columns: dict[str, Column] = {
        name: one_chunk(taken.column(name)) for name in taken.column_names if name in schema.names
    }
    reverse = pa.array([row.entry_type == EntryType.REVERSAL for row in rows])
    for name in (*UNIT_COLUMNS, *COST_COLUMNS):
        columns[name] = pc.if_else(reverse, pc.negate(columns[name]), columns[name]).cast(schema.field(name).type)
    columns["other_usage"] = _negated_units(columns["other_usage"], rows)
    keep = pa.array([row.entry_type != EntryType.REVERSAL for row in rows])
    for name in EVIDENCE_COLUMNS:
        columns[name] = _kept(columns[name], keep)
    columns["revision"] = pa.array([row.revision for row in rows], pa.int32())
    columns["entry_type"] = _texts([row.entry_type for row in rows])
    columns["reason"] = _texts([row.reason for row in rows])
    columns["commit"] = pa.repeat(pa.scalar(stamp.commit, pa.int64()), count)
    columns["recorded_time"] = pa.repeat(pa.scalar(stamp.recorded_us, TIME), count)
    columns["call_count"] = pa.array([_call_count(row) for row in rows], pa.int8())
    columns |= _old_payer(columns, rows)
    columns |= _overridden(columns, rows, schema)
    if any(row.source_id is not None for row in rows):
        ids = columns["source_id"].to_pylist()
        columns["source_id"] = pa.array(
            [row.source_id or known for row, known in zip(rows, ids, strict=True)], pa.binary()
        )
    if schema is SET_ASIDE_SCHEMA:
        columns["span_class"] = _texts(
            [SpanClass.DUPLICATE if row.source_id is not None else row.outcome.span_class for row in rows]
        )
    return _table(columns, schema, count)


def _call_count(row: OldRow) -> int:
    if row.entry_type is None:
        return 0
    return -1 if row.entry_type == EntryType.REVERSAL else 1


def _old_payer(columns: Mapping[str, Column], rows: Sequence[OldRow]) -> dict[str, Column]:
    """A reversal keeps the old payer; whatever stands afterwards has the outcome's."""
    result: dict[str, Column] = {}
    for name in ("customer_id", "customer_source"):
        known = columns[name].to_pylist()
        result[name] = _texts(
            [
                old if row.entry_type == EntryType.REVERSAL or row.source_id is not None else getattr(row.outcome, name)
                for row, old in zip(rows, known, strict=True)
            ]
        )
    return result


def _negated_units(column: Column, rows: Sequence[OldRow]) -> Column:
    values = [None if value is None else dict(value) for value in column.to_pylist()]
    return _maps(
        [
            {name: -amount for name, amount in value.items()}
            if value is not None and row.entry_type == EntryType.REVERSAL
            else value
            for row, value in zip(rows, values, strict=True)
        ],
        pa.int64(),
    )


def _kept(column: Column, keep: Column) -> Column:
    """Null where not kept. Maps have no `if_else`: they are taken by place, and no place is null."""
    places = pc.if_else(keep, pa.array(range(len(keep)), pa.int64()), pa.scalar(None, pa.int64()))
    return column.take(places)


def _overridden(columns: dict[str, Column], rows: Sequence[OldRow], schema: pa.Schema) -> dict[str, Column]:
    """Put in what a job read or priced anew; columns that no row overrides stay as they are."""
    names = {name for row in rows if row.overrides for name in row.overrides}
    return {name: _with_overrides(columns[name], name, rows, schema) for name in names}


def _with_overrides(column: Column, name: str, rows: Sequence[OldRow], schema: pa.Schema) -> Column:
    values = [
        row.overrides[name] if row.overrides is not None and name in row.overrides else known
        for row, known in zip(rows, column.to_pylist(), strict=True)
    ]
    return pa.array(values, schema.field(name).type)


# ---------------------------------------------------------------- columns


def _table(columns: Mapping[str, Column], schema: pa.Schema, count: int) -> pa.Table:
    arrays = [columns[field.name] if field.name in columns else pa.nulls(count, field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def _constant(text: str, count: int) -> Column:
    return pa.repeat(pa.scalar(text, pa.string()), count)


def _texts(values: list[Any]) -> Column:
    """A text column; one without a value, the commonest, is not walked twice."""
    if values.count(None) == len(values):
        return pa.nulls(len(values), pa.string())
    return pa.array(values, pa.string())


def _integers(values: list[int | None]) -> Column:
    if values.count(None) == len(values):
        return pa.nulls(len(values), pa.int64())
    return pa.array(values, pa.int64())


def _parents(values: list[bytes]) -> Column:
    return pa.array([value if len(value) == 8 else None for value in values], pa.binary(8))


def _microseconds(nanoseconds: list[int]) -> Column:
    """Times as the ledger keeps them; 0 means not known."""
    return pa.array([value // 1000 if value else None for value in nanoseconds], pa.int64()).cast(TIME)


def _maps(values: Sequence[Mapping[str, Any] | None], items: pa.DataType) -> Column:
    kind = pa.map_(pa.string(), items)
    if values.count(None) == len(values):
        return pa.nulls(len(values), kind)
    sizes = np.fromiter((0 if value is None else len(value) for value in values), np.int32, count=len(values))
    offsets = np.zeros(len(values) + 1, np.int32)
    np.cumsum(sizes, out=offsets[1:])
    mask = pa.array([value is None for value in values]) if None in values else None
    keys = pa.array([key for value in values if value for key in value], pa.string())
    contents = pa.array([one for value in values if value for one in value.values()], items)
    array = pa.MapArray.from_arrays(pa.array(offsets), keys, contents, mask=mask)
    return array.cast(kind)


def _lists(values: Sequence[Iterable[str] | None]) -> Column:
    kind = pa.list_(pa.string())
    if values.count(None) == len(values):
        return pa.nulls(len(values), kind)
    return pa.array(values, kind)


assert ENTRY_SCHEMA.field("cost").type == COST_TYPE
