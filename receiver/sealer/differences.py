"""The difference between what is now known and what the ledger says, as rows to write and counts to change.

For every trace that a batch touches: put what came beside what is known, compute the outcome afresh, weigh it with what
other traces say of the same response ids, compare it with the ledger's state span by span. First billing is `usage`; a
change of anything is a reversal and, if still owed, a restatement; what is set aside goes to `set_aside`, always with
the reason why it is not billed. One revision sequence per span runs over all of them.

Pinned: a span whose content did not change keeps its reading and its price; only its class and payer are recomputed.

Must not: read files or build tables. It asks the index, and returns a plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from ledger.schema import CountSource, EntryType, SpanClass, Table
from receiver.sealer.candidate import Candidate, PayerSpan
from receiver.sealer.facts import SpanFact, SpanState, TraceFact
from receiver.sealer.index import Index, ResponseKey, TraceKey
from receiver.sealer.links import said_of_ids
from receiver.sealer.outcome import SpanOutcome, single_outcome, single_standing, trace_outcome
from receiver.sealer.sightings import weigh_copies
from receiver.sealer.touched import Contents, Rewrite, Touched

CONFLICT_REASON: Final = "conflict"
CUSTOMER_REASON: Final = "customer"
UNNESTED_REASON: Final = "unnested"
RECOUNTED_REASON: Final = "recounted"
"""A copy in another trace no longer stands for this call: another one does, or the id proved not unique."""


class NewRow(msgspec.Struct):
    """A row made from a span that came with this batch."""

    table: Table
    candidate: Candidate
    outcome: SpanOutcome
    revision: int
    entry_type: EntryType | None
    reason: str | None
    source_id: bytes


@dataclass(slots=True)
class OldRow:
    """A row made from one the ledger already has."""

    table: Table
    trace: TraceKey
    state: SpanState
    """Where the standing row is."""
    outcome: SpanOutcome
    revision: int
    entry_type: EntryType | None
    reason: str | None
    source_id: bytes | None = None
    """Another source id than the standing row's, for the losing content of a conflict."""
    overrides: Mapping[str, Any] | None = None
    """Columns that a job gives new values; never on a reversal."""


class SpanChange(msgspec.Struct):
    """A span whose state in the ledger changes with this commit."""

    trace: TraceKey
    fact: SpanFact
    outcome: SpanOutcome
    row: NewRow | OldRow
    """The row that becomes its newest."""
    was_billed: bool


@dataclass(slots=True)
class Plan:
    """What a commit writes."""

    counts: Counter[str] = field(default_factory=Counter)
    new_rows: list[NewRow] = field(default_factory=list)
    old_rows: list[OldRow] = field(default_factory=list)
    changes: list[SpanChange] = field(default_factory=list)
    losers: list[tuple[TraceKey, bytes, bytes]] = field(default_factory=list)
    payers: list[tuple[TraceKey, TraceFact]] = field(default_factory=list)
    responses: list[tuple[ResponseKey, bytes]] = field(default_factory=list)


def plan(
    candidates: Iterable[Candidate], payers: Iterable[PayerSpan], index: Index, *, count_source: CountSource
) -> Plan:
    """Compute what to write for a batch of spans."""
    result = Plan()
    traces: dict[TraceKey, list[Candidate]] = {}
    for candidate in candidates:
        key = TraceKey(candidate.ingest_scope, candidate.source_id[:16])
        traces.setdefault(key, []).append(candidate)
    said: dict[TraceKey, dict[bytes, TraceFact]] = {}
    for payer in payers:
        result.counts[SpanClass.NOT_GENAI] += 1
        trace = TraceKey(payer.ingest_scope, payer.trace_id)
        _keep_best(said.setdefault(trace, {}), payer.fact)
        traces.setdefault(trace, [])
    touched: dict[TraceKey, Touched] = {}
    keys = list(traces)
    for trace, is_known in zip(keys, index.known_traces(keys), strict=True):
        came = traces[trace]
        if not is_known and len(came) == 1 and trace not in said:
            touched[trace] = _touched_single(came[0])
        else:
            touched[trace] = _touched(trace, came, said.get(trace, {}), index if is_known else None, result)
    _add_differences(touched, index, count_source, result)
    return result


