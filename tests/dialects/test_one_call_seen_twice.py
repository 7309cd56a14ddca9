"""Calls that two emitters of different families trace: each is billed once, through the whole of the receiver."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dialects import test_anthropic_sdk as anthropic_sdk
from tests.dialects import test_google_adk as adk
from tests.dialects import test_langsmith as langsmith
from tests.dialects import test_pydantic_ai as pydantic_ai
from tests.dialects import test_vercel_otel as vercel_otel
from tests.otlp import SpanText
from tests.pipeline import Pipeline

_ID = "msg_01XFDUDYJgAACzvnptvVoYEL"


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """A data directory of the test's own."""
    with Pipeline(tmp_path) as started:
        yield started


def billed(pipeline: Pipeline, *spans: SpanText) -> list[dict[str, Any]]:
    """Send spans, seal, and return the calls that are billed."""
    pipeline.take(*spans)
    return pipeline.rows("SELECT dialect, scope_name, input_tokens, output_tokens, cost FROM calls")


def test_adks_two_spans_of_one_call(pipeline: Pipeline) -> None:
    """`call_llm` and `generate_content` within it have the same figures."""
    calls = billed(
        pipeline,
        SpanText(trace=1, span=1, name="call_llm", kind=1, scope=adk.SCOPE, attributes=adk.CALL_LLM),
        SpanText(trace=1, span=2, parent=1, scope=adk.SCOPE, attributes=adk.GENERATE),
    )
    assert [(call["input_tokens"], call["output_tokens"]) for call in calls] == [(1570, 240)]


def test_vercels_two_embeddings(pipeline: Pipeline) -> None:
    """The outer one has no figures and is an aggregate."""
    inner = vercel_otel.EMBEDDINGS | {"gen_ai.usage.input_tokens": 8}
    calls = billed(
        pipeline,
        SpanText(trace=2, span=1, scope="gen_ai", attributes=vercel_otel.EMBEDDINGS),
        SpanText(trace=2, span=2, parent=1, scope="gen_ai", attributes=inner),
    )
    assert [call["input_tokens"] for call in calls] == [8]


def test_a_framework_around_the_sdk(pipeline: Pipeline) -> None:
    """Pydantic AI's chat and the Anthropic SDK's own span have the same response id; the one that says more counts."""
    chat = pydantic_ai.CHAT | {"gen_ai.response.id": _ID}
    sdk = anthropic_sdk.CALL | {"gen_ai.response.id": _ID}
    calls = billed(
        pipeline,
        SpanText(trace=3, span=1, scope="pydantic-ai", attributes=chat),
        SpanText(trace=3, span=2, parent=1, scope=anthropic_sdk.SCOPE, attributes=sdk),
    )
    assert len(calls) == 1
    assert calls[0]["cost"] is not None


def test_langsmiths_trace_beside_the_sdks(pipeline: Pipeline) -> None:
    """LangSmith makes trace ids of its own; the answer's id, from the run's output, tells that it is one call."""
    usage = langsmith.USAGE | {"output_token_details": {}}
    message = {"kwargs": {"usage_metadata": usage, "response_metadata": {"id": _ID}}}
    run = langsmith.RUN | {"gen_ai.completion": json.dumps({"generations": [[{"message": message}]]})}
    calls = billed(
        pipeline,
        SpanText(trace=4, span=1, scope="langsmith", kind=1, attributes=run),
        SpanText(
            trace=5, span=1, scope=anthropic_sdk.SCOPE, attributes=anthropic_sdk.CALL | {"gen_ai.response.id": _ID}
        ),
    )
    assert len(calls) == 1
