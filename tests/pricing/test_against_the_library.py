"""Compiled rates give what the price library gives, to the twelfth decimal, for every model, tier and date it has."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from genai_prices import Usage, calc_price
from genai_prices.data import providers
from genai_prices.types import ModelInfo, Provider
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.money import from_picos, round_cost
from ledger.schema import PriceStatus
from pricing.apply import CallColumns, MoneyColumns, price
from pricing.book import PriceBook

BOOK = PriceBook.bundled()
SELLERS = ("openai", "anthropic", "google", "aws", "azure", "deepseek", "mistral", "cohere", "x-ai", "groq")
MODELS = [(provider, model) for provider in providers if provider.id in SELLERS for model in provider.models]
OCTOBER_US = 1_790_856_000 * 10**6


def price_one(
    provider: str | None,
    model: str | None,
    usage: dict[str, int | None],
    *,
    at_us: int = OCTOBER_US,
    tier: str | None = None,
    status: str = "reported",
) -> dict[str, Any]:
    """Price one call; return its money by column."""
    calls = CallColumns(
        [provider], [model], [at_us], [tier], {name: [count] for name, count in usage.items()}, [status]
    )
    money: MoneyColumns = price(calls, book=BOOK)
    return {name: getattr(money, name)[0] for name in MoneyColumns.__dataclass_fields__}


@st.composite
def plausible_usage(draw: st.DrawFn) -> dict[str, int | None]:
    """Usage whose details fit their totals, as providers report it."""
    read, write, fresh = draw(st.integers(0, 10**6)), draw(st.integers(0, 10**6)), draw(st.integers(0, 10**6))
    five = draw(st.integers(0, write))
    output = draw(st.integers(0, 10**6))
    usage: dict[str, int | None] = {"input_tokens": read + write + fresh, "output_tokens": output}
    if draw(st.booleans()):
        usage |= {"cache_read_tokens": read, "cache_write_tokens": write}
        if draw(st.booleans()):
            usage |= {"cache_write_5m_tokens": five, "cache_write_1h_tokens": write - five}
    if draw(st.booleans()):
        usage["reasoning_tokens"] = draw(st.integers(0, output))
    return usage


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(MODELS),
    plausible_usage(),
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 6, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_cost_is_the_librarys(chosen: tuple[Provider, ModelInfo], usage: dict[str, int | None], at: datetime) -> None:
    """Whatever the library prices, the columns price equally; whatever it refuses has no amount."""
    provider, model = chosen
    listed = provider.find_model(model.id, all_providers=list(providers))
    names = {"reasoning_tokens": "output_reasoning_tokens"}
    ours = price_one(provider.id, model.id, usage, at_us=int(at.timestamp()) * 10**6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            theirs = calc_price(
                Usage(**{names.get(name, name): count for name, count in usage.items()}),
                model.id,
                provider_id=provider.id,
                genai_request_timestamp=at.replace(microsecond=0),
            )
        except (ValueError, LookupError):
            assert ours["cost"] is None
            return
    assert listed is not None
    if ours["price_status"] in {PriceStatus.UNKNOWN_UNIT, PriceStatus.AMBIGUOUS}:
        assert ours["cost"] is None
        return
    assert ours["price_status"] == PriceStatus.PRICED
    assert from_picos(ours["cost"]) == round_cost(theirs.total_price)
    assert sum(ours[part] or 0 for part in ("input_cost", "output_cost", "other_cost")) == ours["cost"]


def test_context_tier_begins_above_its_threshold() -> None:
    """272,000 tokens pay the base rate, 272,001 pay the tier's, all of them."""
    tiered = next(
        (provider, model)
        for provider, model in MODELS
        if (listing := BOOK.listing(provider.id, model.id))
        and not isinstance(card := BOOK.card(listing, OCTOBER_US, None), PriceStatus)
        and card.tier_starts == (272_000,)
    )
    provider, model = tiered
    for tokens in (272_000, 272_001):
        ours = price_one(provider.id, model.id, {"input_tokens": tokens, "output_tokens": 0})
        theirs = calc_price(
            Usage(input_tokens=tokens, output_tokens=0),
            model.id,
            provider_id=provider.id,
            genai_request_timestamp=datetime.fromtimestamp(OCTOBER_US / 10**6, tz=UTC),
        )
        assert from_picos(ours["cost"]) == round_cost(theirs.total_price)
        assert ours["price_version"].endswith(">272000") == (tokens > 272_000)


