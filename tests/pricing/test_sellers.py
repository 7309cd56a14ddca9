"""Whose price list a call is on: spellings of sellers, names that are no seller's, sellers without a list."""

from __future__ import annotations

import pytest

from ledger.schema import PriceStatus
from tests.pricing.calls import Call, price_one


def model_of(provider: str | None, model: str) -> str | None:
    """Return what a call was priced as."""
    money = price_one(Call(provider, model, {"input_tokens": 1}))
    assert (money.price_status == PriceStatus.PRICED) == (money.price_model is not None)
    return money.price_model


@pytest.mark.parametrize(
    ("spelling", "model", "listed"),
    [
        ("openai", "gpt-4o", "openai/gpt-4o"),
        ("OpenAI", "gpt-4o", "openai/gpt-4o"),
        ("openai.responses", "gpt-4o", "openai/gpt-4o"),
        ("Anthropic", "claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4-5"),
        ("azure.ai.openai", "gpt-4o", "azure/gpt-4o"),
        ("az.ai.openai", "gpt-4o", "azure/gpt-4o"),
        ("azure.ai.inference", "gpt-4o", "azure/gpt-4o"),
        ("gcp.vertex_ai", "gemini-2.5-pro", "google/gemini-2.5-pro"),
        ("gcp.gemini", "gemini-2.5-pro", "google/gemini-2.5-pro"),
        ("gcp.gen_ai", "gemini-2.5-pro", "google/gemini-2.5-pro"),
        ("vertex_ai", "claude-sonnet-4-5@20250929", "google/claude-sonnet-4-5"),
        ("google", "gemini-2.5-pro", "google/gemini-2.5-pro"),
        ("x_ai", "grok-4", "x-ai/grok-4"),
        ("xai", "grok-4", "x-ai/grok-4"),
        ("mistral_ai", "mistral-large-latest", "mistral/mistral-large"),
        ("deepseek", "deepseek-chat", "deepseek/deepseek-chat"),
        ("perplexity", "sonar", "perplexity/sonar"),
        ("openrouter", "openai/gpt-4o", "openrouter/openai/gpt-4o"),
        ("litellm", "azure/gpt-4o", "azure/gpt-4o"),
    ],
)
def test_spellings_lead_to_the_sellers_list(spelling: str, model: str, listed: str) -> None:
    """However a span spells the seller, its own list decides."""
    assert (model_of(spelling, model) or "").startswith(listed)


@pytest.mark.parametrize("spelling", ["aws.bedrock", "AWS", "aws_bedrock"])
def test_bedrocks_regional_profiles_have_prices_of_their_own(spelling: str) -> None:
    """A cross-region inference profile is on Bedrock's list, not on its maker's."""
    listed = model_of(spelling, "us.anthropic.claude-sonnet-4-5-20250929-v1:0")
    assert listed == "aws/regional.anthropic.claude-sonnet-4-5-20250929-v1:0"


@pytest.mark.parametrize(
    "framework", [None, "", "langchain", "strands-agents", "gcp.vertex.agent", "spring_ai", "litellm"]
)
def test_a_frameworks_name_is_looked_past_when_one_maker_has_the_model(framework: str | None) -> None:
    """A provider that is no seller does not hide whose model it is."""
    assert model_of(framework, "gpt-4o-2024-08-06") == "openai/gpt-4o"
    assert model_of(framework, "claude-sonnet-4-5-20250929") == "anthropic/claude-sonnet-4-5"


@pytest.mark.parametrize(
    "model",
    [
        "llama-3.3-70b",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "claude-sonnet-4-5@20250929",
        "openai/gpt-4o",
        "deepseek-r1:7b",
        "my-model",
        "gpt-4o" + "x" * 1_000_000,
    ],
)
def test_a_model_in_no_makers_spelling_is_unknown_without_a_seller(model: str) -> None:
    """A reseller's or a local server's name for a model is not priced at its maker's price."""
    assert model_of("langchain", model) is None


@pytest.mark.parametrize(
    "seller", ["ollama", "vllm", "ibm.watsonx.ai", "nvidia", "LM_Studio", "self_hosted", "host:llm.corp.example"]
)
def test_sellers_without_a_price_list_are_not_charged_at_a_makers_price(seller: str) -> None:
    """A model that runs elsewhere under a known name is unknown."""
    assert model_of(seller, "deepseek-chat") is None


def test_a_name_that_only_contains_a_sellers_name_is_no_seller() -> None:
    """The library takes `multimodal-gateway` for the seller Modal; here it is a name like any other."""
    assert model_of("multimodal-gateway", "gpt-4o") == "openai/gpt-4o"


def test_what_a_seller_does_not_list_is_unknown() -> None:
    """A model of another maker is not priced at that maker's list when the seller is known."""
    assert model_of("anthropic", "gpt-4o") is None
