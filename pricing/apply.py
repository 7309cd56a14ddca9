"""Rates applied to columns of calls: grouped by what they were called with, charged per card, rounded once.

A call without a cost has a status that says why, `price_reason` in words, and no amount:

    no_usage        nothing was reported that could be charged
    unknown_model   nobody is known to sell it
    ambiguous       the amount is not known: a part of the usage is missing, the service tier is not known or has no
                    price at that time, the call began before the first price, or something unsaid changes the price
    unknown_unit    something was used that the model has no price for
    invalid_usage   the usage contradicts itself (`charges` says how)

Where what is unsaid has exact alternatives (`unsaid`, `book`), `cost_low` and `cost_high` are the least and the most of
their amounts; where they give the same amount, the call is priced. `price_model` is given wherever the model is known,
`price_version` where a price was applied.

Nothing is paid for an answer from a cache of one's own, nor for a call by subscription or on provisioned capacity: its
`cost` is 0, and of the latter `list_cost` says what it would have cost. No seller's price holds on one's own machines.

Must not: fall back. Units of an amount: 10⁻¹² USD.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ledger.schema import BillingMode, Flag, PriceStatus, UsageStatus
from pricing.authority import prefer_reported
from pricing.book import Listing, PriceBook
from pricing.calls import CallColumns as CallColumns
from pricing.calls import Called, Rows, alike, chargeable, read_usage
from pricing.calls import MoneyColumns as MoneyColumns
from pricing.charges import Figures
from pricing.own.book import Truth
from pricing.own.entries import STANDARD, Names
from pricing.rates import Choice, RateCard, Refusal
from pricing.sellers import host_of
from pricing.sheet import NO_USAGE, Quote, Sheet
from pricing.tiers import standard_tier
from pricing.unsaid import Question, question, shifted
from pricing.worlds import enter_agreed

_LOCAL_CACHE: Final = "local_cache_hit"
_LOCAL_CACHE_REASON: Final = "answered by a cache of the application's or gateway's own: nobody charged anything"
_PARTIAL: Final = Refusal(
    PriceStatus.AMBIGUOUS, "only a part of the usage is known; usage_flags say what is doubtful or missing"
)
_SELF_HOSTED: Final = Refusal(
    PriceStatus.UNKNOWN_MODEL, "it ran on machines of one's own, where no seller's price holds; add a price of your own"
)
_FREE: Final[dict[str, str]] = {
    BillingMode.SUBSCRIPTION: "paid by a seat or plan and not by the call; list_cost is what it would have cost",
    BillingMode.PROVISIONED: "paid by capacity bought ahead and not by the call; list_cost is what it would have cost",
}


def price(calls: CallColumns, *, book: PriceBook) -> MoneyColumns:
    """Price every call at the rates in force when it started."""
    count = len(calls.model)
    run = _Run(read_usage(calls.usage, count), np.array(calls.start_time_us, np.int64), book)
    for called, rows in alike(calls, by_place=book.own.is_by_place):
        run.take(called, rows)
    sheet = run.finish()
    prefer_reported(sheet, calls, book.authority)
    return sheet.money()


@dataclass(frozen=True, slots=True)
class Way:
    """One way in which a call may have been charged."""

    words: tuple[str, ...]
    """Which worlds it is in; none where nothing was unsaid."""
    quote: Quote
    usage: Mapping[str, Figures]


def ways(calls: CallColumns, *, book: PriceBook) -> list[Way]:
    """Return how one call is charged, in every world that it could have been in."""
    count = len(calls.model)
    assert count == 1, f"one call is looked at, not {count}"
    run = _Run(read_usage(calls.usage, count), np.array(calls.start_time_us, np.int64), book)
    for called, rows in alike(calls, by_place=book.own.is_by_place):
        run.take(called, rows)
    return list(run.ways(()))


class _Run:
    """Calls priced as they were said to be, or as they could have been: one sheet, filled group by group."""

    def __init__(self, usage: Mapping[str, Figures], start_times_us: npt.NDArray[np.int64], book: PriceBook) -> None:
        self._usage = usage
        self._start_times_us = start_times_us
        self._book = book
        self._sheet = Sheet(len(start_times_us))
        self._chargeable = chargeable(usage, len(start_times_us))
        self._all_chargeable = bool(self._chargeable.all())
        self._quoted: dict[tuple[Any, ...], tuple[Quote, list[Rows]]] = {}
        self._worlds: list[tuple[str, _Run]] = []

    def ways(self, words: tuple[str, ...]) -> Iterator[Way]:
        """Yield by what the calls are charged here and in the worlds that were gone through."""
        for quote, _ in self._quoted.values():
            yield Way(words, quote, self._usage)
        for world, run in self._worlds:
            yield from run.ways((*words, world))

    def take(self, called: Called, rows: Rows) -> None:
        """Price calls that are alike, as the user's deployments say that they are."""
        if Flag.LOCAL_CACHE_HIT in called.flags:
            self._sheet.enter_free(rows, version=_LOCAL_CACHE, reason=_LOCAL_CACHE_REASON, list_cost=0)
            return
        if not self._book.own.deployments or called.settled is not None:
            self._take_settled(called, rows)
            return
        names = self._names(called, called.request_model)
        for truth, members in self._book.own.truths(names, self._start_times_us[rows]):
            if isinstance(truth, Refusal):
                self._sheet.refuse(rows[members], truth.status, truth.reason)
            else:
                self._take_settled(called if truth is None else settled(called, truth), rows[members])

    def finish(self) -> Sheet:
        """Charge what was quoted, each card's calls together, and return the sheet; called once, at the end."""
        for quote, groups in self._quoted.values():
            self._sheet.enter(np.concatenate(groups), quote, self._usage)
        return self._sheet

    def _take_settled(self, called: Called, rows: Rows) -> None:
        rows = self._with_usage(called, rows)
        if not len(rows):
            return
        listing = self._listing(called, called.model)
        names = self._names(called, listing.offer.model.id if listing else None)
        own_units = self._book.own.units(names)
        asked = None
        if called.flags:
            asked = question(
                called,
                listed=lambda model: found.name if (found := self._listing(called, model)) else None,
                priced=lambda unit: unit in own_units or (listing is not None and unit in listing.units),
            )
        if asked is None:
            self._at_list(called, listing, names, rows)
        else:
            self._in_worlds(asked, called, rows)

    def _with_usage(self, called: Called, rows: Rows) -> Rows:
        """Return the calls that say something chargeable; the others stay without usage, unless nothing is paid."""
        if called.usage_status == UsageStatus.ABSENT:
            some, none = rows[:0], rows
        elif self._all_chargeable:
            return rows
        else:
            said = self._chargeable[rows]
            some, none = rows[said], rows[~said]
        if called.billing_mode in _FREE and len(none):
            self._quote(called, Refusal(PriceStatus.NO_USAGE, NO_USAGE), None, none)
        return some

    def _listing(self, called: Called, model: str | None) -> Listing | None:
        if called.billing_mode == BillingMode.SELF_HOSTED:
            return None
        return self._book.listing(called.provider, model)

    def _names(self, called: Called, also: str | None) -> Names:
        """Return what own entries are compared with; `also` is another name of the model."""
        return Names(
            providers=self._providers(called),
            models=tuple(name for name in (called.model, also) if name),
            ids=tuple(filter(None, (called.deployment, called.request_model, called.model, host_of(called.provider)))),
            account=called.account or "",
            region=called.region or "",
            service_tier=standard_tier(called.service_tier) or STANDARD,
            billing_mode=called.billing_mode or BillingMode.METERED,
        )

    def _providers(self, called: Called) -> tuple[str, ...]:
        listing = self._listing(called, called.model)
        said = self._book.seller(called.provider)
        return tuple(dict.fromkeys(filter(None, (listing.offer.seller.id if listing else None, said))))

    def _at_list(self, called: Called, listing: Listing | None, names: Names, rows: Rows) -> None:
        if listing is None:
            self_hosted = called.billing_mode == BillingMode.SELF_HOSTED
            refused = _SELF_HOSTED if self_hosted else self._book.unlisted(called.provider, called.model)
            self._at_own(called, refused, names, rows)
            return
        self._sheet.name_model(rows, listing.name)
        for found, members in self._book.cards(listing, self._start_times_us[rows], called.service_tier):
            if isinstance(found, Choice):
                self._in_choice(called, found, names, rows[members])
            else:
                self._at_own(called, found, names, rows[members])

    def _at_own(self, called: Called, listed: RateCard | Refusal, names: Names, rows: Rows) -> None:
        """Quote the public price and, where one holds, the user's own."""
        if called.usage_status != UsageStatus.REPORTED:
            # Whatever the price: what is not said has none.
            self._quote(called, _PARTIAL if names.models else listed, None, rows)
            return
        if not self._book.own.prices:
            self._quote(called, listed, None, rows)
            return
        for own, members in self._book.own.cards(names, listed, self._start_times_us[rows]):
            if isinstance(own, RateCard) and isinstance(listed, Refusal):
                self._sheet.name_model(rows[members], own.model)
            self._quote(called, listed, own, rows[members])

    def _quote(self, called: Called, listed: RateCard | Refusal, own: RateCard | Refusal | None, rows: Rows) -> None:
        why_free = None if own is not None else _FREE.get(called.billing_mode or "")
        quote = Quote(
            listed,
            own,
            free=f"billing_mode {called.billing_mode}" if why_free else None,
            reason="; ".join(filter(None, (why_free, called.settled))) or None,
        )
        self._quoted.setdefault(quote.key, (quote, []))[1].append(rows)

    def _in_worlds(self, asked: Question, called: Called, rows: Rows) -> None:
        """Price calls in every world of a question, and keep what all agree on."""
        usage = {name: figures.of(rows) for name, figures in self._usage.items()}
        sheets = []
        for world in asked.worlds:
            run = _Run(shifted(usage, world.shift), self._start_times_us[rows], self._book)
            run.take(world.called, np.arange(len(rows)))
            sheets.append(run.finish())
            self._worlds.append((world.words, run))
        enter_agreed(self._sheet, rows, sheets, reason=asked.reason, without_difference=asked.without_difference)
        if called.settled is not None:
            self._sheet.add_reason(rows, called.settled)

    def _in_choice(self, called: Called, choice: Choice, names: Names, rows: Rows) -> None:
        """Price calls by every card that may hold, and keep what all agree on."""
        usage = {name: figures.of(rows) for name, figures in self._usage.items()}
        everyone = np.arange(len(rows))
        sheets = []
        for card in choice.cards:
            run = _Run(usage, self._start_times_us[rows], self._book)
            run._sheet.name_model(everyone, card.model)
            run._at_own(called, card, names, everyone)
            sheets.append(run.finish())
            self._worlds.append((card.version, run))
        enter_agreed(self._sheet, rows, sheets, reason=choice.reason, without_difference=choice.without_difference)


def settled(called: Called, truth: Truth) -> Called:
    """Return the call as the user's deployments say that it is."""
    says = truth.says
    return called._replace(
        provider=says.get("seller", called.provider),
        model=says.get("model", called.model),
        region=says.get("region", called.region),
        billing_mode=says.get("billing_mode", called.billing_mode),
        cache_write_ttl=says.get("cache_write_ttl"),
        flags=called.flags - {Flag.PROFILE_UNSAID.value} if "model" in says else called.flags,
        settled=truth.words,
    )
