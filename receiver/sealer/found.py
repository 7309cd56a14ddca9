"""What the spans of a commit are, found the quick way where that can be, else the long way.

A fault of ours in the quick way costs its speed, not the commit: the same frames are then read the long way, and the
fault is said. It may not change what is found.

Must not: weigh spans against each other; `differences` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from receiver.attribution import Attribution
from receiver.journal_reader import Frame
from receiver.sealer.candidate import Candidate, PayerSpan, interpret
from receiver.sealer.columns.calls import PlainCalls
from receiver.sealer.columns.quick import QuickWay, ScopedSpan
from receiver.sealer.decode import Decoder
from receiver.sealer.index import Index, ResponseKey, TraceKey
from receiver.sealer.nesting import unique_id


@dataclass(frozen=True, slots=True)
class InColumns:
    """Plain calls: those that are alone, and those that are planned beside others."""

    alone: PlainCalls | None = None
    company: PlainCalls | None = None


@dataclass(slots=True)
class Found:
    """What the spans are."""

    candidates: list[Candidate] = field(default_factory=list)
    payers: list[PayerSpan] = field(default_factory=list)
    nothing: int = 0
    in_columns: InColumns = field(default_factory=InColumns)
    fault: str | None = None
    """What went wrong on the quick way."""

    def add(self, spans: Iterable[ScopedSpan], attribution: Attribution) -> None:
        """Interpret spans."""
        for ingest_scope, span in spans:
            what = interpret(span, ingest_scope=ingest_scope, attribution=attribution)
            if isinstance(what, Candidate):
                self.candidates.append(what)
            elif what is None:
                self.nothing += 1
            else:
                self.payers.append(what)

    def traces(self) -> set[TraceKey]:
        """Return the traces of which something is known."""
        candidates = {TraceKey(one.ingest_scope, one.source_id[:16]) for one in self.candidates}
        return candidates | {TraceKey(one.ingest_scope, one.trace_id) for one in self.payers}

    def ids(self) -> set[ResponseKey]:
        """Return the response ids by which these calls are known in other traces."""
        ids = ((one.ingest_scope, unique_id(one.fact)) for one in self.candidates)
        return {ResponseKey(scope, response_id) for scope, response_id in ids if response_id is not None}


def find(
    frames: Sequence[Frame], *, quick: QuickWay, decoder: Decoder, attribution: Attribution, index: Index
) -> Found:
    """Find out what the spans of these frames are."""
    try:
        return _find_quickly(frames, quick, attribution, index)
    except Exception as fault:  # noqa: BLE001 - whatever it is, it must not stop the sealer over and over
        found = Found(fault=f"{type(fault).__name__}: {fault}")
    for frame in frames:
        spans = [(frame.ingest_scope, span) for span in decoder.spans(frame.payload)]
        assert len(spans) == frame.kept, "a frame's payload does not hold the spans it counts"
        found.add(spans, attribution)
    return found


def _find_quickly(frames: Sequence[Frame], quick: QuickWay, attribution: Attribution, index: Index) -> Found:
    spans = quick.read(frames)
    assert len(spans) == sum(frame.kept for frame in frames), "a frame's payload does not hold the spans it counts"
    found = Found()
    found.add(quick.others(spans), attribution)
    alone, company = quick.plain_calls(spans, taken=found.traces(), ids=found.ids(), index=index)
    if company is not None:
        found.candidates += company.candidates()
    found.in_columns = InColumns(alone, company)
    return found