def plan_rewrites(
    rewrites: Mapping[TraceKey, Mapping[bytes, Rewrite]], index: Index, *, count_source: CountSource
) -> Plan:
    """Compute what to write when a job changes what is known of spans, by trace and span id."""
    result = Plan()
    touched: dict[TraceKey, Touched] = {}
    for trace, spans in rewrites.items():
        states, facts = index.trace(trace)
        contents = {span_id: Contents(state, rewrite=spans.get(span_id)) for span_id, state in states.items()}
        assert spans.keys() <= contents.keys(), "a job rewrites only what the ledger has"
        touched[trace] = _computed(contents, facts.values())
    _add_differences(touched, index, count_source, result)
    return result


def _keep_best(facts: dict[bytes, TraceFact], fact: TraceFact) -> bool:
    """Keep the better of two things one span said, whichever came first; say whether anything changed."""
    known = facts.get(fact.span_id)
    if known is not None and (known.rank, known.value) <= (fact.rank, fact.value):
        return False
    facts[fact.span_id] = fact
    return True


def _touched_single(candidate: Candidate) -> Touched:
    fact = candidate.fact
    outcome = single_outcome(fact)
    return Touched({fact.span_id: Contents(None, candidate)}, {fact.span_id: outcome}, single_standing(fact))


def _touched(
    trace: TraceKey, came: list[Candidate], said: dict[bytes, TraceFact], index: Index | None, result: Plan
) -> Touched:
    """Put what came of a trace beside what is known of it."""
    states, facts = index.trace(trace) if index is not None else ({}, {})
    for fact in said.values():
        if _keep_best(facts, fact):
            result.payers.append((trace, fact))
    contents = {span_id: Contents(state) for span_id, state in states.items()}
    for candidate in came:
        one = contents.setdefault(candidate.fact.span_id, Contents(None))
        _take_content(trace, one, candidate, index, result)
    return _computed(contents, facts.values())


def _computed(contents: dict[bytes, Contents], facts: Iterable[TraceFact]) -> Touched:
    outcome = trace_outcome((one.fact for one in contents.values()), facts)
    every = (fact for one in contents.values() for fact in one.all_facts())
    return Touched(contents, outcome.spans, said_of_ids(outcome.standing, every))


def _add_differences(touched: dict[TraceKey, Touched], index: Index, count_source: CountSource, result: Plan) -> None:
    elsewhere, result.responses = weigh_copies(touched, index, count_source=count_source)
    for trace, state, outcome in elsewhere:
        _add_difference(trace, Contents(state), outcome, result)
    for trace, one in touched.items():
        for span_id, contents in one.contents.items():
            outcome = one.spans[span_id]
            _add_difference(trace, contents, outcome, result)
            _add_losers(trace, contents, outcome, result)


def _add_first(trace: TraceKey, candidate: Candidate, outcome: SpanOutcome, result: Plan) -> None:
    """A span the ledger has never seen."""
    billed = outcome.span_class == SpanClass.USAGE
    row = NewRow(
        Table.USAGE if billed else Table.SET_ASIDE,
        candidate,
        outcome,
        0,
        EntryType.USAGE if billed else None,
        None if billed else candidate.reason or outcome.reason,
        candidate.source_id,
    )
    result.new_rows.append(row)
    result.counts[outcome.span_class] += 1
    result.changes.append(SpanChange(trace, candidate.fact, outcome, row, billed))


def _take_content(trace: TraceKey, one: Contents, candidate: Candidate, index: Index | None, result: Plan) -> None:
    """Put one content beside those known of its span; all but the first of a span count as duplicates."""
    if one.best is None and one.state is None:
        one.best = candidate
        return
    result.counts[SpanClass.DUPLICATE] += 1
    fact = candidate.fact
    if fact.content_hash == one.fact.content_hash or fact.content_hash in one.losers:
        return
    if one.state is not None:
        if fact.content_hash == one.state.fact.content_hash:
            return
        if index is not None and index.has_loser(trace, span_id=fact.span_id, content_hash=fact.content_hash):
            return
    if fact.order > one.fact.order:
        if one.best is not None:
            one.losers[one.best.fact.content_hash] = one.best
        one.best = candidate
    else:
        one.losers[fact.content_hash] = candidate


