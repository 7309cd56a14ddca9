"""The price book: which price holds for a provider, a model, a moment and a service tier. Over genai-prices' data.

What it is careful about, since the library falls back in silence:

* A service tier that means the standard price (`default`, `standard`, `auto`, or none said) is standard. Any other
  (`flex`, `priority`, `fast`, `batch`) needs a price of its own in force at that time; without one, and for names that
  are in no table, the call is `ambiguous`, not standard. Where the tier's price began later, that one and the standard
  price are the bounds. `auto` leaves the choice to the account, as saying nothing does.
* A model that one provider sells at another's list price has no tiers of its own.
* A call before the first dated price is `ambiguous`; the library would take the first price it has.

Between two moments at which a dated price, a variant or an hourly price begins or ends, prices are constant: a call's
*cell* is the pair (interval between dates, phase of the day), and each cell has one rate card, compiled once.

No network, ever: the installed package's data is the book, or newer data that the user has put in its place. Must not:
multiply.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from genai_prices.data import providers as bundled_providers
from genai_prices.types import ConditionalPrice, ModelInfo, ModelPrice, PriceContext, PriceVariant, Provider

from ledger.schema import PriceStatus
from pricing.authority import CostAuthority
from pricing.own.book import OwnBook
from pricing.rates import Choice, RateCard, Refusal, compile_card
from pricing.sellers import Offer, Sellers
from pricing.tiers import STANDARD_TIERS, TIER_CONTEXTS
from pricing.units import registry
from pricing.validity import Calendar, first_begin, moment, price_window, variant_begin, variant_window

# Groq charges at least ten seconds of audio; the library has this in its code, not in its data.
_AUDIO_SECONDS_MIN: Final = {"groq/whisper-large-v3": 10, "groq/whisper-large-v3-turbo": 10}
# Distinct names that a stream of spans may bring before old ones are forgotten.
_LISTINGS_MAX: Final = 20_000

Cell = tuple[int, int]
Found = RateCard | Refusal | Choice


@dataclass(slots=True)
class Listing:
    """A model as one provider sells it, when its prices change, and the cards compiled so far."""

    offer: Offer
    calendar: Calendar
    units: frozenset[str]
    """Every unit that any price of it, at any time and tier, has a rate for."""
    cards: dict[tuple[Cell, str], Found] = field(default_factory=dict)
    """Bounded: there are as many as the data has dates, phases and tiers, and unknown tiers share one."""

    @property
    def name(self) -> str:
        """Return provider/model."""
        return self.offer.name


class PriceBook:
    """Public prices of one snapshot of the library's data, beside the user's own. Nothing of it changes.

    Look-ups are remembered.
    """

    def __init__(
        self,
        providers: Iterable[Provider],
        *,
        snapshot: str,
        own: OwnBook | None = None,
        authority: CostAuthority | None = None,
    ) -> None:
        self._listings: dict[str, Listing] = {}
        self._named: dict[tuple[str | None, str], Listing | None] = {}
        self._unlisted: dict[tuple[str | None, str | None], Refusal] = {}
        self.providers = tuple(providers)
        self._sellers = Sellers(self.providers)
        self.snapshot = snapshot
        self.own = own or OwnBook()
        self.authority = authority or CostAuthority()

    @classmethod
    def bundled(cls) -> Self:
        """Return the book of the installed price library."""
        return cls(bundled_providers, snapshot=f"genai-prices {version('genai-prices')}")

    def listing(self, provider: str | None, model: str | None) -> Listing | None:
        """Find who sells the model; None when that is not known."""
        if not model:
            return None
        key = (provider, model)
        if key not in self._named:
            if len(self._named) >= _LISTINGS_MAX:
                self._named.clear()
            offer = self._sellers.offer(provider, model)
            self._named[key] = self._list(offer) if offer else None
        return self._named[key]

    def seller(self, provider: str | None) -> str:
        """Return the seller's id on the price list, else the provider's name as it was said, in lower case."""
        return self._sellers.name_of(provider)

    def unlisted(self, provider: str | None, model: str | None) -> Refusal:
        """Return why no seller is known for the model."""
        key = (provider, model)
        if key not in self._unlisted:
            if len(self._unlisted) >= _LISTINGS_MAX:
                self._unlisted.clear()
            why = self._sellers.why_none(provider, model)
            self._unlisted[key] = Refusal(PriceStatus.UNKNOWN_MODEL, why)
        return self._unlisted[key]

    def cards(
        self, listing: Listing, start_times_us: npt.NDArray[np.int64], service_tier: str | None
    ) -> Iterator[tuple[Found, npt.NDArray[np.bool_] | slice]]:
        """Split calls of one model by the rates in force when they started, or why there are none."""
        cells = listing.calendar.cells(start_times_us)
        first = int(cells[0])
        if (cells == first).all():
            yield self.card(listing, int(start_times_us[0]), service_tier), slice(None)
            return
        for cell in np.unique(cells):
            members = cells == cell
            yield self.card(listing, int(start_times_us[members.argmax()]), service_tier), members

    def card(self, listing: Listing, at_us: int, service_tier: str | None) -> Found:
        """Return the rates in force, those of which one is, or why there are none."""
        tier = (service_tier or "").strip().lower()
        if tier not in STANDARD_TIERS and tier not in TIER_CONTEXTS:
            return self._of_unknown_tier(listing, tier)
        key = (listing.calendar.cell(at_us), tier)
        if key not in listing.cards:
            listing.cards[key] = self._find(listing, at_us, tier)
        return listing.cards[key]

    def _list(self, offer: Offer) -> Listing:
        """Return the one listing of a model, whatever names lead to it."""
        known = self._listings.get(offer.name)
        if known is None or known.offer.model is not offer.model:
            known = Listing(offer=offer, calendar=Calendar.of(offer.model), units=_units(offer.model))
            self._listings[offer.name] = known
        return known

    def _of_unknown_tier(self, listing: Listing, tier: str) -> Refusal:
        # Told by the tier's name, of which a stream of spans may bring any number.
        key = (listing.name, f"tier {tier}")
        if key not in self._unlisted:
            known = ", ".join(sorted({*TIER_CONTEXTS, "standard"}))
            reason = f"the service tier {tier[:40]!r} has no meaning that is known; known: {known}"
            self._unlisted[key] = Refusal(PriceStatus.AMBIGUOUS, reason)
        return self._unlisted[key]

    def _find(self, listing: Listing, at_us: int, tier: str) -> Found:
        offer = listing.offer
        if price_window(offer.model, at_us) is None:
            begin = first_begin(offer.model)
            reason = f"the call began before the first price of {listing.name} that is known, which is from {begin} on"
            return Refusal(PriceStatus.AMBIGUOUS, reason)
        context, variant = _variant(offer, at_us, tier)
        if context is None and tier not in STANDARD_TIERS:
            return self._without_variant(listing, at_us, tier)
        prices = offer.model.get_prices(moment(at_us), context)
        if tier and tier in STANDARD_TIERS and prices == offer.model.get_prices(moment(at_us)):
            return self.card(listing, at_us, None)
        return self._compile(listing, at_us, prices, context, variant)

    def _without_variant(self, listing: Listing, at_us: int, tier: str) -> Found:
        """Return the standard price and the tier's later one as what it could be; without a later one, a refusal."""
        offer = listing.offer
        if offer.lister is not offer.seller:
            said = f"{listing.name} is sold at {offer.lister.id}'s list price, which says nothing of its tiers"
            return Refusal(PriceStatus.AMBIGUOUS, f"no price is known for service tier {tier}: {said}")
        begins = [
            (begin, context)
            for context in TIER_CONTEXTS[tier]
            if (begin := variant_begin(offer.model, context, after_us=at_us)) is not None
        ]
        standard = self.card(listing, at_us, None)
        if not begins or not isinstance(standard, RateCard):
            reason = f"no price is known for service tier {tier} of {listing.name}, at this or any later time"
            return Refusal(PriceStatus.AMBIGUOUS, reason)
        begin_us, context = min(begins, key=lambda one: one[0])
        later = offer.model.get_prices(moment(begin_us), context)
        day = moment(begin_us).date().isoformat()
        card = self._compile(listing, begin_us, later, context, variant_window(offer.model, context, begin_us))
        known = f"the price of service tier {tier} is known only from {day} on, after the call"
        return Choice(
            reason=f"{known}: it was that one or the standard price; settle it by a price of your own",
            without_difference=f"{known}; the standard price gives the same amount",
            cards=(standard, card),
        )

    def _compile(
        self, listing: Listing, at_us: int, prices: ModelPrice, context: PriceContext | None, variant: str | None
    ) -> RateCard:
        offer = listing.offer
        parts = [self.snapshot, listing.name, price_window(offer.model, at_us) or ""]
        if offer.lister is not offer.seller:
            parts.append(f"list={offer.lister.id}")
        if context is not None:
            parts += [f"{key}={value} {variant}" for key, value in context.items()]
        return compile_card(
            prices,
            model=listing.name,
            version=";".join(parts),
            audio_seconds_min=_AUDIO_SECONDS_MIN.get(listing.name, 0),
        )


def _units(model: ModelInfo) -> frozenset[str]:
    priced: list[ConditionalPrice | PriceVariant] = [*(model.price_variants or ())]
    priced += [ConditionalPrice(prices=model.prices)] if isinstance(model.prices, ModelPrice) else model.prices
    keys = {key for one in priced for key, value in vars(one.prices).items() if value is not None}
    return frozenset(name for name, unit in registry().units.items() if unit.price_key in keys)


def _variant(offer: Offer, at_us: int, tier: str) -> tuple[PriceContext | None, str | None]:
    """Return the library's context for a tier that has a price in force, and when that holds."""
    if offer.lister is offer.seller:
        for context in TIER_CONTEXTS.get(tier, ()):
            window = variant_window(offer.model, context, at_us)
            if window is not None:
                return context, window
    return None, None
