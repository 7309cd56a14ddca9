"""The price book: which price holds for a provider, a model, a moment and a service tier. Over genai-prices' data.

What it is careful about, since the library falls back in silence:

* A provider name that is only a framework's (`langchain`, `litellm`) or missing is looked past: the model must then be
  one that exactly one maker of models names so. Two makers, or none: the model is unknown.
* A service tier that means the standard price (`default`, `standard`, `auto`) is standard. Any other (`flex`,
  `priority`, `batch` …) needs a price of its own in force at that time; without one the call is `ambiguous`, not
  standard.

No network, ever: the bundled snapshot is the data. Must not: multiply.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from importlib.metadata import version
from typing import Final, Self

from genai_prices.data import providers as bundled_providers
from genai_prices.data_snapshot import find_provider_by_id
from genai_prices.types import ConditionalPrice, ModelInfo, ModelPrice, PriceVariant, Provider, StartDateConstraint

from ledger.schema import PriceStatus
from pricing.rates import RateCard, compile_card

_DAY_US: Final = 86_400_000_000
_STANDARD_TIERS: Final = frozenset({"default", "standard", "auto", "on_demand", "on-demand", "standard_only"})
# Names that OpenTelemetry and the instrumentations use → genai-prices' provider ids. Source: the GenAI conventions'
# provider list (gen_ai.provider.name, gen_ai.system) and the price library's ids.
_PROVIDER_IDS: Final = {
    "anthropic": "anthropic",
    "aws": "aws",
    "aws.bedrock": "aws",
    "aws_bedrock": "aws",
    "bedrock": "aws",
    "az.ai.inference": "azure",
    "az.ai.openai": "azure",
    "azure": "azure",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "gemini": "google",
    "google": "google",
    "vertex_ai": "google",
    "vertexai": "google",
    "groq": "groq",
    "mistral": "mistral",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "moonshot_ai": "moonshotai",
    "openai": "openai",
    "openrouter": "openrouter",
    "perplexity": "perplexity",
    "together": "together",
    "together_ai": "together",
    "voyageai": "voyageai",
    "x-ai": "x-ai",
    "x_ai": "x-ai",
    "xai": "x-ai",
}
# Those who sell models of their own; resellers have the same models at other prices.
_FIRST_PARTIES: Final = (
    "anthropic", "cohere", "deepseek", "google", "mistral", "moonshotai", "openai", "perplexity", "voyageai", "x-ai",
)  # fmt: skip


@dataclass(slots=True)
class Listing:
    """A model as one provider sells it, with the moments at which its price changes."""

    provider: Provider
    model: ModelInfo
    starts_us: list[int]
    """Where a dated price or variant begins, in order; between two of them prices are constant."""
    has_time_of_day: bool
    cards: dict[object, RateCard | PriceStatus] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """provider/model."""
        return f"{self.provider.id}/{self.model.id}"


class PriceBook:
    """Prices of one snapshot of the library's data. Look-ups are remembered; the data never changes."""

    def __init__(self, providers: Iterable[Provider], *, snapshot: str) -> None:
        self._providers = list(providers)
        self._by_id = {provider.id: provider for provider in self._providers}
        self._listings: dict[tuple[str | None, str], Listing | None] = {}
        self.snapshot = snapshot

    @classmethod
    def bundled(cls) -> Self:
        """Return the book of the installed price library."""
        return cls(bundled_providers, snapshot=f"genai-prices {version('genai-prices')}")

    def listing(self, provider: str | None, model: str | None) -> Listing | None:
        """Find who sells the model; None when that is not known."""
        if not model:
            return None
        key = (provider, model)
        if key not in self._listings:
            if len(self._listings) > _LISTINGS_MAX:
                self._listings.clear()
            self._listings[key] = self._find(provider, model)
        return self._listings[key]

    def bucket(self, listing: Listing, at_us: int) -> object:
        """Return what distinguishes moments with different prices for this model."""
        between = bisect.bisect_right(listing.starts_us, at_us)
        return (between, at_us % _DAY_US) if listing.has_time_of_day else between

    def card(self, listing: Listing, at_us: int, service_tier: str | None) -> RateCard | PriceStatus:
        """Return the rates in force, or why there are none."""
        key = (self.bucket(listing, at_us), service_tier)
        card = listing.cards.get(key)
        if card is None:
            if len(listing.cards) > _CARDS_MAX:
                listing.cards.clear()
            card = listing.cards[key] = self._compile(listing, at_us, service_tier)
        return card

    def _find(self, provider: str | None, model: str) -> Listing | None:
        seller = self._seller(provider)
        if seller is not None:
            found = seller.find_model(model, all_providers=self._providers)
            return _list(seller, found) if found else None
        makers = [one for name in _FIRST_PARTIES if _makes(one := self._by_id[name], model)]
        found = makers[0].find_model(model) if len(makers) == 1 else None
        return _list(makers[0], found) if found else None

    def _seller(self, provider: str | None) -> Provider | None:
        if not provider:
            return None
        known = _PROVIDER_IDS.get(provider.lower())
        return self._by_id[known] if known else find_provider_by_id(self._providers, provider)

    def _compile(self, listing: Listing, at_us: int, service_tier: str | None) -> RateCard | PriceStatus:
        at = datetime.fromtimestamp(at_us / 1_000_000, tz=UTC)
        context, variant = _context(listing, at, service_tier)
        if service_tier is not None and variant is None and service_tier.lower() not in _STANDARD_TIERS:
            return PriceStatus.AMBIGUOUS
        prices: ModelPrice = listing.model.get_prices(at, context)
        since = _validity(listing, at_us)
        parts = [self.snapshot, listing.name, since, *([f"{key}={value}" for key, value in (context or {}).items()])]
        return compile_card(prices, model=listing.name, version=";".join(parts))


