"""Money: exact, rounded once, never a float."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.money import cost_array, from_picos, round_cost, round_to_minor_unit, to_picos

PICOS = st.integers(-(10**25), 10**25)


@given(st.lists(st.none() | PICOS, max_size=20))
def test_column_holds_the_exact_amounts(picos: list[int | None]) -> None:
    """Amounts of any size, sign and absence come back as they were."""
    expected = [None if value is None else from_picos(value) for value in picos]
    assert cost_array(picos).to_pylist() == expected


@given(PICOS)
def test_picos_and_decimals_are_the_same_amount(picos: int) -> None:
    """Turning one into the other loses nothing."""
    assert to_picos(from_picos(picos)) == picos


def test_cost_is_rounded_half_even_to_twelve_decimals() -> None:
    """Ties go to the even neighbour, so that sums have no drift."""
    assert round_cost(Decimal("0.0000000000005")) == Decimal("0.000000000000")
    assert round_cost(Decimal("0.0000000000015")) == Decimal("0.000000000002")


def test_more_than_twelve_decimals_are_not_cut_silently() -> None:
    """An amount that was not rounded is an error, not a truncation."""
    with pytest.raises(ValueError, match="round_cost"):
        to_picos(Decimal("0.0000000000001"))


@pytest.mark.parametrize(
    ("currency", "rounded"), [("USD", "10.12"), ("JPY", "10"), ("KWD", "10.125"), ("EUR", "10.12")]
)
def test_invoice_line_is_rounded_to_its_currency(currency: str, rounded: str) -> None:
    """The minor unit is the currency's own, half-even."""
    assert round_to_minor_unit(Decimal("10.125"), currency=currency) == Decimal(rounded)
