"""Strands' spans, of both meanings, as strands-agents 1.53 and 1.62.0 write them."""

from __future__ import annotations

import pytest

from tests.dialects.spans import is_call, read_of

SCOPE = "strands.telemetry.tracer"


def chat(prompt: int, total: int) -> dict[str, object]:
    """Return a chat's attributes: four names of two counts, and a total."""
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.system": "strands-agents",
        "gen_ai.request.model": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "gen_ai.usage.prompt_tokens": prompt,
        "gen_ai.usage.input_tokens": prompt,
        "gen_ai.usage.completion_tokens": 50,
        "gen_ai.usage.output_tokens": 50,
        "gen_ai.usage.total_tokens": total,
        "gen_ai.usage.cache_read.input_tokens": 1000,
        "gen_ai.usage.cache_read_input_tokens": 1000,
        "gen_ai.usage.cache_creation.input_tokens": 300,
        "gen_ai.usage.cache_write_input_tokens": 300,
    }


def test_up_to_1_53_input_lacks_the_cache() -> None:
    """Input, output and cached tokens make up the total: they are added."""
    found = read_of(SCOPE, chat(4, 1354))
    assert is_call(found)
    assert (found.usage["input_tokens"], found.usage_flags[0]) == (1304, "exclusive_input:total")


def test_a_large_input_that_lacks_the_cache() -> None:
    """The total tells also where the figures alone would not."""
    assert read_of(SCOPE, chat(5000, 6350)).usage["input_tokens"] == 6300


def test_later_input_holds_the_cache() -> None:
    """Input and output alone make up the total."""
    found = read_of(SCOPE, chat(1304, 1354))
    assert found.usage["input_tokens"] == 1304
    assert not any(flag.startswith("exclusive_input") for flag in found.usage_flags)


@pytest.mark.parametrize("operation", ["invoke_agent", "execute_event_loop_cycle", "execute_tool"])
def test_an_agents_lifetime_is_an_aggregate(operation: str) -> None:
    """`invoke_agent` sums all that its agent object ever did."""
    assert not is_call(read_of(SCOPE, chat(1304, 1354) | {"gen_ai.operation.name": operation}, kind=1))


@pytest.mark.parametrize(
    ("model", "seller"),
    [
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "aws.bedrock"),
        ("anthropic.claude-3-haiku-20240307-v1:0", "aws.bedrock"),
        ("arn:aws:bedrock:us-east-1:123456789012:inference-profile/x", "aws.bedrock"),
        ("claude-sonnet-4-5", None),
        ("gpt-4o", None),
    ],
)
def test_the_librarys_name_is_no_seller(model: str, seller: str | None) -> None:
    """`strands-agents` sells nothing; Bedrock's model ids are its own, others say nothing."""
    found = read_of(SCOPE, chat(1304, 1354) | {"gen_ai.request.model": model})
    assert found.provider == seller
    assert ("seller_unsaid" in found.usage_flags) == (seller is None)
