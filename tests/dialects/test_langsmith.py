"""LangSmith's runs, as langsmith 0.15.1 exports them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ledger.vocabulary import Flag, UsageStatus
from receiver.dialects.reading import UnreadableSpanError
from tests.dialects.spans import flags_of, is_call, maybe_read, read_of

USAGE = {
    "input_tokens": 1304,
    "output_tokens": 50,
    "total_tokens": 1354,
    "input_token_details": {
        "cache_read": 1000,
        "cache_creation": 0,
        "ephemeral_5m_input_tokens": 100,
        "ephemeral_1h_input_tokens": 200,
    },
    "output_token_details": {"reasoning": 30},
}
RUN = {
    "langsmith.span.kind": "llm",
    "langsmith.trace.name": "ChatAnthropic",
    "langsmith.metadata.ls_provider": "anthropic",
    "langsmith.metadata.user_id": "u1",
    "langsmith.metadata.thread_id": "t1",
    "gen_ai.operation.name": "chat",
    "gen_ai.system": "anthropic",
    "gen_ai.request.model": "claude-sonnet-4-5-20250929",
    "gen_ai.usage.input_tokens": 1304,
    "gen_ai.usage.output_tokens": 50,
    "gen_ai.usage.total_tokens": 1354,
}
WHOLE = {
    "input_tokens": 1304,
    "output_tokens": 50,
    "cache_read_tokens": 1000,
    "cache_write_tokens": 300,
    "cache_write_5m_tokens": 100,
    "cache_write_1h_tokens": 200,
    "reasoning_tokens": 30,
}


def completion(usage: object) -> str:
    """Return a LangChain run's output as LangSmith writes it, with what the model said in it."""
    message = {
        "lc": 1,
        "type": "constructor",
        "kwargs": {
            "content": 'he said "usage_metadata": {"input_tokens": 9}',
            "usage_metadata": usage,
            "response_metadata": {"model_name": "claude-sonnet-4-5-20250929", "service_tier": "priority"},
        },
    }
    return json.dumps({"generations": [[{"text": "secret", "message": message}]], "llm_output": {}})


def test_details_are_the_text_of_a_dict() -> None:
    """Cache reads and writes, by duration, stand in two attributes as Python writes a dict."""
    details = {
        "gen_ai.usage.input_token_details": str(USAGE["input_token_details"]),
        "gen_ai.usage.output_token_details": str(USAGE["output_token_details"]),
    }
    found = read_of("langsmith", RUN | details)
    assert is_call(found)
    assert (found.usage, found.usage_status) == (WHOLE, UsageStatus.REPORTED)
    assert (found.provider, found.user_id, found.session_id) == ("anthropic", "u1", "t1")


def test_details_within_the_output() -> None:
    """LangChain's own runs have them only in the output: its usage is kept and wins, its text is not."""
    found = read_of("langsmith", RUN | {"gen_ai.completion": completion(USAGE)})
    assert found.usage == WHOLE
    assert "usage_from:gen_ai.completion" in found.usage_flags
    assert (found.response_model, found.service_tier) == ("claude-sonnet-4-5-20250929", "priority")


def test_the_providers_block_and_id_within_the_output() -> None:
    """LangChain passes on the answer's id, by which the same call seen elsewhere is known, and its usage block."""
    block = {
        "input_tokens": 4,
        "cache_creation_input_tokens": 300,
        "cache_read_input_tokens": 1000,
        "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
        "output_tokens": 50,
        "server_tool_use": {"web_search_requests": 2},
    }
    message = {"kwargs": {"usage_metadata": USAGE, "response_metadata": {"id": "msg_1", "usage": block}}}
    found = read_of("langsmith", RUN | {"gen_ai.completion": json.dumps({"generations": [[{"message": message}]]})})
    assert (found.response_id, found.usage["web_searches"], found.usage["input_tokens"]) == ("msg_1", 2, 1304)


@pytest.mark.parametrize(
    "output",
    [
        {"usage_metadata": USAGE},
        {"output": {"usage_metadata": USAGE}},
        {"message": {"kwargs": {"usage_metadata": USAGE}}},
    ],
)
def test_where_outputs_have_their_usage(output: dict[str, Any]) -> None:
    """At the top, in a message, or in a serialised one."""
    assert read_of("langsmith", RUN | {"gen_ai.completion": json.dumps(output)}).usage == WHOLE


def test_a_longer_prompt_without_details_is_not_priced() -> None:
    """Cached tokens may be in it, at a tenth of the price: 2.5 times too high is no cost."""
    found = read_of("langsmith", RUN)
    assert (found.usage_status, flags_of(found)) == (UsageStatus.REPORTED, ("cache_read_unsaid",))
    short = read_of("langsmith", RUN | {"gen_ai.usage.input_tokens": 20, "gen_ai.usage.total_tokens": 70})
    assert short.usage_status == UsageStatus.REPORTED


def test_the_guessed_seller_is_not_believed() -> None:
    """`gen_ai.system` comes from the model's name; `ls_provider` is LangChain's own word."""
    bedrock = read_of("langsmith", RUN | {"langsmith.metadata.ls_provider": "amazon_bedrock"})
    assert bedrock.provider == "aws.bedrock"
    unsaid = read_of("langsmith", {key: value for key, value in RUN.items() if "ls_provider" not in key})
    assert unsaid.provider is None
    assert "seller_unsaid" in unsaid.usage_flags


@pytest.mark.parametrize("kind", ["chain", "tool", "retriever", "prompt", "parser"])
def test_chains_repeat_what_their_parts_used(kind: str) -> None:
    """They are aggregates, even where their output has usage."""
    found = read_of("langsmith", RUN | {"langsmith.span.kind": kind, "gen_ai.completion": completion(USAGE)})
    assert (is_call(found), found.operation) == (False, kind)


def test_an_embedding() -> None:
    """Its run type is the operation."""
    found = read_of("langsmith", RUN | {"langsmith.span.kind": "embedding", "gen_ai.operation.name": "embeddings"})
    assert (is_call(found), found.operation) == (True, "embeddings")


def test_a_span_that_is_no_run() -> None:
    """Nothing without LangSmith's or the conventions' names."""
    assert maybe_read("langsmith", {"http.route": "/"}) is None


def test_a_claude_run_says_its_durations() -> None:
    """With the split there is nothing unsaid about the cache."""
    found = read_of("langsmith", RUN | {"gen_ai.completion": completion(USAGE)})
    assert Flag.CACHE_TTL_UNSAID not in found.usage_flags


@pytest.mark.parametrize("text", ["{", "x" * 300, "[]", "{'cache_read': os}", "{'cache_read': None}"])
def test_details_that_are_none(text: str) -> None:
    """The span's own counts stand."""
    found = read_of("langsmith", RUN | {"gen_ai.usage.input_token_details": text, "gen_ai.usage.input_tokens": 20})
    assert found.usage["input_tokens"] == 20


def test_a_hostile_detail() -> None:
    """A detail that is no count is refused."""
    with pytest.raises(UnreadableSpanError):
        read_of("langsmith", RUN | {"gen_ai.usage.input_token_details": "{'cache_read': -5}"})
