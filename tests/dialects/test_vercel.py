"""Vercel's AI SDK 4 to 6: spans as ai 4.3.19, 5.0.277 and 6.0.326 write them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from ledger.vocabulary import Flag, UsageStatus
from receiver.dialects.reading import UnreadableSpanError
from receiver.dialects.vercel import seller_of
from tests.dialects.spans import flags_of, is_call, maybe_read, read_of

CALL = {
    "operation.name": "ai.generateText.doGenerate",
    "ai.operationId": "ai.generateText.doGenerate",
    "ai.model.provider": "anthropic.messages",
    "ai.model.id": "claude-sonnet-4-5",
    "ai.telemetry.functionId": "answer",
    "ai.telemetry.metadata.userId": "u1",
    "ai.telemetry.metadata.sessionId": "s1",
    "gen_ai.system": "anthropic.messages",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "ai.response.id": "msg_1",
    "ai.response.model": "claude-sonnet-4-5-20250929",
    "gen_ai.response.id": "msg_1",
    "gen_ai.response.model": "claude-sonnet-4-5-20250929",
}
# The provider's block, as version 5's adapter and later ones carry it.
ANTHROPIC_USAGE = {
    "input_tokens": 4,
    "cache_creation_input_tokens": 300,
    "cache_read_input_tokens": 1000,
    "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
    "output_tokens": 50,
    "server_tool_use": {"web_search_requests": 1},
    "service_tier": "standard",
}
V5 = CALL | {
    "ai.usage.inputTokens": 4,
    "ai.usage.outputTokens": 50,
    "ai.usage.totalTokens": 54,
    "ai.usage.cachedInputTokens": 1000,
    "gen_ai.usage.input_tokens": 4,
    "gen_ai.usage.output_tokens": 50,
    "ai.response.providerMetadata": json.dumps(
        {"anthropic": {"usage": ANTHROPIC_USAGE, "cacheCreationInputTokens": 300, "stopSequence": None}}
    ),
}
V6 = CALL | {
    "ai.usage.inputTokens": 1304,
    "ai.usage.inputTokenDetails.noCacheTokens": 4,
    "ai.usage.inputTokenDetails.cacheReadTokens": 1000,
    "ai.usage.inputTokenDetails.cacheWriteTokens": 300,
    "ai.usage.outputTokens": 50,
    "ai.usage.outputTokenDetails.textTokens": 20,
    "ai.usage.outputTokenDetails.reasoningTokens": 30,
    "ai.usage.totalTokens": 1354,
    "ai.usage.cachedInputTokens": 1000,
    "ai.usage.reasoningTokens": 30,
    "gen_ai.usage.input_tokens": 1304,
    "gen_ai.usage.output_tokens": 50,
}
INCLUSIVE = {"input_tokens": 1304, "output_tokens": 50, "cache_read_tokens": 1000, "cache_write_tokens": 300}


def without(attributes: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Return the attributes without these."""
    return {key: value for key, value in attributes.items() if key not in keys}


def test_the_providers_block_wins() -> None:
    """Version 5's input lacks cached tokens; its metadata has the whole block, with durations and searches."""
    found = read_of("ai", V5)
    assert found.usage == INCLUSIVE | {
        "cache_write_5m_tokens": 100,
        "cache_write_1h_tokens": 200,
        "web_searches": 1,
    }
    assert "usage_from:ai.response.providerMetadata" in found.usage_flags
    assert Flag.CACHE_TTL_UNSAID not in found.usage_flags
    assert (found.provider, found.response_id, found.service_tier) == ("anthropic", "msg_1", "standard")
    assert (found.user_id, found.session_id, found.agent_name) == ("u1", "s1", "answer")


def test_version_5_without_metadata_leaves_cached_tokens_out() -> None:
    """What is known of the cache is added; what was written to it is nowhere."""
    found = read_of("ai", without(V5, "ai.response.providerMetadata"))
    assert found.usage == {"input_tokens": 1004, "output_tokens": 50, "cache_read_tokens": 1000}
    assert flags_of(found) == ("exclusive_input:emitter",)


