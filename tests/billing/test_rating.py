"""Rating: every rule at its boundaries, and any plan over any usage as an oracle with fractions has it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.plans.reading import read_plan
from billing.rating.rate import rate
from billing.rating.terms import Conversion, Segment, Terms
from billing.rating.usage import Usage
from tests.billing import oracle
from tests.billing.oracle import Used

START, END = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
PICO = 10**12


def plan(*charges: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A plan as a user writes it."""
    return {"id": "p", "name": "P", "currency": "USD", "from": "2020-01-01", "charges": [*charges], **more}


def rated(
    *segments: tuple[Mapping[str, Any], Fraction, Sequence[Used]],
    currency: str = "USD",
    rates: Mapping[str, str] | None = None,
) -> dict[oracle.Key, Decimal]:
    """The lines that rating gives, by key."""
    terms = Terms(
        START,
        END,
        currency,
        tuple(Segment(START, END, read_plan(content), share) for content, share, _ in segments),
        tuple(Conversion(base, Decimal(one), date(2026, 10, 31)) for base, one in (rates or {}).items()),
    )
    usage = [
        [Usage(one.provider, one.model, one.currency, one.calls, 0, _decimal(one.cost), one.quantities) for one in rows]
        for _, _, rows in segments
    ]
    return {tuple(json.loads(line.key)): line.amount for line in rate(terms, usage).lines}


def _decimal(picos: Fraction) -> Decimal:
    return Decimal(int(picos * PICO)).scaleb(-12)


def tokens(quantity: int, **more: Any) -> Used:
    """One model's input tokens."""
    return Used("openai", "gpt-4o", 1, Fraction(0), {"input_tokens": quantity}, **more)


def asked(charge: Mapping[str, Any], quantity: int, share: Fraction = Fraction(1), **more: Any) -> Decimal:
    """What one charge asks for a quantity."""
    unit = {} if charge["kind"] in {"fixed", "free", "pass_through"} else {"unit": "input_tokens"}
    return sum(rated((plan({"id": "c", **unit, **charge}, **more), share, [tokens(quantity)])).values(), Decimal(0))


TIERS = [
    {"up_to": 1_000_000, "price": "10", "flat": "5"},
    {"up_to": 2_000_000, "price": "4"},
    {"price": "1", "flat": "7"},
]
MILLION = 1_000_000


@pytest.mark.parametrize(
    ("quantity", "graduated", "volume"),
    [
        (0, "0", "0"),
        (1, "5.00", "5.00"),
        (999_999, "15.00", "15.00"),
        (1_000_000, "15.00", "15.00"),
        (1_010_000, "15.04", "4.04"),
        (2_000_000, "19.00", "8.00"),
        (2_010_000, "26.01", "9.01"),
        (-1_000_000, "-10.00", "-10.00"),
    ],
)
def test_tiers_at_their_borders(quantity: int, graduated: str, volume: str) -> None:
    """Graduated asks each tier's price for the units in it, volume the reached tier's for all; a flat once used."""
    tiers = {"per": MILLION, "tiers": TIERS}
    assert asked({"kind": "graduated", **tiers}, quantity) == Decimal(graduated)
    assert asked({"kind": "volume", **tiers}, quantity) == Decimal(volume)


@pytest.mark.parametrize(
    ("quantity", "amount"), [(0, "0"), (1, "3"), (1000, "3"), (1001, "6"), (-1, "0"), (-1000, "-3"), (-1001, "-3")]
)
def test_a_package_is_asked_once_it_is_begun(quantity: int, amount: str) -> None:
    """1,000 units are one package, 1,001 two; given back is what is whole."""
    assert asked({"kind": "package", "size": 1000, "price": "3"}, quantity) == Decimal(amount)


@pytest.mark.parametrize(
    ("quantity", "share", "prorate", "amount"),
    [
        (1000, "1", True, "0"),
        (1001, "1", True, "0.50"),
        (500, "1/2", True, "0"),
        (501, "1/2", True, "0.50"),
        (334, "1/3", True, "0"),
        (335, "1/3", True, "0.50"),
        (1000, "1/3", False, "0"),
        (-3, "1", True, "-1.50"),
    ],
)
def test_an_allowance_is_free_and_prorated_in_the_customers_favour(
    quantity: int,
    share: str,
    prorate: bool,  # noqa: FBT001 - a column of the table above
    amount: str,
) -> None:
    """A third of 1,000 is 334; what is less than nothing uses none of it."""
    charge = {"kind": "per_unit", "price": "0.50", "allowance": 1000, "prorate": prorate}
    assert asked(charge, quantity, Fraction(share)) == Decimal(amount)


