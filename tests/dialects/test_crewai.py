"""CrewAI's own spans, as crewai 1.15.30 writes them."""

from __future__ import annotations

import pytest

from tests.dialects.spans import is_call, maybe_read, read_of

CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 2006,
    "gen_ai.usage.output_tokens": 300,
    "gen_ai.usage.cache_read.input_tokens": 1920,
    "gen_ai.usage.reasoning_tokens": 128,
}


def test_a_call() -> None:
    """The conventions' names, reasoning under an older one."""
    found = read_of("crewai", CHAT, version="1.15.30")
    assert (is_call(found), found.dialect, found.usage["reasoning_tokens"]) == (True, "crewai", 128)


@pytest.mark.parametrize("operation", ["invoke_agent", "invoke_workflow", "execute_tool"])
def test_crews_and_agents_are_aggregates(operation: str) -> None:
    """They sum their calls."""
    assert not is_call(read_of("crewai", CHAT | {"gen_ai.operation.name": operation}))


def test_its_anonymous_telemetry_is_nothing() -> None:
    """It has versions and settings, no figures."""
    assert maybe_read("crewai.telemetry", {"crewai_version": "1.15.30"}) is None
