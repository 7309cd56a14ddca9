"""Plain calls: spans with a template, as facts and as rows.

One that is alone in its trace and new to the ledger is billed once, whatever else the batch holds; nothing has to be
weighed. One in company is a candidate like any other; only its span stays in columns. The row of either is its
prototype's with its own ids, times, texts, figures, payer and evidence put in, and priced.

Must not: decide about a span that is not alone; `differences` does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from ledger.schema import ENTRY_SCHEMA, TIME, UNIT_COLUMNS, SpanClass, Table
from pricing.book import PriceBook
from receiver.sealer.arrays import one_chunk, split
from receiver.sealer.candidate import Candidate
from receiver.sealer.columns.alone import KeyedCalls
from receiver.sealer.columns.fields import SPAN_ID_BYTES, TRACE_ID_BYTES, Integers, Mask, Octets
from receiver.sealer.columns.payers import Named, Payers
from receiver.sealer.columns.prototypes import Prototypes
from receiver.sealer.columns.spans import SpanColumns, evidence_maps, span_names
from receiver.sealer.columns.templates import Template
from receiver.sealer.facts import SpanFact, SpanState
from receiver.sealer.index import IndexChanges
from receiver.sealer.money import PRICED_COLUMNS, price_rows, with_money
from receiver.sealer.rows import Stamp

Column = Any  # a pyarrow array; the library has no types

# In the order in which `PlainCalls.facts` gives them.
_FACTS: Final = (
    "span_id", "parent_span_id", "content_hash", "kind", "input_tokens", "output_tokens", "model", "response_id",
    "weight", "end_us", "customer_id", "customer_source", "provider", "is_gateway", "is_cache_hit", "duration_us",
    "emitter",
)  # fmt: skip
assert SpanFact.__struct_fields__ == _FACTS


@dataclass(frozen=True, slots=True)
class Figures:
    """One count of each call, where its reading has it."""

    values: Integers
    said: Mask

    def to_list(self) -> list[int | None]:
        """Return them as Python's integers."""
        values: list[int | None] = self.values.tolist()
        if self.said.all():
            return values
        return [value if said else None for value, said in zip(values, self.said.tolist(), strict=True)]


class CallInColumns(Candidate):
    """A call in company, whose span and reading stand in columns until something needs them."""

    place: int = 0
    """Among the calls in company."""


