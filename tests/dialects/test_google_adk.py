"""Google ADK's spans, as google-adk 2.13.0 writes them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dialects.spans import flags_of, is_call, maybe_read, read_of

SCOPE = "gcp.vertex.agent"
ANSWER: dict[str, Any] = {
    "model_version": "gemini-2.5-flash-001",
    "content": {"parts": [{"text": "secret"}], "role": "model"},
    "partial": False,
    "usage_metadata": {
        "cached_content_token_count": 1024,
        "candidates_token_count": 40,
        "prompt_token_count": 1500,
        "prompt_tokens_details": [{"modality": "AUDIO", "token_count": 100}, {"modality": "TEXT", "token_count": 1400}],
        "thoughts_token_count": 200,
        "tool_use_prompt_token_count": 70,
        "total_token_count": 1810,
    },
}
CALL_LLM = {
    "gen_ai.system": "gcp.vertex.agent",
    "gen_ai.request.model": "gemini-2.5-flash",
    "gcp.vertex.agent.invocation_id": "e-1",
    "gcp.vertex.agent.session_id": "s1",
    "gcp.vertex.agent.event_id": "ev1",
    "gcp.vertex.agent.llm_request": "{}",
    "gcp.vertex.agent.llm_response": json.dumps(ANSWER),
    "gen_ai.usage.input_tokens": 1570,
    "gen_ai.usage.output_tokens": 240,
    "gen_ai.usage.cache_read.input_tokens": 1024,
    "gen_ai.usage.reasoning.output_tokens": 200,
    "gen_ai.usage.experimental.reasoning_tokens_limit": 1024,
    "gen_ai.response.finish_reasons": ["stop"],
}
GENERATE = {
    "gen_ai.operation.name": "generate_content",
    "gen_ai.system": "gemini",
    "gen_ai.request.model": "gemini-2.5-flash",
    "gen_ai.agent.name": "root",
    "gen_ai.conversation.id": "s1",
    "gcp.vertex.agent.event_id": "ev1",
    "gen_ai.usage.input_tokens": 1570,
    "gen_ai.usage.output_tokens": 240,
    "gen_ai.usage.cache_read.input_tokens": 1024,
    "gen_ai.usage.reasoning.output_tokens": 200,
}


def test_call_llm_with_the_answers_usage() -> None:
    """Of the answer the usage is kept, and wins: modalities and all."""
    found = read_of(SCOPE, CALL_LLM, name="call_llm", version="2.13.0", kind=1)
    assert (is_call(found), found.operation) == (True, "generate_content")
    assert found.usage == {
        "input_tokens": 1570,
        "input_tool_tokens": 70,
        "output_tokens": 240,
        "reasoning_tokens": 200,
        "cache_read_tokens": 1024,
        "input_audio_tokens": 100,
        "input_text_tokens": 1400,
    }
    assert (found.provider, found.response_model, found.session_id) == ("gcp.gemini", "gemini-2.5-flash-001", "s1")
    assert flags_of(found) == ("usage_from:gcp.vertex.agent.llm_response",)


@pytest.mark.parametrize("response", ["{}", "<not serializable>", "{", json.dumps({"content": {}})])
def test_without_content_the_counts_stand(response: str) -> None:
    """Content switched off leaves `{}` behind; the counts are inclusive."""
    found = read_of(SCOPE, CALL_LLM | {"gcp.vertex.agent.llm_response": response}, name="call_llm", kind=1)
    assert (found.usage["input_tokens"], found.usage["output_tokens"]) == (1570, 240)
    assert flags_of(found) == ()


def test_generate_content_has_the_same_figures() -> None:
    """Both spans of one call are calls with equal figures: the outcome counts them once."""
    inner = read_of(SCOPE, GENERATE)
    outer = read_of(SCOPE, CALL_LLM, name="call_llm", kind=1)
    assert is_call(inner)
    assert {name: outer.usage[name] for name in inner.usage} == inner.usage


@pytest.mark.parametrize(
    ("model", "seller"),
    [
        ("anthropic/claude-sonnet-4-5", "anthropic"),
        ("bedrock/anthropic.claude-sonnet-4-5", "aws.bedrock"),
        ("projects/p/locations/l/publishers/google/models/gemini-2.5-flash", "gcp.vertex_ai"),
        ("models/gemini-2.5-flash", "gcp.gemini"),
        ("something-of-ones-own", None),
    ],
)
def test_who_sold_it(model: str, seller: str | None) -> None:
    """The provider on the span is the kit's own name; the model's name tells, or nothing does."""
    assert read_of(SCOPE, CALL_LLM | {"gen_ai.request.model": model}, name="call_llm").provider == seller


@pytest.mark.parametrize("operation", ["invoke_agent", "execute_tool"])
def test_agents_and_tools_are_aggregates(operation: str) -> None:
    """They roll up what is below them."""
    attributes = {"gen_ai.operation.name": operation, "gen_ai.agent.name": "root"}
    assert not is_call(read_of(SCOPE, attributes, name=operation, kind=1))


def test_other_spans_of_the_kit() -> None:
    """An invocation is nothing; what names a model but is no call is an aggregate."""
    assert maybe_read(SCOPE, {"gcp.vertex.agent.invocation_id": "e-1"}, name="invocation") is None
    assert not is_call(read_of(SCOPE, CALL_LLM, name="send_data"))
