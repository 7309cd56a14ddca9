"""Logfire's spans, as logfire-sdk 6.0.0b8 writes them."""

from __future__ import annotations

import json
from decimal import Decimal

from ledger.vocabulary import Flag, UsageStatus
from tests.dialects.spans import flags_of, is_call, read_of

RAW = {
    "input_tokens": 4,
    "cache_creation_input_tokens": 300,
    "cache_read_input_tokens": 1000,
    "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
    "output_tokens": 50,
    "server_tool_use": {"web_search_requests": 1},
    "service_tier": "priority",
}
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.system": "anthropic",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.response.model": "claude-sonnet-4-5-20250929",
    "gen_ai.response.id": "msg_1",
    "gen_ai.usage.input_tokens": 1304,
    "gen_ai.usage.output_tokens": 50,
    "gen_ai.usage.raw": json.dumps(RAW),
    "operation.cost": 0.0123,
    "logfire.span_type": "span",
    "request_data": '{"model": "claude-sonnet-4-5", "messages": []}',
}


def test_the_raw_block_wins() -> None:
    """It says the durations of the writes, the searches and the tier."""
    found = read_of("logfire.anthropic", CHAT, version="6.0.0b8")
    assert is_call(found)
    assert found.usage == {
        "input_tokens": 1304,
        "output_tokens": 50,
        "cache_read_tokens": 1000,
        "cache_write_tokens": 300,
        "cache_write_5m_tokens": 100,
        "cache_write_1h_tokens": 200,
        "web_searches": 1,
    }
    assert (flags_of(found), found.service_tier) == (("usage_from:gen_ai.usage.raw",), "priority")
    assert (found.reported_cost, found.reported_cost_source) == (Decimal("0.0123"), "operation.cost")


def test_counts_from_before_they_were_inclusive() -> None:
    """The block corrects them, and the reading says that they differed."""
    found = read_of("logfire.anthropic", CHAT | {"gen_ai.usage.input_tokens": 4})
    assert found.usage["input_tokens"] == 1304
    assert "usage_differs:gen_ai.usage.raw" in found.usage_flags


def test_before_there_was_a_raw_block_the_answer_had_it() -> None:
    """Of `response_data` the usage is kept, and nothing else."""
    old = {key: value for key, value in CHAT.items() if key != "gen_ai.usage.raw"}
    answer = json.dumps({"message": {"content": "secret"}, "usage": RAW})
    found = read_of("logfire.anthropic", old | {"response_data": answer, "gen_ai.usage.input_tokens": 4})
    assert found.usage["input_tokens"] == 1304
    assert "usage_from:response_data" in found.usage_flags


def test_a_streamed_call_is_its_log() -> None:
    """The request ended before there were figures and is an aggregate; the log beside it has them and is the call."""
    request = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o",
    }
    assert not is_call(read_of("logfire.openai", request))
    assert is_call(read_of("logfire.openai", CHAT | {"logfire.span_type": "log"}, kind=1))


def test_a_failed_call_is_a_call() -> None:
    """A request that failed has no answer's model either."""
    failed = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"}
    found = read_of("logfire.openai", failed, status=2)
    assert (is_call(found), found.error_type) == (True, "error")


def test_partial_usage_of_the_agent_sdk() -> None:
    """Claude Agent SDK's messages say less than all: kept, not priced; the run has the totals and the cost."""
    chat = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.response.model": "claude-sonnet-4-5",
        "gen_ai.usage.partial.input_tokens": 1304,
        "gen_ai.usage.partial.output_tokens": 1,
        "gen_ai.usage.partial.cache_read.input_tokens": 1000,
    }
    found = read_of("logfire.claude_agent_sdk", chat)
    assert (found.usage_status, found.usage_flags) == (UsageStatus.PARTIAL, ("partial_usage",))
    run = {"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 9, "operation.cost": 0.5}
    whole = read_of("logfire.claude_agent_sdk", run, kind=1)
    assert (is_call(whole), whole.reported_cost) == (False, Decimal("0.5"))


def test_spans_of_the_openai_agents_sdk_have_no_operation() -> None:
    """System, model and usage make them calls; their block is the Responses API's."""
    usage = {"input_tokens": 328, "output_tokens": 52, "input_tokens_details": {"cached_tokens": 256}}
    response = {
        "gen_ai.system": "openai",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.usage.raw": json.dumps(usage),
    }
    found = read_of("logfire.openai_agents", response)
    assert (is_call(found), found.usage["cache_read_tokens"]) == (True, 256)


def test_a_raw_block_of_a_scope_nobody_knows() -> None:
    """The attribute tells whose the span is."""
    found = read_of("my.app", CHAT)
    assert (found.dialect, Flag.CACHE_TTL_UNSAID in found.usage_flags) == ("logfire", False)
