"""The AWS distribution's own instrumentations, as aws-opentelemetry-distro 0.21.0 writes them."""

from __future__ import annotations

import pytest

from tests.dialects.spans import flags_of, is_call, read_of

SCOPE = "amazon.opentelemetry.distro.instrumentation."
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.response.model": "claude-sonnet-4-5",
    "gen_ai.usage.input_tokens": 5000,
    "gen_ai.usage.output_tokens": 50,
    "gen_ai.usage.cache_read.input_tokens": 1000,
}


def test_llama_index_copies_each_providers_block() -> None:
    """Claude's input lacks the cache."""
    found = read_of(SCOPE + "llama_index", CHAT, version="0.21.0")
    assert (is_call(found), found.usage["input_tokens"]) == (True, 6000)


def test_openai_agents_are_inclusive() -> None:
    """OpenAI's counts hold cached tokens."""
    found = read_of(SCOPE + "openai_agents", CHAT | {"gen_ai.provider.name": "openai"})
    assert (found.usage["input_tokens"], flags_of(found)) == (5000, ())


@pytest.mark.parametrize("package", ["crewai", "langchain"])
def test_others_by_evidence(package: str) -> None:
    """More cached than read shows that it is not in input."""
    found = read_of(SCOPE + package, CHAT | {"gen_ai.usage.input_tokens": 4})
    assert (found.usage["input_tokens"], flags_of(found)) == (1004, ("exclusive_input:details",))


def test_agents_are_aggregates() -> None:
    """Whatever kind the span processor made of them."""
    assert not is_call(read_of(SCOPE + "crewai", CHAT | {"gen_ai.operation.name": "invoke_agent"}, kind=1))
