"""Who pays for the spans of one trace. A pure function of permanent facts.

A span's own customer (its attributes, else its resource) outranks all else. Then what the other spans of the same call
name, if they do not stand above it; then the nearest known ancestor that names one; then the best-ranked key that any
span of the trace has, if it has exactly one value. Several values are nobody, and are called `conflicting`: never a
guess.

Must not: look beyond the trace.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from receiver.sealer.facts import SpanFact, TraceFact

# Deeper than any call stack of instrumentations; bounds the walk on hostile parent links.
ANCESTORS_MAX: Final = 256

CUSTOMER_FROM_SPAN: Final = "span"
CUSTOMER_FROM_RULE: Final = "rule"
CUSTOMER_FROM_TRACE: Final = "trace"
CUSTOMER_CONFLICTING: Final = "conflicting"
"""Nobody, since several were named: the source of no customer."""
CUSTOMER_FROM_COPY: Final = "copy"
"""Named by another trace's span of the same call (`copies`)."""
BORROWED_SOURCES: Final = frozenset({CUSTOMER_FROM_TRACE, CUSTOMER_FROM_COPY, CUSTOMER_CONFLICTING})
"""Where a customer comes from that the span itself does not name: an outcome, and no fact."""
# A resource speaks for its own spans only: one trace passes many services.
_SPEAKS_FOR_TRACE: Final = frozenset({CUSTOMER_FROM_SPAN, CUSTOMER_FROM_RULE})

# What a call or an agent says of its own customer outranks what any other span of the trace says.
_RANK_OF_GENAI_SPANS: Final = -1

Payer = tuple[str | None, str | None]
"""Customer and where it is from."""
NOBODY: Final[Payer] = (None, None)
_CONFLICTING: Final[Payer] = (None, CUSTOMER_CONFLICTING)


class Payers:
    """Who pays for the spans of one trace."""

    def __init__(self, spans: Mapping[bytes, SpanFact], said: Sequence[TraceFact]) -> None:
        self._parents = {one.span_id: one.parent_span_id for one in said}
        self._parents.update({span_id: fact.parent_span_id for span_id, fact in spans.items()})
        self._values: dict[bytes, tuple[int, str]] = {}
        ranked: dict[int, set[str]] = {}
        own = [
            (fact.span_id, _RANK_OF_GENAI_SPANS, fact.customer_id)
            for fact in spans.values()
            if fact.customer_id is not None and fact.customer_source in _SPEAKS_FOR_TRACE
        ]
        for span_id, rank, value in own + [(one.span_id, one.rank, one.value) for one in said]:
            ranked.setdefault(rank, set()).add(value)
            known = self._values.get(span_id)
            self._values[span_id] = min(known, (rank, value)) if known else (rank, value)
        self._of_trace = _only(ranked[min(ranked)]) if ranked else NOBODY

    def of(self, fact: SpanFact, *, beside: Iterable[SpanFact] = ()) -> Payer:
        """Return who pays for a span; `beside` are the spans of the same call that do not stand above it."""
        if fact.customer_id is not None:
            return fact.customer_id, fact.customer_source
        named = {one.customer_id for one in beside if one.customer_source in _SPEAKS_FOR_TRACE} - {None}
        if named:
            return _only(named)
        value = self._of_ancestor(fact)
        return (value, CUSTOMER_FROM_TRACE) if value is not None else self._of_trace

    def _of_ancestor(self, fact: SpanFact) -> str | None:
        if not self._values:
            return None
        seen = {fact.span_id}
        parent = fact.parent_span_id
        while parent and parent in self._parents and parent not in seen and len(seen) <= ANCESTORS_MAX:
            if parent in self._values:
                return self._values[parent][1]
            seen.add(parent)
            parent = self._parents[parent]
        return None


def _only(values: Collection[str | None]) -> Payer:
    return (next(iter(values)), CUSTOMER_FROM_TRACE) if len(values) == 1 else _CONFLICTING
