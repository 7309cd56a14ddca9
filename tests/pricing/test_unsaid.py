"""Where something unsaid changes the price, both amounts are shown, and the reason says what would settle it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.schema import BillingMode, Flag, PriceStatus
from tests.pricing.calls import OCTOBER_US, Call, Money, day_us, price_calls, price_one

CLAUDE = "anthropic.claude-sonnet-4-5-20250929-v1:0"
USAGE = {"input_tokens": 10_000, "output_tokens": 500}
WRITTEN = {"input_tokens": 10_000, "cache_write_tokens": 4_000, "output_tokens": 500}


def amounts(money: Money) -> tuple[PriceStatus | str, int | None, int | None, int | None]:
    """Status, cost and bounds."""
    return money.price_status, money.cost, money.cost_low, money.cost_high


def test_a_shortened_bedrock_profile_has_both_prices() -> None:
    """`anthropic.…` without its profile costs what `global.` costs, or what a region's does; both are shown."""
    regional, world, unsaid = price_calls([
        Call("aws.bedrock", f"us.{CLAUDE}", USAGE),
        Call("aws.bedrock", f"global.{CLAUDE}", USAGE),
        Call("aws.bedrock", CLAUDE, USAGE, flags=(Flag.PROFILE_UNSAID,)),
    ])  # fmt: skip
    assert regional.cost is not None
    assert world.cost is not None
    assert world.cost < regional.cost
    assert amounts(unsaid) == (PriceStatus.AMBIGUOUS, None, world.cost, regional.cost)
    assert unsaid.price_model is None
    assert "aws/regional.anthropic.claude-sonnet-4-5" in (unsaid.price_reason or "")
    assert "aws/global.anthropic.claude-sonnet-4-5" in (unsaid.price_reason or "")
    assert "[[deployments]]" in (unsaid.price_reason or "")


def test_a_shortened_profile_whose_prices_are_equal_is_priced() -> None:
    """Where every profile costs the same, nothing is missing."""
    model = "anthropic.claude-3-5-sonnet-20240620-v1:0"
    unsaid, plain = price_calls(
        [Call("aws.bedrock", model, USAGE, flags=(Flag.PROFILE_UNSAID,)), Call("aws.bedrock", model, USAGE)]
    )
    assert unsaid == plain
    assert unsaid.price_status == PriceStatus.PRICED


def test_a_profile_that_is_said_is_believed() -> None:
    """The flag on a full profile id asks nothing."""
    call = Call("aws.bedrock", f"global.{CLAUDE}", USAGE)
    assert price_one(replace(call, flags=(Flag.PROFILE_UNSAID,))) == price_one(call)


def test_a_cache_write_of_unsaid_duration_has_both_prices() -> None:
    """Tokens written for five minutes or for an hour: what both would cost are the bounds."""
    hour = {**WRITTEN, "cache_write_1h_tokens": 4_000}
    call = Call("anthropic", "claude-sonnet-4-5", WRITTEN)
    short, long, unsaid = price_calls([call, replace(call, usage=hour), replace(call, flags=(Flag.CACHE_TTL_UNSAID,))])
    assert amounts(unsaid) == (PriceStatus.AMBIGUOUS, None, short.cost, long.cost)
    assert (long.cost or 0) - (short.cost or 0) == 4_000 * (6_000_000 - 3_750_000)
    assert "for five minutes or for an hour" in (unsaid.price_reason or "")


def test_an_unsaid_duration_does_not_matter_where_nothing_was_written() -> None:
    """No tokens written, or all of them said to be for five minutes: the call is priced."""
    nothing = {**WRITTEN, "cache_write_tokens": 0}
    short = {**WRITTEN, "cache_write_5m_tokens": 4_000}
    for usage in (nothing, short):
        call = Call("anthropic", "claude-sonnet-4-5", usage)
        unsaid = price_one(replace(call, flags=(Flag.CACHE_TTL_UNSAID,)))
        assert (unsaid.price_status, unsaid.cost) == (PriceStatus.PRICED, price_one(call).cost)
        assert "makes no difference" in (unsaid.price_reason or "")