@dataclass(frozen=True, slots=True)
class PlainCalls:
    """What a batch's plain calls are, column by column."""

    spans: SpanColumns
    calls: KeyedCalls
    prototype: Integers
    """Of each, the place of its prototype."""
    prototypes: Prototypes
    hashes: list[bytes]
    usage: Mapping[str, Figures]
    texts: Mapping[str, Column]
    """Ledger columns that are texts of the call's own."""
    payers: Payers

    def __len__(self) -> int:
        return len(self.calls.rows)

    def chosen(self, places: Integers, payers: Sequence[Named]) -> PlainCalls:
        """Return some of them, with the payers that their traces gave them."""
        taken = pa.array(places)
        return PlainCalls(
            spans=self.spans,
            calls=self.calls.at(places),
            prototype=self.prototype[places],
            prototypes=self.prototypes,
            hashes=[self.hashes[place] for place in places.tolist()],
            usage={name: Figures(one.values[places], one.said[places]) for name, one in self.usage.items()},
            texts={name: column.take(taken) for name, column in self.texts.items()},
            payers=Payers(payers, np.arange(len(places))),
        )

    def candidates(self) -> list[CallInColumns]:
        """Return them as candidates, to be weighed beside other spans."""
        scopes = [origin.ingest_scope for origin in self.spans.origins]
        nothing: Any = None
        return [
            CallInColumns(scopes[origin], trace[-TRACE_ID_BYTES:] + fact.span_id, fact, nothing, None, place=place)
            for place, (origin, trace, fact) in enumerate(
                zip(self.spans.origin[self.calls.rows].tolist(), self.calls.traces, self.facts(), strict=True)
            )
        ]

    def put(self, changes: IndexChanges, *, commit: int) -> None:
        """Put into the index what it keeps of them."""
        usage, table = SpanClass.USAGE.value, Table.USAGE.value
        changes.put_first_states(
            self.calls.traces,
            [
                SpanState(fact, usage, 0, fact.customer_id, fact.customer_source, commit, table, True)
                for fact in self.facts()
            ],
        )
        fields, rows = self.spans.fields, self.calls.rows
        seen = _split(np.concatenate([fields.trace_id[rows], fields.span_id[rows]], axis=1))
        changes.put_first_responses(
            (key, one) for key, one in zip(self.calls.responses, seen, strict=True) if key is not None
        )

    def facts(self) -> list[SpanFact]:
        """Return what the index keeps of each."""
        fields, rows = self.spans.fields, self.calls.rows
        count = len(rows)
        patterns = {place: _pattern(self.prototypes.facts[place]) for place in set(self.prototype.tolist())}
        nothing: list[Any] = [None] * count
        own = [self.prototypes.facts[place].response_id for place in self.prototype.tolist()]
        response_ids = self.texts["response_id"].to_pylist() if "response_id" in self.texts else own
        figures = [self.usage[name].to_list() if name in self.usage else nothing for name in _TOTALS]
        parents = _split(fields.parent_span_id[rows])
        return [
            SpanFact(
                span_id, parent if has_parent else b"", content_hash, pattern[0], given, taken, pattern[1], response_id,
                pattern[2], end_us, customer_id, customer_source, pattern[3], pattern[4], pattern[5],
                end_us - start_us, pattern[6],
            )
            for span_id, parent, has_parent, content_hash, given, taken, response_id, end_us, start_us,
            customer_id, customer_source, pattern in zip(
                _split(fields.span_id[rows]), parents, fields.has_parent[rows].tolist(), self.hashes,
                *figures, response_ids, (fields.end_ns[rows] // np.uint64(1000)).tolist(),
                (fields.start_ns[rows] // np.uint64(1000)).tolist(), self.payers.customer_ids, self.payers.sources,
                [patterns[place] for place in self.prototype.tolist()], strict=True,
            )
        ]  # fmt: skip

    def table(self, *, stamp: Stamp, book: PriceBook) -> pa.Table:
        """Return their rows, priced."""
        patterns = self.prototypes.rows
        assert patterns is not None, "calls without a prototype"
        own = self._own_columns(stamp)
        place = pa.array(self.prototype)
        arrays = [
            own[name] if name in own else _spread(one_chunk(patterns.column(name)), place)
            for name in ENTRY_SCHEMA.names
        ]
        rows = pa.Table.from_arrays(arrays, schema=ENTRY_SCHEMA)
        return with_money(rows, price_rows(rows, book=book, kind=self.prototype))

    def _own_columns(self, stamp: Stamp) -> dict[str, Column]:
        fields, rows, count = self.spans.fields, self.calls.rows, len(self)
        trace_id, span_id = fields.trace_id[rows], fields.span_id[rows]
        nulls = {name: pa.nulls(count, ENTRY_SCHEMA.field(name).type) for name in (*UNIT_COLUMNS, *PRICED_COLUMNS)}
        return {
            **nulls,
            "source_id": _joined(np.concatenate([trace_id, span_id], axis=1)),
            "trace_id": _fixed(trace_id),
            "span_id": _fixed(span_id),
            "parent_span_id": _fixed(fields.parent_span_id[rows], said=fields.has_parent[rows]),
            "content_hash": pa.array(self.hashes, pa.binary(16)),
            "start_time": _microseconds(fields.start_ns[rows]),
            "end_time": _microseconds(fields.end_ns[rows]),
            "recorded_time": pa.repeat(pa.scalar(stamp.recorded_us, TIME), count),
            "commit": pa.repeat(pa.scalar(stamp.commit, pa.int64()), count),
            "customer_id": self.payers.column("customer_id"),
            "customer_source": self.payers.column("customer_source"),
            **self.texts,
            **{name: pa.array(one.values, mask=~one.said) for name, one in self.usage.items()},
            "span_attributes": evidence_maps(self.spans, rows),
            "span_name": span_names(self.spans, rows),
            # Both below 128 in a plain span.
            "span_kind": pa.array(fields.kind[rows].astype(np.int8)),
            "span_status": pa.array(fields.status_code[rows].astype(np.int8)),
        }


_TOTALS: Final = ("input_tokens", "output_tokens")


def usage_of(
    spans: SpanColumns, rows: Integers, numbers: Integers, templates: Sequence[Template]
) -> dict[str, Figures]:
    """Compute the usage of calls by their templates, unit by unit."""
    usage: dict[str, Figures] = {}
    for units, members in _by_part(numbers, templates, "units"):
        values = {
            key: spans.distinct.count[spans.by_key[key][rows[members]]] for _, one in units for key, _ in one.terms
        }
        for unit, total in units:
            figures = usage.setdefault(unit, Figures(np.zeros(len(rows), np.int64), np.zeros(len(rows), np.bool_)))
            figures.values[members] = total.of(values)
            figures.said[members] = True
    return usage


def texts_of(
    spans: SpanColumns,
    rows: Integers,
    numbers: Integers,
    templates: Sequence[Template],
    *,
    prototype: Integers,
    patterns: pa.Table,
    names: Collection[str] | None = None,
) -> dict[str, Column]:
    """Return the columns that are texts of the calls' own, only those of `names` if given.

    Where a template has none, its prototype's.
    """
    places: dict[str, Integers] = {}
    for texts, members in _by_part(numbers, templates, "texts"):
        for name, key in texts:
            if names is not None and name not in names:
                continue
            place = places.setdefault(name, prototype.copy())
            place[members] = patterns.num_rows + spans.by_key[key][rows[members]]
    return {
        name: pa.concat_arrays([one_chunk(patterns.column(name)), spans.distinct.text]).take(pa.array(place))
        for name, place in places.items()
    }


def _by_part(numbers: Integers, templates: Sequence[Template], part: str) -> list[tuple[Any, Integers]]:
    """Group calls by an equal part of their templates."""
    used = np.unique(numbers)
    parts: dict[Any, int] = {}
    part_of = np.zeros(len(templates), np.int64)
    for number in used.tolist():
        part_of[number] = parts.setdefault(getattr(templates[number], part), len(parts))
    of_row = part_of[numbers]
    return [(one, np.flatnonzero(of_row == place)) for one, place in parts.items()]


def _pattern(fact: SpanFact) -> tuple[Any, ...]:
    """Return what all calls of a prototype have in common."""
    return fact.kind, fact.model, fact.weight, fact.provider, fact.is_gateway, fact.is_cache_hit, fact.emitter


def _spread(values: Column, place: Column) -> Column:
    """Return the value at each place; a column without a value, the commonest, is not looked up."""
    return pa.nulls(len(place), values.type) if values.null_count == len(values) else values.take(place)


def _split(octets: Octets) -> list[bytes]:
    return split(octets.tobytes(), octets.shape[1])


def _fixed(octets: Octets, *, said: Mask | None = None) -> Column:
    count, size = octets.shape
    validity = None if said is None or said.all() else pa.py_buffer(np.packbits(said, bitorder="little").tobytes())
    return pa.Array.from_buffers(pa.binary(size), count, [validity, pa.py_buffer(octets.tobytes())])


def _joined(octets: Octets) -> Column:
    count, size = octets.shape
    offsets = np.arange(0, (count + 1) * size, size, dtype=np.int32)
    return pa.Array.from_buffers(pa.binary(), count, [None, pa.py_buffer(offsets), pa.py_buffer(octets.tobytes())])


def _microseconds(nanoseconds: Any) -> Column:
    """Times as the ledger keeps them; 0 means not known."""
    return pa.array((nanoseconds // np.uint64(1000)).astype(np.int64), mask=nanoseconds == 0).cast(TIME)


assert SPAN_ID_BYTES + TRACE_ID_BYTES == 24
