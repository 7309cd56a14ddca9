"""Prices of the user's own: which entry holds, what it makes of the public price, and what stays beside it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.schema import BillingMode, Flag, PriceStatus
from tests.pricing.calls import BOOK, Call, day_us, own_book, price_calls, price_one

SONNET = "claude-sonnet-4-5-20250929"
USAGE = {"input_tokens": 100_000, "cache_read_tokens": 40_000, "output_tokens": 10_000}
CALL = Call("anthropic", SONNET, USAGE)
MICRO = 10**6  # picos of a dollar per million of tokens, per dollar


def test_a_rate_of_ones_own_is_charged_and_the_public_price_stays_beside_it() -> None:
    """`cost` is at the own rate, other units at the public one; `list_cost` is public, and both versions are named."""
    book = own_book(
        """
        [[prices]]
        name = "deal"
        provider = "anthropic"
        model = "claude-sonnet-4*"
        from = 2026-01-01
        to = 2027-01-01
        rates = { input_tokens = 2.40, output_tokens = 12 }
        """
    )
    public, own = price_one(CALL), price_one(CALL, book=book)
    assert own.cost == 60_000 * 2_400_000 + 40_000 * 300_000 + 10_000 * 12_000_000
    assert (own.list_cost, own.list_price_version) == (public.cost, public.price_version)
    assert own.price_version == "own a.toml@a1;deal 2026-01-01..2027-01-01"
    assert (own.price_status, own.price_model, own.price_reason) == (PriceStatus.PRICED, public.price_model, None)
    assert (own.input_cost or 0) + (own.output_cost or 0) + (own.other_cost or 0) == own.cost


def test_an_own_price_holds_from_its_first_moment_to_its_last_before_the_end() -> None:
    """Outside its validity the public price is charged; moments within a day and with a zone are meant."""
    book = own_book(
        """
        [[prices]]
        model = "claude*"
        from = 2026-10-01T02:00:00+02:00
        to = 2026-10-02
        discount_percent = 50
        """
    )
    begin, end = day_us(2026, 10, 1), day_us(2026, 10, 2)
    calls = [replace(CALL, at_us=at) for at in (begin - 1, begin, end - 1, end)]
    assert [2 * (one.cost or 0) == one.list_cost for one in price_calls(calls, book=book)] == [False, True, True, False]
    assert price_calls(calls, book=book)[0] == price_one(calls[0])


def test_a_discount_is_taken_off_every_tier_and_unit() -> None:
    """A call above a context tier's threshold pays the tier's rates less the discount; the version says the tier."""
    book = own_book('[[prices]]\nprovider = "openai"\ndiscount_percent = 12.5')
    for tokens in (272_000, 272_001):
        call = Call("openai", "gpt-5.4", {"input_tokens": tokens, "output_tokens": 800})
        own = price_one(call, book=book)
        assert own.cost == Fraction(own.list_cost or 0) * Fraction(7, 8)
        assert (own.price_version or "").endswith(";>272000") == (tokens > 272_000)


def test_own_context_tiers_step_up_above_their_thresholds() -> None:
    """A rate of one's own with `above_` holds for the whole request past it."""
    book = own_book(
        """
        [[prices]]
        model = "claude-sonnet-4-5*"
        rates = { input_tokens = { base = 2, above_200000 = 5 } }
        """
    )
    at, above = price_calls(
        [Call("anthropic", SONNET, {"input_tokens": tokens}) for tokens in (200_000, 200_001)], book=book
    )
    assert (at.cost, above.cost) == (200_000 * 2 * MICRO, 200_001 * 5 * MICRO)


