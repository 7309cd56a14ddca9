"""Microsoft's frameworks: Microsoft.Extensions.AI, Agent Framework, Semantic Kernel, AutoGen."""

from __future__ import annotations

import pytest

from ledger.vocabulary import Flag, UsageStatus
from receiver.dialects.reading import UnreadableSpanError
from tests.dialects.spans import flags_of, is_call, read_of

MEAI = "Experimental.Microsoft.Extensions.AI"
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "server.address": "api.openai.com",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.response.finish_reasons": '["stop"]',
    "gen_ai.usage.input_tokens": 2006,
    "gen_ai.usage.output_tokens": 300,
    "gen_ai.usage.cache_read.input_tokens": 1920,
    "gen_ai.usage.reasoning.output_tokens": 128,
}
CLAUDE = CHAT | {
    "gen_ai.provider.name": "anthropic",
    "server.address": "api.anthropic.com",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.response.model": "claude-sonnet-4-5-20250929",
    "gen_ai.usage.input_tokens": 2006,
}


def without_cache(attributes: dict[str, object]) -> dict[str, object]:
    """Return a span that says nothing of the cache."""
    return {key: value for key, value in attributes.items() if "cache" not in key}


def test_extensions_ai() -> None:
    """The conventions' names and meanings, for OpenAI."""
    found = read_of(MEAI, CHAT, version="10.1.0")
    assert is_call(found)
    assert (found.usage_status, flags_of(found)) == (UsageStatus.REPORTED, ())


def test_extensions_ai_never_says_what_claude_wrote_to_its_cache() -> None:
    """Where something was read from it, something was written once."""
    assert Flag.CACHE_WRITE_UNSAID in read_of(MEAI, CLAUDE).usage_flags


def test_audio_of_realtime_calls() -> None:
    """It has names of its own."""
    audio = {"gen_ai.usage.input_audio_tokens": 13, "gen_ai.usage.output_audio_tokens": 91}
    found = read_of(MEAI, CHAT | audio)
    assert (found.usage["input_audio_tokens"], found.usage["output_audio_tokens"]) == (13, 91)


def test_a_count_that_outgrew_32_bits() -> None:
    """.NET's cast makes it negative: refused, not billed."""
    with pytest.raises(UnreadableSpanError, match="count_negative"):
        read_of(MEAI, CHAT | {"gen_ai.usage.input_tokens": 3_000_000_000 - 2**32})


@pytest.mark.parametrize(
    ("scope", "operation"),
    [
        (MEAI, "orchestrate_tools"),
        (MEAI, "execute_tool"),
        ("Experimental.Microsoft.Agents.AI", "invoke_agent"),
        ("agent_framework", "invoke_agent"),
        ("autogen-core", "create_agent"),
        ("autogen runtime", "invoke_agent"),
        ("Microsoft.SemanticKernel.Diagnostics", "invoke_agent"),
    ],
)
def test_what_surrounds_calls_is_an_aggregate(scope: str, operation: str) -> None:
    """Agents and loops of tools repeat what their calls used."""
    assert not is_call(read_of(scope, CHAT | {"gen_ai.operation.name": operation}, kind=1))


def test_agent_framework_copies_claudes_input() -> None:
    """With the newest conventions switched on the cache's counts are there, and are added."""
    found = read_of("agent_framework", CLAUDE | {"gen_ai.usage.input_tokens": 4}, version="1.23.0")
    assert (found.usage["input_tokens"], found.usage_flags[0]) == (1924, "exclusive_input:details")
    large = read_of("agent_framework", CLAUDE | {"gen_ai.usage.input_tokens": 5000})
    assert (large.usage["input_tokens"], large.usage_flags[0]) == (6920, "exclusive_input:emitter")


def test_claudes_api_at_an_address_nobody_knows() -> None:
    """The input lacks the cache by the API's ways, whoever answers with them."""
    found = read_of(
        "agent_framework", CLAUDE | {"gen_ai.usage.input_tokens": 5000, "server.address": "llm.example.org"}
    )
    assert found.usage["input_tokens"] == 6920


@pytest.mark.parametrize(
    "scope", ["agent_framework", "semantic_kernel.connectors", "Microsoft.SemanticKernel.Connectors"]
)
def test_claude_without_details_is_not_priced(scope: str) -> None:
    """Its input may lack what was cached, and nothing tells."""
    found = read_of(scope, without_cache(CLAUDE))
    assert (found.usage_status, "cache_unsaid" in flags_of(found)) == (UsageStatus.PARTIAL, True)


def test_semantic_kernel_prices_short_prompts() -> None:
    """Prompts below OpenAI's shortest cached one cannot have been cached."""
    short = without_cache(CHAT) | {"gen_ai.usage.input_tokens": 20, "gen_ai.operation.name": "chat.completions"}
    scope = "semantic_kernel.utils.telemetry.model_diagnostics.decorators"
    assert read_of(scope, short).usage_status == UsageStatus.REPORTED
    assert flags_of(read_of(scope, short)) == ()
    assert flags_of(read_of(scope, short | {"gen_ai.usage.input_tokens": 2006})) == ("cache_read_unsaid",)
