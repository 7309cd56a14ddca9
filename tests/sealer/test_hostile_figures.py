"""Hostile figures and claims of cost: no value that is no count is billed, and neighbours are counted exactly.

Everything goes the whole way: splitter, journal, sealer, Parquet, DuckDB.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from genai_prices import Usage, calc_price
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.money import round_cost
from receiver.dialects.figures import COUNT_MAX
from tests.dialects.attributes import ATTRIBUTES, CALLS, SCOPES
from tests.otlp import SpanText, call
from tests.pipeline import Pipeline
from tests.sealer.hostile import (
    FIGURES,
    IN,
    NEIGHBOUR_COST,
    NO_COUNTS,
    OUT,
    READ,
    REASONING,
    WRITE,
    amounts_of_others,
    assert_neighbours_count,
    neighbour,
)


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """An empty ledger."""
    with Pipeline(tmp_path) as made:
        yield made


# ---------------------------------------------------------------- figures


@pytest.mark.parametrize("figure", FIGURES)
def test_no_value_that_is_no_count_is_billed(pipeline: Pipeline, figure: str) -> None:
    """Each of them sends its span to quarantine, in each figure, and none takes a neighbour along."""
    hostile = [call(tokens=(1000, 500), attributes={figure: value}) for value in NO_COUNTS.values()]
    pipeline.take(neighbour(), *hostile, neighbour())
    assert amounts_of_others(pipeline) == []
    held = pipeline.rows("SELECT reason, detail FROM set_aside WHERE span_class = 'quarantined'")
    assert len(held) == len(NO_COUNTS)
    assert all(figure in row["detail"] for row in held)
    assert pipeline.audit()["quarantined"] == len(NO_COUNTS)
    assert_neighbours_count(pipeline, 2)


@pytest.mark.parametrize(
    "figures",
    [
        {IN: 100, OUT: 10, READ: 101},
        {IN: 100, OUT: 10, WRITE: 101},
        {IN: 100, OUT: 10, READ: 60, WRITE: 60},
        {IN: 100, OUT: 10, REASONING: 11},
        {IN: 0, OUT: 10, READ: 1},
        {IN: 100, OUT: 0, REASONING: 1},
        {IN: 100, OUT: 10, "gen_ai.usage.audio.input_tokens": 101},
        {IN: 100, OUT: 10, "gen_ai.usage.audio.output_tokens": 11},
    ],
    ids=str,
)
def test_parts_above_their_whole_have_no_price(pipeline: Pipeline, figures: Mapping[str, int]) -> None:
    """An emitter that contradicts itself has no cost, and the status says so."""
    pipeline.take(neighbour(), call(attributes=figures), neighbour())
    (row,) = pipeline.rows("SELECT price_status, cost, list_cost FROM calls WHERE customer_id IS NULL")
    assert row == {"price_status": "invalid_usage", "cost": None, "list_cost": None}
    assert_neighbours_count(pipeline, 2)


def test_the_largest_figures_are_billed_exactly(pipeline: Pipeline) -> None:
    """At the bound of what is believed nothing overflows: 10^10 tokens each way cost $125,000, to the last digit."""
    pipeline.take(neighbour(), call(tokens=(COUNT_MAX, str(COUNT_MAX))))
    assert pipeline.rows("SELECT cost, input_tokens FROM calls WHERE customer_id IS NULL") == [
        {"cost": Decimal(125_000), "input_tokens": COUNT_MAX}
    ]


def test_a_thousand_of_the_largest_calls_are_summed_exactly(pipeline: Pipeline) -> None:
    """Sums beyond 2^63 of 10^-12 dollars are right, also where the views add them up."""
    pipeline.take(*(call(tokens=(COUNT_MAX, COUNT_MAX)) for _ in range(1000)))
    assert pipeline.value("SELECT cost FROM costs_daily") == Decimal(125_000_000)
    assert pipeline.value("SELECT input_tokens FROM costs_daily") == 1000 * COUNT_MAX


_honest = st.integers(0, 2000)
_spelled = st.one_of(
    _honest,
    _honest.map(float),
    _honest.map(str),
    st.sampled_from(["", None]),
    st.sampled_from(list(NO_COUNTS.values())),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(max_size=8),
)


def honest_count(value: Any) -> int | None:
    """Return the count that a value plainly is; None for anything else. The test's own reading."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value) if len(value) < 20 else None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    return value if type(value) is int and 0 <= value <= COUNT_MAX else None


