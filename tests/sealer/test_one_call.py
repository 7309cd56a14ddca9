"""Several spans of one call in one trace, through journal and Parquet: billed once; separate calls never merged."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from tests.otlp import START_NS, SpanText, call
from tests.pipeline import Pipeline

PRICE = Decimal("0.00035")  # of 100 and 10 tokens
UNIQUE = {"gen_ai.response.id": "chatcmpl-CnMM0oFYQitzT43PYAvCrmNt6GIKs"}
LANGCHAIN = "openinference.instrumentation.langchain"


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """An empty ledger."""
    with Pipeline(tmp_path) as made:
        yield made


def framework(span: int, parent: int | None = None, model: str = "gpt-4o", **more: Any) -> SpanText:
    """A framework's span of a model call: OpenInference's, which knows no response id and only the model's alias."""
    attributes = {
        "openinference.span.kind": "LLM",
        "llm.model_name": model,
        "llm.provider": "openai",
        "llm.token_count.prompt": 100,
        "llm.token_count.completion": 10,
        "llm.token_count.total": 110,
    }
    return SpanText(trace=1, span=span, parent=parent, scope=LANGCHAIN, attributes=attributes, **more)


def billed(pipeline: Pipeline) -> list[int]:
    """The spans that are billed, checked to cost what so many calls cost."""
    rows = pipeline.rows("SELECT span_id FROM calls ORDER BY span_id")
    assert pipeline.value("SELECT coalesce(sum(cost), 0) FROM entries") == len(rows) * PRICE
    pipeline.audit()
    return [int(row["span_id"], 16) for row in rows]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_three_layers_in_any_order(tmp_path: Path, order: tuple[int, ...]) -> None:
    """Framework over gateway client over SDK, each in a request of its own: one call at every end."""
    layers = [
        framework(1),
        call(trace=1, span=2, parent=1, scope="opentelemetry.instrumentation.openai.v1"),
        call(trace=1, span=3, parent=2, attributes=UNIQUE),
    ]
    with Pipeline(tmp_path) as pipeline:
        for place in order:
            pipeline.take(layers[place])
        assert len(billed(pipeline)) == 1
        assert pipeline.audit()["nested"] == 2


def test_second_span_days_later_is_a_correction(pipeline: Pipeline) -> None:
    """The outer span says more and comes days later: the inner one is taken back, the sum never moves."""
    pipeline.take(call(trace=1, span=3, parent=1, attributes={"gen_ai.response.model": "gpt-4o-2024-08-06"}))
    assert billed(pipeline) == [3]
    details = {"gen_ai.usage.cache_read.input_tokens": 0, "gen_ai.usage.reasoning.output_tokens": 0, **UNIQUE}
    pipeline.restart_sealer()
    pipeline.take(call(trace=1, span=1, duration_ns=3 * 86_400 * 10**9, attributes=details))
    assert billed(pipeline) == [1]
    assert pipeline.rows('SELECT entry_type, call_count FROM entries ORDER BY "commit", entry_type') == [
        {"entry_type": "usage", "call_count": 1},
        {"entry_type": "reversal", "call_count": -1},
        {"entry_type": "usage", "call_count": 1},
    ]


def test_alias_above_and_snapshot_below_are_one_call(pipeline: Pipeline) -> None:
    """A framework knows `gpt-4o`, the SDK below it `gpt-4o-2024-08-06`."""
    pipeline.take(framework(1), call(trace=1, span=2, parent=1))
    assert len(billed(pipeline)) == 1


def test_missing_middle_merges_by_response_id_only(pipeline: Pipeline) -> None:
    """The span between the two never came: an equal id says that they are one call, equal figures do not."""
    pipeline.take(call(trace=1, span=1, attributes=UNIQUE), call(trace=1, span=3, parent=2, attributes=UNIQUE))
    assert len(billed(pipeline)) == 1
    pipeline.take(call(trace=2, span=21), call(trace=2, span=23, parent=22))
    assert len(billed(pipeline)) == 3


