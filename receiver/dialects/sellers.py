"""Sellers: who sold a call, where, and how it is paid for, from the names, the address and the model ids on a span.

Emitters spell providers in their own ways, and an SDK pointed at another seller still names its maker: the OpenAI SDK
says `openai` whether it talks to OpenAI, Azure, OpenRouter or a machine in the next room. So:

* a provider that is no API's shape is the seller, as named;
* a name that is a shape is corrected by the address: a known host is its seller's; a private one is one's own machine
  (`self_hosted`, no vendor's price); any other is nobody we know: the seller is `host:NAME`, flagged
  `seller_unknown_host`, and has no price list;
* a private address that serves a model nobody can host (`gpt-4o`, `claude-…`) is a gateway, and as unknown as others;
* without an address the model's id may still say it (`anthropic.claude-…` is Bedrock's, `claude-…@…` Vertex AI's);
  else the seller is as named.

Must not: know a price, or guess what lies behind a gateway.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ledger.vocabulary import BillingMode
from receiver.dialects.figures import read_text
from receiver.dialects.hosts import Host, host_of
from receiver.dialects.reading import AttributeValue

SELF_HOSTED: Final = "self_hosted"
UNKNOWN_HOST_FLAG: Final = "seller_unknown_host"
# Spellings found → `gen_ai.provider.name` values.
# Source: https://github.com/open-telemetry/semantic-conventions-genai (provider list), openllmetry's and
# openinference's constants, and the names that their instrumentations write themselves.
_SPELLINGS: Final = {
    "amazon": "aws.bedrock",
    "amazon-bedrock": "aws.bedrock",
    "amazon_bedrock": "aws.bedrock",
    "aws": "aws.bedrock",
    "aws_bedrock": "aws.bedrock",
    "az.ai.inference": "azure.ai.inference",
    "az.ai.openai": "azure.ai.openai",
    "azure": "azure.ai.openai",
    "azure-openai": "azure.ai.openai",
    "azure_openai": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "fireworks_ai": "fireworks",
    "gemini": "gcp.gemini",
    "google": "gcp.gen_ai",
    "google_genai": "gcp.gemini",
    "google_vertexai": "gcp.vertex_ai",
    "mistral": "mistral_ai",
    "mistralai": "mistral_ai",
    "moonshot": "moonshot_ai",
    "together": "together_ai",
    "togetherai": "together_ai",
    "vertex_ai": "gcp.vertex_ai",
    "vertexai": "gcp.vertex_ai",
    "xai": "x_ai",
}
# Names of an API's shape: others offer it too, or one SDK serves several sellers.
_SHAPES: Final = frozenset({"anthropic", "gcp.gemini", "gcp.gen_ai", "openai"})
# Servers that one runs oneself.
_OWN_SERVERS: Final = frozenset({
    "gpt4all", "huggingface_local", "jan", "koboldcpp", "llama.cpp", "llama_cpp", "llamacpp", "llamafile", "lm_studio",
    "lmstudio", "localai", "mlx", "ollama", "sglang", "tgi", "transformers", "vllm", "xinference", SELF_HOSTED,
})  # fmt: skip
# Models that only their makers and those whom they licensed serve; on a private address they come through a gateway.
_NOT_TO_BE_HOSTED: Final = re.compile(
    r"(?:^|[/.])(?:gpt-(?!oss|2|j|neo)|chatgpt|o[134](?:$|-)|claude|gemini|text-embedding-(?:3|ada|00)|sonar|grok-[34])"
)
_BEDROCK_MODEL: Final = re.compile(
    r"^(?:(?:global|us|us-gov|eu|apac|au|jp|in|ca)\.)?(?:anthropic\.claude|amazon\.)|^arn:aws"
)
_VERTEX_MODEL: Final = re.compile(r"^claude-.*@|^(?:projects/[^/]+/locations/|publishers/)")
# arn:aws:bedrock:REGION:ACCOUNT:KIND/NAME: https://docs.aws.amazon.com/service-authorization/latest/reference/
_ARN: Final = re.compile(
    r"^arn:aws[a-z-]*:bedrock:(?P<region>[a-z0-9-]*):(?P<account>\d*):(?P<kind>[a-z-]+)/(?P<name>.+)$"
)
# These are called by a name that says the model; the others are deployments of one's own.
_NAMING_ARNS: Final = frozenset({"foundation-model", "inference-profile"})
_VERTEX_PATH: Final = re.compile(
    r"projects/(?P<account>[^/]+)/locations/(?P<region>[^/]+)/(?:publishers/[^/]+/models/(?P<model>.+)|endpoints/(?P<endpoint>.+))"
)
_AZURE_DEPLOYMENT: Final = re.compile(r"/openai/deployments/(?P<name>[^/?]+)")
_OF_AZURE: Final = "Microsoft.CognitiveServices"

# Where addresses stand, the surest first. A whole URL is not read: it can carry keys, so evidence must not keep it.
ADDRESS_KEYS: Final = ("server.address", "gen_ai.openai.api_base")
_NAMESPACE_KEYS: Final = ("azure.resource_provider.namespace", "az.namespace")
# Everything `sold` looks at besides the provider's name and the model.
NAMING_KEYS: Final = (*ADDRESS_KEYS, *_NAMESPACE_KEYS, "cloud.region", "cloud.account.id")


@dataclass(frozen=True, slots=True)
class Sale:
    """Who sold a call, where, and how it is paid for. What nothing says is None."""

    provider: str | None
    flags: tuple[str, ...] = ()
    billing_mode: BillingMode | None = None
    region: str | None = None
    account: str | None = None
    deployment: str | None = None
    model: str | None = None
    """The model, where the id on the span names it only as a part (an ARN, a path)."""


def sold(named: str | None, model: str | None, attributes: Mapping[str, AttributeValue]) -> Sale:
    """Say who sold the call of a model, where the span names `named` as its provider."""
    name = spelled(named)
    address = read_text(attributes, ADDRESS_KEYS)
    host = host_of(address) if address else None
    sale = _named_by_model(model) if model else None
    if sale is None:
        sale = _by_host(name, host, model or "", attributes)
    return Sale(
        provider=sale.provider,
        flags=sale.flags,
        billing_mode=sale.billing_mode,
        region=sale.region or (host.region if host else None) or _region(sale.provider, attributes),
        account=sale.account or (host.account if host else None) or read_text(attributes, ("cloud.account.id",)),
        deployment=sale.deployment or _deployment(sale.provider, attributes),
        model=sale.model,
    )


def spelled(named: str | None) -> str | None:
    """Return a provider's name in the conventions' spelling."""
    if not named:
        return None
    name = named.strip().lower()
    return _SPELLINGS.get(name, name)


def _named_by_model(model: str) -> Sale | None:
    """Return the sale where the model's id is an address by itself."""
    if arn := _ARN.match(model):
        names_model = arn["kind"] in _NAMING_ARNS
        return Sale(
            "aws.bedrock",
            billing_mode=BillingMode.PROVISIONED if arn["kind"] == "provisioned-model" else None,
            region=arn["region"] or None,
            account=arn["account"] or None,
            deployment=None if names_model else model,
            model=arn["name"] if names_model else None,
        )
    if path := _VERTEX_PATH.search(model):
        return Sale(
            "gcp.vertex_ai",
            region=path["region"],
            account=path["account"],
            deployment=model if path["endpoint"] else None,
            model=path["model"],
        )
    return None


