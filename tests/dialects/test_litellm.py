"""LiteLLM's spans: both generations, SDK and proxy, as litellm 1.110.2 writes them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ledger.vocabulary import Flag, UsageStatus
from receiver.dialects.reading import UnreadableSpanError
from tests.dialects.spans import chat_by, flags_of, is_call, maybe_read, read_of

USAGE_OBJECT = (
    "{'completion_tokens': 50, 'prompt_tokens': 1304, 'total_tokens': 1354, 'completion_tokens_details': None, "
    "'prompt_tokens_details': {'audio_tokens': None, 'cached_tokens': 1000, 'cache_creation_tokens': 300, "
    "'cache_creation_token_details': {'ephemeral_5m_input_tokens': 100, 'ephemeral_1h_input_tokens': 200}}, "
    "'cache_creation_input_tokens': 300, 'cache_read_input_tokens': 1000}"
)
V1: dict[str, Any] = {
    "metadata.user_api_key_hash": "",
    "metadata.user_api_key_team_id": "",
    "metadata.requester_metadata": "{}",
    "metadata.usage_object": USAGE_OBJECT,
    "hidden_params": "{}",
    "litellm.provider.model": "anthropic/claude-sonnet-4-5-20250929",
    "litellm.cache_hit": False,
    "gen_ai.cost.input_cost": 0.000012,
    "gen_ai.cost.total_cost": 0.0012,
    "gen_ai.request.model": "claude-sonnet-4-5-20250929",
    "llm.request.type": "acompletion",
    "gen_ai.system": "anthropic",
    "llm.is_streaming": "False",
    "gen_ai.response.id": "chatcmpl-1",
    "litellm.call_id": "0b1d",
    "gen_ai.response.model": "claude-sonnet-4-5-20250929",
    "gen_ai.usage.total_tokens": 1354,
    "gen_ai.usage.output_tokens": 50,
    "gen_ai.usage.input_tokens": 1304,
}
PROXY = {
    "metadata.user_api_key_hash": "88dc28d0",
    "metadata.user_api_key_user_id": "u1",
    "metadata.user_api_key_team_id": "t1",
    "http.route": "/v1/chat/completions",
}
V2: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "my-fast-model",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.response.id": "chatcmpl-2",
    "gen_ai.usage.input_tokens": 2006,
    "gen_ai.usage.output_tokens": 300,
    "gen_ai.usage.cache_read.input_tokens": 1920,
    "litellm.call_id": "0b1e",
    "litellm.call_type": "acompletion",
    "litellm.provider.model": "openai/gpt-4o",
    "litellm.cost.total": 0.0055,
    "litellm.cost.original": 0.006,
    "litellm.cost.discount_amount": 0.001,
    "litellm.cost.margin_total_amount": 0.0005,
    "litellm.cache_hit": False,
    "litellm.team.id": "t1",
    "litellm.api_key.hash": "88dc28d0",
    "litellm.metadata.user_api_key_user_id": "u1",
    "litellm.request.route": "/v1/chat/completions",
}


def v1(**more: Any) -> Any:
    """Read a span of the first generation's; names in `more` are written with `__` for a dot."""
    return read_of(
        "litellm", V1 | {key.replace("__", "."): value for key, value in more.items()}, name="litellm_request"
    )


def test_the_usage_object_wins() -> None:
    """The usage object's text has the cached tokens, and for how long they are kept, that the counts lack."""
    found = v1()
    assert is_call(found)
    assert (found.operation, found.provider, found.usage_status) == ("chat", "anthropic", UsageStatus.REPORTED)
    assert found.usage == {
        "input_tokens": 1304,
        "output_tokens": 50,
        "cache_read_tokens": 1000,
        "cache_write_tokens": 300,
        "cache_write_5m_tokens": 100,
        "cache_write_1h_tokens": 200,
    }
    assert flags_of(found) == ("usage_from:metadata.usage_object",)


def test_a_usage_object_that_says_otherwise_is_flagged() -> None:
    """It still wins: the counts were made from it."""
    found = v1(gen_ai__usage__input_tokens=5)
    assert "usage_differs:metadata.usage_object" in found.usage_flags
    assert found.usage["input_tokens"] == 1304


