"""Gemini CLI's spans, as @google/gemini-cli-core 0.61.0 writes them."""

from __future__ import annotations

import pytest

from ledger.vocabulary import UsageStatus
from tests.dialects.spans import is_call, read_of

CALL = {
    "gen_ai.operation.name": "llm_call",
    "gen_ai.agent.name": "gemini-cli",
    "gen_ai.agent.description": "Gemini CLI is an open-source AI agent",
    "gen_ai.conversation.id": "s1",
    "gen_ai.prompt.name": "p1",
    "gen_ai.request.model": "gemini-2.5-pro",
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 10,
}


def test_thinking_is_nowhere() -> None:
    """Candidates alone are less than what is charged: kept, not priced."""
    found = read_of("gemini-cli", CALL, name="llm_call", version="v1", kind=1)
    assert (is_call(found), found.operation, found.provider) == (True, "generate_content", "gcp.gemini")
    assert (found.usage_status, found.usage_flags) == (UsageStatus.PARTIAL, ("thoughts_unsaid",))
    assert found.usage == {"input_tokens": 100, "output_tokens": 10}


@pytest.mark.parametrize(
    "operation", ["tool_call", "agent_call", "user_prompt", "system_prompt", "schedule_tool_calls"]
)
def test_what_surrounds_calls_is_an_aggregate(operation: str) -> None:
    """Prompts, tools and agents are kept, never billed."""
    assert not is_call(read_of("gemini-cli", CALL | {"gen_ai.operation.name": operation}, name=operation, kind=1))


def test_a_call_without_usage() -> None:
    """With traces switched off spans have no figures: absent is absent."""
    bare = {key: value for key, value in CALL.items() if "usage" not in key}
    found = read_of("gemini-cli", bare, name="llm_call", kind=1)
    assert (is_call(found), found.usage_status) == (True, UsageStatus.ABSENT)