@pytest.mark.parametrize(
    ("cost", "factor", "amount"),
    [
        ("2.505", {}, "2.50"),
        ("2.515", {}, "2.52"),
        ("2.5050000001", {}, "2.51"),
        ("2.50", {"markup": "0.2"}, "3.00"),
        ("2.50", {"discount": "0.1"}, "2.25"),
        ("-2.505", {}, "-2.50"),
    ],
)
def test_cost_passed_on_is_rounded_once_half_even(cost: str, factor: Mapping[str, str], amount: str) -> None:
    """Half a cent goes to the even one; a hair more goes up."""
    row = Used("openai", "gpt-4o", 1, Fraction(cost))
    lines = rated((plan({"id": "c", "kind": "pass_through", **factor}), Fraction(1), [row]))
    assert list(lines.values()) == [Decimal(amount)]


@pytest.mark.parametrize(
    ("share", "amount"), [("1", "10.00"), ("1/3", "3.33"), ("2/3", "6.67"), ("2", "20.00"), ("1/8000", "0.00")]
)
def test_fee_minimum_and_cap_are_of_a_month(share: str, amount: str) -> None:
    """Each comes to the part of months that the segment is long."""
    part = Fraction(share)
    assert asked({"kind": "fixed", "amount": "10"}, 0, part) == Decimal(amount)
    assert asked({"kind": "free"}, 0, part, minimum="10") == Decimal(amount)
    assert asked({"kind": "per_unit", "price": "1"}, 10**6, part, cap="10") == Decimal(amount)


def test_a_fee_that_is_not_prorated_is_asked_by_the_last_segment_that_has_it() -> None:
    """A plan that changes in the month asks it once."""
    fee = {"id": "fee", "kind": "fixed", "amount": "9", "prorate": False}
    half = Fraction(1, 2)
    lines = rated((plan(fee), half, []), (plan({**fee, "amount": "7"}), half, []))
    assert lines == {(1, "fee"): Decimal("7.00")}


def test_the_first_charge_that_covers_a_call_has_it() -> None:
    """By unit; a cost passed on excludes prices of tokens, a price per call stands beside, free excludes all."""
    rows = [
        Used("openai", "gpt-4o", 3, Fraction(5), {"input_tokens": 10}),
        Used("anthropic", "claude-x", 2, Fraction(7), {"input_tokens": 20}),
        Used(None, None, 1, Fraction(11), {"input_tokens": 40}),
    ]
    charges = [
        {"id": "free", "kind": "free", "model": "GPT-*"},
        {"id": "tokens", "kind": "per_unit", "unit": "input_tokens", "price": "1", "provider": "anthropic"},
        {"id": "cost", "kind": "pass_through"},
        {"id": "calls", "kind": "per_unit", "unit": "calls", "price": "100"},
    ]
    assert rated((plan(*charges), Fraction(1), rows)) == {
        (0, "tokens", "anthropic", "claude-x"): Decimal("20.00"),
        (0, "cost", None, None, "USD"): Decimal("11.00"),
        (0, "calls", "anthropic", "claude-x"): Decimal("200.00"),
        (0, "calls", None, None): Decimal("100.00"),
    }


@pytest.mark.parametrize(("currency", "amount"), [("JPY", "375"), ("KWD", "0.769"), ("EUR", "2.30")])
def test_other_currencies_by_the_users_rate_in_their_own_minor_unit(currency: str, amount: str) -> None:
    """Yen has none, the dinar three digits; rounded after the rate, once."""
    rates = {"JPY": "150", "KWD": "0.30757", "EUR": "0.92"}
    row = Used("openai", "gpt-4o", 1, Fraction("2.50"))
    lines = rated(
        (plan({"id": "c", "kind": "pass_through"}), Fraction(1), [row]),
        currency=currency,
        rates={"USD": rates[currency]},
    )
    assert list(lines.values()) == [Decimal(amount)]


