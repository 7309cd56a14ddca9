"""Lone rows: usage entries that are the only span of their trace, and of their response id, in an index being built.

Nearly all calls are. Which ones are, `columns.alone` says, as of spans that arrive; what they say to the index is laid
out column by column here, and `row_facts` says the same of any row, one at a time.

Must not: read a file, or say anything of a row that is not alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ledger.schema import UNIT_COLUMNS, SpanClass, Table
from receiver.sealer.arrays import one_chunk, split
from receiver.sealer.columns.alone import KeyedCalls, are_alone
from receiver.sealer.columns.fields import SPAN_ID_BYTES, TRACE_ID_BYTES, Integers, Mask
from receiver.sealer.facts import FactKind, SpanFact, SpanState
from receiver.sealer.index import Index, IndexChanges, ResponseKey, TraceKey
from receiver.sealer.response_ids import is_unique
from receiver.sealer.row_facts import fact_of_row, in_microseconds

# What `fact_of_row` looks at beside what is a call's own. Few kinds of rows differ in any of it.
_KIND: Final = (
    "usage_status", "service_tier", "scope_name", "provider", "response_model", "request_model", "customer_source",
)  # fmt: skip


def changes_of_lone_rows(rows: pa.Table, *, index: Index) -> tuple[IndexChanges, pa.Table]:
    """Derive what the lone ones of a usage table's rows say; return that, and the rows that are not alone.

    `rows` have the columns that `row_facts` asks for, and the index must not have them yet.
    """
    rows = rows.combine_chunks()
    named = _usage_of_spans(rows)
    calls = KeyedCalls(np.arange(rows.num_rows), _trace_keys(rows, named), _response_keys(rows))
    alone = named & are_alone(calls, traces=(), ids=(), index=index)
    calls = calls.at(np.flatnonzero(alone))
    lone = rows.filter(pa.array(alone))
    spans = _span_ids(lone)
    changes = IndexChanges()
    changes.put_first_states(calls.traces, _states(lone, spans))
    changes.put_first_responses(
        (response, trace[-TRACE_ID_BYTES:] + span)
        for response, trace, span in zip(calls.responses, calls.traces, spans, strict=True)
        if response is not None
    )
    return changes, rows.filter(pa.array(~alone))


def _usage_of_spans(rows: pa.Table) -> Mask:
    """Say which rows name a trace and a span, and nothing more, and are as first written."""
    length = _numbers(pc.binary_length(one_chunk(rows.column("source_id"))))
    return (_numbers(rows.column("revision")) == 0) & (length == TRACE_ID_BYTES + SPAN_ID_BYTES)  # type: ignore[no-any-return]


def _trace_keys(rows: pa.Table, named: Mask) -> list[bytes]:
    """Return each row's trace as the index has it, also of rows that name more than a span."""
    ids = _source_ids(rows) if named.all() else rows.column("source_id").to_pylist()
    return [
        beginning + one[:TRACE_ID_BYTES]
        for beginning, one in zip(_by_scope(rows, TraceKey.beginning), ids, strict=True)
    ]


def _span_ids(rows: pa.Table) -> list[bytes]:
    return [one[TRACE_ID_BYTES:] for one in _source_ids(rows)]


def _source_ids(rows: pa.Table) -> list[bytes]:
    return _octets(rows.column("source_id").cast(pa.binary(TRACE_ID_BYTES + SPAN_ID_BYTES)))


def _response_keys(rows: pa.Table) -> list[bytes | None]:
    """Return each row's response id as the index has it; None for one that does not tell calls apart."""
    beginnings = _by_scope(rows, ResponseKey.beginning)
    return [
        beginning + text.encode() if is_unique(text) else None
        for beginning, text in zip(beginnings, rows.column("response_id").to_pylist(), strict=True)
    ]


def _by_scope(rows: pa.Table, beginning: Callable[[str], bytes]) -> list[bytes]:
    """Return what stands before each row's key."""
    scopes = one_chunk(rows.column("ingest_scope")).dictionary_encode()
    distinct = [beginning(scope) for scope in scopes.dictionary.to_pylist()]
    return [distinct[place] for place in _numbers(scopes.indices).tolist()]


