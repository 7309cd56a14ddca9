"""The outcome: which spans of a trace are calls, and who pays for each. A pure function of permanent facts.

It does not know order of arrival, batches, or how often a span came: the same set of facts gives the same outcome.

One call seen by several spans of a trace is billed once:

1. Calls with equal response id are one call where one is an ancestor of the other, or their figures are equal.
2. A call and its nearest ancestor call with equal figures and compatible model, whose response ids do not contradict,
   are one call if that ancestor has exactly one such descendant. With two or more it is a roll-up of them: nested.
3. Of the spans of one call the one that says most is billed (`SpanFact.order`), the others are nested.

Siblings never merge without an equal response id; unknown figures equal nothing. Ancestry exists through known spans
only.

Who pays: the span itself or its resource, else its nearest known ancestor that says so, else the trace's best-ranked
key if it has exactly one value. Several values: nobody, and it is listed as unattributed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from ledger.schema import SpanClass
from receiver.sealer.facts import FactKind, SpanFact, TraceFact

# Deeper than any call stack of instrumentations; bounds the walk on hostile parent links.
ANCESTORS_MAX: Final = 256

CUSTOMER_FROM_TRACE: Final = "trace"


class SpanOutcome(msgspec.Struct, frozen=True, gc=False):
    """What a span counts as, and who pays for it."""

    span_class: SpanClass
    reason: str | None
    """Why it is not billed: response_id, equal_figures, roll_up, aggregate …; None for calls."""
    customer_id: str | None
    customer_source: str | None


# What a call or an agent says of its own customer outranks what any other span of the trace says.
_RANK_OF_GENAI_SPANS: Final = -1

_CLASS_OF_KIND: Final = {FactKind.AGGREGATE: SpanClass.AGGREGATE, FactKind.QUARANTINED: SpanClass.QUARANTINED}


def single_outcome(fact: SpanFact) -> SpanOutcome:
    """Return the outcome of a span that is alone in its trace: the common case, without the work."""
    if fact.kind == FactKind.CALL:
        return SpanOutcome(SpanClass.USAGE, None, fact.customer_id, fact.customer_source)
    span_class = _CLASS_OF_KIND[fact.kind]
    return SpanOutcome(span_class, span_class.value, fact.customer_id, fact.customer_source)


def trace_outcome(facts: Iterable[SpanFact], trace_facts: Iterable[TraceFact]) -> dict[bytes, SpanOutcome]:
    """Return the outcome of every span of one trace, by span id."""
    spans = {fact.span_id: fact for fact in facts}
    said = list(trace_facts)
    nested = _nested(spans)
    payers = _Payers(spans, said)
    outcomes: dict[bytes, SpanOutcome] = {}
    for span_id, fact in spans.items():
        span_class = _CLASS_OF_KIND.get(fact.kind, SpanClass.NESTED if span_id in nested else SpanClass.USAGE)
        reason = nested.get(span_id) if fact.kind == FactKind.CALL else span_class.value
        customer_id, source = payers.of(fact)
        outcomes[span_id] = SpanOutcome(span_class, reason, customer_id, source)
    return outcomes


def _nested(spans: Mapping[bytes, SpanFact]) -> dict[bytes, str]:
    """Return the calls that are another span's call, with the reason."""
    calls = {span_id: fact for span_id, fact in spans.items() if fact.kind == FactKind.CALL}
    if len(calls) < 2:
        return {}
    groups = _Groups(calls)
    reasons: dict[bytes, str] = {}
    ancestors = {span_id: [one for one in _ancestors(fact, spans) if one in calls] for span_id, fact in calls.items()}
    _join_by_response_id(calls, ancestors, groups)
    roll_ups = _join_by_figures(calls, ancestors, groups)
    for members in groups.members():
        rolled = [one for one in members if one in roll_ups]
        for span_id in rolled:
            reasons[span_id] = "roll_up"
        standing = [calls[one] for one in members if one not in roll_ups]
        if rolled or len(standing) < 2:
            # What is one call with a roll-up is rolled up as well: its inner calls are billed.
            reasons.update({one.span_id: "roll_up" for one in standing if rolled})
            continue
        winner = max(standing, key=lambda fact: fact.order)
        for loser in standing:
            if loser is not winner:
                same_id = loser.response_id is not None and loser.response_id == winner.response_id
                reasons[loser.span_id] = "response_id" if same_id else "equal_figures"
    return reasons


