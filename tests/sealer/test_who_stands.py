"""Who stands for a call that several spans tell of: the one that knows what moves the price, not the wordiest.

The same spans in the other order, and an index rebuilt from the ledger, give the same.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.otlp import SpanText, call
from tests.pipeline import Pipeline

# Many figures, most of them 0, and no tier: what OpenInference writes.
WORDY: Mapping[str, Any] = {
    "openinference.span.kind": "LLM",
    "llm.provider": "openai",
    "llm.model_name": "gpt-5-2025-08-07",
    "llm.token_count.prompt": 2000,
    "llm.token_count.completion": 10,
    "llm.token_count.total": 2010,
    "llm.token_count.prompt_details.cache_read": 0,
    "llm.token_count.prompt_details.audio": 0,
    "llm.token_count.completion_details.reasoning": 0,
    "llm.token_count.completion_details.audio": 0,
}
OPENINFERENCE, OPENLLMETRY = "openinference.instrumentation.openai", "opentelemetry.instrumentation.openai.v1"


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """An empty ledger."""
    with Pipeline(tmp_path) as made:
        yield made


def standing(pipeline: Pipeline, outer: SpanText, inner: SpanText) -> dict[str, Any]:
    """Send both in either order, and once more after the index was lost; return the one call that is billed."""
    for first, second in ((outer, inner), (inner, outer)):
        pipeline.take(first)
        pipeline.take(second)
        pipeline.restart_sealer()
        shutil.rmtree(pipeline.data.index)
    (row,) = pipeline.rows("SELECT scope_name, service_tier, price_status, cost FROM calls")
    audit = pipeline.audit()
    assert (audit["usage"], audit["nested"]) == (1, 1)
    return row


def official(outer: SpanText, **attributes: Any) -> SpanText:
    """The same call as the official instrumentation writes it, inside the other span."""
    return call(
        tokens=(2000, 10), model="gpt-5-2025-08-07", trace=outer.trace, parent=outer.span, attributes=attributes
    )


def test_the_span_that_names_the_service_tier(pipeline: Pipeline) -> None:
    """A tier at another price outweighs any number of figures that are 0."""
    outer = SpanText(scope=OPENINFERENCE, attributes=WORDY)
    row = standing(pipeline, outer, official(outer, **{"openai.response.service_tier": "priority"}))
    assert row["service_tier"] == "priority"


def test_the_standard_tier_is_no_news(pipeline: Pipeline) -> None:
    """Naming the tier that everybody takes for granted does not outweigh figures."""
    outer = SpanText(scope=OPENINFERENCE, attributes=WORDY)
    row = standing(pipeline, outer, official(outer, **{"openai.response.service_tier": "default"}))
    assert row["scope_name"] == OPENINFERENCE


def test_the_span_that_leaves_nothing_unsaid(pipeline: Pipeline) -> None:
    """A span whose emitter never says what was written to the cache gives way to one that would have said it."""
    more = {"gen_ai.usage.total_tokens": 2010, "gen_ai.usage.cache_read.input_tokens": 0}
    outer = call(
        tokens=(2000, 10), model="gpt-5-2025-08-07", scope=OPENLLMETRY, scope_version="0.62.4", attributes=more
    )
    row = standing(pipeline, outer, official(outer))
    assert (row["scope_name"], row["price_status"]) == ("opentelemetry.instrumentation.genai.openai", "priced")


def test_an_alias_and_its_snapshot_are_one_model(pipeline: Pipeline) -> None:
    """A stream told by the alias that was asked for, and by the snapshot that answered, is one call."""
    wordy = {**WORDY, "llm.provider": "anthropic", "llm.model_name": "claude-sonnet-4-0"}
    outer = SpanText(scope="openinference.instrumentation.anthropic", attributes=wordy)
    inner = call(
        tokens=(2000, 10), model="claude-sonnet-4-20250514", trace=outer.trace, parent=outer.span,
        scope="opentelemetry.instrumentation.genai.anthropic", attributes={"gen_ai.provider.name": "anthropic"},
    )  # fmt: skip
    assert standing(pipeline, outer, inner)["price_status"] == "priced"
