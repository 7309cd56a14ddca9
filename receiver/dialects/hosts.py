"""Hosts: who answers under an address, and where. Tables, and the reading of one address.

An address is known when its end is a seller's own domain, private when it cannot be reached from outside, unknown
otherwise: a gateway, a proxy, a company's own name. What lies behind a gateway is not guessed.

Sources: the sellers' own API references. Must not: look at a span.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

# Domain → seller, in the conventions' spelling; subdomains are the same seller's.
DOMAINS: Final = {
    "ai21.com": "ai21",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "anthropic.com": "anthropic",
    "api.ai.ovh.net": "ovhcloud",
    "api.arcee.ai": "arcee",
    "api.avian.io": "avian",
    "api.cloudflare.com": "cloudflare",
    "api.cognitive.microsoft.com": "azure.ai.openai",
    "api.cohere.ai": "cohere",
    "api.cohere.com": "cohere",
    "openai.azure.us": "azure.ai.openai",
    "azuredatabricks.net": "databricks",
    "baseten.co": "baseten",
    "bigmodel.cn": "zhipuai",
    "cerebras.ai": "cerebras",
    "cloud.databricks.com": "databricks",
    "cognitiveservices.azure.com": "azure.ai.openai",
    "deepinfra.com": "deepinfra",
    "deepseek.com": "deepseek",
    "fireworks.ai": "fireworks",
    "gcp.databricks.com": "databricks",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "groq.com": "groq",
    "hyperbolic.xyz": "hyperbolic",
    "inference.ml.azure.com": "azure.ai.inference",
    "integrate.api.nvidia.com": "nvidia_nim",
    "minimax.io": "minimax",
    "minimaxi.com": "minimax",
    "mistral.ai": "mistral_ai",
    "ml.cloud.ibm.com": "ibm.watsonx.ai",
    "models.ai.azure.com": "azure.ai.inference",
    "moonshot.ai": "moonshot_ai",
    "moonshot.cn": "moonshot_ai",
    "nebius.ai": "nebius",
    "nebius.com": "nebius",
    "novita.ai": "novita",
    "ollama.com": "ollama",
    "openai.azure.com": "azure.ai.openai",
    "openai.com": "openai",
    "openrouter.ai": "openrouter",
    "perplexity.ai": "perplexity",
    "replicate.com": "replicate",
    "router.huggingface.co": "huggingface",
    "sambanova.ai": "sambanova",
    "services.ai.azure.com": "azure.ai.inference",
    "together.ai": "together_ai",
    "together.xyz": "together_ai",
    "voyageai.com": "voyageai",
    "x.ai": "x_ai",
    "z.ai": "zai",
}
# AWS names its services before the region: https://docs.aws.amazon.com/general/latest/gr/bedrock.html
_AWS: Final = re.compile(
    r"(?:^|\.)(?P<service>bedrock|runtime\.sagemaker)[a-z-]*\.(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)\."
    r"(?:.*\.)?(?:amazonaws\.com|amazonaws\.com\.cn|api\.aws)$"
)
_AWS_SELLERS: Final = {"bedrock": "aws.bedrock", "runtime.sagemaker": "aws.sagemaker"}
# https://cloud.google.com/vertex-ai/docs/general/locations: the region before the name, `global` without one.
_VERTEX: Final = re.compile(r"^(?:(?P<region>[a-z0-9-]+)-)?aiplatform\.(?:(?P<zone>us|eu)\.rep\.)?googleapis\.com$")
# Sellers whose host's first label says a region or a place where data is kept.
_REGION_LABELS: Final = re.compile(r"^(?P<region>us|eu|ap|in|jp|uk|kr|sg|au|ca|ae|[a-z]{2}-[a-z]+-\d)\.api\.")
_AZURE_REGION: Final = re.compile(r"^(?P<region>[a-z0-9]+)\.api\.cognitive\.microsoft\.com$")
_PRIVATE_ENDINGS: Final = (
    ".localhost", ".local", ".internal", ".lan", ".home", ".intranet", ".svc", ".home.arpa", ".test",
)  # fmt: skip
# A name has a letter or, as an IP address, dots or colons; anything else is no address.
_NAME: Final = re.compile(r"(?=.*[a-z.:])[a-z0-9_.:-]+(?:%[a-z0-9]+)?")
_HOST_CHARS_MAX: Final = 253  # RFC 1035


@dataclass(frozen=True, slots=True)
class Host:
    """What an address says by itself."""

    name: str
    seller: str | None
    """None: not known."""
    region: str | None = None
    account: str | None = None
    """Azure's resource, the part of its host names that is the customer's own."""
    is_private: bool = False
    """It cannot be reached from outside: a machine or network of one's own."""


@lru_cache(maxsize=4096)
def host_of(address: str) -> Host | None:
    """Return what an address says: a host name, an IP address, or a URL; None when it is none of these."""
    name = address.partition("://")[2] if "://" in address else address
    name = name.partition("/")[0].partition("?")[0].rpartition("@")[2].strip().lower().rstrip(".")
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    if len(name) > _HOST_CHARS_MAX or not _NAME.fullmatch(name):
        return None
    if aws := _AWS.search(name):
        return Host(name, _AWS_SELLERS[aws["service"]], region=aws["region"])
    if vertex := _VERTEX.match(name):
        return Host(name, "gcp.vertex_ai", region=vertex["region"] or vertex["zone"] or "global")
    seller = _seller(name)
    if seller is None:
        return Host(name, None, is_private=_is_private(name))
    region = _AZURE_REGION.match(name) or _REGION_LABELS.match(name)
    account = name.partition(".")[0] if seller.startswith("azure.") and not region else None
    return Host(name, seller, region=region["region"] if region else None, account=account)


def _seller(name: str) -> str | None:
    labels = name.split(".")
    for start in range(len(labels) - 1):
        found = DOMAINS.get(".".join(labels[start:]))
        if found is not None:
            return found
    return None


def _is_private(name: str) -> bool:
    try:
        address = ip_address(name)
    except ValueError:
        return "." not in name or name.endswith(_PRIVATE_ENDINGS) or ".svc." in name
    return address.is_private or address.is_loopback or address.is_link_local or address.is_unspecified
