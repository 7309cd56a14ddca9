"""Verdicts: a call in the ledger against the provider's own words about it.

Figures are `exact` (all that decide about money), `flagged` (they are not, and the entry says that they may not be),
`timid` (they are, and the entry doubts them for no reason that its emitter gives), or `wrong`: not the provider's, and
nothing said.

A cost is `exact` (to the twelfth decimal), `within` bounds of an ambiguous one, `flagged` (none is given, and why),
`unsaid` (it differs by exactly what the entry says that the span had no way to say), `timid` (none is given though all
was known),
`unknown` (one is given, and the true one is not known), or `wrong`.

Must not: know an instrumentation by name, or an emitter's attributes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ledger.vocabulary import PriceStatus, SpanClass, UsageStatus
from receiver.dialects.finish import TIER_UNSAID, TOOLS_UNSAID
from tests.accuracy.replay import LedgerRow
from tests.accuracy.truth import TrueCost, call_time, cost_of, figures_of, kept_for_an_hour
from tests.corpus.recorded import Recording, Truth

# Of these every entry must have the provider's number; of the others, where it says one at all.
_ALWAYS: Final = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
# An input that says nothing of these had none of them; an absent input is not 0.
_ABSENT_IS_NONE: Final = ("output_tokens", "cache_read_tokens", "cache_write_tokens")
# What an entry says when a fact that it needs is in no attribute, or its emitter is known to write it wrongly. Figures
# that happen to be right under one of these are luck.
_EMITTER_LIMITS: Final = frozenset({
    "stream_usage_unreliable", "stream_not_ruled_out", "cache_read_unsaid", "cache_write_unsaid",
    "cache_ttl_unsaid", "bedrock_profile_unsaid", "unbilled_tokens",
})  # fmt: skip
# Figures that say how long a cache write is kept.
_HOW_LONG: Final = frozenset({"cache_write_5m_tokens", "cache_write_1h_tokens"})
# Under this one a cost is not given although every figure is reported.
_DOUBTED_FIGURES: Final = frozenset({"cache_read_unsaid", "cache_write_unsaid"})


class Verdict(StrEnum):
    """How a call's figures or cost stand against the truth."""

    EXACT = "exact"
    WITHIN = "within"
    UNSAID = "unsaid"
    UNKNOWN = "unknown"
    FLAGGED = "flagged"
    TIMID = "timid"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Judged:
    """A call, its truth, and how its figures and its cost stand."""

    row: LedgerRow
    truth: Truth
    figures: Verdict
    figures_why: str
    cost: Verdict
    cost_why: str


def judge(recording: Recording, rows: Sequence[LedgerRow]) -> Iterator[Judged]:
    """Judge the billed calls of a recording; `rows` are the ledger's of its trace."""
    for row, truth in matched(recording, rows):
        figures, figures_why = _figures(row, truth)
        cost, cost_why = _cost(row, cost_of(truth, at=call_time(recording)), figures)
        if cost in {Verdict.EXACT, Verdict.WITHIN} and (guess := _guessed(row, truth, recording)):
            cost, cost_why = Verdict.WRONG, guess
        yield Judged(row, truth, figures, figures_why, cost, cost_why)


def matched(recording: Recording, rows: Sequence[LedgerRow]) -> Iterator[tuple[LedgerRow, Truth]]:
    """Put calls and responses side by side: by response id; where there are none, one to one and in order."""
    calls = billed(rows)
    by_id = {truth.response_id: truth for truth in recording.truths if truth.response_id}
    one_to_one = len(calls) == len(recording.truths)
    for place, row in enumerate(calls):
        if row.response_id in by_id:
            yield row, by_id[row.response_id]
        elif one_to_one and (row.response_id is None or not recording.truths[place].response_id):
            yield row, recording.truths[place]


def billed(rows: Sequence[LedgerRow]) -> list[LedgerRow]:
    """Return the calls that are billed, in the order in which their spans were recorded."""
    return sorted((row for row in rows if row.span_class == SpanClass.USAGE), key=lambda row: row.span)


def _figures(row: LedgerRow, truth: Truth) -> tuple[Verdict, str]:
    differing = _differing(row, truth)
    doubts = [flag for flag in row.usage_flags if flag in _EMITTER_LIMITS]
    doubted = row.usage_status != UsageStatus.REPORTED or bool(_DOUBTED_FIGURES.intersection(doubts))
    why = ", ".join(doubts) or (f"usage {row.usage_status}" if doubted else "")
    if not differing:
        return (Verdict.TIMID, why) if doubted and not doubts else (Verdict.EXACT, "")
    return (Verdict.FLAGGED, why) if doubted else (Verdict.WRONG, f"found {differing} for {truth.usage}")


def _differing(row: LedgerRow, truth: Truth) -> dict[str, int | None]:
    """Return the figures that are not the provider's."""
    expected = figures_of(truth.usage)
    found = dict.fromkeys(_ABSENT_IS_NONE, 0) | row.figures
    names = [name for name in expected if name in _ALWAYS or name in found]
    return {name: found.get(name) for name in names if found.get(name) != expected[name]}


def _cost(row: LedgerRow, true: TrueCost, figures: Verdict) -> tuple[Verdict, str]:
    if row.price_status == PriceStatus.PRICED:
        return _amount(row, true)
    why = _why_unpriced(row)
    if true.amount is None:
        return Verdict.FLAGGED, why
    if row.cost_low is not None and row.cost_high is not None:
        if row.cost_low <= true.amount <= row.cost_high:
            return Verdict.WITHIN, why
        return Verdict.WRONG, f"bounds {row.cost_low} to {row.cost_high} leave out {true.amount}"
    known = figures == Verdict.EXACT and row.model and not _EMITTER_LIMITS.intersection(row.usage_flags)
    return (Verdict.TIMID if known else Verdict.FLAGGED), why


def _amount(row: LedgerRow, true: TrueCost) -> tuple[Verdict, str]:
    if true.amount is None:
        return (Verdict.WRONG if not true.is_for_sale else Verdict.UNKNOWN), f"{row.cost} where {true.unknown_because}"
    if row.cost == true.amount:
        return Verdict.EXACT, ""
    if unsaid := _unsaid(row, true):
        return Verdict.UNSAID, unsaid
    return Verdict.WRONG, f"{row.cost} instead of {true.amount}"


def _unsaid(row: LedgerRow, true: TrueCost) -> str:
    """Name the fact that no attribute of the span says, if that alone makes the difference."""
    assert row.cost is not None
    assert true.amount is not None
    if TOOLS_UNSAID in row.usage_flags and true.fees and row.cost == true.amount - true.fees:
        return "fees of server tools"
    if TIER_UNSAID in row.usage_flags and row.cost == true.at_standard_tier:
        return "service tier"
    return ""


def _guessed(row: LedgerRow, truth: Truth, recording: Recording) -> str:
    """Say that a right cost was luck: had the cache write been for an hour, the same span would give a wrong one."""
    hour = kept_for_an_hour(truth)
    if hour is None or not _HOW_LONG.isdisjoint(row.figures):
        return ""
    other = cost_of(hour, at=call_time(recording)).amount
    low, high = (row.cost, row.cost) if row.cost is not None else (row.cost_low, row.cost_high)
    if other is None or low is None or high is None or low <= other <= high:
        return ""
    return f"{low} to {high} leaves out {other}, which it is if the cache write was for an hour"


def _why_unpriced(row: LedgerRow) -> str:
    limits = [flag for flag in row.usage_flags if flag in _EMITTER_LIMITS]
    if not row.model:
        limits.append("no model on the span")
    return ", ".join(limits) or row.price_reason or str(row.price_status)
