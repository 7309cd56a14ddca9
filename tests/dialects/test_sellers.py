"""Sellers: who sold a call, where and how, from names, addresses and model ids; and what is not assumed."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.vocabulary import BillingMode
from pricing.book import PriceBook
from receiver.dialects.hosts import host_of
from receiver.dialects.reading import Reading
from tests.dialects.spans import read_of

SCOPE = "opentelemetry.instrumentation.genai.openai"


def sold(provider: str | None, model: str, **attributes: Any) -> Reading:
    """Read a call; keywords are attributes, with `__` for dots."""
    named = {} if provider is None else {"gen_ai.provider.name": provider}
    more = {key.replace("__", "."): value for key, value in attributes.items()}
    return read_of(SCOPE, {"gen_ai.operation.name": "chat", "gen_ai.request.model": model} | named | more)


@pytest.mark.parametrize(
    ("address", "seller"),
    [
        ("api.openai.com", "openai"),
        ("eu.api.openai.com", "openai"),
        ("shop.openai.azure.com", "azure.ai.openai"),
        ("eastus.api.cognitive.microsoft.com", "azure.ai.openai"),
        ("foundry.services.ai.azure.com", "azure.ai.inference"),
        ("openrouter.ai", "openrouter"),
        ("api.groq.com", "groq"),
        ("api.together.xyz", "together_ai"),
        ("api.fireworks.ai", "fireworks"),
        ("api.deepinfra.com", "deepinfra"),
        ("api.cerebras.ai", "cerebras"),
        ("api.deepseek.com", "deepseek"),
        ("api.x.ai", "x_ai"),
        ("api.mistral.ai", "mistral_ai"),
        ("api.perplexity.ai", "perplexity"),
        ("api.moonshot.cn", "moonshot_ai"),
        ("bedrock-runtime.us-east-1.amazonaws.com", "aws.bedrock"),
        ("bedrock-mantle.us-west-2.api.aws", "aws.bedrock"),
        ("runtime.sagemaker.eu-west-1.amazonaws.com", "aws.sagemaker"),
        ("us-central1-aiplatform.googleapis.com", "gcp.vertex_ai"),
        ("generativelanguage.googleapis.com", "gcp.gemini"),
        ("https://openrouter.ai/api/v1/", "openrouter"),
        ("HTTPS://API.GROQ.COM:443/openai/v1", "groq"),
    ],
)
@pytest.mark.parametrize("key", ["server__address", "gen_ai__openai__api_base"])
def test_the_address_says_who_sold_it(key: str, address: str, seller: str) -> None:
    """The OpenAI SDK says `openai` to whomever it talks."""
    found = sold("openai", "some-model", **{key: address})
    assert (found.provider, found.usage_flags) == (seller, ())


@pytest.mark.parametrize(
    "address",
    [
        "llm.corp.example",
        "x.execute-api.us-east-1.amazonaws.com",
        "gateway.ai.cloudflare.com",
        "openai.com.evil.example",
        "notopenai.com",
        "203.0.113.7",
        "2001:4860:4860::8888",
    ],
)
@pytest.mark.parametrize("shape", ["openai", "anthropic", "google"])
def test_a_host_that_nobody_knows_is_no_seller(shape: str, address: str) -> None:
    """What lies behind a gateway is not guessed: the call is unpriced, and says so."""
    found = sold(shape, "gpt-4o", server__address=address)
    assert (found.provider, found.usage_flags) == (f"host:{address}", ("seller_unknown_host",))
    assert PriceBook.bundled().listing(found.provider, "gpt-4o") is None


@pytest.mark.parametrize(
    "address",
    [
        "localhost",
        "127.0.0.1",
        "http://localhost:11434/v1",
        "http://[::1]:8000/v1",
        "10.1.2.3",
        "172.16.0.9",
        "192.168.1.2",
        "vllm",
        "vllm.default.svc",
        "vllm.models.svc.cluster.local",
        "host.docker.internal",
        "gpu-1.local",
    ],
)
def test_a_private_address_is_ones_own_machine(address: str) -> None:
    """No vendor's price holds there."""
    found = sold("openai", "meta-llama/Llama-3.1-8B-Instruct", server__address=address)
    assert (found.provider, found.billing_mode) == ("self_hosted", BillingMode.SELF_HOSTED)
    assert PriceBook.bundled().listing(found.provider, "gpt-4o") is None


@pytest.mark.parametrize("model", ["gpt-4o", "claude-sonnet-4-5", "o3-mini", "gemini-2.5-pro", "openai/gpt-4o"])
def test_a_model_nobody_can_host_comes_through_a_gateway(model: str) -> None:
    """A proxy at a private address is as unknown as any other: it is not free, and its price is not known."""
    found = sold("openai", model, server__address="localhost")
    assert (found.provider, found.billing_mode) == ("host:localhost", None)
    assert found.usage_flags == ("seller_unknown_host",)


@pytest.mark.parametrize("model", ["gpt-oss-120b", "gpt2", "gemma3:27b", "qwen3"])
def test_open_models_are_hosted(model: str) -> None:
    """Names that only look like a vendor's."""
    assert sold("openai", model, server__address="localhost").provider == "self_hosted"


@pytest.mark.parametrize("server", ["ollama", "vllm", "llama.cpp", "lm_studio", "transformers"])
def test_servers_that_one_runs_oneself(server: str) -> None:
    """Their names say how it is paid for."""
    assert sold(server, "llama3").billing_mode == BillingMode.SELF_HOSTED