def test_without_a_usage_object_the_counts_stand() -> None:
    """The counts are inclusive whoever answered."""
    found = v1(metadata__usage_object="")
    assert (found.usage, flags_of(found)) == ({"input_tokens": 1304, "output_tokens": 50}, ())


def test_writes_without_their_durations_are_said() -> None:
    """Anthropic's two prices of a cache write cannot be told apart then."""
    found = v1(metadata__usage_object="{'prompt_tokens': 9, 'completion_tokens': 1, 'cache_creation_input_tokens': 5}")
    assert Flag.CACHE_TTL_UNSAID in found.usage_flags


def test_the_sdk_is_no_gateway_and_the_proxy_is() -> None:
    """The proxy's spans have a key's hash and a route; the SDK writes the same names with nothing in them."""
    assert Flag.GATEWAY not in v1().usage_flags
    found = read_of("litellm", V1 | PROXY, name="litellm_request")
    assert Flag.GATEWAY in found.usage_flags
    assert (found.api_key_id, found.user_id) == ("88dc28d0", "u1")


def test_a_hit_in_its_own_cache_cost_nothing() -> None:
    """The usage is repeated, the flag says that nobody charged for it, and 0 is a claim here."""
    found = v1(litellm__cache_hit=True, gen_ai__cost__total_cost=0.0)
    assert Flag.LOCAL_CACHE_HIT in found.usage_flags
    assert found.reported_cost == 0


def test_a_cost_of_nothing_is_no_claim() -> None:
    """LiteLLM writes 0 where it does not know the price."""
    assert v1(gen_ai__cost__total_cost=0.0).reported_cost is None


def test_the_reported_cost_is_the_total_without_the_margin() -> None:
    """The margin is what the proxy's operator adds for others; discounts are in."""
    found = read_of("litellm", V2)
    assert found.reported_cost == Decimal("0.005")
    assert found.reported_cost_source == "litellm.cost.total less its margin"
    assert v1().reported_cost_source == "gen_ai.cost.total_cost"


def test_the_second_generation() -> None:
    """The conventions' names, LiteLLM's identity by baggage, the deployment's model instead of the alias."""
    found = read_of("litellm", V2)
    assert (found.operation, found.provider, found.request_model) == ("chat", "openai", "gpt-4o")
    assert found.usage == {"input_tokens": 2006, "output_tokens": 300, "cache_read_tokens": 1920}
    assert (found.api_key_id, found.user_id) == ("88dc28d0", "u1")
    assert Flag.GATEWAY in found.usage_flags


@pytest.mark.parametrize(
    ("call_type", "operation", "calls"),
    [
        ("completion", "chat", True),
        ("acompletion", "chat", True),
        ("atext_completion", "text_completion", True),
        ("aembedding", "embeddings", True),
        ("anthropic_messages", "chat", True),
        ("arerank", "rerank", True),
        ("aimage_generation", "image_generation", True),
        ("amoderation", "amoderation", False),
        ("aget_responses", "aget_responses", False),
        ("acreate_file", "acreate_file", False),
        ("call_mcp_tool", "call_mcp_tool", False),
        ("asend_message", "asend_message", False),
    ],
)
def test_call_types(call_type: str, operation: str, *, calls: bool) -> None:
    """LiteLLM's words say what kind of call it was; polling, files, tools and moderation are none."""
    found = v1(llm__request__type=call_type)
    assert (found.operation, is_call(found)) == (operation, calls)


ESTIMATED = (
    "{'completion_tokens': 1, 'prompt_tokens': 8, 'total_tokens': 9, 'completion_tokens_details': "
    "{'reasoning_tokens': 0, 'text_tokens': 1}, 'prompt_tokens_details': None, 'cost': 3.0000000000000004e-05}"
)


def test_a_stream_that_litellm_counted_itself() -> None:
    """Without a provider's usage there is nothing of the cache, not even 0: a tokeniser's figures are not priced."""
    openai = {"gen_ai.system": "openai", "litellm.provider.model": "gpt-4o", "gen_ai.response.model": "gpt-4o"}
    stream = V1 | openai | {"llm.is_streaming": "True", "metadata.usage_object": ESTIMATED}
    found = read_of("litellm", stream | {"gen_ai.usage.input_tokens": 8, "gen_ai.usage.output_tokens": 1})
    assert (found.usage_status, "usage_estimated" in flags_of(found)) == (UsageStatus.PARTIAL, True)
    assert found.reported_cost_source == "gen_ai.cost.total_cost"
    real = read_of("litellm", V1 | openai | {"llm.is_streaming": "True"})
    assert real.usage_status == UsageStatus.REPORTED
    claude = read_of("litellm", V1 | {"llm.is_streaming": "True", "metadata.usage_object": ESTIMATED})
    assert claude.usage_status == UsageStatus.REPORTED