# Distinct names that a stream of spans may bring before old ones are forgotten.
_LISTINGS_MAX: Final = 100_000
_CARDS_MAX: Final = 10_000


def _makes(provider: Provider, model: str) -> bool:
    """Say whether a model's name is one of this provider's own; resellers list other makers' models too."""
    return provider.model_match is not None and provider.model_match.is_match(model.lower())


def _list(provider: Provider, model: ModelInfo) -> Listing:
    conditions: list[ConditionalPrice | PriceVariant] = list(model.price_variants or [])
    if isinstance(model.prices, list):
        conditions += model.prices
    constraints = [one.constraint for one in conditions if one.constraint is not None]
    starts = {_day_us(one.start_date) for one in constraints if isinstance(one, StartDateConstraint)}
    return Listing(
        provider=provider,
        model=model,
        starts_us=sorted(starts),
        has_time_of_day=any(not isinstance(one, StartDateConstraint) for one in constraints),
    )


def _context(
    listing: Listing, at: datetime, service_tier: str | None
) -> tuple[dict[str, str] | None, PriceVariant | None]:
    """Return the library's context for a tier, and the variant in force that answers to it."""
    if service_tier is None or not any(listing.model is model for model in listing.provider.models):
        # A model priced through another provider's list has no variants of its own.
        return None, None
    for variant in listing.model.price_variants or ():
        if service_tier.lower() not in variant.when.values() or len(variant.when) != 1:
            continue
        if variant.constraint is None or variant.constraint.active(at):
            return dict(variant.when), variant
    return None, None


def _validity(listing: Listing, at_us: int) -> str:
    """Return from when to when the price in force holds, as days; open ends are empty."""
    starts = sorted(
        _day_us(one.constraint.start_date)
        for one in (listing.model.prices if isinstance(listing.model.prices, list) else [])
        if isinstance(one, ConditionalPrice) and isinstance(one.constraint, StartDateConstraint)
    )
    place = bisect.bisect_right(starts, at_us)
    begin = _day(starts[place - 1]) if place else ""
    end = _day(starts[place]) if place < len(starts) else ""
    return f"{begin}..{end}"


def _day_us(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000


def _day(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1_000_000, tz=UTC).date().isoformat()