def test_the_narrower_entry_counts_unit_by_unit() -> None:
    """A general discount, a model's input rate, an account's output rate: each unit at its narrowest entry."""
    book = own_book(
        """
        [[prices]]
        name = "all"
        provider = "anthropic"
        discount_percent = 10
        [[prices]]
        name = "sonnet"
        provider = "anthropic"
        model = "claude-sonnet*"
        rates = { input_tokens = 2 }
        [[prices]]
        name = "team"
        provider = "anthropic"
        model = "claude-sonnet-4-5*"
        account = "acct-1"
        rates = { output_tokens = 10 }
        """
    )
    team, other, opus = price_calls(
        [replace(CALL, account="acct-1"), replace(CALL, account="acct-2"), replace(CALL, model="claude-opus-4-5")],
        book=book,
    )
    read = 40_000 * 270_000
    assert team.cost == 60_000 * 2 * MICRO + read + 10_000 * 10 * MICRO
    assert other.cost == 60_000 * 2 * MICRO + read + 10_000 * 13_500_000
    assert opus.cost == Fraction(opus.list_cost or 0) * Fraction(9, 10)
    assert [label.split(";")[1].split(" ")[0] for label in (team.price_version or "").split("+")] == [
        "all",
        "sonnet",
        "team",
    ]


@pytest.mark.parametrize(
    ("condition", "fitting", "other"),
    [
        ('region = "eu-*"', {"region": "eu-west-1"}, {"region": "us-east-1"}),
        ('deployment = "chat-prod"', {"deployment": "Chat-Prod"}, {"deployment": "chat-test"}),
        ('deployment = "arn:*:profile/x"', {"request_model": "arn:aws:profile/x"}, {}),
        ('service_tier = "standard"', {"tier": "auto"}, {"tier": "priority", "at_us": day_us(2026, 11, 1)}),
        ('account = "a"', {"account": "a"}, {"account": None}),
        ('provider = "openai"', {}, {"provider": "azure"}),
        ('model = "gpt-5"', {}, {"model": "gpt-5-mini"}),
    ],
)
def test_each_condition_must_be_met(condition: str, fitting: dict[str, str], other: dict[str, str]) -> None:
    """A call that meets the entry's condition pays its rate, one that does not pays the public price."""
    book = own_book(f"[[prices]]\n{condition}\nrates = {{ input_tokens = 1 }}")
    call = Call("openai", "gpt-5", {"input_tokens": 10})
    yes, no = price_calls([replace(call, **fitting), replace(call, **other)], book=book)  # type: ignore[arg-type]
    assert yes.cost == 10 * MICRO
    assert no.price_version == no.list_price_version


def test_a_model_is_also_meant_by_its_name_on_the_list_but_its_own_name_is_narrower() -> None:
    """`gpt-4o` means every dated release of it; an entry for one release goes before."""
    book = own_book(
        """
        [[prices]]
        model = "gpt-4o"
        rates = { input_tokens = 2 }
        [[prices]]
        model = "gpt-4o-2024-08-06"
        rates = { input_tokens = 1 }
        """
    )
    release, other = price_calls(
        [Call("openai", model, {"input_tokens": 5}) for model in ("gpt-4o-2024-08-06", "gpt-4o-2024-11-20")], book=book
    )
    assert (release.cost, other.cost) == (5 * MICRO, 10 * MICRO)


def test_two_entries_that_meet_only_at_a_call_leave_it_ambiguous() -> None:
    """Where nothing decides between two own prices, the reason names both and no amount is chosen."""
    book = own_book(
        """
        [[prices]]
        name = "one"
        model = "gpt-4o"
        account = "a*"
        rates = { input_tokens = 2 }
        [[prices]]
        name = "two"
        model = "gpt-4o-2024-08-06"
        rates = { input_tokens = 1 }
        """
    )
    money = price_one(Call("openai", "gpt-4o-2024-08-06", {"input_tokens": 5}, account="acct"), book=book)
    assert (money.price_status, money.cost) == (PriceStatus.AMBIGUOUS, None)
    assert "(one)" in (money.price_reason or "")
    assert "(two)" in (money.price_reason or "")
    assert money.list_cost == price_one(Call("openai", "gpt-4o-2024-08-06", {"input_tokens": 5})).cost