def test_version_4_says_the_cache_in_metadata_alone() -> None:
    """Its adapter has two counts of the cache and no block; the input lacks both."""
    metadata = {"anthropic": {"cacheCreationInputTokens": 300, "cacheReadInputTokens": 1000}}
    v4 = CALL | {
        "ai.usage.promptTokens": 4,
        "ai.usage.completionTokens": 50,
        "gen_ai.usage.input_tokens": 4,
        "gen_ai.usage.output_tokens": 50,
        "ai.response.providerMetadata": json.dumps(metadata),
    }
    found = read_of("ai", v4)
    assert found.usage == INCLUSIVE
    assert "exclusive_input:emitter" in found.usage_flags
    assert Flag.CACHE_TTL_UNSAID in found.usage_flags


def test_version_6_is_inclusive() -> None:
    """The same names hold cached tokens; the details, which only 6 writes, tell."""
    found = read_of("ai", V6)
    assert found.usage == INCLUSIVE | {"reasoning_tokens": 30}
    assert not any(flag.startswith("exclusive_input") for flag in found.usage_flags)


def test_bedrock_adds_what_was_written() -> None:
    """Its metadata has only the writes, with their durations; version 5's input lacks them."""
    metadata = {
        "bedrock": {"usage": {"cacheWriteInputTokens": 300, "cacheDetails": [{"ttl": "1h", "inputTokens": 300}]}}
    }
    attributes = V5 | {
        "ai.model.provider": "amazon-bedrock",
        "gen_ai.system": "amazon-bedrock",
        "ai.response.providerMetadata": json.dumps(metadata),
    }
    found = read_of("ai", attributes)
    assert found.usage == INCLUSIVE | {"cache_write_1h_tokens": 300}
    assert found.provider == "aws.bedrock"


def test_openai_was_always_inclusive() -> None:
    """Only Anthropic's and Bedrock's adapters left the cache out."""
    openai = {"ai.model.provider": "openai.responses", "gen_ai.system": "openai.responses"}
    found = read_of("ai", without(V5, "ai.response.providerMetadata") | openai | {"ai.usage.inputTokens": 1004})
    assert found.provider == "openai"
    assert "exclusive_input:emitter" not in found.usage_flags


@pytest.mark.parametrize(
    ("named", "seller"),
    [
        ("google.generative-ai", "gcp.gemini"),
        ("google.vertex.chat", "gcp.vertex_ai"),
        ("vertex.anthropic.messages", "gcp.vertex_ai"),
        ("azure.responses", "azure.ai.openai"),
        ("azure-openai.chat", "azure.ai.openai"),
        ("xai.chat", "x_ai"),
        ("mistral.chat", "mistral_ai"),
        ("groq.chat", "groq"),
        ("openrouter", "openrouter"),
        ("my-proxy.chat", "my-proxy"),
    ],
)
def test_sellers(named: str, seller: str) -> None:
    """The SDK's name for a provider is the seller and its API."""
    assert read_of("ai", V6 | {"ai.model.provider": named}).provider == seller


@pytest.mark.parametrize(
    ("identity", "operation", "calls"),
    [
        ("ai.generateText", "ai.generateText", False),
        ("ai.streamText", "ai.streamText", False),
        ("ai.generateObject", "ai.generateObject", False),
        ("ai.embed", "ai.embed", False),
        ("ai.toolCall", "ai.toolCall", False),
        ("ai.generateText.doGenerate", "chat", True),
        ("ai.streamObject.doStream", "chat", True),
        ("ai.embedMany.doEmbed", "embeddings", True),
        ("ai.rerank.doRerank", "rerank", True),
        ("ai.transcribe", "transcription", True),
    ],
)
def test_roots_are_aggregates(identity: str, operation: str, *, calls: bool) -> None:
    """A root sums its steps; what ends in `do…` is the call."""
    found = read_of("ai", V6 | {"ai.operationId": identity, "operation.name": identity})
    assert (found.operation, is_call(found)) == (operation, calls)


def test_embeddings_have_one_count() -> None:
    """`ai.usage.tokens` is the input, and all there is."""
    found = read_of("ai", {"ai.operationId": "ai.embed.doEmbed", "ai.model.id": "m", "ai.usage.tokens": 8})
    assert (found.usage, found.usage_status) == ({"input_tokens": 8}, UsageStatus.REPORTED)