def test_an_unsaid_duration_is_no_question_without_a_price_for_an_hour() -> None:
    """A model with one price for cache writes is priced as if nothing had been unsaid."""
    call = Call("aws.bedrock", "us.anthropic.claude-3-7-sonnet-20250219-v1:0", WRITTEN)
    assert price_one(replace(call, flags=(Flag.CACHE_TTL_UNSAID,))) == price_one(call)


def test_unsaid_cache_reads_cost_between_all_and_none_of_the_input() -> None:
    """At most as if nothing had been read from the cache; at least as if all input had been."""
    usage = {"input_tokens": 10_000, "output_tokens": 5}
    call = Call("openai", "gpt-4o-2024-08-06", usage)
    none, every, unsaid = price_calls([
        call,
        replace(call, usage={**usage, "cache_read_tokens": 10_000}),
        replace(call, flags=(Flag.CACHE_READ_UNSAID,)),
    ])  # fmt: skip
    assert amounts(unsaid) == (PriceStatus.AMBIGUOUS, None, every.cost, none.cost)
    assert "read from the provider's cache" in (unsaid.price_reason or "")


def test_unsaid_cache_reads_are_no_question_where_they_cost_the_same() -> None:
    """A model without a price for cache reads is priced, without a word; so is a call that says them."""
    call = Call("cohere", "command-r-08-2024", {"input_tokens": 10_000, "output_tokens": 5})
    assert price_one(call).price_status == PriceStatus.PRICED
    assert price_one(replace(call, flags=(Flag.CACHE_READ_UNSAID,))) == price_one(call)
    said = Call("openai", "gpt-4o-2024-08-06", {"input_tokens": 10_000, "cache_read_tokens": 3_000, "output_tokens": 5})
    unsaid = price_one(replace(said, flags=(Flag.CACHE_READ_UNSAID,)))
    assert (unsaid.price_status, unsaid.cost) == (PriceStatus.PRICED, price_one(said).cost)


def test_unsaid_cache_reads_leave_what_was_written() -> None:
    """Where writes are said, at most the rest of the input was read."""
    call = Call("anthropic", "claude-sonnet-4-5", WRITTEN)
    rest_read = replace(call, usage={**WRITTEN, "cache_read_tokens": 6_000})
    none, rest, unsaid = price_calls([call, rest_read, replace(call, flags=(Flag.CACHE_READ_UNSAID,))])
    assert amounts(unsaid) == (PriceStatus.AMBIGUOUS, None, rest.cost, none.cost)


def test_unsaid_cache_writes_cost_between_none_and_all_of_what_was_not_read() -> None:
    """At least as if nothing had been written; at most as if all uncached input had been, for an hour."""
    usage = {"input_tokens": 10_000, "cache_read_tokens": 3_000, "output_tokens": 5}
    most = {**usage, "cache_write_tokens": 7_000, "cache_write_1h_tokens": 7_000}
    call = Call("anthropic", "claude-sonnet-4-5", usage)
    none, every, unsaid = price_calls(
        [call, replace(call, usage=most), replace(call, flags=(Flag.CACHE_WRITE_UNSAID,))]
    )
    assert amounts(unsaid) == (PriceStatus.AMBIGUOUS, None, none.cost, every.cost)


@pytest.mark.parametrize("model", ["gpt-4o-2024-08-06", "o3"])
def test_unsaid_cache_writes_are_no_question_where_they_cost_nothing_extra(model: str) -> None:
    """A model without a price for cache writes is priced, without a word."""
    call = Call("openai", model, USAGE)
    assert price_one(replace(call, flags=(Flag.CACHE_WRITE_UNSAID,))) == price_one(call)
    assert price_one(call).price_reason is None