@pytest.mark.parametrize(
    ("provider", "model", "usage", "tier", "status"),
    [
        ("openai", "no-such-model", {"input_tokens": 1}, None, PriceStatus.UNKNOWN_MODEL),
        ("openai", None, {"input_tokens": 1}, None, PriceStatus.UNKNOWN_MODEL),
        ("openai", "gpt-4o", {"input_tokens": 5, "cache_read_tokens": 9}, None, PriceStatus.INVALID_USAGE),
        ("openai", "gpt-4o", {"cache_read_tokens": 9}, None, PriceStatus.INVALID_USAGE),
        ("openai", "gpt-4o", {"input_tokens": 5, "code_executions": 2}, None, PriceStatus.UNKNOWN_UNIT),
        ("openai", "gpt-4o", {"input_tokens": 5, "made_up_units": 2}, None, PriceStatus.UNKNOWN_UNIT),
        ("openai", "gpt-4o", {"input_tokens": 5}, "no-such-tier", PriceStatus.AMBIGUOUS),
        ("openai", "gpt-4o", {}, None, PriceStatus.NO_USAGE),
    ],
)
def test_unknown_is_a_status_and_never_zero(
    provider: str, model: str | None, usage: dict[str, int | None], tier: str | None, status: PriceStatus
) -> None:
    """What cannot be priced has no amount, and says why."""
    money = price_one(provider, model, usage, tier=tier)
    assert (money["price_status"], money["cost"], money["input_cost"]) == (status, None, None)


def test_absent_usage_is_not_zero_cost() -> None:
    """A call that reported nothing costs an unknown amount."""
    money = price_one("openai", "gpt-4o", {"input_tokens": 5}, status="absent")
    assert (money["price_status"], money["cost"]) == (PriceStatus.NO_USAGE, None)


def test_zero_usage_is_zero_cost() -> None:
    """A call that reported zero tokens costs nothing, and that is known."""
    money = price_one("openai", "gpt-4o", {"input_tokens": 0, "output_tokens": 0})
    assert (money["price_status"], money["cost"]) == (PriceStatus.PRICED, 0)


def test_framework_name_is_looked_past_when_one_seller_has_the_model() -> None:
    """A provider that is only a framework's name does not hide whose model it is."""
    assert price_one("langchain", "gpt-4o-2024-08-06", {"input_tokens": 1})["price_model"].startswith("openai/")
    assert price_one(None, "claude-sonnet-4-5-20250929", {"input_tokens": 1})["price_model"].startswith("anthropic/")


def test_price_version_says_which_price_held() -> None:
    """Snapshot, model and validity stand on the call, so that anyone can look the price up again."""
    money = price_one("openai", "gpt-4o-2024-08-06", {"input_tokens": 1})
    assert money["price_version"].startswith(f"{BOOK.snapshot};openai/gpt-4o;")


def test_calls_before_and_after_a_price_change_differ() -> None:
    """The price in force when the call started counts."""
    provider, model, start_us = next(
        (provider.id, model.id, listing.starts_us[0])
        for provider, model in MODELS
        if isinstance(model.prices, list)
        and (listing := BOOK.listing(provider.id, model.id))
        and len(listing.starts_us) == 1
        and not listing.has_time_of_day
        and not model.price_variants
    )
    usage: dict[str, int | None] = {"input_tokens": 1_000_000, "output_tokens": 1_000_000}
    before = price_one(provider, model, usage, at_us=start_us - 1)
    after = price_one(provider, model, usage, at_us=start_us)
    assert before["cost"] != after["cost"]
    assert before["price_version"] != after["price_version"]


def test_huge_counts_are_exact() -> None:
    """Counts whose product passes 64 bits are multiplied with all their digits."""
    count = 10**12
    money = price_one("openai", "gpt-4o-2024-08-06", {"input_tokens": count, "output_tokens": count})
    assert from_picos(money["cost"]) == round_cost(Decimal("2.5") * count / 10**6 + Decimal(10) * count / 10**6)
