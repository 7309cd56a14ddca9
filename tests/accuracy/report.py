"""The report: tallies as tables, and faults in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Final

from tests.accuracy.tally import Tally
from tests.accuracy.truth import CALL_TIME
from tests.accuracy.verdict import Verdict

_REASONS_MAX: Final = 4
_FAULTS_MAX: Final = 20
_BEGIN: Final = "<!-- accuracy: written by the run -->"
_END: Final = "<!-- accuracy: end -->"
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
            said = [f"{count} × {why.partition(';')[0]}" for why, count in counted.most_common(_REASONS_MAX)]
            if said:
                lines.append(f"* {one.instrumentation}, {kind}: " + " · ".join(said))
    return "\n".join(lines)


def counting(tallies: Sequence[Tally]) -> str:
    """Return whether traces of several spans bill as many calls as there were responses."""
    nested, off = sum(one.nested for one in tallies), sum(len(one.miscounted) for one in tallies)
    return f"Of {nested} traces of several spans, {nested - off} bill as many calls as there were responses."


def versions(*, on: date) -> str:
    """Return when the run was, and what its prices are of."""
    return f"{on.isoformat()}, genai-prices {version('genai-prices')}, calls priced at {CALL_TIME:%Y-%m-%d %H:%M} UTC"


def write_into(document: Path, text: str) -> None:
    """Put a run's text between the document's marks; the rest of it stays as it is."""
    before, begin, rest = document.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise SystemExit(f"{document} has no place for the run: a line {_BEGIN} and below it one {_END}.")
    document.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def faults(tallies: Sequence[Tally]) -> str:
    """Return what is wrong, in words; empty when nothing is."""
    lines = [f"{one.instrumentation}: {fault}" for one in tallies for fault in (*one.miscounted, *one.faults)]
    more = [f"… and {len(lines) - _FAULTS_MAX} more"] if len(lines) > _FAULTS_MAX else []
    return "\n".join(lines[:_FAULTS_MAX] + more)
