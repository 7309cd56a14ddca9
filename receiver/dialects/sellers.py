"""Sellers: who sold the call, in the conventions' names.

Emitters spell providers in their own ways, and an SDK pointed at another seller still names its maker: the OpenAI SDK
says `openai` whether it talks to OpenAI, Azure or OpenRouter. The address, where a span has it, says who it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from receiver.dialects.reading import AttributeValue

# Spellings found → `gen_ai.provider.name` values.
# Source: https://github.com/open-telemetry/semantic-conventions-genai (provider list), openllmetry's and
# openinference's constants.
_SPELLINGS: Final = {
    "anthropic": "anthropic",
    "aws": "aws.bedrock",
    "aws_bedrock": "aws.bedrock",
    "az.ai.inference": "azure.ai.inference",
    "az.ai.openai": "azure.ai.openai",
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "google": "gcp.gemini",
    "mistralai": "mistral_ai",
    "vertex_ai": "gcp.vertex_ai",
    "vertexai": "gcp.vertex_ai",
    "xai": "x_ai",
}
# Ends of host names → seller.
_HOSTS: Final = (
    (".openai.azure.com", "azure.ai.openai"),
    (".cognitiveservices.azure.com", "azure.ai.openai"),
    (".services.ai.azure.com", "azure.ai.inference"),
    ("openrouter.ai", "openrouter"),
    ("api.groq.com", "groq"),
    ("api.deepseek.com", "deepseek"),
    ("api.x.ai", "x_ai"),
    ("api.mistral.ai", "mistral_ai"),
    ("api.together.xyz", "together_ai"),
    ("api.perplexity.ai", "perplexity"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    (".amazonaws.com", "aws.bedrock"),
)
# Only these are names of an API's shape that other sellers offer too.
_SHAPES: Final = frozenset({"openai", "anthropic"})


def seller(named: str | None, attributes: Mapping[str, AttributeValue]) -> str | None:
    """Return who sold the call: the name in the conventions' spelling, corrected by the address."""
    name = _SPELLINGS.get(named.lower(), named.lower()) if named else None
    if name is not None and name not in _SHAPES:
        return name
    host = _host(attributes)
    if host:
        for ending, known in _HOSTS:
            if host.endswith(ending):
                return known
    return name


def _host(attributes: Mapping[str, AttributeValue]) -> str:
    address = attributes.get("server.address") or attributes.get("gen_ai.openai.api_base") or ""
    if not isinstance(address, str):
        return ""
    return address.partition("://")[2].partition("/")[0].partition(":")[0] if "://" in address else address
