"""Spans of Anthropic's own SDK, as anthropic 2.13.0 writes them."""

from __future__ import annotations

import pytest

from ledger.vocabulary import Flag
from receiver.dialects.reading import UnreadableSpanError
from tests.dialects.spans import flags_of, is_call, read_of

SCOPE = "com.anthropic.sdk.python"
CALL = {
    "server.address": "api.anthropic.com",
    "server.port": 443,
    "gen_ai.provider.name": "anthropic",
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.request.stream": True,
    "http.route": "/v1/messages",
    "gen_ai.response.id": "msg_1",
    "gen_ai.response.model": "claude-sonnet-4-5-20250929",
    "gen_ai.usage.input_tokens": 1304,
    "gen_ai.usage.output_tokens": 50,
    "gen_ai.usage.cache_write.input_tokens": 300,
    "gen_ai.usage.cache_read.input_tokens": 1000,
    "anthropic.usage.cache_creation.ephemeral_5m_input_tokens": 100,
    "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 200,
    "anthropic.response.service_tier": "standard",
}


def test_it_says_how_long_writes_are_kept() -> None:
    """Input holds the cached tokens; the writes are split, and nothing is unsaid about them."""
    found = read_of(SCOPE, CALL, name="anthropic.messages.create", version="2.13.0")
    assert is_call(found)
    assert found.usage == {
        "input_tokens": 1304,
        "output_tokens": 50,
        "cache_read_tokens": 1000,
        "cache_write_tokens": 300,
        "cache_write_5m_tokens": 100,
        "cache_write_1h_tokens": 200,
    }
    assert (flags_of(found), found.service_tier) == ((), "standard")


def test_without_the_split_the_duration_is_unsaid() -> None:
    """An API that does not say it leaves the price of a write open."""
    plain = {key: value for key, value in CALL.items() if "ephemeral" not in key}
    assert flags_of(read_of(SCOPE, plain)) == (Flag.CACHE_TTL_UNSAID,)


def test_a_hostile_split() -> None:
    """A part that is no count is refused."""
    with pytest.raises(UnreadableSpanError):
        read_of(SCOPE, CALL | {"anthropic.usage.cache_creation.ephemeral_5m_input_tokens": -1})