def test_a_model_that_no_list_has_is_priced_by_its_own_entry() -> None:
    """An own model has a cost and no list cost; what the entry has no rate for is `unknown_unit`."""
    book = own_book(
        """
        [[prices]]
        provider = "our-gateway"
        model = "house-llm"
        rates = { input_tokens = 0.5, output_tokens = 1.5 }
        """
    )
    own, unit = price_calls(
        [
            Call("our-gateway", "house-llm", {"input_tokens": 10, "output_tokens": 2}),
            Call("our-gateway", "house-llm", {"input_tokens": 10, "web_searches": 2}),
        ],
        book=book,
    )
    assert (own.cost, own.list_cost, own.price_status) == (8 * MICRO, None, PriceStatus.PRICED)
    assert own.price_model == "our-gateway/house-llm"
    assert "list_cost is not known" in (own.price_reason or "")
    assert (unit.price_status, unit.cost) == (PriceStatus.UNKNOWN_UNIT, None)


@pytest.mark.parametrize(
    ("per", "price", "picos"), [("hour", "3.60", 10**9), ("minute", "0.06", 10**9), ("one", "0.001", 10**9)]
)
def test_machines_of_ones_own_are_priced_by_what_the_usage_says(per: str, price: str, picos: int) -> None:
    """A self-hosted model has no seller's price; GPU seconds that the usage reports are charged by the hour."""
    book = own_book(f'[[prices]]\nprovider = "vllm"\nper = "{per}"\nrates = {{ gpu_seconds = "{price}" }}')
    call = Call("vllm", "gpt-5", {"gpu_seconds": 7}, billing_mode=BillingMode.SELF_HOSTED)
    money = price_one(call, book=book)
    assert (money.cost, money.other_cost, money.list_cost) == (7 * picos, 7 * picos, None)
    assert price_one(call).price_status == PriceStatus.UNKNOWN_MODEL


def test_a_price_per_request_is_charged_once_a_call() -> None:
    """`requests` counts the call itself."""
    book = own_book('[[prices]]\nmodel = "house*"\nper = "one"\nrates = { requests = "0.002", input_tokens = "0" }')
    money = price_one(Call("x", "house-1", {"input_tokens": 10**6}), book=book)
    assert (money.cost, money.other_cost) == (2 * 10**9, 2 * 10**9)


def test_a_discount_is_no_price_where_there_is_none_to_take_it_off() -> None:
    """Ten percent off an unknown price is unknown; a self-hosted model stays so."""
    book = own_book('[[prices]]\nmodel = "*"\ndiscount_percent = 10')
    unknown, hosted = price_calls(
        [Call("openai", "gpt-99", USAGE), Call("openai", "gpt-5", USAGE, billing_mode=BillingMode.SELF_HOSTED)],
        book=book,
    )
    assert {unknown.price_status, hosted.price_status} == {PriceStatus.UNKNOWN_MODEL}


def test_prepaid_usage_is_priced_only_by_an_entry_that_names_its_billing_mode() -> None:
    """A price in general leaves a provisioned call's cost at 0; one for `provisioned` is its cost."""
    general = '[[prices]]\nprovider = "anthropic"\ndiscount_percent = 10\n'
    named = '[[prices]]\nprovider = "anthropic"\nbilling_mode = "provisioned"\nrates = { output_tokens = 1 }\n'
    call = replace(CALL, billing_mode=BillingMode.PROVISIONED, usage={"input_tokens": 0, "output_tokens": 3})
    assert price_one(call, book=own_book(general)).cost == 0
    money = price_one(call, book=own_book(general, named))
    assert (money.cost, money.list_cost) == (3 * MICRO, 45 * MICRO)


def test_partial_usage_has_no_price_of_ones_own_either() -> None:
    """What is not said is not priced by anybody."""
    book = own_book('[[prices]]\nmodel = "claude*"\nrates = { input_tokens = 1 }')
    money = price_one(replace(CALL, usage_status="partial"), book=book)
    assert (money.price_status, money.cost) == (PriceStatus.AMBIGUOUS, None)


