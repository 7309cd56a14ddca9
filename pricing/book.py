"""The price book: which price holds for a provider, a model, a moment and a service tier. Over genai-prices' data.

What it is careful about, since the library falls back in silence:

* A service tier that means the standard price (`default`, `standard`, `auto`, or none said) is standard. Any other
  (`flex`, `priority`, `fast`, `batch`) needs a price of its own in force at that time; without one, and for names that
  are in no table, the call is `ambiguous`, not standard. `auto` leaves the choice to the account, as saying nothing
  does.
* A model that one provider sells at another's list price has no tiers of its own.
* A call before the first dated price is `ambiguous`; the library would take the first price it has.

Between two moments at which a dated price, a variant or an hourly price begins or ends, prices are constant: a call's
*cell* is the pair (interval between dates, phase of the day), and each cell has one rate card, compiled once.

No network, ever: the installed package's data is the book. Must not: multiply.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from genai_prices.data import providers as bundled_providers
from genai_prices.types import PriceContext, Provider

from ledger.schema import PriceStatus
from pricing.rates import RateCard, compile_card
from pricing.sellers import Offer, Sellers
from pricing.validity import Calendar, moment, price_window, variant_window

# The empty name stands for none said.
_STANDARD_TIERS: Final = frozenset({"", "auto", "default", "on-demand", "on_demand", "standard", "standard_only"})
# Which request contexts of the library a tier's name stands for, in order of preference.
_TIER_CONTEXTS: Final[dict[str, tuple[dict[str, str], ...]]] = {
    "batch": ({"processing": "batch"},),
    "default": ({"service_tier": "default"},),
    "fast": ({"service_tier": "fast"}, {"speed": "fast"}),
    "flex": ({"service_tier": "flex"},),
    "priority": ({"service_tier": "priority"},),
}
# Groq charges at least ten seconds of audio; the library has this in its code, not in its data.
_AUDIO_SECONDS_MIN: Final = {"groq/whisper-large-v3": 10, "groq/whisper-large-v3-turbo": 10}
# Distinct names that a stream of spans may bring before old ones are forgotten.
_LISTINGS_MAX: Final = 20_000

Cell = tuple[int, int]


@dataclass(slots=True)
class Listing:
    """A model as one provider sells it, when its prices change, and the cards compiled so far."""

    offer: Offer
    calendar: Calendar
    cards: dict[tuple[Cell, str], RateCard | PriceStatus] = field(default_factory=dict)
    """Bounded: there are as many as the data has dates, phases and tiers."""

    @property
    def name(self) -> str:
        """Return provider/model."""
        return self.offer.name


class PriceBook:
    """Prices of one snapshot of the library's data. Look-ups are remembered; the data never changes."""

    def __init__(self, providers: Iterable[Provider], *, snapshot: str) -> None:
        self._sellers = Sellers(providers)
        self._listings: dict[str, Listing] = {}
        self._named: dict[tuple[str | None, str], Listing | None] = {}
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
        if key not in self._named:
            if len(self._named) >= _LISTINGS_MAX:
                self._named.clear()
            offer = self._sellers.offer(provider, model)
            self._named[key] = self._list(offer) if offer else None
        return self._named[key]

    def cards(
        self, listing: Listing, start_times_us: npt.NDArray[np.int64], service_tier: str | None
    ) -> Iterator[tuple[RateCard | PriceStatus, npt.NDArray[np.bool_] | slice]]:
        """Split calls of one model by the rates in force when they started, or why there are none."""
        cells = listing.calendar.cells(start_times_us)
        first = int(cells[0])
        if (cells == first).all():
            yield self.card(listing, int(start_times_us[0]), service_tier), slice(None)
            return
        for cell in np.unique(cells):
            members = cells == cell
            yield self.card(listing, int(start_times_us[members.argmax()]), service_tier), members

    def card(self, listing: Listing, at_us: int, service_tier: str | None) -> RateCard | PriceStatus:
        """Return the rates in force, or why there are none."""
        tier = (service_tier or "").strip().lower()
        if tier not in _STANDARD_TIERS and tier not in _TIER_CONTEXTS:
            return PriceStatus.AMBIGUOUS
        key = (listing.calendar.cell(at_us), tier)
        if key not in listing.cards:
            listing.cards[key] = self._compile(listing, at_us, tier)
        return listing.cards[key]

    def _list(self, offer: Offer) -> Listing:
        """Return the one listing of a model, whatever names lead to it."""
        known = self._listings.get(offer.name)
        if known is None or known.offer.model is not offer.model:
            known = self._listings[offer.name] = Listing(offer=offer, calendar=Calendar.of(offer.model))
        return known

    def _compile(self, listing: Listing, at_us: int, tier: str) -> RateCard | PriceStatus:
        offer = listing.offer
        window = price_window(offer.model, at_us)
        context, variant = _variant(offer, at_us, tier)
        if window is None or (context is None and tier not in _STANDARD_TIERS):
            return PriceStatus.AMBIGUOUS
        prices = offer.model.get_prices(moment(at_us), context)
        if tier and tier in _STANDARD_TIERS and prices == offer.model.get_prices(moment(at_us)):
            return self.card(listing, at_us, None)
        parts = [self.snapshot, listing.name, window]
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


def _variant(offer: Offer, at_us: int, tier: str) -> tuple[PriceContext | None, str | None]:
    """Return the library's context for a tier that has a price in force, and when that holds."""
    if offer.lister is offer.seller:
        for context in _TIER_CONTEXTS.get(tier, ()):
            window = variant_window(offer.model, context, at_us)
            if window is not None:
                return context, window
    return None, None
