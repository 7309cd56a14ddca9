"""Price data: newer data of the price library than the installed package's, read, compared and joined.

The text is the library's own file (`prices/new_data/v2/data.json` in its repository): a list of providers with their
models. Models that the program cannot price (a unit or rule it does not know) are left out and named; they stay
unknown.

Must not: open a file or the network, or decide what is taken.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from genai_prices.types import (
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    PriceVariant,
    Provider,
    StartDateConstraint,
    _providers_from_raw,
)

from pricing.rates import compile_card

_PROVIDERS_MIN: Final = 5  # a file with fewer is a part of the data, or something else


class PriceDataError(ValueError):
    """A text is not the price library's data; the message says how."""


@dataclass(frozen=True, slots=True)
class PriceData:
    """Providers and their models, as far as they can be priced."""

    providers: Sequence[Provider]
    left_out: tuple[str, ...] = ()
    """Models that cannot be priced, with the reason."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What newer data would change."""

    new_models: tuple[str, ...] = ()
    changed_models: tuple[str, ...] = ()
    """Known models of which some price, at some time, differs."""
    gone_models: tuple[str, ...] = ()


def read_price_data(text: str) -> PriceData:
    """Read the library's data file.

    Raises:
        PriceDataError: it is something else, or damaged.
    """
    try:
        raw = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as wrong:
        raise PriceDataError(f"it is not JSON: {wrong}") from wrong
    if not isinstance(raw, list) or not all(isinstance(one, dict) and "models" in one for one in raw):
        raise PriceDataError("it is not a list of providers with models")
    if len(raw) < _PROVIDERS_MIN:
        raise PriceDataError(f"it has {len(raw)} providers; expected {_PROVIDERS_MIN} or more")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # units that this version of the library does not know: see below
            providers = _providers_from_raw(raw)
    except ValueError as wrong:
        raise PriceDataError(f"it does not fit the price library's form: {_first(wrong)}") from wrong
    return _priceable(providers)


def differences(known: Sequence[Provider], newer: Sequence[Provider]) -> Difference:
    """Compare two data by model."""
    before, after = _models(known), _models(newer)
    return Difference(
        new_models=tuple(sorted(after.keys() - before.keys())),
        changed_models=tuple(
            sorted(name for name in after.keys() & before.keys() if _prices(after[name]) != _prices(before[name]))
        ),
        gone_models=tuple(sorted(before.keys() - after.keys())),
    )


def with_new_models(known: Sequence[Provider], newer: Sequence[Provider]) -> list[Provider]:
    """Return the known data with the models and providers that only the newer has; nothing known changes."""
    added = {provider.id: provider for provider in newer}
    joined = []
    for provider in known:
        other = added.pop(provider.id, None)
        ids = {model.id for model in provider.models}
        new = [model for model in other.models if model.id not in ids] if other else []
        if new:
            provider = copy(provider)  # noqa: PLW2901 - the known one is shared and stays as it is
            # Known models first: a name that one of them claims stays its.
            provider.models = [*provider.models, *new]
        joined.append(provider)
    return [*joined, *added.values()]


def newest_price(providers: Sequence[Provider], *, until: date) -> date | None:
    """Return the newest day, up to one, on which some price of the data begins: how far the data surely reaches."""
    days = (
        one.constraint.start_date
        for provider in providers
        for model in provider.models
        for one in _parts(model)
        if isinstance(one.constraint, StartDateConstraint)
    )
    return max((day for day in days if day <= until), default=None)


def _priceable(providers: Sequence[Provider]) -> PriceData:
    left_out: list[str] = []
    for provider in providers:
        kept = []
        for model in provider.models:
            try:
                for one in _parts(model):
                    compile_card(one.prices, model=model.id, version="")
            except ValueError as unknown:
                left_out.append(f"{provider.id}/{model.id}: {_first(unknown)}")
            else:
                kept.append(model)
        provider.models = kept
    return PriceData(providers, tuple(left_out))


def _parts(model: ModelInfo) -> Iterator[ConditionalPrice | PriceVariant]:
    if isinstance(model.prices, ModelPrice):
        yield ConditionalPrice(prices=model.prices)
    else:
        yield from model.prices
    yield from model.price_variants or ()


def _models(providers: Sequence[Provider]) -> dict[str, ModelInfo]:
    return {f"{provider.id}/{model.id}": model for provider in providers for model in provider.models}


def _prices(model: ModelInfo) -> list[Any]:
    """Everything that decides what the model costs, when."""
    return [(one.constraint, getattr(one, "when", None), one.prices) for one in _parts(model)]


def _first(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
