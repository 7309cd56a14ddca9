"""What tests of hostile values share: figures that are none, and a neighbour that must count all the same."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from receiver.dialects.figures import COUNT_MAX
from tests.otlp import SpanText, call
from tests.pipeline import Pipeline

# gpt-4o: 100 × $2.5 + 10 × $10 a million.
NEIGHBOUR_COST = Decimal("0.00035")
IN, OUT = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"
READ, WRITE = "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_write.input_tokens"
REASONING = "gen_ai.usage.reasoning.output_tokens"
FIGURES = (IN, OUT, READ, WRITE, REASONING)

NO_COUNTS: Mapping[str, Any] = {
    "2^63-1": 2**63 - 1,
    "-2^63": -(2**63),
    "2^63 as float": float(2**63),
    "2^64 as text": str(2**64),
    "10^400 as text": "1" + "0" * 400,
    "5,000 digits": "9" * 5000,
    "one above the bound": COUNT_MAX + 1,
    "minus one": -1,
    "minus one as text": "-1",
    "minus a tenth": -0.1,
    "half": "0.5",
    "NaN": float("nan"),
    "NaN as text": "NaN",
    "Infinity": float("inf"),
    "-Infinity as text": "-Infinity",
    "1e999": "1e999",
    "words": "about a hundred",
    "hexadecimal": "0x64",
    "grouped": "1,000",
    "underscores": "1_000",
    "other digits": "١٠٠",
    "two numbers": "100 200",
    "code": "__import__('os').abort()",
    "a sum": "50+50",
    "yes": True,
    "no": False,
    "a list of one": [100],
    "a map": {"value": 100},
    "bytes": b"100",
    "a blank": " ",
    "zero bytes": "100\x00",
}


def neighbour() -> SpanText:
    """An honest call, to stand beside a hostile one."""
    return call(attributes={"customer.id": "honest"})


def assert_neighbours_count(pipeline: Pipeline, count: int) -> None:
    """The honest calls are billed, exactly."""
    assert pipeline.rows(
        "SELECT sum(call_count)::INTEGER AS calls, sum(cost) AS cost FROM entries WHERE customer_id = 'honest'"
    ) == [{"calls": count, "cost": NEIGHBOUR_COST * count}]


def amounts_of_others(pipeline: Pipeline) -> list[dict[str, Any]]:
    """What is billed for calls that are not the honest ones."""
    return pipeline.rows("SELECT * FROM calls WHERE customer_id IS NULL AND cost IS NOT NULL")