UNITS = ("calls", "input_tokens", "output_tokens", "uncached_input_tokens")
prices = st.decimals("0", "50", places=4, allow_nan=False).map(str)
shares = st.sampled_from([Fraction(1), Fraction(1, 3), Fraction(10, 31), Fraction(2), Fraction(1, 44640)])


@st.composite
def tiers(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Tiers that rise."""
    borders = draw(st.lists(st.integers(1, 3_000), max_size=3, unique=True).map(sorted))
    made = [
        {"up_to": one, "price": draw(prices), **({"flat": draw(prices)} if draw(st.booleans()) else {})}
        for one in borders
    ]
    return [*made, {"price": draw(prices), **({"flat": draw(prices)} if draw(st.booleans()) else {})}]


@st.composite
def charges(draw: st.DrawFn) -> dict[str, Any]:
    """A charge of any kind; its id is given later."""
    kind = draw(st.sampled_from(["pass_through", "per_unit", "graduated", "volume", "package", "fixed", "free"]))
    charge: dict[str, Any] = {"kind": kind}
    if kind == "fixed":
        return {**charge, "amount": draw(prices), "prorate": draw(st.booleans())}
    charge["provider"] = draw(st.sampled_from(["*", "openai", "anth*"]))
    charge["model"] = draw(st.sampled_from(["*", "GPT-4o", "claude*", "*mini"]))
    if kind == "pass_through":
        return {**charge, draw(st.sampled_from(["markup", "discount"])): draw(st.sampled_from(["0", "0.2", "0.015"]))}
    if kind == "free":
        return charge
    charge["unit"] = draw(st.sampled_from(UNITS))
    if draw(st.booleans()):
        charge["allowance"] = draw(st.integers(0, 3_000))
        charge["prorate"] = draw(st.booleans())
    if kind == "package":
        return {**charge, "size": draw(st.integers(1, 500)), "price": draw(prices)}
    charge["per"] = draw(st.sampled_from([1, 1000, 1_000_000]))
    if kind == "per_unit":
        return {**charge, "price": draw(prices)}
    return {**charge, "tiers": draw(tiers())}


@st.composite
def plans(draw: st.DrawFn) -> dict[str, Any]:
    """A whole plan."""
    its = [{"id": f"c{place}", **one} for place, one in enumerate(draw(st.lists(charges(), min_size=1, max_size=5)))]
    limits: dict[str, str] = {}
    if draw(st.booleans()):
        limits["minimum"] = str(draw(st.integers(0, 50)))
    if draw(st.booleans()):
        limits["cap"] = str(draw(st.integers(50, 90)))
    return plan(*its, currency=draw(st.sampled_from(["USD", "EUR"])), **limits)


@st.composite
def usages(draw: st.DrawFn) -> list[Used]:
    """Usage by provider and model; corrections may leave less than nothing."""
    sold = draw(
        st.lists(
            st.sampled_from([("openai", "gpt-4o"), ("openai", "gpt-4o-mini"), ("anthropic", "claude-x"), (None, None)]),
            unique=True,
        )
    )
    return [
        Used(
            provider,
            model,
            draw(st.integers(-5, 5_000)),
            Fraction(draw(st.integers(-(10**13), 10**14)), PICO),
            {
                unit: draw(st.integers(-2_000, 10_000))
                for unit in ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
            },
        )
        for provider, model in sold
    ]


@given(
    segments=st.lists(st.tuples(plans(), shares, usages()), min_size=1, max_size=3),
    currency=st.sampled_from(["USD", "EUR", "JPY", "KWD"]),
)
def test_any_plan_over_any_usage_is_what_fractions_say(
    segments: list[tuple[dict[str, Any], Fraction, list[Used]]], currency: str
) -> None:
    """To the last digit of every line, for every kind of charge, share of a month and currency."""
    rates = {"USD": "1.0837", "EUR": "0.91423"}
    lines = rated(*segments, currency=currency, rates={base: one for base, one in rates.items() if base != currency})
    expected = oracle.invoice(segments, currency=currency, rates={base: Fraction(one) for base, one in rates.items()})
    digits = oracle.DIGITS[currency]
    assert {key: int(amount.scaleb(digits)) for key, amount in lines.items() if amount} == expected
