"""The verdict: what the ledger holds against what was sent, asked of a stock DuckDB."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.load.traffic import CALLS_PER_REQUEST, NESTED_PER_REQUEST, SPANS_PER_REQUEST
from tests.programs import stock_duckdb


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of the traffic."""

    expected: int
    calls: int
    lost: int
    """Traces with a call that have none in the ledger."""
    doubled: int
    """Calls beyond the first of a trace."""
    strange: int
    """Calls in traces that hold none."""
    nested: int
    nested_expected: int
    adds_up: bool

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost or doubled and the counts add up."""
        return not (self.lost or self.doubled or self.strange) and self.adds_up and self.nested == self.nested_expected

    def __str__(self) -> str:
        return (
            f"{self.expected} calls sent, {self.calls} in the ledger: {self.lost} lost, {self.doubled} doubled, "
            f"{self.strange} strange; {self.nested} of {self.nested_expected} enclosing spans set aside; "
            f"the counts {'add up' if self.adds_up else 'do NOT add up'}"
        )


def judge(views: Path, *, requests: int) -> Verdict:
    """Compare the ledger with the requests 0 to `requests`."""
    ((calls, traces, known, adds_up, agrees, nested),) = stock_duckdb(
        views,
        f"""WITH sent AS (
            SELECT format('{{:016x}}', number) || repeat('01', 8) AS trace_id
            FROM range(1, {requests * SPANS_PER_REQUEST + 1}) AS numbers(number)
            WHERE (number - 1) % 10 IN (5, 6, 7, 9)
        )
        SELECT (SELECT count(*) FROM calls), (SELECT count(DISTINCT trace_id) FROM calls),
            (SELECT count(*) FROM sent WHERE trace_id IN (SELECT trace_id FROM calls)),
            (SELECT adds_up FROM audit), (SELECT ledger_agrees FROM audit), (SELECT nested FROM audit)""",
    )
    # The first request's enclosing spans enclose nothing that was sent: each is a call in a trace below 1.
    before_the_first = len(stock_duckdb(views, f"SELECT 1 FROM calls WHERE trace_id = '{'00' * 8 + '01' * 8}'"))
    expected = requests * CALLS_PER_REQUEST
    return Verdict(
        expected=expected,
        calls=calls,
        lost=expected - known,
        doubled=(calls - before_the_first) - (traces - bool(before_the_first)),
        strange=traces - bool(before_the_first) - known,
        nested=nested,
        nested_expected=(requests - 1) * NESTED_PER_REQUEST,
        adds_up=adds_up and agrees,
    )