def test_unsaid_cache_writes_of_a_call_that_says_them_are_as_it_says() -> None:
    """The flag is the emitter's; a call that carries the count all the same has it."""
    for provider, model in (("openai", "gpt-6-sol"), ("anthropic", "claude-sonnet-4-5")):
        call = Call(provider, model, WRITTEN, at_us=day_us(2026, 11, 20))
        assert price_one(call).price_status == PriceStatus.PRICED
        unsaid = price_one(replace(call, flags=(Flag.CACHE_WRITE_UNSAID,)))
        assert (unsaid.price_status, unsaid.cost) == (PriceStatus.PRICED, price_one(call).cost)


def test_several_unsaid_things_bound_together() -> None:
    """The least is the cheapest profile for five minutes, the most the dearest for an hour, and both are named."""
    hour = {**WRITTEN, "cache_write_1h_tokens": 4_000}
    low, high, unsaid = price_calls([
        Call("aws.bedrock", f"global.{CLAUDE}", WRITTEN),
        Call("aws.bedrock", f"us.{CLAUDE}", hour),
        Call("aws.bedrock", CLAUDE, WRITTEN, flags=(Flag.PROFILE_UNSAID, Flag.CACHE_TTL_UNSAID)),
    ])  # fmt: skip
    assert amounts(unsaid) == (PriceStatus.AMBIGUOUS, None, low.cost, high.cost)
    assert "inference profile" in (unsaid.price_reason or "")
    assert "for how long" in (unsaid.price_reason or "")


def test_a_tier_whose_price_began_later_is_bounded_by_it_and_the_standard_price() -> None:
    """Where the library would quietly charge the standard price, that and the tier's first price are the bounds."""
    start = day_us(2026, 10, 12)
    call = Call("openai", "gpt-5", USAGE, start - 1, "flex")
    unsaid, flex, standard = price_calls([call, replace(call, at_us=start), replace(call, tier=None)])
    assert amounts(unsaid) == (PriceStatus.AMBIGUOUS, None, flex.cost, standard.cost)
    assert "2026-10-12" in (unsaid.price_reason or "")


def test_a_tier_that_never_had_a_price_has_a_reason_and_no_bounds() -> None:
    """Nothing is known of what it costs; the reason names tier and model."""
    unsaid = price_one(Call("openai", "gpt-4-turbo", USAGE, day_us(2026, 11, 20), "flex"))
    assert amounts(unsaid) == (PriceStatus.AMBIGUOUS, None, None, None)
    assert "service tier flex of openai/gpt-4-turbo" in (unsaid.price_reason or "")


def test_usage_that_contradicts_itself_is_not_ambiguous() -> None:
    """A call that no world can price keeps the reason why."""
    wrong = {"input_tokens": 1, "cache_read_tokens": 5}
    money = price_one(Call("aws.bedrock", CLAUDE, wrong, flags=(Flag.PROFILE_UNSAID,)))
    assert amounts(money) == (PriceStatus.INVALID_USAGE, None, None, None)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([
                Call("aws.bedrock", CLAUDE, WRITTEN, flags=(Flag.PROFILE_UNSAID,)),
                Call("aws.bedrock", CLAUDE, WRITTEN, flags=(Flag.PROFILE_UNSAID, Flag.CACHE_TTL_UNSAID)),
                Call("anthropic", "claude-sonnet-4-5", USAGE, flags=(Flag.CACHE_WRITE_UNSAID,)),
                Call("openai", "gpt-5", USAGE, OCTOBER_US, "flex"),
                Call("openai", "gpt-5", USAGE),
                Call("openai", "gpt-5", {"input_tokens": 1, "cache_read_tokens": 2}),
            ]),
            st.sampled_from([None, BillingMode.SUBSCRIPTION, BillingMode.SELF_HOSTED]),
            st.integers(1, 10**6),
        ),
        min_size=2,
        max_size=8,
    )
)  # fmt: skip
def test_bounds_do_not_depend_on_the_batch(drawn: list[tuple[Call, str | None, int]]) -> None:
    """Priced together or alone, calls have the same amounts, bounds and reasons; the least is never above the most."""
    calls = [
        replace(call, billing_mode=mode, usage={name: count * times for name, count in call.usage.items() if count})
        for call, mode, times in drawn
    ]
    together = price_calls(calls)
    assert together == [price_one(call) for call in calls]
    for money in together:
        if money.cost_low is not None:
            assert money.cost is None
            assert money.cost_low <= (money.cost_high or 0)


