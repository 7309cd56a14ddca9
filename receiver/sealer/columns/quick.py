"""The quick way from frames to plain calls, and what is left for the long way.

Must not: decide about a span that is not alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pricing.book import PriceBook
from receiver.attribution import Attribution
from receiver.journal_reader import Frame
from receiver.sealer.candidate import START_NS_MAX, START_NS_MIN, Candidate, interpret
from receiver.sealer.columns.alone import KeyedCalls, are_alone, in_order_of_trace, keyed
from receiver.sealer.columns.attributes import AttributeReader
from receiver.sealer.columns.calls import CallInColumns, PlainCalls, texts_of, usage_of
from receiver.sealer.columns.fields import Integers, Mask
from receiver.sealer.columns.payers import payers_of
from receiver.sealer.columns.prototypes import Prototypes
from receiver.sealer.columns.spans import SpanColumns, content_hashes, read_spans
from receiver.sealer.columns.templates import LONG_WAY, Templates
from receiver.sealer.decode import DecodedSpan, Decoder, UndecodableSpan
from receiver.sealer.index import Index, ResponseKey, TraceKey
from receiver.sealer.response_ids import is_unique
from receiver.sealer.rows import Labels

ScopedSpan = tuple[str, DecodedSpan | UndecodableSpan]
"""An ingest scope, and a span that came in it."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The spans of one commit: those that may be plain calls, and the others."""

    spans: SpanColumns
    template: Integers
    """Of each span; LONG_WAY where it has none."""
    prototype: Integers
    """Of each span; LONG_WAY where it is no plain call."""

    def __len__(self) -> int:
        return len(self.spans.raw)


class QuickWay:
    """Reads batches; remembers templates and prototypes. Not thread-safe; one per sealer."""

    def __init__(self, decoder: Decoder, *, attribution: Attribution, labels: Labels, book: PriceBook) -> None:
        self._decoder = decoder
        self._attribution = attribution
        self._attributes = AttributeReader(decoder)
        self._templates = Templates(decoder)
        self._prototypes = Prototypes(decoder, attribution=attribution, labels=labels, book=book)

    def read(self, frames: Sequence[Frame]) -> Batch:
        """Read the spans of these frames, and find which may be plain calls."""
        self._decoder.forget_when_full()
        if self._templates.forget_when_full():
            self._prototypes.forget()
        self._prototypes.forget_when_full()
        spans = read_spans(frames, self._attributes)
        template = self._templates.read(spans)
        start_ns = spans.fields.start_ns
        template[(start_ns < START_NS_MIN) | (start_ns >= START_NS_MAX)] = LONG_WAY
        if self._attribution.rules.rules:
            # The user's rules may look at anything a span says: each is asked about each span.
            template[:] = LONG_WAY
        rows = np.flatnonzero(template != LONG_WAY)
        prototype = np.full(len(spans.raw), LONG_WAY, np.int64)
        prototype[rows] = self._prototypes.find(spans, rows, template[rows], self._templates.all)
        return Batch(spans, template, prototype)

    def others(self, batch: Batch) -> Iterator[ScopedSpan]:
        """Yield the spans that cannot be plain calls."""
        return self._decoded(batch.spans, np.flatnonzero(batch.prototype == LONG_WAY))

    def plain_calls(
        self, batch: Batch, *, taken: Collection[TraceKey], ids: Collection[ResponseKey], index: Index
    ) -> tuple[PlainCalls | None, PlainCalls | None]:
        """Return the plain calls that are alone, and those in company.

        `taken` and `ids` are the traces and the response ids of the other spans of the batch, sets.
        """
        spans = batch.spans
        rows = in_order_of_trace(spans, np.flatnonzero(batch.prototype != LONG_WAY))
        calls = keyed(spans, rows, self._response_ids(batch, rows))
        alone = are_alone(calls, traces=taken, ids=ids, index=index)
        return self._calls(batch, calls, alone), self._calls(batch, calls, ~alone)

    def as_decoded(self, call: CallInColumns, company: PlainCalls) -> Candidate:
        """Return a call in company as the long way has it: with its span and its reading."""
        row = int(company.calls.rows[call.place])
        span = company.spans.decoded(row, self._decoder)
        candidate = interpret(span, ingest_scope=call.ingest_scope, attribution=self._attribution)
        assert isinstance(candidate, Candidate), "a plain call that the long way does not keep"
        assert candidate.fact == call.fact, f"span {call.source_id.hex()} is read in two ways"
        return candidate

    def _response_ids(self, batch: Batch, rows: Integers) -> list[str | None]:
        """Return of each call the response id by which other traces know it."""
        prototype = batch.prototype[rows]
        patterns = [self._prototypes.facts[place] for place in prototype.tolist()]
        texts: list[str | None] = [fact.response_id for fact in patterns]
        if self._prototypes.rows is not None:
            column = texts_of(
                batch.spans, rows, batch.template[rows], self._templates.all,
                prototype=prototype, patterns=self._prototypes.rows, names=("response_id",),
            ).get("response_id")  # fmt: skip
            texts = texts if column is None else column.to_pylist()
        return [
            text if not fact.is_cache_hit and is_unique(text) else None
            for text, fact in zip(texts, patterns, strict=True)
        ]

    def _calls(self, batch: Batch, every: KeyedCalls, chosen: Mask) -> PlainCalls | None:
        if not chosen.any():
            return None
        calls = every.at(np.flatnonzero(chosen))
        rows, spans, templates = calls.rows, batch.spans, self._templates.all
        numbers, prototype = batch.template[rows], batch.prototype[rows]
        assert self._prototypes.rows is not None, "calls without a prototype"
        return PlainCalls(
            spans=spans,
            calls=calls,
            prototype=prototype,
            prototypes=self._prototypes,
            hashes=content_hashes(spans, rows),
            usage=usage_of(spans, rows, numbers, templates),
            texts=texts_of(spans, rows, numbers, templates, prototype=prototype, patterns=self._prototypes.rows),
            payers=payers_of(spans, rows, keys=self._attribution.customer_attributes, decoder=self._decoder),
        )

    def _decoded(self, spans: SpanColumns, rows: Integers) -> Iterator[ScopedSpan]:
        for row in rows.tolist():
            yield spans.origins[spans.origin[row]].ingest_scope, spans.decoded(row, self._decoder)
