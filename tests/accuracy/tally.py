"""The tally: verdicts of an instrumentation counted, with the reasons.

Must not: print.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ledger.vocabulary import SpanClass
from tests.accuracy.replay import LedgerRow, Replayed
from tests.accuracy.verdict import Judged, Verdict, billed, judge
from tests.corpus.recorded import Recording


@dataclass(slots=True)
class Tally:
    """What one instrumentation's calls came to."""

    instrumentation: str
    spans: int = 0
    responses: int = 0
    calls: int = 0
    """Billed calls whose response is known."""
    seen_twice: int = 0
    """Calls set aside because another trace tells of the same response."""
    nested: int = 0
    """Recordings of more than one span whose responses are known: each must bill as many calls."""
    unknown: int = 0
    """Billed calls of recordings without a known response: there is nothing to compare with."""
    figures: Counter[Verdict] = field(default_factory=Counter)
    cost: Counter[Verdict] = field(default_factory=Counter)
    figure_reasons: Counter[str] = field(default_factory=Counter)
    cost_reasons: Counter[str] = field(default_factory=Counter)
    miscounted: list[str] = field(default_factory=list)
    """Recordings of more than one span whose billed calls are not as many as their responses."""
    faults: list[str] = field(default_factory=list)
    """Every wrong or timid verdict in words."""

    @property
    def failed(self) -> bool:
        """Say whether anything is wrong, or flagged that was readable."""
        return bool(self.faults or self.miscounted)


def tally(instrumentation: str, recordings: Sequence[Recording], replayed: Replayed) -> Tally:
    """Judge and count every call of an instrumentation."""
    by_trace: defaultdict[int, list[LedgerRow]] = defaultdict(list)
    for row in replayed.rows:
        by_trace[row.trace].append(row)
    counted = Tally(instrumentation)
    for recording in recordings:
        _count(counted, recording, by_trace[recording.number + 1])
    counted.faults += _copies_of_nothing(replayed.rows)
    return counted


def _copies_of_nothing(rows: Sequence[LedgerRow]) -> list[str]:
    """Name the calls that are set aside as another's copy though no call of that response is billed."""
    billed_ids = {row.response_id for row in rows if row.span_class == SpanClass.USAGE}
    return [
        f"recording {row.trace - 1}: set aside as a copy of {row.response_id}, which is billed nowhere"
        for row in rows
        if row.span_class == SpanClass.DUPLICATE and row.response_id not in billed_ids
    ]


def _count(counted: Tally, recording: Recording, rows: Sequence[LedgerRow]) -> None:
    calls, copies = billed(rows), [row for row in rows if row.span_class == SpanClass.DUPLICATE]
    counted.spans += len(recording.spans)
    counted.responses += len(recording.truths)
    counted.seen_twice += len(copies)
    judged = list(judge(recording, rows))
    counted.calls += len(judged)
    counted.unknown += len(calls) - len(judged)
    is_nested = len(recording.spans) > 1 and bool(recording.truths)
    counted.nested += is_nested
    if is_nested and len(calls) + len(copies) != len(recording.truths):
        counted.miscounted.append(
            f"recording {recording.number}: {len(calls)} calls are billed for {len(recording.truths)} responses"
        )
    _enter(counted, recording, judged)


def _enter(counted: Tally, recording: Recording, judged: Iterable[Judged]) -> None:
    for one in judged:
        counted.figures[one.figures] += 1
        counted.cost[one.cost] += 1
        if one.figures_why and one.figures != Verdict.WRONG:
            counted.figure_reasons[one.figures_why] += 1
        if one.cost_why and one.cost != Verdict.WRONG:
            counted.cost_reasons[f"{one.cost}: {one.cost_why}"] += 1
        for kind, verdict, why in (("figures", one.figures, one.figures_why), ("cost", one.cost, one.cost_why)):
            if verdict in {Verdict.WRONG, Verdict.TIMID}:
                counted.faults.append(f"{verdict} {kind}, recording {recording.number}: {why}")
