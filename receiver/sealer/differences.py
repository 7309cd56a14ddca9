"""The difference between what is now known and what the ledger says, as rows to write and counts to change.

For every trace that a batch touches: put what came beside what is known, compute the outcome afresh, compare it with
the ledger's state span by span. First billing is `usage`; a change of anything is a reversal and, if still owed, a
restatement; what is set aside goes to `set_aside`. One revision sequence per span runs over all of them.

Pinned: a span whose content did not change keeps its reading and its price; only its class and payer are recomputed.

Must not: read files or build tables. It asks the index, and returns a plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from ledger.schema import EntryType, SpanClass, Table
from receiver.sealer.candidate import Candidate, PayerSpan
from receiver.sealer.facts import SpanFact, SpanState, TraceFact
from receiver.sealer.index import Index, TraceKey
from receiver.sealer.outcome import SpanOutcome, single_outcome, trace_outcome

CONFLICT_REASON: Final = "conflict"
CUSTOMER_REASON: Final = "customer"
UNNESTED_REASON: Final = "unnested"


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


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What a job makes of a span that the ledger has: the same content, read, priced or attributed anew."""

    fact: SpanFact
    overrides: Mapping[str, Any]
    """Column → new value, in Python's form of the column's type."""
    reason: str


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


@dataclass(slots=True)
class _Contents:
    """The contents of one span in play: the standing one, and the best that came."""

    state: SpanState | None
    best: Candidate | None = None
    losers: dict[bytes, Candidate] = field(default_factory=dict)
    """Other contents that came with this batch, by hash."""
    rewrite: Rewrite | None = None

    @property
    def fact(self) -> SpanFact:
        if self.best is not None:
            return self.best.fact
        if self.rewrite is not None:
            return self.rewrite.fact
        assert self.state is not None
        return self.state.fact


def plan(candidates: Iterable[Candidate], payers: Iterable[PayerSpan], index: Index) -> Plan:
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
    keys = list(traces)
    for trace, is_known in zip(keys, index.known_traces(keys), strict=True):
        came = traces[trace]
        if not is_known and len(came) == 1 and trace not in said:
            _add_single(trace, came[0], result)
        else:
            _add_trace(trace, came, said.get(trace, {}), index if is_known else None, result)
    return result


def plan_rewrites(rewrites: Mapping[TraceKey, Mapping[bytes, Rewrite]], index: Index) -> Plan:
    """Compute what to write when a job changes what is known of spans, by trace and span id."""
    result = Plan()
    for trace, spans in rewrites.items():
        states, facts = index.trace(trace)
        contents = {span_id: _Contents(state, rewrite=spans.get(span_id)) for span_id, state in states.items()}
        assert spans.keys() <= contents.keys(), "a job rewrites only what the ledger has"
        outcomes = trace_outcome((one.fact for one in contents.values()), facts.values())
        for span_id, one in contents.items():
            _add_difference(trace, one, outcomes[span_id], result)
    return result


def _keep_best(facts: dict[bytes, TraceFact], fact: TraceFact) -> bool:
    """Keep the better of two things one span said, whichever came first; say whether anything changed."""
    known = facts.get(fact.span_id)
    if known is not None and (known.rank, known.value) <= (fact.rank, fact.value):
        return False
    facts[fact.span_id] = fact
    return True


def _add_single(trace: TraceKey, candidate: Candidate, result: Plan) -> None:
    _add_first(trace, candidate, single_outcome(candidate.fact), result)


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


def _add_trace(
    trace: TraceKey, came: list[Candidate], said: dict[bytes, TraceFact], index: Index | None, result: Plan
) -> None:
    states, facts = index.trace(trace) if index is not None else ({}, {})
    for fact in said.values():
        if _keep_best(facts, fact):
            result.payers.append((trace, fact))
    contents = {span_id: _Contents(state) for span_id, state in states.items()}
    for candidate in came:
        one = contents.setdefault(candidate.fact.span_id, _Contents(None))
        _take_content(trace, one, candidate, index, result)
    outcomes = trace_outcome((one.fact for one in contents.values()), facts.values())
    for span_id, one in contents.items():
        _add_difference(trace, one, outcomes[span_id], result)
        _add_losers(trace, one, outcomes[span_id], result)


def _take_content(trace: TraceKey, one: _Contents, candidate: Candidate, index: Index | None, result: Plan) -> None:
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


def _add_difference(trace: TraceKey, one: _Contents, outcome: SpanOutcome, result: Plan) -> None:
    if one.state is None:
        assert one.best is not None
        _add_first(trace, one.best, outcome, result)
        return
    state = one.state
    same_payer = (state.customer_id, state.customer_source) == (outcome.customer_id, outcome.customer_source)
    same_content = one.best is None and one.rewrite is None
    if same_content and state.span_class == outcome.span_class and same_payer:
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
        row = NewRow(table, one.best, outcome, revision, entry_type, reason, source_id)
        result.new_rows.append(row)
    else:
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


def _reason(one: _Contents, outcome: SpanOutcome) -> str:
    assert one.state is not None
    if one.best is not None:
        return CONFLICT_REASON
    if one.rewrite is not None:
        return one.rewrite.reason
    if one.state.span_class == outcome.span_class:
        return CUSTOMER_REASON
    return outcome.reason or UNNESTED_REASON


def _add_losers(trace: TraceKey, one: _Contents, outcome: SpanOutcome, result: Plan) -> None:
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
