"""Names: when two spellings name the same model, or may name the same seller. Tables and pure functions.

Only for telling whether two spans saw one call, beside equal figures and ids: a price needs the exact name, and is
none of this module's business.
"""

from __future__ import annotations

import re
from typing import Final

# What stands before a model's own name: a path, an ARN, Bedrock's region and maker.
_BEFORE: Final = re.compile(
    r"^(?:.*/)?"
    r"(?:(?:us|eu|apac|au|ca|jp|us-gov|global)\.)?"
    r"(?:(?:anthropic|amazon|meta|mistral|cohere|deepseek|openai|qwen)\.)?"
)
# What stands after it: Bedrock's version, a dated or numbered snapshot, an alias.
_AFTER: Final = re.compile(
    r"(?:-v[0-9]+(?::[0-9]+)?|[-@](?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8}|[0-9]{4}|00[0-9]|0|latest|default))$"
)

# The name of an API that many sellers offer, or of a framework: says nothing about who sold the call.
_SAYS_NOTHING: Final = frozenset({"openai", "anthropic", "litellm", "langchain", "llama_index", "spring_ai", "_other"})
# Names of one seller's several doors.
_SELLER_PREFIXES: Final = (("azure", "azure"), ("az.", "azure"), ("gcp", "gcp"), ("google", "gcp"), ("aws", "aws"))


def model_key(model: str | None) -> str | None:
    """Return a model's name without what differs between the spans of one call: maker, path, snapshot, version."""
    if model is None:
        return None
    key = _BEFORE.sub("", model.lower(), count=1)
    shorter = _AFTER.sub("", key)
    while shorter and shorter != key:
        key, shorter = shorter, _AFTER.sub("", shorter)
    return key or model


def same_model(one: str | None, other: str | None) -> bool:
    """Say whether two names may be one model's; an unknown one may be any."""
    return one is None or other is None or one == other or model_key(one) == model_key(other)


def seller_key(provider: str | None) -> str | None:
    """Return who sold a call, as far as the name says it; None where it says only the API's shape or nothing."""
    if provider is None or provider in _SAYS_NOTHING or is_door(provider):
        return None
    for prefix, key in _SELLER_PREFIXES:
        if provider.startswith(prefix):
            return key
    return provider


def is_door(provider: str | None) -> bool:
    """Say whether a name is only the door that was knocked at: an address, or a machine of one's own network.

    Behind it may be a gateway, whose own span knows who sold the call.
    """
    return provider is not None and (provider == "self_hosted" or provider.startswith("host:"))
