"""docs/pricing.md: a reader who follows it gets the ledger's figure."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

from ledger.money import from_picos
from tests.pricing.test_against_the_library import price_one

PAGE = Path(__file__).parents[2] / "docs" / "pricing.md"


def test_worked_example_is_what_the_code_computes() -> None:
    """The page's table and the code agree to the last digit."""
    text = PAGE.read_text()
    shown = Decimal(re.findall(r"\*\*cost\*\* \| \| \| \*\*([0-9.]+)\*\*", text)[0])
    parts = dict(re.findall(r"`(input_cost|output_cost)` (?:is )?([0-9.]+[0-9])", text))
    money = price_one(
        "openai", "gpt-4o-2024-08-06", {"input_tokens": 1200, "cache_read_tokens": 1024, "output_tokens": 300}
    )
    assert from_picos(money["cost"]) == shown
    assert {name: from_picos(money[name]) for name in parts} == {name: Decimal(value) for name, value in parts.items()}
    assert len(parts) == 2
