"""Pydantic AI's spans, as pydantic-ai-slim 2.68.0 and its first version write them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ledger.vocabulary import Flag
from receiver.dialects.reading import UnreadableSpanError
from tests.dialects.spans import flags_of, is_call, maybe_read, read_of

CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.system": "anthropic",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.response.model": "claude-sonnet-4-5-20250929",
    "gen_ai.response.id": "msg_1",
    "gen_ai.agent.name": "support",
    "gen_ai.conversation.id": "c1",
    "gen_ai.usage.input_tokens": 1304,
    "gen_ai.usage.output_tokens": 50,
    "gen_ai.usage.cache_creation.input_tokens": 300,
    "gen_ai.usage.cache_read.input_tokens": 1000,
    "gen_ai.usage.details.cache_write_tokens": 300,
    "gen_ai.usage.details.cache_read_tokens": 1000,
    "gen_ai.usage.details.reasoning_tokens": 30,
    "gen_ai.usage.details.web_search_requests": 2,
    "gen_ai.usage.details.input_audio_tokens": 7,
    "gen_ai.usage.details.tokens_of_tomorrow": 99,
    "operation.cost": 0.0123,
}


def test_details_are_read_and_never_added() -> None:
    """They repeat first-class counts, and have audio, reasoning and searches that nothing else has."""
    found = read_of("pydantic-ai", CHAT, version="2.68.0")
    assert is_call(found)
    assert found.usage == {
        "input_tokens": 1304,
        "output_tokens": 50,
        "cache_read_tokens": 1000,
        "cache_write_tokens": 300,
        "reasoning_tokens": 30,
        "input_audio_tokens": 7,
        "web_searches": 2,
    }
    assert flags_of(found) == (Flag.CACHE_TTL_UNSAID,)


def test_its_cost_is_a_claim() -> None:
    """`operation.cost` is Pydantic AI's reckoning."""
    found = read_of("pydantic-ai", CHAT)
    assert (found.reported_cost, found.reported_cost_source) == (Decimal("0.0123"), "operation.cost")


def test_a_run_of_version_2_is_an_aggregate() -> None:
    """Its sums stand under names of their own."""
    run = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "support",
        "gen_ai.aggregated_usage.input_tokens": 2608,
        "gen_ai.aggregated_usage.output_tokens": 100,
        "gen_ai.aggregated_usage.cache_read.input_tokens": 2000,
        "gen_ai.aggregated_usage.details.cache_read_tokens": 2000,
    }
    found = read_of("pydantic-ai", run, name="invoke_agent support", kind=1)
    assert not is_call(found)
    assert found.usage == {"input_tokens": 2608, "output_tokens": 100, "cache_read_tokens": 2000}


@pytest.mark.parametrize("operation", [{"gen_ai.operation.name": "invoke_agent"}, {}])
def test_a_run_of_version_1_is_an_aggregate(operation: dict[str, str]) -> None:
    """It has the calls' own names for its sums, and first had no operation at all."""
    run = {
        "gen_ai.usage.input_tokens": 2608,
        "gen_ai.usage.output_tokens": 100,
        "agent_name": "support",
        "model_name": "m",
    }
    found = read_of("pydantic-ai", run | operation, name="agent run", kind=1)
    assert (is_call(found), found.operation) == (False, "invoke_agent")


def test_a_tool_is_an_aggregate_and_others_are_nothing() -> None:
    """Tools roll nothing up; a span that only carries the agent's name is none of ours."""
    tool = read_of("pydantic-ai", {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t"}, kind=1)
    assert not is_call(tool)
    assert maybe_read("pydantic-ai", {"gen_ai.agent.name": "support"}) is None


def test_a_hostile_detail() -> None:
    """A detail that is a unit has to be a count."""
    with pytest.raises(UnreadableSpanError):
        read_of("pydantic-ai", CHAT | {"gen_ai.usage.details.reasoning_tokens": -30})
