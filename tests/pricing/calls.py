"""Calls to price, one or many, and the price library's own answer to the same call."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from genai_prices import Usage
from genai_prices.types import ModelInfo, PriceCalculation, Provider

from pricing.apply import CallColumns, MoneyColumns, price
from pricing.authority import CostAuthority
from pricing.book import PriceBook
from pricing.own.checking import FileText, check_files

BOOK = PriceBook.bundled()
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LEDGER_NAMES = {"output_reasoning_tokens": "reasoning_tokens"}


def day_us(year: int, month: int, day: int) -> int:
    """Midnight UTC as the columns have it."""
    return (datetime(year, month, day, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


def date_us(day: date) -> int:
    """Midnight UTC of a date of the price data."""
    return day_us(day.year, day.month, day.day)


OCTOBER_US = day_us(2026, 10, 1)


@dataclass(frozen=True)
class Call:
    """One call to be priced."""

    provider: str | None
    model: str | None
    usage: Mapping[str, int | None]
    at_us: int = OCTOBER_US
    tier: str | None = None
    usage_status: str = "reported"
    flags: tuple[str, ...] = ()
    billing_mode: str | None = None
    request_model: str | None = None
    account: str | None = None
    region: str | None = None
    deployment: str | None = None
    reported_cost: int | None = None
    reported_source: str | None = None


@dataclass(frozen=True)
class Money:
    """One call's money."""

    input_cost: int | None
    output_cost: int | None
    other_cost: int | None
    cost: int | None
    list_cost: int | None
    cost_low: int | None
    cost_high: int | None
    cost_currency: str | None
    price_status: str
    price_version: str | None
    list_price_version: str | None
    price_model: str | None
    price_reason: str | None


def price_calls(calls: Sequence[Call], *, book: PriceBook = BOOK) -> list[Money]:
    """Price calls in one batch."""
    columns = CallColumns(
        provider=[call.provider for call in calls],
        model=[call.model for call in calls],
        start_time_us=[call.at_us for call in calls],
        service_tier=[call.tier for call in calls],
        usage={
            name: [call.usage.get(name) for call in calls]
            for name in sorted({name for one in calls for name in one.usage})
        },
        usage_status=[call.usage_status for call in calls],
        usage_flags=[call.flags or None for call in calls],
        billing_mode=[call.billing_mode for call in calls],
        request_model=[call.request_model for call in calls],
        provider_account=[call.account for call in calls],
        region=[call.region for call in calls],
        deployment=[call.deployment for call in calls],
        reported_cost=[call.reported_cost for call in calls],
        reported_cost_source=[call.reported_source for call in calls],
    )
    money: MoneyColumns = price(columns, book=book)
    rows = zip(*(getattr(money, name) for name in MoneyColumns.__dataclass_fields__), strict=True)
    return [Money(*row) for row in rows]


def own_book(*texts: str, bands: Mapping[str, Decimal] | None = None) -> PriceBook:
    """The bundled book with own TOML files, named a.toml, b.toml …; they must be without problems."""
    files = [FileText(f"{letter}.toml", text, f"{letter}1") for letter, text in zip("abcd", texts, strict=False)]
    checked = check_files(files)
    assert not checked.problems, checked.problems
    return PriceBook(
        BOOK.providers, snapshot=BOOK.snapshot, own=checked.book, authority=CostAuthority(dict(bands or {}))
    )


def price_one(call: Call, *, book: PriceBook = BOOK) -> Money:
    """Price one call."""
    return price_calls([call], book=book)[0]


def library_answer(
    provider: Provider,
    model: ModelInfo,
    usage: Mapping[str, int | None],
    *,
    at_us: int,
    context: Mapping[str, str] | None = None,
) -> PriceCalculation:
    """Ask the library; `usage` has its names.

    Raises:
        ValueError: the library refuses the usage.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.calc_price(
            Usage(**usage),
            provider,
            genai_request_timestamp=EPOCH + timedelta(microseconds=at_us),
            price_context=context,
        )


def in_ledger_names(usage: Mapping[str, int | None]) -> dict[str, int | None]:
    """Rename the library's units to the ledger's."""
    return {LEDGER_NAMES.get(name, name): count for name, count in usage.items()}