def _add_difference(trace: TraceKey, one: Contents, outcome: SpanOutcome, result: Plan) -> None:
    if one.state is None:
        assert one.best is not None
        _add_first(trace, one.best, outcome, result)
        return
    state = one.state
    same_payer = (state.customer_id, state.customer_source) == (outcome.customer_id, outcome.customer_source)
    same_class = state.span_class == outcome.span_class and _same_reason(state, outcome)
    if one.best is None and one.rewrite is None and same_class and same_payer:
        return
    result.counts[SpanClass(state.span_class)] -= 1
    result.counts[outcome.span_class] += 1
    revision = state.revision
    reason = _reason(one, outcome)
    source_id = trace.trace_id + state.fact.span_id
    if state.span_class == SpanClass.USAGE:
        revision += 1
        reversal = OldRow(Table.CORRECTIONS, trace, state, outcome, revision, EntryType.REVERSAL, reason)
        result.old_rows.append(reversal)
    revision += 1
    table, entry_type = _place(state, outcome)
    row: NewRow | OldRow
    if one.best is not None:
        if table == Table.SET_ASIDE:
            reason = one.best.reason or outcome.reason
        row = NewRow(table, one.best, outcome, revision, entry_type, reason, source_id)
        result.new_rows.append(row)
    else:
        if table == Table.SET_ASIDE:
            reason = state.reason if outcome.span_class == SpanClass.QUARANTINED else outcome.reason
        overrides = one.rewrite.overrides if one.rewrite is not None else None
        row = OldRow(table, trace, state, outcome, revision, entry_type, reason, overrides=overrides)
        result.old_rows.append(row)
    was_billed = state.was_billed or outcome.span_class == SpanClass.USAGE
    result.changes.append(SpanChange(trace, one.fact, outcome, row, was_billed))


def _place(state: SpanState, outcome: SpanOutcome) -> tuple[Table, EntryType | None]:
    if outcome.span_class != SpanClass.USAGE:
        return Table.SET_ASIDE, None
    if state.was_billed:
        return Table.CORRECTIONS, EntryType.RESTATEMENT
    return Table.USAGE, EntryType.USAGE


def _same_reason(state: SpanState, outcome: SpanOutcome) -> bool:
    # Why a span is quarantined is its own affair: the outcome only says that it is.
    return outcome.span_class == SpanClass.QUARANTINED or state.reason == outcome.reason


def _reason(one: Contents, outcome: SpanOutcome) -> str | None:
    """Return why an entry is written."""
    assert one.state is not None
    if one.best is not None:
        return CONFLICT_REASON
    if one.rewrite is not None:
        return one.rewrite.reason
    if one.state.span_class == outcome.span_class:
        return CUSTOMER_REASON
    if one.state.span_class == SpanClass.DUPLICATE:
        return outcome.reason or RECOUNTED_REASON
    return outcome.reason or UNNESTED_REASON


def _add_losers(trace: TraceKey, one: Contents, outcome: SpanOutcome, result: Plan) -> None:
    """Keep what lost, once: under a source id of its own, so that it never speaks for the span's state."""
    for content_hash, candidate in one.losers.items():
        row = NewRow(Table.SET_ASIDE, candidate, outcome, 0, None, CONFLICT_REASON, candidate.source_id + content_hash)
        result.new_rows.append(row)
        result.losers.append((trace, candidate.fact.span_id, content_hash))
    if one.best is not None and one.state is not None:
        lost = one.state.fact
        source_id = trace.trace_id + lost.span_id + lost.content_hash
        result.old_rows.append(OldRow(Table.SET_ASIDE, trace, one.state, outcome, 0, None, CONFLICT_REASON, source_id))
        result.losers.append((trace, lost.span_id, lost.content_hash))