def _by_host(name: str | None, host: Host | None, model: str, attributes: Mapping[str, AttributeValue]) -> Sale:
    if name is not None and name not in _SHAPES:
        # Ollama's own service sells by plan; the server of that name is one's own.
        own = name in _OWN_SERVERS and not (host is not None and host.seller) and not model.endswith("cloud")
        return Sale(name, billing_mode=BillingMode.SELF_HOSTED if own else None)
    if host is None:
        return Sale(_by_model_shape(name, model, attributes))
    if host.seller is not None:
        return Sale(host.seller)
    if host.is_private and not _NOT_TO_BE_HOSTED.search(model.lower()):
        return Sale(SELF_HOSTED, billing_mode=BillingMode.SELF_HOSTED, deployment=host.name)
    if _is_azure(attributes):
        return Sale("azure.ai.openai")
    return Sale(f"host:{host.name}", flags=(UNKNOWN_HOST_FLAG,))


def _by_model_shape(name: str | None, model: str, attributes: Mapping[str, AttributeValue]) -> str | None:
    if _BEDROCK_MODEL.match(model):
        return "aws.bedrock"
    if _VERTEX_MODEL.match(model):
        return "gcp.vertex_ai"
    return "azure.ai.openai" if name == "openai" and _is_azure(attributes) else name


def _is_azure(attributes: Mapping[str, AttributeValue]) -> bool:
    return any(attributes.get(key) == _OF_AZURE for key in _NAMESPACE_KEYS)


def _region(provider: str | None, attributes: Mapping[str, AttributeValue]) -> str | None:
    """Return the region that the caller says; on other sellers' calls it is where the application runs."""
    return read_text(attributes, ("cloud.region",)) if provider == "aws.bedrock" else None


def _deployment(provider: str | None, attributes: Mapping[str, AttributeValue]) -> str | None:
    """Return Azure's name for what was called, where a path on the span has it."""
    if provider is None or not provider.startswith("azure."):
        return None
    paths = (attributes.get(key) for key in ADDRESS_KEYS)
    found = (_AZURE_DEPLOYMENT.search(path) for path in paths if isinstance(path, str))
    return next((match["name"] for match in found if match), None)


def seller(named: str | None, attributes: Mapping[str, AttributeValue]) -> str | None:
    """Return who sold the call where the model is not known: the name, corrected by the address."""
    return sold(named, None, attributes).provider