def _states(rows: pa.Table, spans: Sequence[bytes]) -> list[SpanState]:
    """Return what `row_facts` says of each row, asked once for each kind of row."""
    kinds, of_row = _kinds(rows)
    start, end = (_numbers(rows.column(name).cast(pa.int64()).fill_null(0)) for name in ("start_time", "end_time"))
    figures = (rows.column(name).to_pylist() for name in ("input_tokens", "output_tokens", "response_id"))
    payers = zip(_texts(rows.column("customer_id")), _texts(rows.column("customer_source")), strict=True)
    usage, table = SpanClass.USAGE.value, Table.USAGE.value
    return [
        SpanState(
            SpanFact(
                span, parent, content, FactKind.CALL, given, taken, kind.model, response_id, kind.weight, end_us,
                customer_id if is_own else None, source if is_own else None, kind.provider,
                kind.is_gateway, kind.is_cache_hit, duration_us, kind.emitter,
            ),
            usage, 0, customer_id, source, commit, table, True,
        )
        for span, parent, content, given, taken, response_id, end_us, duration_us, commit, (kind, is_own),
        (customer_id, source) in zip(
            spans, _octets(rows.column("parent_span_id")), _octets(rows.column("content_hash")), *figures,
            end.tolist(), (end - start).tolist(), _numbers(rows.column("commit")).tolist(),
            [kinds[number] for number in of_row.tolist()], payers, strict=True,
        )
    ]  # fmt: skip


def _kinds(rows: pa.Table) -> tuple[list[tuple[SpanFact, bool]], Integers]:
    """Return for each kind of row a fact, and whether the customer is its own word; and each row's kind."""
    other = one_chunk(rows.column("other_usage"))
    units = np.diff(_numbers(other.offsets)).astype(np.int64) * _numbers(other.is_valid())
    for name in UNIT_COLUMNS:
        units += _numbers(rows.column(name).is_valid())
    codes = units * 4
    codes += 2 * _numbers(rows.column("response_id").is_valid()) + _numbers(rows.column("customer_id").is_valid())
    flags = pc.binary_join(one_chunk(rows.column("usage_flags")), "\n")
    for column in (flags, *(one_chunk(rows.column(name)) for name in _KIND)):
        encoded = column.dictionary_encode(null_encoding="encode")
        codes = _numbered(codes * len(encoded.dictionary) + _numbers(encoded.indices))
    first = np.empty(codes.max(initial=-1) + 1, np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    samples = in_microseconds(rows.take(pa.array(first)))
    facts = [fact_of_row(one, b"", kind=FactKind.CALL) for one in samples]
    return [(fact, fact.customer_id is not None) for fact in facts], codes


def _numbered(codes: Integers) -> Integers:
    """Number codes from 0 in the order in which they come, so that products of them stay small."""
    return _numbers(pa.array(codes).dictionary_encode().indices).astype(np.int64)


def _texts(column: pa.ChunkedArray) -> list[str | None]:
    """Return texts of which few are distinct."""
    encoded = one_chunk(column).dictionary_encode(null_encoding="encode")
    distinct = encoded.dictionary.to_pylist()
    return [distinct[place] for place in _numbers(encoded.indices).tolist()]


def _octets(column: pa.ChunkedArray) -> list[bytes]:
    """Return values of a fixed size; one that is not there is empty."""
    array = one_chunk(column)
    size = array.type.byte_width
    octets = array.buffers()[1].to_pybytes()[array.offset * size : (array.offset + len(array)) * size]
    values = split(octets, size)
    if array.null_count:
        return [value if said else b"" for value, said in zip(values, _numbers(array.is_valid()).tolist(), strict=True)]
    return values


def _numbers(column: Any) -> npt.NDArray[Any]:
    return column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy()  # type: ignore[no-any-return]
