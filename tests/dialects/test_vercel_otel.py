"""Vercel's AI SDK 7: spans of scope `gen_ai` as @ai-sdk/otel 1.0.173 writes them."""

from __future__ import annotations

import json

import pytest

from ledger.vocabulary import Flag
from tests.dialects.spans import is_call, read_of

CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.response.model": "claude-sonnet-4-5-20250929",
    "gen_ai.response.id": "msg_1",
    "gen_ai.usage.input_tokens": 1304,
    "gen_ai.usage.output_tokens": 50,
    "gen_ai.usage.cache_read.input_tokens": 1000,
    "gen_ai.usage.cache_creation.input_tokens": 300,
    "ai.settings.context.userId": "u1",
}
EMBEDDINGS = {
    "gen_ai.operation.name": "embeddings",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "text-embedding-3-small",
}


def test_chat_is_inclusive() -> None:
    """Input holds the cached tokens, whatever the provider's own count does."""
    found = read_of("gen_ai", CHAT)
    assert is_call(found)
    assert (found.usage["input_tokens"], found.provider, found.user_id) == (1304, "anthropic", "u1")
    assert Flag.CACHE_TTL_UNSAID in found.usage_flags


@pytest.mark.parametrize("operation", ["invoke_agent", "agent_step", "execute_tool"])
def test_what_surrounds_a_chat_is_an_aggregate(operation: str) -> None:
    """The agent repeats the sums of its steps."""
    assert not is_call(read_of("gen_ai", CHAT | {"gen_ai.operation.name": operation}, kind=1))


def test_of_two_embeddings_the_inner_one_is_the_call() -> None:
    """Both have the same operation; only the inner one has figures."""
    inner = read_of("gen_ai", EMBEDDINGS | {"gen_ai.usage.input_tokens": 8})
    assert is_call(inner)
    assert inner.usage == {"input_tokens": 8}
    assert not is_call(read_of("gen_ai", EMBEDDINGS))


def test_a_failed_embedding_is_a_call() -> None:
    """Without figures because it failed is not without figures because it is the outer one."""
    assert is_call(read_of("gen_ai", EMBEDDINGS, status=2))


def test_provider_metadata_on_request() -> None:
    """Where it is switched on, the provider's block says the durations of the writes too."""
    usage = {
        "input_tokens": 4,
        "cache_creation_input_tokens": 300,
        "cache_read_input_tokens": 1000,
        "cache_creation": {"ephemeral_5m_input_tokens": 300, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 50,
    }
    metadata = {"ai.response.providerMetadata": json.dumps({"anthropic": {"usage": usage}})}
    found = read_of("gen_ai", CHAT | metadata)
    assert (found.usage["input_tokens"], found.usage["cache_write_5m_tokens"]) == (1304, 300)
    assert Flag.CACHE_TTL_UNSAID not in found.usage_flags


def test_generated_objects_leave_writes_out() -> None:
    """They read Claude's cache count, and never say what was written."""
    chat = {key: value for key, value in CHAT.items() if "cache_creation" not in key}
    assert Flag.CACHE_WRITE_UNSAID in read_of("gen_ai", chat).usage_flags


@pytest.mark.parametrize(
    ("operation", "named"), [("ai.generateSpeech", "speech"), ("ai.transcribe", "transcription"), ("decide", "decide")]
)
def test_operations_of_its_own(operation: str, named: str) -> None:
    """Speech, transcription and decisions are calls too."""
    found = read_of("gen_ai", CHAT | {"gen_ai.operation.name": operation})
    assert (is_call(found), found.operation) == (True, named)