def test_ollamas_own_service_is_not_ones_own_machine() -> None:
    """It is sold by plan."""
    assert sold("ollama", "gpt-oss:120b", server__address="ollama.com").billing_mode is None
    assert sold("ollama", "gpt-oss:120b-cloud", server__address="localhost").billing_mode is None


@pytest.mark.parametrize(
    ("named", "seller"),
    [
        ("openai", "openai"),
        ("Anthropic", "anthropic"),
        ("AWS", "aws.bedrock"),
        ("az.ai.openai", "azure.ai.openai"),
        ("vertex_ai", "gcp.vertex_ai"),
        ("MistralAI", "mistral_ai"),
        ("TogetherAI", "together_ai"),
        ("xai", "x_ai"),
        (None, None),
    ],
)
def test_without_an_address_the_seller_is_as_named(named: str | None, seller: str | None) -> None:
    """In the conventions' spelling."""
    assert sold(named, "m").provider == seller


def test_a_named_seller_is_kept() -> None:
    """Only names that are also an API's shape are corrected."""
    assert sold("groq", "m", server__address="llm.corp.example").provider == "groq"


@pytest.mark.parametrize("address", [7, ["api.groq.com"], "", "://", "http://[", "a b", "x" * 300])
def test_what_is_no_address_says_nothing(address: Any) -> None:
    """The seller is as named, then."""
    found = sold("openai", "m", server__address=address)
    assert (found.provider, found.usage_flags) == ("openai", ())


@pytest.mark.parametrize(
    ("model", "seller"),
    [
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "aws.bedrock"),
        ("global.anthropic.claude-sonnet-4-5-20250929-v1:0", "aws.bedrock"),
        ("claude-sonnet-4-5@20250929", "gcp.vertex_ai"),
        ("claude-sonnet-4-5-20250929", "anthropic"),
    ],
)
def test_a_models_id_can_tell_the_seller(model: str, seller: str) -> None:
    """Anthropic's SDK for Bedrock and Vertex AI names Anthropic, and leaves no address."""
    assert sold("anthropic", model).provider == seller


def test_azure_says_itself_who_it_is() -> None:
    """Its resource provider stands on spans of its SDKs, whatever domain is put before it."""
    found = sold("openai", "gpt-4o", server__address="ai.corp.example", az__namespace="Microsoft.CognitiveServices")
    assert (found.provider, found.usage_flags) == ("azure.ai.openai", ())


# ---------------------------------------------------------------- where


@pytest.mark.parametrize(
    ("address", "region"),
    [
        ("bedrock-runtime.eu-central-1.amazonaws.com", "eu-central-1"),
        ("bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com", "us-east-1"),
        ("us-central1-aiplatform.googleapis.com", "us-central1"),
        ("aiplatform.eu.rep.googleapis.com", "eu"),
        ("aiplatform.googleapis.com", "global"),
        ("westeurope.api.cognitive.microsoft.com", "westeurope"),
        ("eu.api.openai.com", "eu"),
        ("us-east-1.api.x.ai", "us-east-1"),
        ("api.openai.com", None),
    ],
)
def test_the_address_says_where(address: str, region: str | None) -> None:
    """Sellers put the region into their hosts' names."""
    assert sold("openai", "m", server__address=address).region == region


def test_the_caller_says_where_bedrock_answers() -> None:
    """Botocore writes the region it calls; for other sellers it is only where the application runs."""
    assert sold("aws.bedrock", "m", cloud__region="eu-west-3").region == "eu-west-3"
    assert sold("openai", "m", cloud__region="eu-west-3").region is None


def test_an_azure_deployment_and_its_resource() -> None:
    """The path names the deployment, the host the customer's resource."""
    base = "https://shop.openai.azure.com/openai/deployments/our-gpt/chat/completions?api-version=1"
    found = sold("openai", "gpt-4o", gen_ai__openai__api_base=base)
    assert (found.deployment, found.provider_account) == ("our-gpt", "shop")


ARN = "arn:aws:bedrock:us-east-1:123456789012"


@pytest.mark.parametrize(
    ("arn", "model", "deployment", "mode"),
    [
        (f"{ARN}:inference-profile/us.anthropic.claude-x", "us.anthropic.claude-x", None, None),
        ("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0", None, None),
        (f"{ARN}:application-inference-profile/abc", f"{ARN}:application-inference-profile/abc", "=", None),
        (f"{ARN}:provisioned-model/abc", f"{ARN}:provisioned-model/abc", "=", BillingMode.PROVISIONED),
    ],
)
def test_bedrocks_arns(arn: str, model: str, deployment: str | None, mode: BillingMode | None) -> None:
    """An ARN says region and account, and either the model or a deployment of one's own."""
    found = sold("aws.bedrock", arn)
    assert (found.request_model, found.region, found.billing_mode) == (model, "us-east-1", mode)
    assert found.deployment == (arn if deployment else None)
    assert found.provider_account == ("123456789012" if "123456789012" in arn else None)


def test_vertex_paths() -> None:
    """A publisher's path says project, place and model."""
    found = sold("gcp.vertex_ai", "projects/p1/locations/europe-west4/publishers/google/models/gemini-2.5-pro")
    assert (found.request_model, found.region, found.provider_account) == ("gemini-2.5-pro", "europe-west4", "p1")


def test_addresses_of_every_form() -> None:
    """Case, ports, users, paths and a last dot do not matter."""
    for address in ("API.OpenAI.com.", "https://u:p@api.openai.com:443/v1?x#y", "api.openai.com:8443"):
        host = host_of(address)
        assert host is not None
        assert (host.name, host.seller) == ("api.openai.com", "openai")
