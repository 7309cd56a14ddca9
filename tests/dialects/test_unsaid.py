"""What is on no attribute and decides about the price of some calls: said on every call of which it may be true."""

from __future__ import annotations

from typing import Any

import pytest

from receiver.dialects.finish import ADDRESS_UNSAID, TIER_UNSAID, TOOLS_UNSAID
from tests.dialects.spans import chat_by, read_of

OPENAI = "opentelemetry.instrumentation.genai.openai"
ANTHROPIC = "opentelemetry.instrumentation.genai.anthropic"


def unsaid(scope: str, attributes: dict[str, Any]) -> set[str]:
    """Return which of the two are said to be unsaid."""
    return {TIER_UNSAID, TOOLS_UNSAID}.intersection(read_of(scope, attributes).usage_flags)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, {TIER_UNSAID}),
        ({"openai.response.service_tier": "flex"}, set()),
        ({"openai.request.service_tier": "flex"}, set()),
        ({"gen_ai.operation.name": "embeddings"}, set()),
        ({"gen_ai.usage.output_tokens": None}, set()),
        ({"gen_ai.operation.name": "invoke_agent"}, set()),
    ],
)
def test_a_call_to_openai_without_a_tier_says_so(more: dict[str, Any], expected: set[str]) -> None:
    """It is priced as standard; what names a tier, has none, or is not priced at all needs no such word."""
    attributes = {**chat_by("openai", "gpt-4o", input_tokens=100, output_tokens=10), **more}
    assert unsaid(OPENAI, {key: value for key, value in attributes.items() if value is not None}) == expected


def test_a_call_to_anthropic_without_its_usage_block_says_that_searches_would_not_show() -> None:
    """The fee of a web search is in the block alone; who carries the block, or counts searches, has it."""
    plain = chat_by("anthropic", "claude-sonnet-4-5", input_tokens=100, output_tokens=10)
    block = '{"input_tokens": 100, "output_tokens": 10, "server_tool_use": {"web_search_requests": 2}}'
    assert unsaid(ANTHROPIC, plain) == {TOOLS_UNSAID}
    assert unsaid("logfire.anthropic", {**plain, "gen_ai.usage.raw": block}) == set()


def test_other_sellers_have_neither() -> None:
    """What a seller does not have cannot be left unsaid."""
    assert unsaid(ANTHROPIC, chat_by("mistral_ai", "mistral-large-latest", input_tokens=100, output_tokens=10)) == set()


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, True),
        ({"server.address": "api.openai.com"}, False),
        ({"gen_ai.openai.api_base": "https://api.openai.com/v1/"}, False),
        ({"gen_ai.provider.name": "mistral_ai"}, False),
        ({"gen_ai.usage.output_tokens": None}, False),
    ],
)
def test_a_call_whose_address_is_not_said_may_be_somebody_elses(more: dict[str, Any], expected: bool) -> None:  # noqa: FBT001
    """OpenAI's SDK speaks to whatever serves its API: without an address the maker's price is taken, and it says so."""
    attributes = {**chat_by("openai", "gpt-4o", input_tokens=100, output_tokens=10), **more}
    found = read_of(OPENAI, {key: value for key, value in attributes.items() if value is not None})
    assert (ADDRESS_UNSAID in found.usage_flags) == expected


@pytest.mark.parametrize(
    "scope", ["opentelemetry.instrumentation.google_genai", "opentelemetry.instrumentation.google_generativeai"]
)
def test_what_googles_own_tools_read_is_on_no_span_of_these(scope: str) -> None:
    """A search's results are charged as input: emitters that leave them out say so on every call."""
    call = chat_by("gcp.gemini", "gemini-2.5-flash", input_tokens=100, output_tokens=10)
    assert TOOLS_UNSAID in read_of(scope, call).usage_flags
