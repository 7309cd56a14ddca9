"""Sightings: the spans that stand for one response id in several traces, brought together and decided.

A commit that touches one trace can so change a row in another, but only that of the span which stands for the id there:
which one that is, is that trace's own affair, and remembered (`links`).

Must not: say which of them stays; that is `copies`'.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ledger.schema import CountSource, SpanClass
from receiver.sealer.copies import Sighting, Verdict, verdicts
from receiver.sealer.facts import SpanState
from receiver.sealer.index import Index, ResponseKey, TraceKey
from receiver.sealer.links import NOT_UNIQUE, decoded, merged, standing_spans
from receiver.sealer.nesting import SEVERAL
from receiver.sealer.outcome import SpanOutcome
from receiver.sealer.payers import CUSTOMER_FROM_COPY, NOBODY
from receiver.sealer.touched import Touched


class Elsewhere(NamedTuple):
    """A span of a trace that nothing came for, and what it counts as now."""

    trace: TraceKey
    state: SpanState
    outcome: SpanOutcome


def weigh_copies(
    touched: Mapping[TraceKey, Touched], index: Index, *, count_source: CountSource
) -> tuple[list[Elsewhere], list[tuple[ResponseKey, bytes]]]:
    """Set aside in the touched traces what another trace counts already.

    Returns what that changes in other traces, and the new records of response ids.
    """
    news: dict[ResponseKey, dict[bytes, bytes]] = {}
    for trace, one in touched.items():
        for response_id, span_id in one.ids.items():
            news.setdefault(ResponseKey(trace.ingest_scope, response_id), {})[trace.trace_id] = span_id
    elsewhere: list[Elsewhere] = []
    records: list[tuple[ResponseKey, bytes]] = []
    for (response, said), recorded in zip(news.items(), index.responses(list(news)), strict=True):
        now = merged(recorded, said)
        if now != recorded:
            records.append((response, now))
        if recorded == NOT_UNIQUE or (recorded is None and len(said) == 1):
            continue
        seen = {**decoded(recorded), **said}
        is_unique = now != NOT_UNIQUE and SEVERAL not in seen.values()
        found = _found(response, seen, touched, index)
        elsewhere += _decide(found, touched, count_source=count_source, is_unique=is_unique)
    return elsewhere, records


class _Found(NamedTuple):
    trace: TraceKey
    sighting: Sighting
    state: SpanState | None
    """Its state in the ledger, where its trace is not touched."""


def _found(
    response: ResponseKey, seen: Mapping[bytes, bytes], touched: Mapping[TraceKey, Touched], index: Index
) -> list[_Found]:
    found: list[_Found] = []
    for trace_id, span_id in standing_spans(seen):
        trace = TraceKey(response.ingest_scope, trace_id)
        here = touched.get(trace)
        if here is not None:
            outcome = here.spans[span_id]
            payer = (outcome.customer_id, outcome.customer_source)
            found.append(_Found(trace, Sighting(trace_id, here.contents[span_id].fact, payer), None))
            continue
        state = index.state(trace, span_id)
        assert state is not None, f"a response id names span {span_id.hex()}, which the index does not have"
        # What a copy lent it is not its own trace's word.
        is_lent = state.customer_source == CUSTOMER_FROM_COPY
        payer = NOBODY if is_lent else (state.customer_id, state.customer_source)
        found.append(_Found(trace, Sighting(trace_id, state.fact, payer), state))
    return found


def _decide(
    found: list[_Found], touched: Mapping[TraceKey, Touched], *, count_source: CountSource, is_unique: bool
) -> list[Elsewhere]:
    sightings = [one.sighting for one in found]
    if is_unique:
        decided = verdicts(sightings, count_source=count_source)
    else:
        decided = [Verdict(SpanClass.USAGE, None, one.payer) for one in sightings]
    elsewhere: list[Elsewhere] = []
    for one, verdict in zip(found, decided, strict=True):
        outcome = SpanOutcome(verdict.span_class, verdict.reason, *verdict.payer)
        if one.state is None:
            touched[one.trace].spans[one.sighting.fact.span_id] = outcome
        else:
            elsewhere.append(Elsewhere(one.trace, one.state, outcome))
    return elsewhere
