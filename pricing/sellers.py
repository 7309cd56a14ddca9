"""Sellers: whose price list a call is on, from the names a span gives for its provider and model.

    a seller       `openai`, `aws.bedrock`, `az.ai.openai`, `openai.responses`, any id of the price library: its list
                   decides. What it does not list is unknown, whoever else may sell it.
    another seller `ollama`, `ibm.watsonx.ai` …, of whom there is no price list, or who runs on one's own machines
                   (`self_hosted`), or of whom only the address is known (`host:…`):
                   the model is unknown, even if its name is one that a maker sells too.
    no seller      nothing, or any other name, such as a framework's (`langchain`, `strands-agents`): the model must
                   be one that exactly one maker of models both claims by its name and lists. Two, or none: unknown.
                   Names in a reseller's or a local server's spelling (`us.anthropic.claude-…-v1:0`, `openai/gpt-4o`,
                   `claude-…@2025`, `deepseek-r1:7b`) are unknown here: their price is not the maker's.
    `litellm`      writes `seller/model`; the seller is taken from there, as the price library does.

The library itself finds a provider by parts of its name (`multimodal-gateway` is `modal` to it); that guess is not made
here. Must not: know a price.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from genai_prices.types import ModelInfo, Provider

# Names that OpenTelemetry and the instrumentations use → genai-prices' provider ids. Source: the GenAI conventions'
# provider list (gen_ai.provider.name, gen_ai.system) and what emitters were seen to write.
_SPELLINGS: Final = {
    "amazon-bedrock": "aws",
    "aws.bedrock": "aws",
    "aws_bedrock": "aws",
    "az.ai.inference": "azure",
    "az.ai.openai": "azure",
    "azure-openai": "azure",
    "azure_openai": "azure",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "bedrock": "aws",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "gemini": "google",
    "google_genai": "google",
    "google_vertexai": "google",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "moonshot_ai": "moonshotai",
    "together_ai": "together",
    "vertex_ai": "google",
    "vertexai": "google",
    "x_ai": "x-ai",
    "xai": "x-ai",
}
_WITHOUT_PRICE_LIST: Final = frozenset({
    "alephalpha", "deepinfra", "huggingface", "hyperbolic", "ibm.watsonx.ai", "llama.cpp", "llamacpp", "lm_studio",
    "lmstudio", "localai", "nebius", "nim", "nvidia", "nvidia_nim", "oci", "ollama", "oracle", "replicate", "sagemaker",
    "aws.sagemaker", "sambanova", "self_hosted", "snowflake", "tgi", "triton", "vllm", "watsonx", "xinference",
})  # fmt: skip
# `host:NAME` is an address of which nobody knows who answers: a gateway, a proxy.
_HOST: Final = "host:"
# Those who sell models of their own; resellers have the same models at other prices.
_MAKERS: Final = (
    "anthropic", "cohere", "deepseek", "google", "minimax", "mistral", "moonshotai", "openai", "perplexity", "voyageai",
    "x-ai",
)  # fmt: skip
# `/` and `@` are routers' and Vertex AI's, `vendor.` is Bedrock's, `:` is Bedrock's, Ollama's or a router's; OpenAI's
# own fine-tuned models begin with `ft:`.
_OTHERS_SPELLING: Final = re.compile(
    r"[/@]|^(?!ft:)[^:]*:|(?:^|\.)(?:amazon|anthropic|cohere|deepseek|google|meta|mistral|openai)\."
)
# A name longer than this is no model's; matching it would only take time.
_NAME_CHARS_MAX: Final = 256


def host_of(provider: str | None) -> str | None:
    """Return the host of a seller of whom only that is known."""
    return provider.removeprefix(_HOST) if provider and provider.startswith(_HOST) else None


@dataclass(frozen=True, slots=True)
class Offer:
    """A model on a seller's list."""

    seller: Provider
    lister: Provider
    """Whose list the price is taken from: the seller's own, or the maker's where the library says so."""
    model: ModelInfo

    @property
    def name(self) -> str:
        """Return provider/model, as the library names them."""
        return f"{self.seller.id}/{self.model.id}"


class Sellers:
    """The price lists of one snapshot of the library's data."""

    def __init__(self, providers: Iterable[Provider]) -> None:
        self._by_id = {provider.id: provider for provider in providers}
        self._all = list(self._by_id.values())

    def offer(self, provider: str | None, model: str) -> Offer | None:
        """Find the model on the list of whoever sold it; None when that is not known."""
        name = (provider or "").strip().lower()
        if _without_list(name) or len(model) > _NAME_CHARS_MAX:
            return None
        if name == "litellm" and "/" in model:
            name, _, model = model.partition("/")
            return self._of_seller(seller, model) if (seller := self._seller(name.lower())) else None
        if seller := self._seller(name):
            return self._of_seller(seller, model)
        return self._of_maker(model)

    def name_of(self, provider: str | None) -> str:
        """Return the seller's id, else the name as it was said, in lower case."""
        name = (provider or "").strip().lower()
        seller = None if name in _WITHOUT_PRICE_LIST else self._seller(name)
        return seller.id if seller else name

    def why_none(self, provider: str | None, model: str | None) -> str:
        """Say why `offer` finds nothing, and what to look at."""
        if not model:
            return "the span names no model"
        called = f"{model[:_NAME_CHARS_MAX]!r}"
        name = (provider or "").strip().lower()
        if _without_list(name):
            return f"{name} has no price list; {called} needs a price of your own"
        if name == "litellm" and "/" in model:
            name = model.partition("/")[0].lower()
        if seller := self._seller(name):
            return f"the price list of {seller.id} has no {called}; newer price data or a price of your own may have it"
        named = f"{provider[:40]!r} is no seller whose price list is known" if provider else "the seller is not said"
        if _OTHERS_SPELLING.search(model.lower()):
            return f"{named}, and {called} is a reseller's or local server's name, whose price is not the maker's"
        makers = [maker for maker in _MAKERS if maker in self._by_id and _claims(self._by_id[maker], model)]
        listing = [maker for maker in makers if self._by_id[maker].find_model(model)]
        if len(listing) > 1:
            return f"{named}, and {called} is sold by {' and '.join(listing)}"
        return f"{named}, and no maker of models lists {called}"

    def _seller(self, name: str) -> Provider | None:
        """Return the seller of that name; `openai.responses` is OpenAI's, by the part before the dot."""
        for spelling in (name, name.partition(".")[0]):
            if found := self._by_id.get(_SPELLINGS.get(spelling, spelling)):
                return found
        return None

    def _of_seller(self, seller: Provider, model: str) -> Offer | None:
        found = seller.find_model(model, all_providers=self._all)
        if found is None:
            return None
        listers = (
            seller,
            *(self._by_id[name] for name in seller.fallback_model_providers or () if name in self._by_id),
        )
        lister = next(one for one in listers if any(found is own for own in one.models))
        return Offer(seller=seller, lister=lister, model=found)

    def _of_maker(self, model: str) -> Offer | None:
        if _OTHERS_SPELLING.search(model.lower()):
            return None
        found = [
            Offer(seller=maker, lister=maker, model=own)
            for name in _MAKERS
            if (maker := self._by_id.get(name)) and _claims(maker, model) and (own := maker.find_model(model))
        ]
        return found[0] if len(found) == 1 else None


def _without_list(name: str) -> bool:
    return name in _WITHOUT_PRICE_LIST or name.startswith(_HOST)


def _claims(maker: Provider, model: str) -> bool:
    return maker.model_match is None or maker.model_match.is_match(model.lower())
