"""The measure itself: a ledger that is off by one token or one 10⁻¹² of a dollar is called wrong."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.accuracy.charged import ANSWERS, Charge
from tests.accuracy.replay import LedgerRow, Replayed
from tests.accuracy.tally import tally
from tests.accuracy.truth import cost_of
from tests.accuracy.verdict import Verdict, judge
from tests.corpus.recorded import CorpusSpan, Recording, Truth

# claude-sonnet-4-6 per million: $3 and $15; cache reads $0.3, writes $3.75 and, for an hour, $6. 1,000 searches: $10.
TRUTH = Truth(
    model="claude-sonnet-4-6",
    response_id="msg_1",
    usage={
        "input_tokens": 100,
        "cache_read_input_tokens": 1000,
        "cache_creation_input_tokens": 2000,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 2000},
        "output_tokens": 10,
    },
    address="https://api.anthropic.com",
    invoked_model=None,
    tier="standard",
    streamed=False,
)
COST = Decimal("0.012750000000")
ROW = LedgerRow(
    trace=1,
    span=1,
    span_class="usage",
    reason=None,
    response_id="msg_1",
    model="claude-sonnet-4-6",
    figures={
        "input_tokens": 3100,
        "cache_read_tokens": 1000,
        "cache_write_tokens": 2000,
        "cache_write_1h_tokens": 2000,
        "output_tokens": 10,
    },
    usage_status="reported",
    usage_flags=(),
    price_status="priced",
    price_reason=None,
    service_tier=None,
    cost=COST,
    cost_low=None,
    cost_high=None,
)
SPAN = CorpusSpan(
    name="chat", kind="CLIENT", status="UNSET", parent=None, scope="s", scope_version="", attributes={}, removed=()
)


def verdicts(row: LedgerRow, truth: Truth = TRUTH) -> tuple[Verdict, Verdict]:
    """Return the verdicts on figures and on cost."""
    (judged,) = judge(Recording(number=0, spans=(SPAN,), truths=(truth,)), [row])
    return judged.figures, judged.cost


def unpriced(**changes: Any) -> LedgerRow:
    """Return the call without a cost."""
    return replace(ROW, cost=None, price_status="ambiguous", **changes)


def figures(**changes: int) -> dict[str, int]:
    """Return the call's figures, some of them changed."""
    return ROW.figures | changes


def test_the_reference_by_hand() -> None:
    """The library's cost of the provider's block is what its price list says, worked out on paper."""
    assert cost_of(TRUTH).amount == COST == (100 * 3 + 1000 * Decimal("0.3") + 2000 * 6 + 10 * 15) / Decimal(10**6)


def test_a_call_that_is_right() -> None:
    """The provider's figures and their cost are exact."""
    assert verdicts(ROW) == (Verdict.EXACT, Verdict.EXACT)


@pytest.mark.parametrize("unit", sorted(ROW.figures))
def test_one_token_too_many(unit: str) -> None:
    """A figure that is off by one, in any unit that decides about money, is wrong."""
    assert verdicts(replace(ROW, figures=figures(**{unit: ROW.figures[unit] + 1})))[0] == Verdict.WRONG


def test_one_pico_too_much() -> None:
    """A cost that is off in its twelfth decimal is wrong."""
    assert verdicts(replace(ROW, cost=COST + Decimal("1e-12")))[1] == Verdict.WRONG


def test_a_wrong_figure_that_says_so() -> None:
    """Figures that are not the provider's are flagged where the entry calls them partial."""
    assert verdicts(unpriced(figures=figures(output_tokens=1), usage_status="partial")) == (
        Verdict.FLAGGED,
        Verdict.FLAGGED,
    )


def test_a_right_figure_that_is_doubted_for_nothing() -> None:
    """Calling the provider's own figures partial, with no limit of the emitter as reason, is timid."""
    assert verdicts(unpriced(usage_status="partial"))[0] == Verdict.TIMID


def test_no_cost_for_a_call_of_which_all_is_known() -> None:
    """A call whose figures are exact and which the library can price must have a cost."""
    assert verdicts(unpriced())[1] == Verdict.TIMID