def _join_by_response_id(
    calls: Mapping[bytes, SpanFact], ancestors: Mapping[bytes, list[bytes]], groups: _Groups
) -> None:
    by_id: dict[str, list[SpanFact]] = {}
    for fact in calls.values():
        if fact.response_id:
            by_id.setdefault(fact.response_id, []).append(fact)
    for same in by_id.values():
        ids = {fact.span_id for fact in same}
        by_figures: dict[tuple[int | None, int | None], bytes] = {}
        for fact in same:
            for above in ancestors[fact.span_id]:
                if above in ids:
                    groups.join(fact.span_id, above)
            if _figures(fact) is not None:
                groups.join(fact.span_id, by_figures.setdefault(_figures(fact) or (None, None), fact.span_id))


def _join_by_figures(
    calls: Mapping[bytes, SpanFact], ancestors: Mapping[bytes, list[bytes]], groups: _Groups
) -> set[bytes]:
    """Join ancestors with their one matching descendant; return those with several."""
    matching: dict[bytes, list[bytes]] = {}
    for span_id, fact in calls.items():
        above = next((one for one in ancestors[span_id] if _same_call(calls[one], fact)), None)
        if above is not None:
            matching.setdefault(above, []).append(span_id)
    # Decided for all before any is joined: what the response ids have settled must not depend on the order here.
    open_matches = {
        above: below for above, below in matching.items() if not any(groups.are_joined(above, one) for one in below)
    }
    roll_ups: set[bytes] = set()
    for above, below in open_matches.items():
        if len(below) == 1:
            groups.join(above, below[0])
        else:
            roll_ups.add(above)
    return roll_ups


def _same_call(outer: SpanFact, inner: SpanFact) -> bool:
    figures = _figures(outer)
    if figures is None or figures != _figures(inner):
        return False
    if outer.response_id and inner.response_id and outer.response_id != inner.response_id:
        return False
    return outer.model is None or inner.model is None or outer.model == inner.model


def _figures(fact: SpanFact) -> tuple[int | None, int | None] | None:
    """Return what two spans of one call must agree on; None when nothing is known or nothing was used."""
    if not fact.input_tokens and not fact.output_tokens:
        return None
    return fact.input_tokens, fact.output_tokens


def _ancestors(fact: SpanFact, spans: Mapping[bytes, SpanFact]) -> Iterator[bytes]:
    """Yield the known ancestors, nearest first, however the parent links were forged."""
    seen = {fact.span_id}
    parent = fact.parent_span_id
    while parent and parent in spans and parent not in seen and len(seen) <= ANCESTORS_MAX:
        seen.add(parent)
        yield parent
        parent = spans[parent].parent_span_id


class _Groups:
    """Spans of one call: a union of sets."""

    def __init__(self, calls: Iterable[bytes]) -> None:
        self._parent = {one: one for one in calls}

    def _root(self, one: bytes) -> bytes:
        while self._parent[one] != one:
            self._parent[one] = self._parent[self._parent[one]]
            one = self._parent[one]
        return one

    def join(self, one: bytes, other: bytes) -> None:
        self._parent[self._root(one)] = self._root(other)

    def are_joined(self, one: bytes, other: bytes) -> bool:
        return self._root(one) == self._root(other)

    def members(self) -> Iterable[list[bytes]]:
        groups: dict[bytes, list[bytes]] = {}
        for one in self._parent:
            groups.setdefault(self._root(one), []).append(one)
        return groups.values()


class _Payers:
    """Who pays for the spans of one trace."""

    def __init__(self, spans: Mapping[bytes, SpanFact], said: list[TraceFact]) -> None:
        self._parents = {one.span_id: one.parent_span_id for one in said}
        self._parents.update({span_id: fact.parent_span_id for span_id, fact in spans.items()})
        self._values: dict[bytes, tuple[int, str]] = {}
        ranked: dict[int, set[str]] = {}
        own = [
            (fact.span_id, _RANK_OF_GENAI_SPANS, fact.customer_id)
            for fact in spans.values()
            if fact.customer_id is not None and fact.customer_source == "span"
        ]
        for span_id, rank, value in own + [(one.span_id, one.rank, one.value) for one in said]:
            ranked.setdefault(rank, set()).add(value)
            known = self._values.get(span_id)
            self._values[span_id] = min(known, (rank, value)) if known else (rank, value)
        best = min(ranked) if ranked else None
        values = ranked[best] if best is not None else set()
        self._of_trace = next(iter(values)) if len(values) == 1 else None

    def of(self, fact: SpanFact) -> tuple[str | None, str | None]:
        if fact.customer_id is not None:
            return fact.customer_id, fact.customer_source
        value = self._of_ancestor(fact) or self._of_trace
        return (value, CUSTOMER_FROM_TRACE) if value is not None else (None, None)

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
