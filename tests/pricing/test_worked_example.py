"""docs/pricing.md: whoever computes a call's cost by hand, as it says, gets the ledger's figure."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from ledger.money import from_picos
from ledger.schema import Flag, PriceStatus
from pricing import apply
from pricing.book import PriceBook
from pricing.own.checking import FileText, check_files
from tests.pricing.calls import BOOK, OCTOBER_US, Call, price_one

TEXT = (Path(__file__).parents[2] / "docs" / "pricing.md").read_text(encoding="utf-8")
SECTIONS = dict(zip(*[iter(re.split(r"^## (.+)$", TEXT, flags=re.MULTILINE)[1:])] * 2, strict=True))
EXAMPLE = Call(
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
    at_us=OCTOBER_US,
)
BEDROCK = Call(
    "aws.bedrock",
    "anthropic.claude-sonnet-4-5-20250929-v1:0",
    {"input_tokens": 12_000, "output_tokens": 800},
    at_us=OCTOBER_US,
    flags=(Flag.PROFILE_UNSAID,),
)


def documented_book() -> PriceBook:
    """The bundled book with the documented files."""
    blocks = re.findall(r"^```toml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    files = [
        FileText(name, block, "1f0c5d2e") for name, block in zip(("negotiated.toml", "d.toml"), blocks, strict=True)
    ]
    checked = check_files(files)
    assert not checked.problems
    return PriceBook(BOOK.providers, snapshot=BOOK.snapshot, own=checked.book)


def multiplied(section: str) -> Decimal:
    """The sum that a section's table comes to, each of its rows checked."""
    rows = re.findall(r"^\| (.+?) \| (?:.* = )?([\d,]+) \| ([\d.]+) \| ([\d.]+) \|$", SECTIONS[section], re.MULTILINE)
    assert len(rows) == 5
    for _, tokens, rate, amount in rows:
        assert Decimal(tokens.replace(",", "")) * Decimal(rate) / 10**6 == Decimal(amount)
    stated = re.search(r"\| \*\*cost\*\* \|.*\*\*([\d.]+)\*\*", SECTIONS[section])
    assert stated is not None
    assert Decimal(stated[1]) == sum(Decimal(amount) for *_, amount in rows)
    return Decimal(stated[1])


def test_the_worked_example_is_what_the_code_computes() -> None:
    """Each row multiplies to its amount, the rows add up to the cost, and the code says the same."""
    money = price_one(EXAMPLE)
    assert from_picos(money.cost or 0) == multiplied("A worked example")
    assert f"`{money.price_version}`" in TEXT
    for part, picos in (("input_cost", money.input_cost), ("output_cost", money.output_cost)):
        assert f"`{part}` {from_picos(picos or 0).normalize():f}" in TEXT


def test_the_example_at_own_rates_is_what_the_code_computes() -> None:
    """The documented file gives the documented cost, beside the same list cost, and names its entries."""
    money = price_one(EXAMPLE, book=documented_book())
    assert from_picos(money.cost or 0) == multiplied("Prices of your own")
    assert f"`list_cost` stays {from_picos(money.list_cost or 0).normalize():f}" in TEXT
    assert "own negotiated.toml@1f0c5d2e;sonnet-output 2026-09-01.." in (money.price_version or "")
    assert "`own negotiated.toml@1f0c5d2e;sonnet-output 2026-09-01..`" in TEXT


def test_the_bounds_of_the_ambiguous_example_are_what_the_code_computes() -> None:
    """Each case's row multiplies to its amount; the least and the most are the call's bounds."""
    term = r"([\d,]+) × ([\d.]+) / 1,000,000"
    rows = re.findall(rf"^\| \w+ \| {term} \| {term} \| ([\d.]+) \|$", SECTIONS["When a fact is unsaid"], re.MULTILINE)
    amounts = []
    for given, rate, taken, dearer, amount in rows:
        counts = [Decimal(count.replace(",", "")) for count in (given, taken)]
        assert (counts[0] * Decimal(rate) + counts[1] * Decimal(dearer)) / 10**6 == Decimal(amount)
        amounts.append(Decimal(amount))
    money = price_one(BEDROCK)
    assert money.price_status == PriceStatus.AMBIGUOUS
    assert [from_picos(money.cost_low or 0), from_picos(money.cost_high or 0)] == sorted(amounts)
    assert f"`cost_low` {min(amounts).normalize():f} and `cost_high` {max(amounts).normalize():f}" in TEXT


def test_the_documented_deployments_settle_what_they_say() -> None:
    """The ambiguous call is global, Azure's deployment is its model, and the host in the next room has an own price."""
    book = documented_book()
    settled = price_one(replace(BEDROCK, account="123456789012"), book=book)
    assert f"is global and costs {from_picos(settled.cost or 0).normalize():f}." in TEXT
    azure = Call("azure.ai.openai", "chat-prod", {"input_tokens": 10}, at_us=OCTOBER_US)
    assert price_one(azure, book=book).price_model == "azure/gpt-4o"
    gpu = price_one(Call("host:gpu-1.internal", "llama", {"gpu_seconds": 3600}), book=book)
    assert from_picos(gpu.cost or 0) == Decimal("2.9")


@pytest.mark.parametrize("status", re.findall(r"^    (\w+) {2,}\w", apply.__doc__ or "", re.MULTILINE))
def test_every_status_is_explained(status: str) -> None:
    """A reader finds each status that a call without a cost can have."""
    assert f"| `{status}` |" in TEXT
    assert BOOK.snapshot in TEXT
