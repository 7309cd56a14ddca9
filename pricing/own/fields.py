"""Fields: the values of one entry, read one by one, with every problem kept instead of the first one raised.

Must not: know which format they came in.
"""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, Final

from ledger.schema import BillingMode
from pricing.own.entries import BY_USE, STANDARD, Deployment, OwnPrice, Place, Scope, TieredRate, Validity
from pricing.tiers import standard_tier
from pricing.units import OWN_UNITS, ledger_name, library_name, registry

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PER: Final = {"one": 1, "thousand": 10**3, "million": 10**6, "minute": 60, "hour": 3600}
_OF_TIME: Final = frozenset({"minute", "hour"})
_MODES: Final = tuple(mode.value for mode in BillingMode)
_TTLS: Final = ("5m", "1h")
_SCOPE: Final = ("provider", "model", "account", "region", "deployment")
_NAMES_OF_DEPLOYMENT: Final = ("deployment", "arn", "endpoint")
_PRICE_KEYS: Final = (
    "name", *_SCOPE, "service_tier", "billing_mode", "from", "to", "rates", "per", "discount_percent", "currency",
)  # fmt: skip
_DEPLOYMENT_KEYS: Final = ("name", *_SCOPE, "arn", "endpoint", "from", "to", "is")
_IS_KEYS: Final = ("seller", "model", "region", "billing_mode", "cache_write_ttl")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_ABOVE: Final = re.compile(r"above_([0-9]{1,12})")
_TEXT_CHARS_MAX: Final = 512
# Dearer than anything sold; more than this is a slip of the unit.
_PRICE_MAX: Final = Decimal(10) ** 6


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, where, and what to do."""

    where: str
    what: str
    todo: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.todo}"


class Fields:
    """One entry while it is read."""

    def __init__(
        self, entry: Mapping[str, Any], *, file: str, version: str, line: int | None, default_name: str
    ) -> None:
        self._entry = entry
        name = entry.get("name", default_name)
        self._place = Place(file, version, str(name), line)
        self.problems: list[Problem] = []
        if not isinstance(name, str) or not re.fullmatch(r"[^;\n]{1,80}", name):
            self.wrong(f"name is {name!r}", "give it a text of 1 to 80 characters, without a semicolon")

    def wrong(self, what: str, todo: str) -> None:
        """Keep a problem."""
        self.problems.append(Problem(str(self._place), what, todo))

    def price(self) -> OwnPrice:
        """Read an entry under `[[prices]]`."""
        self._known(self._entry, _PRICE_KEYS)
        if (currency := self._entry.get("currency", "USD")) != "USD":
            self.wrong(f"currency is {currency!r}", "give prices in USD, as the ledger's public prices are")
        rates = self._rates()
        discount = self._discount()
        if not rates and discount is None and not self.problems:
            self.wrong("it has no price", "give rates, a discount_percent, or both")
        mode = self._choice(self._entry, "billing_mode", _MODES)
        tier = self._text(self._entry, "service_tier")
        return OwnPrice(
            place=self._place,
            scope=self._scope(
                deployment=self._text(self._entry, "deployment"),
                service_tier=None if tier is None else standard_tier(tier) or STANDARD,
                billing_modes=BY_USE if mode is None else frozenset({mode}),
            ),
            validity=self._validity(),
            rates=rates,
            discount=discount,
        )

    def deployment(self) -> Deployment:
        """Read an entry under `[[deployments]]`."""
        self._known(self._entry, _DEPLOYMENT_KEYS)
        said = [key for key in _NAMES_OF_DEPLOYMENT if key in self._entry]
        if len(said) > 1:
            self.wrong(f"it has {' and '.join(said)}", "they are one thing: keep one, or make two entries")
        names = self._text(self._entry, said[0]) if said else None
        truth = self._entry.get("is")
        if not isinstance(truth, dict) or not truth:
            self.wrong("it does not say what it is", 'give is = { seller = "azure", model = "gpt-4o" } or the like')
            truth = {}
        self._known(truth, _IS_KEYS)
        scope = self._scope(deployment=names, service_tier=None, billing_modes=None)
        if scope == Scope() and not self.problems:
            self.wrong("it speaks of every call", f"name at least one of {', '.join((*_SCOPE, 'arn', 'endpoint'))}")
        seller = self._text(truth, "seller")
        says = {
            "seller": seller.lower() if seller else None,
            "model": self._text(truth, "model"),
            "region": self._text(truth, "region"),
            "billing_mode": self._choice(truth, "billing_mode", _MODES),
            "cache_write_ttl": self._choice(truth, "cache_write_ttl", _TTLS),
        }
        return Deployment(
            place=self._place,
            scope=scope,
            validity=self._validity(),
            says={name: value for name, value in says.items() if value is not None},
        )

    def _scope(
        self, *, deployment: str | None, service_tier: str | None, billing_modes: frozenset[str] | None
    ) -> Scope:
        provider = self._text(self._entry, "provider")
        return Scope(
            provider=provider.lower() if provider else None,
            model=self._text(self._entry, "model"),
            deployment=deployment,
            account=self._text(self._entry, "account"),
            region=self._text(self._entry, "region"),
            service_tier=service_tier,
            billing_modes=billing_modes,
        )

    def _validity(self) -> Validity:
        validity = Validity(self._moment("from"), self._moment("to"))
        if validity.from_us is not None and validity.to_us is not None and validity.from_us >= validity.to_us:
            self.wrong(f"it holds {validity}, which is never", "let from be before to, which is excluded")
        return validity

    def _moment(self, key: str) -> int | None:
        value = self._entry.get(key)
        if isinstance(value, str):
            with contextlib.suppress(ValueError):
                value = datetime.fromisoformat(value.strip())
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day, tzinfo=UTC)
        if isinstance(value, datetime):
            with contextlib.suppress(OverflowError):  # near the ends of the calendar, an offset leads out of it
                at = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
                return (at - _EPOCH) // timedelta(microseconds=1)
        if value is not None:
            self.wrong(f"{key} is {value!r}", "give a day or a moment, such as 2026-10-01 or 2026-10-01T12:00:00Z")
        return None

    def _rates(self) -> dict[str, TieredRate]:
        rates = self._entry.get("rates", {})
        per = self._choice(self._entry, "per", tuple(_PER))
        if not isinstance(rates, dict):
            self.wrong(f"rates is {rates!r}", "give a table, such as rates = { input_tokens = 2.40 }")
            return {}
        return {
            library_name(unit): rate
            for unit, value in rates.items()
            if self._is_unit(unit, per) and (rate := self._rate(unit, value, per)) is not None
        }

    def _is_unit(self, unit: str, per: str | None) -> bool:
        known = sorted({*map(ledger_name, registry().units), *OWN_UNITS})
        if library_name(unit) not in registry().units and unit not in OWN_UNITS:
            near = difflib.get_close_matches(unit, known, n=1)
            self.wrong(f"unknown unit {unit!r}", f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}")
            return False
        if per is None and unit.endswith("tokens"):
            return True
        if per is None:
            self.wrong(f"per is not said, and {unit} are no tokens", f"say per = one of {', '.join(_PER)}")
        elif per in _OF_TIME and not unit.endswith("seconds"):
            self.wrong(f"{unit} are priced per {per}", "only seconds are")
        return True

    def _rate(self, unit: str, value: Any, per: str | None) -> TieredRate | None:
        if not isinstance(value, dict):
            base = self._price(unit, value, per)
            return None if base is None else TieredRate(base)
        above: list[tuple[int, Fraction]] = []
        for key, price in value.items():
            step = _ABOVE.fullmatch(key)
            if step is None and key != "base":
                self.wrong(f"rates.{unit} has {key!r}", "known: base, and above_200000 or the like (input tokens)")
            elif step is not None and int(step[1]) in dict(above):
                self.wrong(f"rates.{unit} says twice what holds above {int(step[1])}", f"take {key!r} or the other out")
            elif step is not None and (rate := self._price(f"{unit}.{key}", price, per)) is not None:
                above.append((int(step[1]), rate))
        base = self._price(f"{unit}.base", value.get("base"), per)
        return None if base is None else TieredRate(base, tuple(sorted(above)))

    def _price(self, unit: str, value: Any, per: str | None) -> Fraction | None:
        price = self._number(value)
        if price is None or not 0 <= price <= _PRICE_MAX:
            self.wrong(f"the price of {unit} is {value!r}", f"give dollars per {per or 'million'}, from 0 on")
            return None
        return Fraction(price) / _PER[per or "million"]

    def _discount(self) -> Fraction | None:
        if "discount_percent" not in self._entry:
            return None
        percent = self._number(self._entry["discount_percent"])
        if percent is None or not -100 <= percent <= 100:
            found = self._entry["discount_percent"]
            self.wrong(f"discount_percent is {found!r}", "give a number up to 100; below 0 it is a surcharge")
            return None
        return Fraction(percent) / 100

    def _number(self, value: Any) -> Decimal | None:
        if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
            return None
        if isinstance(value, str) and not _NUMBER.fullmatch(value):
            # Python would take `2_5`, blanks and other alphabets' digits.
            return None
        try:
            number = Decimal(value)
        except InvalidOperation:
            return None
        return number if number.is_finite() and number.adjusted() > -30 else None

    def _text(self, fields: Mapping[str, Any], key: str) -> str | None:
        value = fields.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip() or len(value) > _TEXT_CHARS_MAX:
            self.wrong(f"{key} is {value!r}", "give a text, or leave it out for any")
            return None
        return value.strip()

    def _choice(self, fields: Mapping[str, Any], key: str, known: Iterable[str]) -> str | None:
        value = self._text(fields, key)
        if value is not None and value not in known:
            self.wrong(f"{key} is {value!r}", f"known: {', '.join(known)}")
            return None
        return value

    def _known(self, fields: Mapping[str, Any], keys: tuple[str, ...]) -> None:
        for key in fields:
            if key not in keys:
                near = difflib.get_close_matches(key, keys, n=1)
                self.wrong(f"unknown key {key!r}", f"did you mean {near[0]}?" if near else f"known: {', '.join(keys)}")