def test_no_cost_where_the_emitter_lacks_a_fact() -> None:
    """The same call without a cost is flagged where the span cannot say how long a cache write is kept."""
    assert verdicts(unpriced(usage_flags=("cache_ttl_unsaid",)))[1] == Verdict.FLAGGED


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (Decimal("0.00825"), COST, Verdict.WITHIN),
        (COST, Decimal("0.013"), Verdict.WITHIN),
        (Decimal("0.00825"), COST - Decimal("1e-12"), Verdict.WRONG),
        (COST + Decimal("1e-12"), Decimal("0.013"), Verdict.WRONG),
    ],
)
def test_bounds(low: Decimal, high: Decimal, expected: Verdict) -> None:
    """The bounds of an ambiguous cost hold the true one, to the last digit, or are wrong."""
    row = unpriced(usage_flags=("cache_ttl_unsaid",), cost_low=low, cost_high=high)
    assert verdicts(row)[1] == expected


def test_how_long_a_cache_write_is_kept() -> None:
    """A cost that is right only because the write happened to be for five minutes is a guess, and wrong."""
    five = {"ephemeral_5m_input_tokens": 2000, "ephemeral_1h_input_tokens": 0}
    truth = replace(TRUTH, usage=TRUTH.usage | {"cache_creation": five})
    unsaid = {name: count for name, count in ROW.figures.items() if "1h" not in name}
    cheap = COST - Decimal("0.0045")
    assert cost_of(truth).amount == cheap
    assert verdicts(replace(ROW, figures=unsaid, cost=cheap), truth)[1] == Verdict.WRONG
    said = unsaid | {"cache_write_5m_tokens": 2000, "cache_write_1h_tokens": 0}
    assert verdicts(replace(ROW, figures=said, cost=cheap), truth)[1] == Verdict.EXACT
    flags = {"usage_flags": ("cache_ttl_unsaid",), "figures": unsaid, "cost_low": cheap}
    assert verdicts(unpriced(**flags, cost_high=COST), truth)[1] == Verdict.WITHIN
    assert verdicts(unpriced(**flags, cost_high=COST - Decimal("1e-12")), truth)[1] == Verdict.WRONG


def test_a_fee_that_no_attribute_says() -> None:
    """A cost that lacks exactly the fee of server tools is listed as unsaid, and is no longer if the span said them."""
    searched = replace(TRUTH, usage=TRUTH.usage | {"server_tool_use": {"web_search_requests": 3}})
    assert verdicts(replace(ROW, usage_flags=("server_tools_unsaid",)), searched)[1] == Verdict.UNSAID
    assert verdicts(ROW, searched)[1] == Verdict.WRONG
    assert verdicts(replace(ROW, figures=figures(web_searches=3)), searched)[1] == Verdict.WRONG


def test_a_price_for_what_is_in_no_price_list() -> None:
    """A cost for a model on one's own machine is wrong, whatever it is."""
    assert verdicts(ROW, replace(TRUTH, address="http://localhost:8000"))[1] == Verdict.WRONG


def test_a_service_tier_without_a_price() -> None:
    """The library's silent fall-back to its standard price is not taken for the truth."""
    assert cost_of(replace(TRUTH, tier="priority")).amount is None


def test_a_response_billed_twice() -> None:
    """A nested recording with more billed calls than responses fails, though each call is exact."""
    recording = Recording(number=0, spans=(SPAN, SPAN), truths=(TRUTH,))
    twice = tally("x", [recording], Replayed(rows=(ROW, replace(ROW, span=2)), audit={}))
    assert twice.failed
    assert twice.miscounted == ["recording 0: 2 calls are billed for 1 responses"]
    nested = tally("x", [recording], Replayed(rows=(ROW, replace(ROW, span=2, span_class="nested")), audit={}))
    assert not nested.failed


def test_a_copy_of_nothing() -> None:
    """A call set aside as seen twice fails unless its response is billed once."""
    recording = Recording(number=0, spans=(SPAN,), truths=(TRUTH,))
    copy = replace(ROW, span_class="duplicate", reason="duplicate_call")
    assert tally("x", [recording], Replayed(rows=(copy,), audit={})).failed
    once = tally("x", [recording], Replayed(rows=(copy, replace(ROW, trace=2)), audit={}))
    assert (once.failed, once.seen_twice) == (False, 1)


@pytest.mark.parametrize(
    ("cost", "near"),
    [
        ("0.00353025", "yes"),
        ("0.0035655525", "yes"),
        ("0.0035655526", "no"),
        ("0.0034949474", "no"),
        (None, "no"),
    ],
)
def test_within_a_hundredth_of_the_charge(cost: str | None, near: str) -> None:
    """1 % is of the charge, either way and inclusive; a call without a cost is not near."""
    assert Charge(ANSWERS[0], None if cost is None else Decimal(cost)).is_near == (near == "yes")
