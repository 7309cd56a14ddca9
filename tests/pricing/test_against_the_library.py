"""Compiled rates give what the price library gives, to the twelfth decimal, for every model, tier and date it has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import combinations

import pytest
from genai_prices.data import providers
from genai_prices.types import (
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.money import round_cost, to_picos
from ledger.schema import PriceStatus
from pricing.units import contains, registry
from tests.pricing.calls import BOOK, Call, Money, date_us, day_us, in_ledger_names, library_answer, price_calls

UNITS = registry().units
REPORTABLE = sorted(name for name in UNITS if name != "requests")


def spellings(clause: object) -> Iterator[str]:
    """The texts in a model's matching rule."""
    for value in vars(clause).values():
        if isinstance(value, str):
            yield value
        else:
            for part in value:
                yield from spellings(part)


# Every model that some name finds, by that name: another model of the same list may claim its id first.
NAMES = {
    (provider.id, model.id): name
    for provider in providers
    for model in provider.models
    for name in reversed([model.id, *spellings(model.match)])
    if provider.find_model(name, all_providers=list(providers)) is model
}
MODELS = [(provider, model) for provider in providers for model in provider.models if (provider.id, model.id) in NAMES]
TIERS = {"flex": {"service_tier": "flex"}, "priority": {"service_tier": "priority"}, "batch": {"processing": "batch"}}
TIER_OF = {"default": {"service_tier": "default"}, **TIERS}


def dated_prices(model: ModelInfo) -> list[ConditionalPrice]:
    """All standard prices of a model, over time."""
    return [ConditionalPrice(prices=model.prices)] if isinstance(model.prices, ModelPrice) else model.prices


def price_keys(model: ModelInfo) -> set[str]:
    """The units a model has ever had a price for."""
    keys = {key for one in dated_prices(model) for key, value in vars(one.prices).items() if value is not None}
    return {UNITS[name].usage_key for name in UNITS if UNITS[name].price_key in keys}


def moments(model: ModelInfo) -> list[int]:
    """Moments just before and at every change of a model's prices, and one long after."""
    found = {day_us(2025, 1, 1), day_us(2027, 6, 1)}
    for one in (*dated_prices(model), *(model.price_variants or ())):
        if isinstance(one.constraint, StartDateConstraint):
            start_us = date_us(one.constraint.start_date)
            found |= {start_us - 1, start_us}
        elif isinstance(one.constraint, TimeOfDateConstraint):
            for at in (one.constraint.start_time, one.constraint.end_time):
                midnight = timedelta(hours=at.hour, minutes=at.minute) // timedelta(microseconds=1)
                found |= {day + midnight + off for day in (day_us(2026, 1, 5), day_us(2026, 11, 5)) for off in (-1, 0)}
    return sorted(found)


def thresholds(model: ModelInfo) -> set[int]:
    """Input tokens above which some price of a model steps up."""
    return {
        tier.start
        for one in (*dated_prices(model), *(model.price_variants or ()))
        for value in vars(one.prices).values()
        if isinstance(value, TieredPrices)
        for tier in value.tiers
    }


def from_shares(shares: Mapping[tuple[tuple[str, str], ...], int]) -> dict[str, int]:
    """Count every unit from disjoint shares, each given by its dimensions: consistent by construction."""
    return {
        name: total
        for name in REPORTABLE
        if (total := sum(count for share, count in shares.items() if UNITS[name].dimensions.items() <= set(share)))
    }


def full_usage(model: ModelInfo, *, input_tokens: int) -> dict[str, int]:
    """Usage of everything a model has a price for, with an input of about the size that is asked for."""
    most_detailed = [tuple(UNITS[name].dimensions.items()) for name in price_keys(model) - {"requests", "input_tokens"}]
    usage = from_shares({share: 1_000 + 7 * place for place, share in enumerate(sorted(most_detailed))})
    usage = {name: usage[name] for name in usage if name in price_keys(model)}
    if "input_tokens" in price_keys(model):
        usage["input_tokens"] = max(input_tokens, usage.get("input_tokens", 0))
    return usage


def assert_same(provider: Provider, model: ModelInfo, call: Call, usage: Mapping[str, int | None], ours: Money) -> None:
    """Compare one answer with the library's, or see that both refuse."""
    context = TIER_OF[call.tier] if call.tier else None
    try:
        theirs = library_answer(provider, model, usage, at_us=call.at_us, context=context)
    except ValueError:
        assert (ours.price_status, ours.cost) == (PriceStatus.INVALID_USAGE, None), (call, ours)
        return
    if ours.price_status == PriceStatus.UNKNOWN_UNIT:
        assert ours.cost is None
        assert any(count and not covered(name, theirs.model_price) for name, count in usage.items()), call
    elif ours.price_status == PriceStatus.INVALID_USAGE:
        assert ours.cost is None
        assert contradicts_itself(usage), call
    elif ours.price_status == PriceStatus.NO_USAGE:
        assert all(count is None for count in usage.values())
    else:
        assert ours.cost == to_picos(round_cost(theirs.total_price)), (call, ours, theirs)
        assert ours.input_cost == to_picos(round_cost(theirs.input_price)), call
        assert abs((ours.output_cost or 0) - to_picos(round_cost(theirs.output_price))) <= 1, call
        assert (ours.input_cost or 0) + (ours.output_cost or 0) + (ours.other_cost or 0) == ours.cost


