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

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ledger.schema import BillingMode, Flag, PriceStatus, UsageStatus
from pricing.book import Listing, PriceBook
from pricing.calls import CallColumns as CallColumns
from pricing.calls import Called, Rows, alike, chargeable, read_usage
from pricing.calls import MoneyColumns as MoneyColumns
from pricing.charges import Figures
from pricing.rates import Choice, RateCard, Refusal
from pricing.sheet import NO_USAGE, Quote, Sheet
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
_FREE: Final = {
    BillingMode.SUBSCRIPTION: "paid by a seat or plan and not by the call; list_cost is what it would have cost",
    BillingMode.PROVISIONED: "paid by capacity bought ahead and not by the call; list_cost is what it would have cost",
}


def price(calls: CallColumns, *, book: PriceBook) -> MoneyColumns:
    """Price every call at the rates in force when it started."""
    count = len(calls.model)
    run = _Run(read_usage(calls.usage, count), np.array(calls.start_time_us, np.int64), book)
    for called, rows in alike(calls, by_place=False):
        run.take(called, rows)
    return run.finish().money()


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

    def take(self, called: Called, rows: Rows) -> None:
        """Price calls that are alike."""
        if Flag.LOCAL_CACHE_HIT in called.flags:
            self._sheet.enter_free(rows, version=_LOCAL_CACHE, reason=_LOCAL_CACHE_REASON, list_cost=0)
            return
        rows = self._with_usage(called, rows)
        if not len(rows):
            return
        self_hosted = called.billing_mode == BillingMode.SELF_HOSTED
        listing = None if self_hosted else self._book.listing(called.provider, called.model)
        if listing is None:
            self._quote(
                called, _SELF_HOSTED if self_hosted else self._book.unlisted(called.provider, called.model), rows
            )
            return
        self._sheet.name_model(rows, listing.name)
        asked = question(called, listed=lambda name: self._listed(called, name), priced=listing.units.__contains__)
        if asked is None:
            self._at_list(called, listing, rows)
        else:
            self._in_worlds(asked, rows)

    def finish(self) -> Sheet:
        """Charge what was quoted, each card's calls together, and return the sheet."""
        for quote, groups in self._quoted.values():
            self._sheet.enter(np.concatenate(groups), quote, self._usage)
        self._quoted.clear()
        return self._sheet

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
            self._quote(called, Refusal(PriceStatus.NO_USAGE, NO_USAGE), none)
        return some

    def _listed(self, called: Called, model: str | None) -> str | None:
        listing = self._book.listing(called.provider, model)
        return listing.name if listing else None

    def _at_list(self, called: Called, listing: Listing, rows: Rows) -> None:
        if called.usage_status != UsageStatus.REPORTED:
            self._quote(called, _PARTIAL, rows)
            return
        for found, members in self._book.cards(listing, self._start_times_us[rows], called.service_tier):
            if isinstance(found, Choice):
                sheets = [self._sheet_of(called, card, rows[members]) for card in found.cards]
                enter_agreed(
                    self._sheet, rows[members], sheets, reason=found.reason, without_difference=found.without_difference
                )
            else:
                self._quote(called, found, rows[members])

    def _quote(self, called: Called, listed: RateCard | Refusal, rows: Rows) -> None:
        mode = called.billing_mode
        free = _FREE.get(BillingMode(mode)) if mode in _FREE else None
        quote = Quote(listed, free=f"billing_mode {mode}" if free else None, reason=free)
        self._quoted.setdefault(quote.key, (quote, []))[1].append(rows)

    def _in_worlds(self, asked: Question, rows: Rows) -> None:
        """Price calls in every world of a question, and keep what all agree on."""
        usage = {name: figures.of(rows) for name, figures in self._usage.items()}
        sheets = []
        for world in asked.worlds:
            run = _Run(shifted(usage, world.shift), self._start_times_us[rows], self._book)
            run.take(world.called, np.arange(len(rows)))
            sheets.append(run.finish())
        enter_agreed(self._sheet, rows, sheets, reason=asked.reason, without_difference=asked.without_difference)

    def _sheet_of(self, called: Called, card: RateCard, rows: Rows) -> Sheet:
        usage = {name: figures.of(rows) for name, figures in self._usage.items()}
        run = _Run(usage, self._start_times_us[rows], self._book)
        run._sheet.name_model(np.arange(len(rows)), card.model)
        run._quote(called, card, np.arange(len(rows)))
        return run.finish()