def test_what_gateways_charged() -> None:
    """OpenRouter and Vercel's gateway say in the metadata what they charged."""
    routed = json.dumps({"openrouter": {"provider": "x", "usage": {"promptTokens": 1, "cost": 0.0012}}})
    assert read_of("ai", V6 | {"ai.response.providerMetadata": routed}).reported_cost == Decimal("0.0012")
    gateway = json.dumps({"gateway": {"cost": "0.0034", "routing": {"finalProvider": "anthropic"}}})
    found = read_of("ai", V6 | {"ai.response.providerMetadata": gateway})
    assert (found.reported_cost, found.usage) == (Decimal("0.0034"), INCLUSIVE | {"reasoning_tokens": 30})


def test_a_scope_that_only_begins_alike() -> None:
    """`ai` is the whole name: aiohttp's spans are not Vercel's."""
    assert maybe_read("aiohttp", {"http.request.method": "GET"}) is None


def test_a_span_without_operation_is_nothing() -> None:
    """Every span of the SDK's has one."""
    assert maybe_read("ai", {"gen_ai.system": "openai", "gen_ai.request.model": "m"}) is None


@pytest.mark.parametrize(
    "metadata", ["{", "[]", '{"anthropic": 5}', '{"anthropic": {"usage": 5}}', "null", '{"a": {}}']
)
def test_metadata_that_is_none(metadata: str) -> None:
    """The span's own figures stand."""
    assert read_of("ai", V6 | {"ai.response.providerMetadata": metadata}).usage == INCLUSIVE | {"reasoning_tokens": 30}


def test_a_hostile_figure_in_the_metadata() -> None:
    """A block with a broken figure is refused, not half read."""
    metadata = json.dumps({"anthropic": {"usage": {**ANTHROPIC_USAGE, "input_tokens": -4}}})
    with pytest.raises(UnreadableSpanError):
        read_of("ai", V5 | {"ai.response.providerMetadata": metadata})


_GEMINI = CALL | {
    "ai.model.provider": "google.generative-ai",
    "gen_ai.system": "google.generative-ai",
    "gen_ai.response.model": "gemini-2.5-flash",
    "ai.usage.promptTokens": 2312,
    "ai.usage.completionTokens": 41,
}


def test_before_6_a_long_prompts_cached_part_is_unsaid() -> None:
    """Versions 4 and 5 count OpenAI's cached tokens in the prompt and do not say how many they were."""
    openai = _GEMINI | {"ai.model.provider": "openai.chat", "gen_ai.response.model": "gpt-4o-mini-2024-07-18"}
    assert Flag.CACHE_READ_UNSAID in flags_of(read_of("ai", openai))
    assert Flag.CACHE_READ_UNSAID not in flags_of(read_of("ai", openai | {"ai.usage.promptTokens": 900}))
    assert Flag.CACHE_READ_UNSAID not in flags_of(read_of("ai", openai | {"ai.usage.cachedInputTokens": 0}))


def test_version_4_leaves_geminis_thinking_out() -> None:
    """Its calls are not priced as if there were none; of models that never think, nothing is missing."""
    found = read_of("ai", _GEMINI)
    assert (found.usage_status, "thoughts_unsaid" in flags_of(found)) == (UsageStatus.PARTIAL, True)
    older = read_of("ai", _GEMINI | {"gen_ai.response.model": "gemini-2.0-flash"})
    assert (older.usage_status, "thoughts_unsaid" in flags_of(older)) == (UsageStatus.REPORTED, False)


def test_version_5_drops_what_geminis_tools_put_into_the_prompt() -> None:
    """The block's total has it: input is what the total says beside the other parts."""
    block = {"promptTokenCount": 173, "candidatesTokenCount": 61, "thoughtsTokenCount": 7, "totalTokenCount": 1182}
    found = read_of("ai", _GEMINI | {"ai.response.providerMetadata": json.dumps({"google": {"usageMetadata": block}})})
    assert (found.usage["input_tokens"], found.usage["output_tokens"]) == (1114, 68)
    assert found.usage_status is UsageStatus.REPORTED


def test_conventional_names_of_sellers_stay() -> None:
    """Version 7 writes the conventions' names already."""
    assert seller_of("gcp.gemini", {}) == "gcp.gemini"
    assert seller_of("gcp.vertex_ai", {}) == "gcp.vertex_ai"
    assert seller_of("aws.bedrock", {}) == "aws.bedrock"
    assert seller_of("google.generative-ai", {}) == seller_of("google.gemini", {})