@given(spans=st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(FIGURES, _spelled)), min_size=1, max_size=40))
@settings(max_examples=12)
def test_whatever_the_figures_are(spans: list[dict[str, Any]]) -> None:
    """Only plain, complete and consistent figures are billed, at the library's price for just these."""
    hostile = [call(tokens=(None, None), attributes=figures) for figures in spans]
    with tempfile.TemporaryDirectory() as folder, Pipeline(Path(folder)) as pipeline:
        pipeline.take(neighbour(), *hostile, neighbour())
        audit = pipeline.audit()
        assert audit["received"] == len(spans) + 2
        assert_neighbours_count(pipeline, 2)
        billed = {row["span_id"]: row for row in amounts_of_others(pipeline)}
    for span, figures in zip(hostile, spans, strict=True):
        row = billed.get(f"{span.span:016x}")
        if row is not None:
            counts = {key: honest_count(value) for key, value in figures.items() if value not in ("", None)}
            assert None not in counts.values(), (figures, row["cost"])
            assert row["cost"] == _library_cost(counts), figures


def _library_cost(counts: Mapping[str, int | None]) -> Decimal:
    names = {
        IN: "input_tokens",
        OUT: "output_tokens",
        READ: "cache_read_tokens",
        WRITE: "cache_write_tokens",
        REASONING: "output_reasoning_tokens",
    }
    usage = Usage(**{names[key]: count for key, count in counts.items()})
    return round_cost(calc_price(usage, "gpt-4o-2024-08-06", provider_id="openai").total_price)


@given(
    written=st.lists(
        st.tuples(st.sampled_from(SCOPES), st.sampled_from(["", "0.1", "99"]), CALLS, ATTRIBUTES),
        min_size=1,
        max_size=30,
    )
)
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_whatever_any_emitter_writes(written: list[tuple[str, str, dict[str, Any], dict[str, Any]]]) -> None:
    """Any scope with any attributes: every span ends in a class, no reader fails, and the commit is not held up."""
    spans = [
        SpanText(scope=scope, scope_version=version, attributes=basics | attributes)
        for scope, version, basics, attributes in written
    ]
    with tempfile.TemporaryDirectory() as folder, Pipeline(Path(folder)) as pipeline:
        pipeline.take(neighbour(), *spans, neighbour())
        assert pipeline.audit()["received"] == len(spans) + 2
        assert pipeline.rows("SELECT detail FROM set_aside WHERE reason = 'reader_failed'") == []
        assert (
            pipeline.rows("SELECT cost FROM calls WHERE cost < 0 OR (price_status = 'priced') <> (cost IS NOT NULL)")
            == []
        )
        assert_neighbours_count(pipeline, 2)


# ---------------------------------------------------------------- claims of cost


@pytest.mark.parametrize(
    "claim",
    [
        1e300,
        -1.0,
        float("nan"),
        float("inf"),
        "free",
        "1e99999",
        "9" * 5000,
        True,
        [1],
        {"usd": 1},
        b"1",
        "-0.5",
        2**62,
    ],
    ids=lambda claim: f"{claim!r:.20}",
)
def test_an_absurd_claim_of_cost_is_no_claim(pipeline: Pipeline, claim: Any) -> None:
    """What a span says it cost never becomes an amount that no call costs, and the call's own cost stands."""
    keys = ("llm.cost.total", "gen_ai.usage.cost", "operation.cost", "gen_ai.cost.total_cost", "litellm.cost.total")
    pipeline.take(
        neighbour(), *(call(attributes={key: claim}) for key in keys), _openinference({"llm.cost.total": claim})
    )
    assert pipeline.rows("SELECT DISTINCT cost, reported_cost, price_status FROM calls WHERE customer_id IS NULL") == [
        {"cost": NEIGHBOUR_COST, "reported_cost": None, "price_status": "priced"}
    ]
    assert_neighbours_count(pipeline, 1)


def _openinference(attributes: Mapping[str, Any]) -> SpanText:
    return SpanText(
        scope="openinference.instrumentation.openai",
        attributes={
            "openinference.span.kind": "LLM",
            "llm.provider": "openai",
            "llm.model_name": "gpt-4o-2024-08-06",
            "llm.token_count.prompt": 100,
            "llm.token_count.completion": 10,
            **attributes,
        },
    )
