"""The price library's own data, written as its data file is: what `prices update` is given."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from typing import Any

from genai_prices.types import ClauseAnd, ClauseOr, ModelInfo, ModelPrice, Provider

Raw = dict[str, Any]


def raw_providers(providers: Sequence[Provider]) -> list[Raw]:
    """Providers as JSON has them; what pricing does not read is left out."""
    return [
        {
            "id": provider.id,
            "name": provider.name,
            "api_pattern": provider.api_pattern,
            "model_match": _plain(provider.model_match),
            "fallback_model_providers": provider.fallback_model_providers,
            "models": [_raw_model(model) for model in provider.models],
        }
        for provider in providers
    ]


def text_of(raw: Sequence[Mapping[str, Any]]) -> str:
    """A data file; decimals are numbers in it, with all their digits."""
    numbers: dict[str, str] = {}

    def default(value: Any) -> Any:
        if isinstance(value, Decimal):
            numbers[f"decimal:{value}"] = f"{value:f}"
            return f"decimal:{value}"
        return value.isoformat() if isinstance(value, date | time) else str(value)

    text = json.dumps(raw, default=default)
    for marked, number in numbers.items():
        text = text.replace(f'"{marked}"', number)
    return text


def _raw_model(model: ModelInfo) -> Raw:
    raw: Raw = {"id": model.id, "match": _plain(model.match), "prices": _plain(model.prices)}
    if model.price_variants:
        raw["price_variants"] = _plain(model.price_variants)
    return raw


def _plain(value: Any) -> Any:
    if isinstance(value, ClauseOr):
        return {"or": [_plain(one) for one in value.or_]}
    if isinstance(value, ClauseAnd):
        return {"and": [_plain(one) for one in value.and_]}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return value
    if isinstance(value, ModelPrice) or hasattr(value, "__dataclass_fields__"):
        return {key: _plain(one) for key, one in vars(value).items() if one is not None}
    return value