def covered(name: str, prices: ModelPrice) -> bool:
    """Whether a unit or one that contains it has a price."""
    return any(getattr(prices, UNITS[one].price_key) for one in (name, *registry().ancestor_usage_keys(name)))


def contradicts_itself(usage: Mapping[str, int | None]) -> bool:
    """Whether details that exclude each other are together larger than their total."""
    for total, most in usage.items():
        details = [name for name in usage if contains(UNITS[total], UNITS[name])]
        for size in (1, 2, 3, 4):
            for some in combinations(details, size):
                apart = not any(UNITS[one].is_compatible_with(UNITS[other]) for one, other in combinations(some, 2))
                if most is not None and apart and sum(usage[name] or 0 for name in some) > most:
                    return True
    return False


def every_change(provider: Provider, model: ModelInfo) -> Iterator[tuple[Call, dict[str, int]]]:
    """Calls around every change of a model's prices, at every threshold and one above."""
    tiers = [
        None,
        *(tier for tier, context in TIER_OF.items() if any(one.when == context for one in model.price_variants or ())),
    ]
    for at_us in moments(model):
        for size in sorted({1_000_000, *thresholds(model), *(start + 1 for start in thresholds(model))}):
            usage = full_usage(model, input_tokens=size)
            for tier in tiers:
                yield Call(provider.id, NAMES[provider.id, model.id], in_ledger_names(usage), at_us, tier), usage


@pytest.mark.parametrize("provider", providers, ids=lambda provider: provider.id)
def test_every_model_at_every_change_of_its_prices(provider: Provider) -> None:
    """Around each date, hour and threshold, every model of the snapshot costs what the library says."""
    for model in [model for one, model in MODELS if one is provider]:
        cases = list(every_change(provider, model))
        for (call, usage), ours in zip(cases, price_calls([call for call, _ in cases]), strict=True):
            if ours.price_status == PriceStatus.AMBIGUOUS:
                # No price for the tier at that time: where the library would quietly charge the standard price.
                assert call.tier in TIERS
                answers = [
                    library_answer(provider, model, usage, at_us=call.at_us, context=context).total_price
                    for context in (None, TIERS[call.tier])
                ]
                assert answers[0] == answers[1]
            else:
                assert_same(provider, model, call, usage, ours)


SHARES = [
    tuple({**UNITS[name].dimensions, "family": "tokens"}.items())
    for name in REPORTABLE
    if UNITS[name].dimensions.get("family") == "tokens" and "video" not in name
]


@st.composite
def consistent_usage(draw: st.DrawFn) -> dict[str, int | None]:
    """Usage whose details fit their totals, said in full or in part."""
    shares = draw(st.dictionaries(st.sampled_from(SHARES), st.integers(0, 10**6), max_size=5))
    usage: dict[str, int | None] = {**from_shares(shares)}
    in_part = draw(st.booleans())
    if usage and in_part:
        kept = draw(st.sets(st.sampled_from(sorted(usage))))
        usage = {name: count for name, count in usage.items() if name in kept | {"input_tokens", "output_tokens"}}
    if draw(st.booleans()):
        seconds = draw(st.integers(0, 100))
        usage |= {"audio_seconds": seconds, "input_audio_seconds": seconds}
    for name in draw(
        st.sets(st.sampled_from(["web_searches", "input_characters", "input_document_pages"]), max_size=1)
    ):
        usage[name] = draw(st.integers(0, 10_000))
    return usage


ANY_USAGE = st.dictionaries(
    st.sampled_from(REPORTABLE), st.none() | st.integers(0, 30) | st.integers(0, 10**7), max_size=5
)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(MODELS),
            consistent_usage() | ANY_USAGE,
            st.integers(day_us(2025, 1, 1), day_us(2027, 6, 1)),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_any_usage_at_any_time(drawn: list[tuple[tuple[Provider, ModelInfo], dict[str, int | None], int]]) -> None:
    """Whatever the library prices, the columns price equally; whatever it refuses has no amount and says so."""
    calls = [
        Call(provider.id, NAMES[provider.id, model.id], in_ledger_names(usage), at_us)
        for (provider, model), usage, at_us in drawn
    ]
    for call, ours, ((provider, model), usage, _) in zip(calls, price_calls(calls), drawn, strict=True):
        assert_same(provider, model, call, usage, ours)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(MODELS), consistent_usage() | ANY_USAGE), min_size=2, max_size=8))
def test_a_calls_price_does_not_depend_on_its_batch(
    drawn: list[tuple[tuple[Provider, ModelInfo], dict[str, int | None]]],
) -> None:
    """Priced together or each alone, calls cost the same."""
    # Few models, so that calls share a rate card.
    few = [drawn[place % 2][0] for place in range(len(drawn))]
    calls = [
        Call(provider.id, NAMES[provider.id, model.id], in_ledger_names(usage))
        for (provider, model), (_, usage) in zip(few, drawn, strict=True)
    ]
    assert price_calls(calls) == [price_calls([call])[0] for call in calls]


def test_the_snapshot_is_the_installed_packages() -> None:
    """The book says which data it reads, and finds every model of it by some name."""
    assert BOOK.snapshot.startswith("genai-prices ")
    assert len(MODELS) == sum(len(provider.models) for provider in providers)
