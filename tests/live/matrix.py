"""The matrix: how each combination ended, as Markdown, in its place in docs/dialects.md.

One table per API, one row per combination, one column per scenario. Why something is flagged or wrong stands below the
tables, numbered, since many cells have the same reason. Must not: run or judge anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Final

from receiver.dialects.table import MATRIX_BEGIN, MATRIX_END, matrix_of
from tests.live.environments import named
from tests.live.run import Outcome
from tests.live.scenarios import Scenario
from tests.live.verdict import Kind, Verdict

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "dialects.md"
_TITLES: Final = {"openai": "OpenAI's API", "anthropic": "Anthropic's API", "gemini": "Gemini's API"}
_INTRODUCTION: Final = """\
## Seen live

Written by `make live` on {day}: real SDKs and instrumentations, the newest releases of that day, call a provider that
answers as the real one does, and their spans go to a running spanledger. A cell compares the ledger with what the
provider charged:

- **right**: each call once, at the cost of the provider's own usage block, to the 12th decimal. Of a refused call: no
  cost. Of a server at an address of one's own (`local`): no vendor's price.
- **flagged**: the ledger says that it does not know the cost, and why.
- **no span**: the instrumentation said nothing of the call, or of one of two.
- **does not run**: the newest releases do not work together.
- **wrong**: a false cost, a fault of ours. Calls that are billed again come from an SDK that traces itself beside an
  instrumentation that does not enclose it; `ANTHROPIC_OPEN_TELEMETRY=false` switches Anthropic's off.
"""


def write_matrix(outcomes: Sequence[Outcome], *, day: date) -> None:
    """Put the matrix into the document, in place of the one that is there."""
    text = DOCUMENT.read_text(encoding="utf-8")
    matrix = f"{MATRIX_BEGIN}\n{render(outcomes, day=day)}{MATRIX_END}\n"
    DOCUMENT.write_text(text.replace(matrix_of(text), matrix), encoding="utf-8")


def render(outcomes: Sequence[Outcome], *, day: date) -> str:
    """Return the matrix as Markdown."""
    reasons: dict[str, int] = {}
    parts = [_INTRODUCTION.format(day=day.isoformat())]
    for api, title in _TITLES.items():
        of_api = [outcome for outcome in outcomes if outcome.combination.api == api]
        if of_api:
            parts.append(f"### {title}\n\n{_table(of_api, reasons)}")
    if reasons:
        parts.append("".join(f"{number}. {reason}\n" for reason, number in reasons.items()))
    return "\n".join(parts)


def _table(outcomes: Sequence[Outcome], reasons: dict[str, int]) -> str:
    columns = [one for one in Scenario if any(one in outcome.verdicts for outcome in outcomes)]
    head = ["Application", "Instrumented by", *(column.value.replace("_", " ") for column in columns)]
    rows = [
        [
            _packages(outcome, outcome.combination.sdk.shown),
            _packages(outcome, outcome.combination.instrumentation.packages) or "itself",
            *(_cell(outcome.verdicts.get(column), reasons) for column in columns),
        ]
        for outcome in outcomes
    ]
    return "".join(_line(cells) for cells in (head, ["---"] * len(head), *rows))


def _packages(outcome: Outcome, packages: Iterable[str]) -> str:
    return ", ".join(f"{name} {outcome.versions.get(name, '')}".strip() for name in named(packages))


def _cell(verdict: Verdict | None, reasons: dict[str, int]) -> str:
    if verdict is None:
        return "·"
    kind = "does not run" if verdict.kind is Kind.BROKEN else verdict.kind.value
    kind = f"**{kind}**" if verdict.kind is Kind.WRONG else kind
    if not verdict.why:
        return kind
    return f"{kind} ({reasons.setdefault(verdict.why, len(reasons) + 1)})"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"