def test_a_price_of_ones_own_settles_what_is_unsaid_for_the_public_one() -> None:
    """A flat rate for every profile makes the cost known; the list cost stays open, and the reason says why."""
    book = own_book(
        """
        [[prices]]
        provider = "aws"
        model = "*anthropic.claude-sonnet-4-5*"
        rates = { input_tokens = 2, output_tokens = 9 }
        """
    )
    call = Call(
        "aws.bedrock",
        f"anthropic.{SONNET}-v1:0",
        {"input_tokens": 100, "output_tokens": 9},
        flags=(Flag.PROFILE_UNSAID,),
    )
    money = price_one(call, book=book)
    assert (money.price_status, money.cost, money.list_cost) == (PriceStatus.PRICED, 281 * MICRO, None)
    assert "list_cost is not known: the Bedrock inference profile is not said" in (money.price_reason or "")


def test_own_rates_by_duration_bound_a_cache_write_of_unsaid_duration() -> None:
    """Where own rates tell five minutes from an hour, each case is at its own rate."""
    book = own_book(
        """
        [[prices]]
        model = "house"
        rates = { input_tokens = 1, cache_write_tokens = 9, cache_write_5m_tokens = 2, cache_write_1h_tokens = 4 }
        """
    )
    call = Call("x", "house", {"input_tokens": 10, "cache_write_tokens": 10}, flags=(Flag.CACHE_TTL_UNSAID,))
    money = price_one(call, book=book)
    assert (money.cost_low, money.cost_high) == (20 * MICRO, 40 * MICRO)


def test_a_discount_moves_the_bounds_of_what_is_unsaid() -> None:
    """Bounds are at own rates, as the cost would be."""
    call = Call("aws.bedrock", f"anthropic.{SONNET}-v1:0", USAGE, flags=(Flag.PROFILE_UNSAID,))
    public, own = price_one(call), price_one(call, book=own_book('[[prices]]\nprovider="aws"\ndiscount_percent=50'))
    assert (own.cost_low or 0) * 2 == public.cost_low
    assert (own.cost_high or 0) * 2 == public.cost_high
    assert public.cost_low is not None


def test_a_tier_without_a_public_price_is_priced_by_an_own_one() -> None:
    """A price for a tier that no list has makes the call known."""
    book = own_book(
        '[[prices]]\nprovider="openai"\nservice_tier="scale"\nrates={ input_tokens = 1, output_tokens = 2 }'
    )
    money = price_one(Call("openai", "gpt-4o", {"input_tokens": 3, "output_tokens": 1}, tier="scale"), book=book)
    assert (money.price_status, money.cost, money.list_cost) == (PriceStatus.PRICED, 5 * MICRO, None)


@settings(max_examples=50, deadline=None)
@given(
    st.decimals(0, 100, places=3),
    st.lists(
        st.tuples(st.sampled_from(["gpt-4o", "gpt-5.4", "o3"]), st.integers(0, 10**6), st.integers(0, 10**6)),
        min_size=1,
        max_size=6,
    ),
)
def test_a_discount_is_exact_to_the_twelfth_decimal(percent: object, drawn: list[tuple[str, int, int]]) -> None:
    """Cost is the list cost less the discount, rounded once, for any share and any usage, in one batch or alone."""
    book = own_book(f'[[prices]]\nprovider = "openai"\ndiscount_percent = "{percent}"')
    calls = [Call("openai", model, {"input_tokens": given, "output_tokens": taken}) for model, given, taken in drawn]
    money = price_calls(calls, book=book)
    assert money == [price_one(call, book=book) for call in calls]
    for one in money:
        exact = Fraction(one.list_cost or 0) * (1 - Fraction(str(percent)) / 100)
        assert abs(exact - (one.cost or 0)) <= Fraction(1, 2)


def test_without_own_entries_nothing_changes() -> None:
    """An empty file prices as no file does."""
    assert price_one(CALL, book=own_book("")) == price_one(CALL, book=BOOK)
