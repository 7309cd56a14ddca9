"""Prototypes: whole rows made the long way, each the pattern for all calls that differ from it only where calls differ.

A prototype stands for one template, one origin (resource, scope, ingest scope) and one set of labels. It is made from
the first such call there is, by `candidate` and `rows`, so whatever those write, it has.

Must not: know a column.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa

from ledger.schema import EntryType, Table
from pricing.book import PriceBook
from receiver.attribution import Attribution, labels_of, watched
from receiver.dialects.reading import AttributeValue
from receiver.sealer.candidate import Candidate, interpret
from receiver.sealer.columns.fields import Integers
from receiver.sealer.columns.grouping import group
from receiver.sealer.columns.spans import ABSENT, Origin, SpanColumns
from receiver.sealer.columns.templates import LONG_WAY, Template
from receiver.sealer.decode import DecodedSpan, Decoder
from receiver.sealer.differences import NewRow
from receiver.sealer.facts import SpanFact
from receiver.sealer.outcome import single_outcome
from receiver.sealer.rows import Labels, Stamp, new_rows

_PROTOTYPES_MAX: Final = 20_000
# New ones in one batch; calls that would need more go the long way.
_NEW_MAX: Final = 1_000
_NO_STAMP: Final = Stamp(commit=0, recorded_us=0)

_Key = tuple[int, Origin, tuple[tuple[str, str], ...]]


class Prototypes:
    """All prototypes so far. Not thread-safe; one per sealer."""

    def __init__(self, decoder: Decoder, *, attribution: Attribution, labels: Labels, book: PriceBook) -> None:
        self._decoder = decoder
        self._attribution = attribution
        self._labels = labels
        self._book = book
        self._places: dict[_Key, int] = {}
        self.rows: pa.Table | None = None
        self.facts: list[SpanFact] = []

    def forget_when_full(self) -> bool:
        """Say whether there are more than there may be; then forget all."""
        if len(self._places) <= _PROTOTYPES_MAX:
            return False
        self.forget()
        return True

    def forget(self) -> None:
        """Forget all."""
        self._places.clear()
        self.facts.clear()
        self.rows = None

    def find(self, spans: SpanColumns, rows: Integers, numbers: Integers, templates: list[Template]) -> Integers:
        """Return for each of these spans the place of its prototype; LONG_WAY where it has none.

        `numbers` are the numbers of their templates.
        """
        carriers = {key: spans.by_key[key][rows] for key in watched(self._labels.keys) if key in spans.by_key}
        groups = group([numbers, spans.origin[rows], *carriers.values()], len(rows))
        found: list[int] = []
        new: list[NewRow] = []
        for first in groups.first.tolist():
            labels = self._labels_of(spans, {key: column[first] for key, column in carriers.items()})
            key = (int(numbers[first]), spans.origins[spans.origin[rows[first]]], labels)
            place = self._places.get(key)
            if place is None:
                row = self._new(spans, int(rows[first]), templates[key[0]]) if len(new) < _NEW_MAX else None
                place = LONG_WAY if row is None else len(self.facts)
                if row is not None:
                    self._places[key] = place
                    self.facts.append(row.candidate.fact)
                    new.append(row)
            found.append(place)
        self._append(new)
        return np.array(found, np.int64)[groups.of_row]

    def _labels_of(self, spans: SpanColumns, codes: Mapping[str, int]) -> tuple[tuple[str, str], ...]:
        """Return the labels that a span's own attributes give."""
        attributes: dict[str, AttributeValue] = {}
        for key, code in codes.items():
            if code != ABSENT:
                attribute = self._decoder.attribute(spans.distinct.encoded[code].as_py())
                assert attribute is not None, "a plain span's attribute that cannot be read"
                attributes[key] = attribute.value
        return tuple(labels_of(attributes, self._labels.keys).items())

    def _new(self, spans: SpanColumns, row: int, template: Template) -> NewRow | None:
        """Make one span's row the long way; None when the long way reads it otherwise than the template."""
        origin = spans.origins[spans.origin[row]]
        span = spans.decoded(row, self._decoder)
        candidate = interpret(span, ingest_scope=origin.ingest_scope, attribution=self._attribution)
        if not isinstance(span, DecodedSpan) or not isinstance(candidate, Candidate):
            return None
        if candidate.reading is None or candidate.reading != template.filled(span.attributes):
            return None
        outcome = single_outcome(candidate.fact)
        return NewRow(Table.USAGE, candidate, outcome, 0, EntryType.USAGE, None, candidate.source_id)

    def _append(self, new: list[NewRow]) -> None:
        if not new:
            return
        made: Any = new_rows(new, table=Table.USAGE, stamp=_NO_STAMP, labels=self._labels, book=self._book)
        parts = [made] if self.rows is None else [self.rows, made]
        self.rows = pa.concat_tables(parts).combine_chunks()
