"""OpenLIT's spans, as openlit 1.45.0 writes them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ledger.vocabulary import UsageStatus
from tests.dialects.spans import flags_of, is_call, read_of

CHAT = {
    "telemetry.sdk.name": "openlit",
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "server.address": "api.anthropic.com",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.response.model": "claude-sonnet-4-5-20250929",
    "gen_ai.request.stream": False,
    "gen_ai.response.id": "msg_1",
    "gen_ai.usage.input_tokens": 5,
    "gen_ai.usage.output_tokens": 50,
    "gen_ai.client.token.usage": 55,
    "gen_ai.usage.cache_read.input_tokens": 1000,
    "gen_ai.usage.cache_creation.input_tokens": 200,
    "gen_ai.usage.cost": 0.0123,
}
OPENAI = {
    "gen_ai.provider.name": "openai",
    "server.address": "api.openai.com",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.usage.input_tokens": 2006,
    "gen_ai.usage.cache_read.input_tokens": 1920,
    "gen_ai.usage.cache_creation.input_tokens": 0,
}


@pytest.mark.parametrize(("package", "provider"), [("anthropic", "anthropic"), ("bedrock", "aws.bedrock")])
def test_input_without_the_cache(package: str, provider: str) -> None:
    """Anthropic's and Bedrock's counts are copied: what was cached is added."""
    found = read_of(f"openlit.instrumentation.{package}", CHAT | {"gen_ai.provider.name": provider})
    assert is_call(found)
    assert (found.usage["input_tokens"], found.usage_flags[0]) == (1205, "exclusive_input:emitter")


def test_openai_is_inclusive() -> None:
    """Its prompt tokens hold the cached ones."""
    found = read_of("openlit.instrumentation.openai", CHAT | OPENAI)
    assert (found.usage["input_tokens"], flags_of(found)) == (2006, ())


def test_a_stream_without_usage_was_estimated() -> None:
    """OpenLIT writes the cache's counts, 0 included, only with real usage; a tokeniser's figures are not priced."""
    stream = {key: value for key, value in (CHAT | OPENAI).items() if "cache" not in key} | {
        "gen_ai.request.stream": True
    }
    found = read_of("openlit.instrumentation.openai", stream)
    assert (found.usage_status, found.usage_flags) == (UsageStatus.PARTIAL, ("usage_estimated",))
    real = read_of("openlit.instrumentation.openai", CHAT | OPENAI | {"gen_ai.request.stream": True})
    assert real.usage_status == UsageStatus.REPORTED


def test_googles_thoughts_stand_beside_the_output() -> None:
    """Candidates and thoughts are two counts; both are output."""
    gemini = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.response.model": "gemini-2.5-flash",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 10,
        "gen_ai.usage.reasoning_tokens": 200,
    }
    found = read_of("openlit.instrumentation.google_ai_studio", gemini)
    assert (found.usage["output_tokens"], flags_of(found)) == (210, ("thoughts_added",))


def test_vertex_ais_thoughts_are_nowhere() -> None:
    """Candidates alone are less than what is charged."""
    gemini = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "gcp.vertex_ai",
        "gen_ai.response.model": "gemini-2.5-flash",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 10,
    }
    found = read_of("openlit.instrumentation.vertexai", gemini)
    assert (found.usage_status, found.usage_flags) == (UsageStatus.PARTIAL, ("thoughts_unsaid",))


@pytest.mark.parametrize(
    ("claimed", "cost"), [(0.0123, Decimal("0.0123")), (0, None), (0.0, None), ("", None), (-1, None)]
)
def test_a_cost_of_nothing_is_no_claim(claimed: Any, cost: Decimal | None) -> None:
    """OpenLIT writes 0 for models it has no price for."""
    assert read_of("openlit.instrumentation.anthropic", CHAT | {"gen_ai.usage.cost": claimed}).reported_cost == cost


def test_details_under_older_names() -> None:
    """Versions before the conventions' had names of their own."""
    old = {key: value for key, value in (CHAT | OPENAI).items() if "cache" not in key}
    details = {
        "gen_ai.usage.prompt_tokens_details.cached_tokens": 1920,
        "gen_ai.usage.completion_tokens_details.reasoning_tokens": 30,
    }
    found = read_of("openlit.instrumentation.openai", old | details)
    assert (found.usage["cache_read_tokens"], found.usage["reasoning_tokens"]) == (1920, 30)


@pytest.mark.parametrize("operation", ["invoke_workflow", "invoke_agent", "execute_tool", "vectordb", "execute_task"])
def test_frameworks_are_aggregates(operation: str) -> None:
    """Some of them repeat usage."""
    found = read_of("openlit.instrumentation.langchain", CHAT | {"gen_ai.operation.name": operation})
    assert not is_call(found)
