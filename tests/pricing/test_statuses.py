"""What cannot be priced has no amount and a status that says why; what can be is priced to the last digit."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ledger.money import from_picos
from ledger.schema import PriceStatus
from tests.pricing.calls import Call, price_calls, price_one

GPT_4O = "gpt-4o-2024-08-06"


@pytest.mark.parametrize(
    ("provider", "model", "usage", "status"),
    [
        ("openai", "no-such-model", {"input_tokens": 1}, PriceStatus.UNKNOWN_MODEL),
        ("openai", None, {"input_tokens": 1}, PriceStatus.UNKNOWN_MODEL),
        ("openai", "", {"input_tokens": 1}, PriceStatus.UNKNOWN_MODEL),
        ("openai", GPT_4O, {"input_tokens": 5, "cache_read_tokens": 9}, PriceStatus.INVALID_USAGE),
        ("openai", GPT_4O, {"cache_read_tokens": 9}, PriceStatus.INVALID_USAGE),
        ("openai", GPT_4O, {"input_tokens": -1}, PriceStatus.INVALID_USAGE),
        ("openai", GPT_4O, {"input_tokens": 2**63}, PriceStatus.INVALID_USAGE),
        ("openai", GPT_4O, {"input_tokens": 5, "code_executions": 2}, PriceStatus.UNKNOWN_UNIT),
        ("openai", GPT_4O, {"input_tokens": 5, "made_up_units": 2}, PriceStatus.UNKNOWN_UNIT),
        ("mistral_ai", "codestral-latest", {"input_tokens": 5, "web_searches": 1}, PriceStatus.UNKNOWN_UNIT),
        ("openai", "text-embedding-3-small", {"input_tokens": 5, "output_tokens": 1}, PriceStatus.UNKNOWN_UNIT),
        ("openai", GPT_4O, {}, PriceStatus.NO_USAGE),
        ("openai", GPT_4O, {"input_tokens": None, "output_tokens": None}, PriceStatus.NO_USAGE),
        ("nobody", "no-such-model", {}, PriceStatus.NO_USAGE),
    ],
)
def test_unknown_is_a_status_and_never_zero(
    provider: str, model: str | None, usage: dict[str, int | None], status: PriceStatus
) -> None:
    """A call that cannot be priced has neither amounts nor a price version."""
    money = price_one(Call(provider, model, usage))
    assert (money.price_status, money.cost, money.input_cost, money.output_cost, money.other_cost) == (
        status, None, None, None, None,
    )  # fmt: skip
    assert (money.cost_currency, money.price_version) == (None, None)


def test_details_that_say_cache_is_not_in_the_input_are_refused() -> None:
    """Cache reads and writes above the input are a contradiction, also where the model prices neither."""
    usage = {"input_tokens": 100, "cache_read_tokens": 80, "cache_write_tokens": 30}
    assert price_one(Call("openai", GPT_4O, usage)).price_status == PriceStatus.INVALID_USAGE


def test_reasoning_above_the_output_is_refused() -> None:
    """A detail without a price of its own is still a part of its total."""
    usage = {"input_tokens": 1, "output_tokens": 10, "reasoning_tokens": 11}
    assert price_one(Call("openai", "o3", usage)).price_status == PriceStatus.INVALID_USAGE


def test_overlapping_details_are_refused_though_another_call_says_the_shared_part() -> None:
    """Whether the shared part was said is asked of each call, not of the batch."""
    model = ("gcp.gemini", "gemini-2.5-flash")
    usage = {"input_tokens": 9, "cache_read_tokens": 3, "input_audio_tokens": 3}
    said, unsaid = Call(*model, {**usage, "cache_audio_read_tokens": 1}), Call(*model, usage)
    statuses = [money.price_status for money in price_calls([said, unsaid])]
    assert statuses == [PriceStatus.PRICED, PriceStatus.INVALID_USAGE]


def test_a_detail_without_a_price_is_charged_as_part_of_its_total() -> None:
    """Reasoning tokens of a model that has no price for them cost what output tokens cost."""
    plain = price_one(Call("openai", "o3", {"input_tokens": 10, "output_tokens": 90}))
    detailed = price_one(Call("openai", "o3", {"input_tokens": 10, "output_tokens": 90, "reasoning_tokens": 60}))
    assert detailed == plain
    assert plain.price_status == PriceStatus.PRICED


def test_absent_usage_is_not_zero_cost() -> None:
    """A call that reported nothing costs an unknown amount."""
    money = price_one(Call("openai", GPT_4O, {"input_tokens": 5}, usage_status="absent"))
    assert (money.price_status, money.cost) == (PriceStatus.NO_USAGE, None)


def test_partial_usage_is_not_priced_as_if_it_were_whole() -> None:
    """A call of which only a part of the usage is known costs an unknown amount."""
    money = price_one(Call("openai", GPT_4O, {"input_tokens": 5}, usage_status="partial"))
    assert (money.price_status, money.cost) == (PriceStatus.AMBIGUOUS, None)


def test_zero_usage_is_zero_cost() -> None:
    """A call that reported zero tokens costs nothing, and that is known."""
    money = price_one(Call("openai", GPT_4O, {"input_tokens": 0, "output_tokens": 0, "web_searches": 0}))
    assert (money.price_status, money.cost, money.other_cost) == (PriceStatus.PRICED, 0, 0)


def test_an_unpriced_call_names_its_model_where_that_is_known() -> None:
    """Whoever looks for a missing price sees which model lacks it."""
    money = price_one(Call("openai", GPT_4O, {"input_tokens": 5, "code_executions": 2}))
    assert money.price_model is not None
    assert money.price_model.startswith("openai/gpt-4o")


def test_huge_counts_are_exact() -> None:
    """Counts whose product passes 64 bits are multiplied with all their digits, beside calls that are small."""
    huge = {"input_tokens": 2**63 - 1, "output_tokens": 10**12}
    big, small = price_calls([Call("openai", GPT_4O, huge), Call("openai", GPT_4O, {"input_tokens": 2})])
    assert big.cost == (2**63 - 1) * 2_500_000 + 10**12 * 10_000_000
    assert small.cost == 5_000_000


def test_parts_add_up_where_a_rate_has_no_end_in_decimals() -> None:
    """Audio by the hour costs thirds of a picodollar a second: the whole is rounded once, and the parts make it up."""
    money = price_one(Call("groq", "whisper-large-v3", {"audio_seconds": 11, "input_audio_seconds": 11}))
    exact = Decimal("0.111") / 3600 * 11
    assert money.cost is not None
    assert abs(from_picos(money.cost) - exact) <= Decimal("0.5e-12")
    assert (money.input_cost or 0) + (money.output_cost or 0) + (money.other_cost or 0) == money.cost


def test_short_audio_costs_what_the_shortest_charged_audio_costs() -> None:
    """Groq charges ten seconds for three, and nothing for none."""
    three, ten, none = price_calls(
        [Call("groq", "whisper-large-v3", {"audio_seconds": s, "input_audio_seconds": s}) for s in (3, 10, 0)]
    )
    assert three.cost == ten.cost
    assert none.cost == 0


def test_no_calls_cost_nothing() -> None:
    """An empty batch gives empty columns."""
    assert price_calls([]) == []