def test_a_local_cache_hit_costs_nothing_and_says_why() -> None:
    """The application's or gateway's own cache answered: cost and list cost are 0, whatever usage it repeats."""
    for usage, status in ((USAGE, "reported"), ({}, "absent")):
        money = price_one(Call("openai", "gpt-5", usage, flags=(Flag.LOCAL_CACHE_HIT,), usage_status=status))
        assert (money.price_status, money.cost, money.list_cost) == (PriceStatus.PRICED, 0, 0)
        assert (money.price_version, "cache" in (money.price_reason or "")) == ("local_cache_hit", True)


@pytest.mark.parametrize("mode", [BillingMode.SUBSCRIPTION, BillingMode.PROVISIONED])
def test_prepaid_usage_costs_no_cash_and_keeps_its_list_cost(mode: BillingMode) -> None:
    """A seat's or provisioned capacity's call costs 0; what it would have cost stands beside it, with its price."""
    call = Call("openai", "gpt-5", USAGE)
    plain, prepaid = price_calls([call, replace(call, billing_mode=mode)])
    assert (prepaid.price_status, prepaid.cost, prepaid.list_cost) == (PriceStatus.PRICED, 0, plain.cost)
    assert (prepaid.price_version, prepaid.list_price_version) == (f"billing_mode {mode}", plain.price_version)
    assert "list_cost" in (prepaid.price_reason or "")


def test_prepaid_usage_of_an_unknown_model_still_costs_no_cash() -> None:
    """Its cost is 0 all the same; the reason says why there is no list cost."""
    money = price_one(Call("openai", "no-such-model", USAGE, billing_mode=BillingMode.SUBSCRIPTION))
    assert (money.cost, money.list_cost) == (0, None)
    assert "no 'no-such-model'" in (money.price_reason or "")


def test_self_hosted_calls_are_not_priced_at_a_vendors_price() -> None:
    """A model on one's own machines is unknown to every price list, whatever it is called."""
    money = price_one(Call("openai", "gpt-5", USAGE, billing_mode=BillingMode.SELF_HOSTED))
    assert (money.price_status, money.cost, money.list_cost) == (PriceStatus.UNKNOWN_MODEL, None, None)
    assert "price of your own" in (money.price_reason or "")


def test_a_plain_price_needs_no_words_and_every_other_status_has_some() -> None:
    """`price_reason` is null for a plain price, and filled for whatever is not."""
    money = price_calls([
        Call("openai", "gpt-5", USAGE),
        Call("openai", "gpt-99", USAGE),
        Call("nobody", "m", USAGE),
        Call(None, "us.anthropic.claude-x", USAGE),
        Call("vllm", "gpt-5", USAGE),
        Call("openai", None, USAGE),
        Call("openai", "gpt-5", {}),
        Call("openai", "gpt-5", USAGE, tier="made up"),
        Call("openai", "gpt-5", USAGE, usage_status="partial"),
        Call("openai", "gpt-5", {"input_tokens": -1}),
        Call("openai", "gpt-5", {**USAGE, "made_up_units": 1}),
    ])  # fmt: skip
    assert money[0].price_reason is None
    assert all(one.price_reason for one in money[1:])
    assert "made_up_units" in (money[-1].price_reason or "")
