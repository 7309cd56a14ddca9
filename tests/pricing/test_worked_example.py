"""docs/pricing.md: whoever computes a call's cost by hand, as it says, gets the ledger's figure."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

from ledger.money import from_picos
from pricing import apply
from tests.pricing.calls import BOOK, Call, day_us, price_one

DOC = Path(__file__).parents[2] / "docs" / "pricing.md"


def test_the_worked_example_is_what_the_code_computes() -> None:
    """Each row multiplies to its amount, the rows add up to the cost, and the code says the same."""
    text = DOC.read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| (?:.* = )?([\d,]+) \| ([\d.]+) \| ([\d.]+) \|$", text, re.MULTILINE)
    assert len(rows) == 5
    for _, tokens, rate, amount in rows:
        assert Decimal(tokens.replace(",", "")) * Decimal(rate) / 10**6 == Decimal(amount)
    stated = re.search(r"\| \*\*cost\*\* \|.*\*\*([\d.]+)\*\*", text)
    assert stated is not None
    assert Decimal(stated[1]) == sum(Decimal(amount) for *_, amount in rows)
    money = price_one(
        Call(
            "anthropic",
            "claude-sonnet-4-5-20250929",
            {
                "input_tokens": 12_000,
                "cache_read_tokens": 9_000,
                "cache_write_tokens": 2_500,
                "cache_write_5m_tokens": 2_000,
                "cache_write_1h_tokens": 500,
                "output_tokens": 800,
                "reasoning_tokens": 300,
            },
            at_us=day_us(2026, 10, 1),
        )
    )
    assert from_picos(money.cost or 0) == Decimal(stated[1])
    assert f"`{money.price_version}`" in text
    for part, picos in (("input_cost", money.input_cost), ("output_cost", money.output_cost)):
        assert f"`{part}` {from_picos(picos or 0).normalize():f}" in text


def test_every_status_is_explained() -> None:
    """A reader finds each status that a call without a cost can have."""
    text = DOC.read_text(encoding="utf-8")
    statuses = re.findall(r"^    (\w+) {2,}\w", apply.__doc__ or "", re.MULTILINE)
    assert len(statuses) == 5
    assert all(f"| `{status}` |" in text for status in statuses)
    assert BOOK.snapshot in text
