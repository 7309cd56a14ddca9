"""Which price holds: dates, hours, service tiers, context thresholds, and how the price version names them."""

from __future__ import annotations

from datetime import UTC, date, time
from decimal import Decimal

import pytest
from genai_prices.types import (
    ClauseEquals,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    TimeOfDateConstraint,
)

from ledger.schema import PriceStatus
from pricing.book import PriceBook
from tests.pricing.calls import BOOK, Call, Money, day_us, price_calls, price_one

MILLION = {"input_tokens": 1_000_000}
JUNE, JULY = day_us(2026, 6, 1), day_us(2026, 7, 1)


def dollars(money: Money) -> Decimal | None:
    """The cost in dollars."""
    return None if money.cost is None else Decimal(money.cost).scaleb(-12).normalize()


def book_of(*prices: ConditionalPrice) -> PriceBook:
    """A book with one model."""
    model = ModelInfo(id="m", match=ClauseEquals(equals="m"), prices=list(prices))
    return PriceBook([Provider(id="seller", name="Seller", api_pattern="", models=[model])], snapshot="test 1")


def from_day(day: date, price: str) -> ConditionalPrice:
    """A price from a day on."""
    return ConditionalPrice(StartDateConstraint(day), prices=ModelPrice(input_mtok=Decimal(price)))


def test_a_call_before_the_first_price_has_none() -> None:
    """Where the library would charge the first price it has, the call is ambiguous."""
    book = book_of(from_day(date(2026, 6, 1), "3"), from_day(date(2026, 7, 1), "2"))
    early, june, july = price_calls([Call("seller", "m", MILLION, at) for at in (JUNE - 1, JUNE, JULY)], book=book)
    assert (early.price_status, early.cost, early.price_version) == (PriceStatus.AMBIGUOUS, None, None)
    assert (dollars(june), june.price_version) == (Decimal(3), "test 1;seller/m;2026-06-01..2026-07-01")
    assert (dollars(july), july.price_version) == (Decimal(2), "test 1;seller/m;2026-07-01..")


def test_calls_of_one_batch_pay_the_price_of_their_own_hour() -> None:
    """An hourly price holds from its first microsecond to the last before its end, every day, across midnight too."""
    night = TimeOfDateConstraint(time(22, 30, tzinfo=UTC), time(0, 30, tzinfo=UTC))
    book = book_of(
        ConditionalPrice(prices=ModelPrice(input_mtok=Decimal(4))),
        ConditionalPrice(night, prices=ModelPrice(input_mtok=Decimal(1))),
    )
    half_hour = 1_800_000_000
    moments = [JUNE - 3 * half_hour - 1, JUNE - 3 * half_hour, JUNE, JUNE + half_hour - 1, JUNE + half_hour]
    money = price_calls([Call("seller", "m", MILLION, at) for at in moments], book=book)
    assert [dollars(one) for one in money] == [4, 1, 1, 1, 4]
    assert {one.price_version for one in money} == {"test 1;seller/m;..", "test 1;seller/m;..;22:30-00:30Z"}


def test_half_a_picodollar_is_rounded_to_the_even_one() -> None:
    """Half-even, once, on the whole: 0.5 is 0, 1.5 is 2, and the parts still add up."""
    tiny = ModelPrice(input_mtok=Decimal("0.0000005"), output_mtok=Decimal("0.0000005"))
    book = book_of(ConditionalPrice(prices=tiny))
    usages = [
        {"input_tokens": tokens, "output_tokens": more} for tokens, more in ((1, 0), (3, 0), (5, 0), (1, 1), (1, 2))
    ]
    money = price_calls([Call("seller", "m", usage) for usage in usages], book=book)
    assert [one.cost for one in money] == [0, 2, 2, 1, 2]
    assert [(one.input_cost, one.output_cost) for one in money] == [(0, 0), (2, 0), (2, 0), (0, 1), (0, 2)]


def test_price_version_says_which_price_held() -> None:
    """Snapshot, model and validity stand on the call, so that anyone can look the price up again."""
    money = price_one(Call("openai", "gpt-4o-2024-08-06", {"input_tokens": 1}))
    assert (money.price_version, money.price_model) == (f"{BOOK.snapshot};openai/gpt-4o;..", "openai/gpt-4o")


def test_a_tier_has_its_price_from_the_day_on_that_the_book_has_it() -> None:
    """Before that day it is ambiguous, never the standard price; the version names the variant and its first day."""
    start = day_us(2026, 10, 12)
    before, after = price_calls([Call("openai", "gpt-5", MILLION, at, "flex") for at in (start - 1, start)])
    assert (before.price_status, before.cost) == (PriceStatus.AMBIGUOUS, None)
    assert after.price_status == PriceStatus.PRICED
    assert (after.price_version or "").endswith(";service_tier=flex 2026-10-12..")
    assert (after.cost or 0) < (price_one(Call("openai", "gpt-5", MILLION, start)).cost or 0)


def test_batch_is_a_way_of_processing_to_the_library() -> None:
    """The tier `batch` finds the price that the library keeps under processing."""
    money = price_one(Call("anthropic", "claude-sonnet-4-5", MILLION, day_us(2026, 10, 14), "batch"))
    assert "processing=batch 2026-10-14.." in (money.price_version or "")


@pytest.mark.parametrize("tier", ["default", "standard", "auto", "on_demand", "STANDARD", "", " default "])
def test_names_of_the_standard_tier_cost_the_standard_price(tier: str) -> None:
    """A tier that means the standard price is that price, under the same version."""
    plain = price_one(Call("openai", "gpt-4o", MILLION))
    assert price_one(Call("openai", "gpt-4o", MILLION, tier=tier)) == plain


@pytest.mark.parametrize("tier", ["scale", "provisioned", "no-such-tier", "web"])
def test_a_tier_that_nobody_knows_is_ambiguous(tier: str) -> None:
    """A tier without a known meaning is not taken for the standard one."""
    money = price_one(Call("openai", "gpt-4o", MILLION, day_us(2026, 11, 1), tier))
    assert (money.price_status, money.cost) == (PriceStatus.AMBIGUOUS, None)


def test_another_makers_list_gives_no_tier_prices() -> None:
    """Azure is priced by OpenAI's list where it has none of its own, but OpenAI's flex price is not Azure's."""
    provider_model = next(
        ("azure", model)
        for model in ("gpt-5.5", "gpt-5.4", "gpt-5.2", "gpt-5.1", "o3", "gpt-6-sol")
        if (listing := BOOK.listing("azure", model)) and listing.offer.lister.id == "openai"
    )
    at_us = day_us(2026, 11, 1)
    standard, flex = price_calls([Call(*provider_model, MILLION, at_us, tier) for tier in (None, "flex")])
    assert "list=openai" in (standard.price_version or "")
    assert (flex.price_status, flex.cost) == (PriceStatus.AMBIGUOUS, None)


def test_context_tier_begins_above_its_threshold() -> None:
    """272,000 input tokens pay the base rate; at 272,001 all of them, and the output, pay the tier's."""
    at, above = price_calls(
        [Call("openai", "gpt-5.4", {"input_tokens": tokens, "output_tokens": 1000}) for tokens in (272_000, 272_001)]
    )
    assert not (at.price_version or "").endswith(";>272000")
    assert (above.price_version or "").endswith(";>272000")
    assert (above.input_cost or 0) * 272_000 == (at.input_cost or 0) * 2 * 272_001
    assert (above.output_cost or 0) * 2 == (at.output_cost or 0) * 3
