"""The outcome: what every span of a trace counts as, and who pays for it. A pure function of permanent facts.

It does not know order of arrival, batches, or how often a span came: the same set of facts gives the same outcome.
Which spans are one call is `nesting`'s, who pays is `payers`'. What other traces say of the same call is weighed
afterwards (`copies`).

An aggregate is never billed. It is explained where a call stands below it, or another aggregate with figures; one that
nothing explains has the reason `no_call_below`: its figures may be spend that no call tells of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from ledger.schema import AGGREGATE_EXPLAINED, AGGREGATE_UNEXPLAINED, SpanClass
from receiver.sealer.facts import FactKind, SpanFact, TraceFact
from receiver.sealer.likeness import figures_of
from receiver.sealer.nesting import NO_CALL, ancestors_of, nesting, unique_id
from receiver.sealer.payers import Payers

QUARANTINED: Final = "quarantined"


class SpanOutcome(msgspec.Struct, frozen=True, gc=False):
    """What a span counts as, and who pays for it."""

    span_class: SpanClass
    reason: str | None
    """Why it is not billed, as `nesting` and `copies` have it, or aggregate …; None for calls."""
    customer_id: str | None
    customer_source: str | None


class TraceOutcome(msgspec.Struct, gc=False):
    """What one trace comes to by itself."""

    spans: dict[bytes, SpanOutcome]
    standing: dict[str, bytes]
    """Unique response id → the span that stands for its call, or `SEVERAL` or `NO_CALL` of `nesting`."""


def single_outcome(fact: SpanFact) -> SpanOutcome:
    """Return the outcome of a span that is alone in its trace: the common case, without the work."""
    if fact.kind == FactKind.CALL:
        return SpanOutcome(SpanClass.USAGE, None, fact.customer_id, fact.customer_source)
    if fact.kind == FactKind.AGGREGATE:
        return SpanOutcome(SpanClass.AGGREGATE, AGGREGATE_UNEXPLAINED, fact.customer_id, fact.customer_source)
    return SpanOutcome(SpanClass.QUARANTINED, QUARANTINED, fact.customer_id, fact.customer_source)


def single_standing(fact: SpanFact) -> dict[str, bytes]:
    """Return which response id a span that is alone in its trace stands for."""
    response_id = unique_id(fact)
    if response_id is None:
        return {}
    return {response_id: fact.span_id if fact.kind == FactKind.CALL else NO_CALL}


def trace_outcome(facts: Iterable[SpanFact], trace_facts: Iterable[TraceFact]) -> TraceOutcome:
    """Return the outcome of every span of one trace, by span id."""
    spans = {fact.span_id: fact for fact in facts}
    nested = nesting(spans)
    explained = _explained(spans)
    payers = Payers(spans, list(trace_facts))
    outcomes: dict[bytes, SpanOutcome] = {}
    for span_id, fact in spans.items():
        customer_id, source = payers.of(fact, beside=nested.beside.get(span_id, ()))
        if fact.kind == FactKind.CALL:
            reason = nested.reasons.get(span_id)
            span_class = SpanClass.USAGE if reason is None else SpanClass.NESTED
        elif fact.kind == FactKind.AGGREGATE:
            span_class = SpanClass.AGGREGATE
            reason = AGGREGATE_EXPLAINED if span_id in explained else AGGREGATE_UNEXPLAINED
        else:
            span_class, reason = SpanClass.QUARANTINED, QUARANTINED
        outcomes[span_id] = SpanOutcome(span_class, reason, customer_id, source)
    return TraceOutcome(outcomes, nested.standing)


def _explained(spans: Mapping[bytes, SpanFact]) -> set[bytes]:
    """Return the spans above a call, or above an aggregate with figures of its own."""
    explained: set[bytes] = set()
    for fact in spans.values():
        if fact.kind == FactKind.CALL or (fact.kind == FactKind.AGGREGATE and figures_of(fact) is not None):
            explained.update(ancestors_of(fact, spans))
    return explained
