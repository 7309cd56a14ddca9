"""A reported cost counts only for a source that the user names, and only within its band of the computed one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.schema import BillingMode, Flag, PriceStatus
from tests.pricing.calls import Call, own_book, price_one

CALL = Call("openai", "gpt-4o", {"input_tokens": 1_000, "output_tokens": 300}, reported_source="openrouter.cost")
COMPUTED = price_one(CALL)
BOOK = own_book("", bands={"openrouter*": Decimal("0.10")})


@given(st.integers(0, 2 * (COMPUTED.cost or 0)))
def test_within_the_band_the_reported_cost_is_the_cost(reported: int) -> None:
    """At the band's edge it counts, past it the computed cost stands; `list_cost` is the computed one either way."""
    money = price_one(replace(CALL, reported_cost=reported), book=BOOK)
    computed = COMPUTED.cost or 0
    counts = computed * 9 <= reported * 10 <= computed * 11
    assert money.cost == (reported if counts else computed)
    assert money.price_version == ("reported:openrouter.cost" if counts else COMPUTED.price_version)
    assert (money.list_cost, money.list_price_version) == (computed, COMPUTED.price_version)
    assert (money.input_cost or 0) + (money.output_cost or 0) + (money.other_cost or 0) == money.cost
    assert ("is not used" in (money.price_reason or "")) != counts


def test_a_report_settles_what_was_unsaid() -> None:
    """Between bounds, the reported cost tells which it was; the bounds stay beside it."""
    usage = {"input_tokens": 22_537, "cache_read_tokens": 9_179, "cache_write_tokens": 13_356, "output_tokens": 4}
    call = Call("anthropic", "claude-haiku-4-5", usage, flags=(Flag.CACHE_TTL_UNSAID,), reported_source="claude_code")
    hour = price_one(replace(call, flags=(), usage={**usage, "cache_write_1h_tokens": 13_356})).cost
    unsaid = price_one(call)
    money = price_one(replace(call, reported_cost=hour), book=own_book("", bands={"claude_code": Decimal("0.01")}))
    assert (unsaid.price_status, unsaid.cost_high) == (PriceStatus.AMBIGUOUS, hour)
    assert (money.price_status, money.cost, money.cost_high) == (PriceStatus.PRICED, hour, hour)


@pytest.mark.parametrize(
    "call",
    [
        replace(CALL, reported_cost=COMPUTED.cost, reported_source="other"),
        replace(CALL, reported_cost=COMPUTED.cost, reported_source=None),
        replace(CALL, reported_cost=None),
        replace(CALL, reported_cost=COMPUTED.cost, billing_mode=BillingMode.SUBSCRIPTION),
        replace(CALL, reported_cost=COMPUTED.cost, flags=(Flag.LOCAL_CACHE_HIT,)),
    ],
)
def test_a_claim_without_authority_changes_nothing(call: Call) -> None:
    """Another source, no source, no cost, or a call for which nothing is paid."""
    assert price_one(call, book=BOOK) == price_one(call)


def test_a_seller_may_be_named_instead_of_the_attribute() -> None:
    """`openrouter` means every cost reported for a call that OpenRouter sold, whichever attribute carried it."""
    call = Call("openrouter", "openai/gpt-4o", CALL.usage, reported_cost=5_000_000_000, reported_source="usage.cost")
    book = own_book("", bands={"openrouter": Decimal("0.99")})
    assert price_one(call, book=book).price_version == "reported:usage.cost"
    assert price_one(replace(call, provider="openai", model="gpt-4o"), book=book).cost == COMPUTED.cost


def test_a_report_of_what_cannot_be_computed_is_not_believed() -> None:
    """Without anything to compare it with there is no band; the status stays, and the reason says so."""
    money = price_one(replace(CALL, model="gpt-99", reported_cost=5), book=BOOK)
    assert (money.price_status, money.cost) == (PriceStatus.UNKNOWN_MODEL, None)
    assert "nothing was computed to compare it with" in (money.price_reason or "")
