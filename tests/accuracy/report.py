"""The report: tallies as tables, and faults in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tests.accuracy.tally import Tally
from tests.accuracy.verdict import Verdict

_REASONS_MAX: Final = 4
_FAULTS_MAX: Final = 20
_HEAD: Final = (
    "instrumentation", "calls", "figures exact", "flagged", "timid", "wrong",
    "cost exact", "within bounds", "flagged", "unsaid", "timid", "wrong", "seen twice", "no truth",
)  # fmt: skip


def table(tallies: Sequence[Tally]) -> str:
    """Return the counts of every instrumentation as a Markdown table."""
    rows = [_HEAD, tuple("---" if place == 0 else "---:" for place in range(len(_HEAD)))]
    rows += [_cells(one) for one in tallies]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _cells(one: Tally) -> tuple[str, ...]:
    figures = (one.figures[kind] for kind in (Verdict.EXACT, Verdict.FLAGGED, Verdict.TIMID, Verdict.WRONG))
    cost = (
        one.cost[kind]
        for kind in (
            Verdict.EXACT,
            Verdict.WITHIN,
            Verdict.FLAGGED,
            Verdict.UNSAID,
            Verdict.TIMID,
            Verdict.WRONG,
        )
    )
    counts = (one.calls, *figures, *cost, one.seen_twice, one.unknown + one.cost[Verdict.UNKNOWN])
    return (one.instrumentation, *(str(count) for count in counts))


def reasons(tallies: Sequence[Tally]) -> str:
    """Return, per instrumentation, the most frequent reasons for what is not exact."""
    lines = []
    for one in tallies:
        for kind, counted in (("figures", one.figure_reasons), ("cost", one.cost_reasons)):
            lines += [
                f"{one.instrumentation}, {kind}: {count} × {why}" for why, count in counted.most_common(_REASONS_MAX)
            ]
    return "\n".join(lines)


def faults(tallies: Sequence[Tally]) -> str:
    """Return what is wrong, in words; empty when nothing is."""
    lines = [f"{one.instrumentation}: {fault}" for one in tallies for fault in (*one.miscounted, *one.faults)]
    more = [f"… and {len(lines) - _FAULTS_MAX} more"] if len(lines) > _FAULTS_MAX else []
    return "\n".join(lines[:_FAULTS_MAX] + more)