def test_retry_with_equal_figures_is_two_calls(pipeline: Pipeline) -> None:
    """The SDK asked twice below one framework span, and both answers had the same size: both were charged."""
    first = call(trace=1, span=2, parent=1, attributes={"gen_ai.response.id": "chatcmpl-A1b2C3d4E5f6G7h8I9j0K1l2M3n4O"})
    second = call(trace=1, span=3, parent=1, start_ns=START_NS + 2 * 10**9, attributes=UNIQUE)
    for span in (first, framework(1, duration_ns=5 * 10**9), second):
        pipeline.take(span)
    assert billed(pipeline) == [2, 3]
    assert pipeline.rows("SELECT span_class, reason FROM set_aside") == [{"span_class": "nested", "reason": "roll_up"}]


def test_retry_whose_outer_span_knows_the_answer_is_two_calls(pipeline: Pipeline) -> None:
    """The outer span carries the second answer's id: it is that call; the first one stands for itself."""
    first = call(trace=1, span=2, parent=1)
    outer = call(trace=1, span=1, duration_ns=5 * 10**9, attributes=UNIQUE)
    pipeline.take(first, outer, call(trace=1, span=3, parent=1, attributes=UNIQUE))
    assert len(billed(pipeline)) == 2
    assert 2 in billed(pipeline)


def test_two_equal_calls_of_a_loop_are_two(pipeline: Pipeline) -> None:
    """The same question asked twice by one agent, answered alike: two calls, whether or not they have ids."""
    agent = call(trace=1, span=1, tokens=(200, 20), attributes={"gen_ai.operation.name": "invoke_agent"})
    pipeline.take(agent, call(trace=1, span=2, parent=1), call(trace=1, span=3, parent=1))
    assert billed(pipeline) == [2, 3]
    pipeline.take(
        *[call(trace=2, span=span, parent=9, attributes={"gen_ai.response.id": f"r{span}"}) for span in (4, 5)]
    )
    assert len(billed(pipeline)) == 4


def test_stream_without_usage_beside_one_with_it_is_one_call(pipeline: Pipeline) -> None:
    """Two instrumentations side by side: one missed the usage, both saw the same response."""
    blind = call(trace=1, span=2, parent=9, tokens=(None, None), attributes=UNIQUE)
    pipeline.take(blind)
    pipeline.take(call(trace=1, span=3, parent=9, attributes=UNIQUE))
    assert billed(pipeline) == [3]


def test_failed_attempt_and_its_retry_below_one_span(pipeline: Pipeline) -> None:
    """An attempt that failed used nothing; the framework's span and the attempt that worked are one call."""
    failed = call(trace=1, span=2, parent=1, tokens=(None, None), status=2, attributes={"error.type": "RateLimitError"})
    pipeline.take(failed, call(trace=1, span=3, parent=1), framework(1))
    assert pipeline.value("SELECT count(*) FROM calls WHERE cost IS NOT NULL") == 1
    assert pipeline.value("SELECT sum(cost) FROM entries") == PRICE


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_neighbour_with_one_id_and_doubtful_figures_is_the_same_call(tmp_path: Path, order: tuple[int, ...]) -> None:
    """A stream that its instrumentation is known to count wrongly stands beside the SDK's own span: one call."""
    message = {"gen_ai.provider.name": "anthropic", "gen_ai.response.id": "msg_017MhNmn5nUm4C53tXC7Yh2y"}
    sonnet = "claude-sonnet-4-5-20250929"
    doubted = call(
        trace=1,
        span=2,
        parent=1,
        model=sonnet,
        tokens=(100, 11),
        scope="opentelemetry.instrumentation.anthropic",
        scope_version="0.62.4",
        attributes={**message, "gen_ai.is_streaming": True},
    )
    right = call(
        trace=1,
        span=3,
        parent=1,
        model=sonnet,
        scope="opentelemetry.instrumentation.genai.anthropic",
        attributes=message,
    )
    with Pipeline(tmp_path) as pipeline:
        for place in order:
            pipeline.take((doubted, right)[place])
        assert pipeline.rows("SELECT output_tokens, usage_status FROM calls") == [
            {"output_tokens": 10, "usage_status": "reported"}
        ]
        assert pipeline.audit()["nested"] == 1


def test_neighbours_with_one_id_and_other_whole_figures_are_two_calls(pipeline: Pipeline) -> None:
    """What nobody doubts and differs is not one call, whatever the id's shape."""
    pipeline.take(
        call(trace=1, span=2, parent=1, attributes=UNIQUE),
        call(trace=1, span=3, parent=1, attributes=UNIQUE, tokens=(100, 11)),
    )
    assert pipeline.audit()["usage"] == 2