def test_a_seller_that_only_the_deployment_names() -> None:
    """Embeddings say no system; the model's prefix does."""
    found = v1(gen_ai__system="", litellm__provider__model="openai/text-embedding-3-small")
    assert (found.provider, found.request_model) == ("openai", "text-embedding-3-small")


def test_an_embedding_needs_no_output() -> None:
    """Its usage is complete with the input."""
    found = v1(llm__request__type="aembedding", metadata__usage_object="{'prompt_tokens': 8, 'total_tokens': 8}")
    assert (found.usage, found.usage_status) == ({"input_tokens": 8}, UsageStatus.REPORTED)


def test_the_raw_request_is_no_second_call() -> None:
    """`raw_gen_ai_request` repeats the provider's request and answer under names of their own."""
    raw = {"llm.openai.model": "gpt-4o", "llm.openai.usage": "{'prompt_tokens': 1}", "llm.openai.id": "chatcmpl-1"}
    assert maybe_read("litellm", raw, name="raw_gen_ai_request") is None


def test_other_spans_of_the_proxy_are_nothing() -> None:
    """Baggage puts the model and the team on guardrails and services too."""
    baggage = {"gen_ai.request.model": "gpt-4o", "litellm.team.id": "t1", "litellm.guardrail.name": "pii"}
    assert maybe_read("litellm", baggage, name="guardrail") is None


def test_a_tracer_of_another_name_is_known_by_its_keys() -> None:
    """OTEL_TRACER_NAME renames LiteLLM's scope."""
    assert read_of("my-gateway", V2).dialect == "litellm"


@pytest.mark.parametrize("figure", ["-1", "many", 1.5, 2**62])
def test_hostile_figures(figure: Any) -> None:
    """A figure that is no count sends the span to quarantine, wherever it stands."""
    with pytest.raises(UnreadableSpanError):
        v1(gen_ai__usage__input_tokens=figure)
    with pytest.raises(UnreadableSpanError):
        v1(metadata__usage_object=f"{{'prompt_tokens': {figure!r}, 'completion_tokens': 1}}")


@pytest.mark.parametrize("text", ["{", "{'a': __import__('os')}", "[]", "x" * 3000, "{" * 5000])
def test_a_usage_object_that_is_none(text: str) -> None:
    """The span's own counts stand, and the reading says that the object could not be read."""
    found = v1(metadata__usage_object=text)
    assert found.usage == {"input_tokens": 1304, "output_tokens": 50}


@pytest.mark.parametrize(
    ("scope", "attributes"),
    [
        (
            "openinference.instrumentation.litellm",
            {
                "openinference.span.kind": "LLM",
                "llm.provider": "google",
                "llm.model_name": "gemini/gemini-2.5-flash",
                "llm.token_count.prompt": 100,
                "llm.token_count.completion": 10,
            },
        ),
        (
            "opentelemetry.instrumentation.litellm",
            {
                **chat_by("gemini", "gemini/gemini-2.5-flash", input_tokens=100, output_tokens=10),
                "gen_ai.response.model": "gemini/gemini-2.5-flash",
            },
        ),
    ],
)
def test_litellms_prefix_is_no_part_of_the_model(scope: str, attributes: dict[str, Any]) -> None:
    """LiteLLM names models with the seller before them; others' spans of its calls repeat that."""
    assert read_of(scope, attributes).response_model == "gemini-2.5-flash"


def test_a_vendors_prefix_is_kept_where_it_belongs_to_the_model() -> None:
    """On OpenRouter the vendor is a part of the model's name."""
    attributes = {
        "openinference.span.kind": "LLM",
        "llm.provider": "openrouter",
        "llm.model_name": "openai/gpt-4o",
        "llm.token_count.prompt": 100,
        "llm.token_count.completion": 10,
    }
    assert read_of("openinference.instrumentation.litellm", attributes).response_model == "openai/gpt-4o"
