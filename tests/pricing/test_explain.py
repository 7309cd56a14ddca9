"""A call's price explained: the steps are those that were charged, and anyone can repeat them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.money import from_picos, round_cost
from ledger.schema import BillingMode, Flag, PriceStatus
from pricing.apply import CallColumns
from pricing.book import PriceBook
from pricing.explain import Explained, explain
from tests.pricing.calls import BOOK, Call, own_book, price_one

USAGE = {"input_tokens": 1_000, "cache_read_tokens": 400, "output_tokens": 100}
SONNET = Call("anthropic", "claude-sonnet-4-5", USAGE)
BEDROCK = Call(
    "aws.bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0", {"input_tokens": 7}, flags=(Flag.PROFILE_UNSAID,)
)


def explained(call: Call, *, book: PriceBook = BOOK) -> Explained:
    """Explain one call."""
    calls = CallColumns(
        provider=[call.provider],
        model=[call.model],
        start_time_us=[call.at_us],
        service_tier=[call.tier],
        usage={unit: [count] for unit, count in call.usage.items()},
        usage_status=[call.usage_status],
        usage_flags=[call.flags],
        billing_mode=[call.billing_mode],
    )
    return explain(calls, book=book)


def test_each_unit_is_multiplied_once_in_reading_order() -> None:
    """Input before output; a detail with a price of its own is taken off its total."""
    found = explained(SONNET)
    assert [(step.unit, step.count, step.rate, step.per, step.amount) for step in found.steps] == [
        ("input_tokens", 600, Decimal(3), "million", Decimal("0.0018")),
        ("cache_read_tokens", 400, Decimal("0.3"), "million", Decimal("0.00012")),
        ("output_tokens", 100, Decimal(15), "million", Decimal("0.0015")),
    ]
    assert found.money["cost"] == price_one(SONNET).cost


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([
        ("openai", "gpt-4o"), ("openai", "gpt-5.4"),
        ("anthropic", "claude-sonnet-4-5"), ("gcp.gemini", "gemini-2.5-pro"),
    ]),
    st.integers(0, 500_000), st.integers(0, 500_000), st.booleans(),
)  # fmt: skip
def test_the_steps_add_up_to_the_cost(model: tuple[str, str], given_tokens: int, taken: int, own: bool) -> None:  # noqa: FBT001
    """Below and above context tiers, at own and at public rates, both sums are those of the ledger."""
    book = own_book("[[prices]]\ndiscount_percent = 7\nrates = { output_tokens = { base = 1, above_9 = 2 } }")
    call = Call(*model, {"input_tokens": given_tokens, "output_tokens": taken})
    found = explained(call, book=book if own else BOOK)
    for price in ("cost", "list_cost") if own else ("cost",):
        total = sum((Fraction(step.amount) for step in found.steps if step.price == price), Fraction())
        assert round_cost(Decimal(total.numerator) / total.denominator) == from_picos(found.money[price])


def test_every_case_of_what_is_unsaid_has_its_steps() -> None:
    """The cases' sums are the bounds."""
    found = explained(BEDROCK)
    sums = {step.case: step.amount for step in found.steps}
    assert found.money["price_status"] == PriceStatus.AMBIGUOUS
    assert sorted(sums.values()) == [
        from_picos(found.money["cost_low"]).normalize(),
        from_picos(found.money["cost_high"]).normalize(),
    ]
    assert all(case.startswith("aws/") for case in sums)


def test_rates_are_listed_for_every_context_tier() -> None:
    """Own beside public, above each threshold at which either changes."""
    book = own_book('[[prices]]\nmodel = "claude*"\nrates = { input_tokens = { base = 2, above_100000 = 2.5 } }')
    lines = [line for line in explained(SONNET, book=book).rates if line.unit == "input_tokens"]
    assert [(line.above_input_tokens, line.list_rate, line.rate) for line in lines] == [
        (None, Decimal(3), Decimal(2)),
        (100_000, Decimal(3), Decimal("2.5")),
        (200_000, Decimal(6), Decimal("2.5")),
    ]


@pytest.mark.parametrize("call", [replace(SONNET, model="gpt-99"), replace(SONNET, usage={})])
def test_what_has_no_price_has_a_reason_and_no_steps(call: Call) -> None:
    """Nothing is multiplied where nothing is known."""
    found = explained(call)
    assert not found.steps
    assert found.money["price_reason"]


def test_a_prepaid_call_shows_what_it_would_have_cost() -> None:
    """Its steps are those of the list cost."""
    found = explained(replace(SONNET, billing_mode=BillingMode.SUBSCRIPTION))
    assert {step.price for step in found.steps} == {"list_cost"}
    assert found.money["cost"] == 0
