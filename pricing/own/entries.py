"""Entries: what one entry of a file of the user's own says, and for which calls it holds.

An entry's *scope* is the calls it speaks of: each condition that it names must be met, what it does not name may be
anything. One scope lies within another if every call of it is also one of the other's; then it is the narrower, and
counts. A price that names no billing mode speaks of calls paid by their usage and of those on machines of one's own,
not of prepaid ones, whose cost is 0 unless a price says otherwise by name.

Must not: read text, or know public prices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from ledger.schema import BillingMode
from pricing.own.patterns import fits, meet, within
from pricing.validity import moment

BY_USE: Final = frozenset({BillingMode.METERED.value, BillingMode.SELF_HOSTED.value})
STANDARD: Final = "standard"
_CONDITIONS: Final = ("provider", "model", "deployment", "account", "region", "service_tier")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands, for whoever has to mend it."""

    file: str
    version: str
    """Of the file: the beginning of its digest; empty while it is only checked."""
    name: str
    """The entry's own name, or `line 7`."""
    line: int | None

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}, line {self.line}"
        return f"{where} ({self.name})" if self.name != f"line {self.line}" else where

    @property
    def label(self) -> str:
        """How a price version names the entry."""
        return f"own {self.file}{'@' if self.version else ''}{self.version};{self.name}"


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when an entry holds: microseconds UTC, the end excluded; None is open."""

    from_us: int | None
    to_us: int | None

    def holds(self, at_us: int) -> bool:
        """Whether it holds at a moment."""
        return (self.from_us is None or self.from_us <= at_us) and (self.to_us is None or at_us < self.to_us)

    def meets(self, other: Validity) -> bool:
        """Whether both hold at some moment."""
        begins_before = self.to_us is None or other.from_us is None or other.from_us < self.to_us
        return begins_before and (other.to_us is None or self.from_us is None or self.from_us < other.to_us)

    def __str__(self) -> str:
        return f"{_written(self.from_us)}..{_written(self.to_us)}"


@dataclass(frozen=True, slots=True)
class Names:
    """What a call goes by when it is compared with an entry."""

    providers: tuple[str, ...]
    """The seller's id in the price list, where it is on one, and what the span says; in lower case."""
    models: tuple[str, ...]
    """The model as it was called, then as the seller's list has it."""
    ids: tuple[str, ...]
    """The deployment, and the names under which the call was made."""
    account: str
    region: str
    service_tier: str
    billing_mode: str


@dataclass(frozen=True, slots=True)
class Scope:
    """Which calls an entry speaks of; patterns, None for any."""

    provider: str | None = None
    model: str | None = None
    deployment: str | None = None
    """Compared with the deployment and with the names that the call was made under."""
    account: str | None = None
    region: str | None = None
    service_tier: str | None = None
    billing_modes: frozenset[str] | None = None

    def holds(self, names: Names) -> bool:
        """Whether a call is one of them."""
        if self.billing_modes is not None and names.billing_mode not in self.billing_modes:
            return False
        return (
            _any_fits(self.provider, names.providers)
            and _any_fits(self.model, names.models)
            and _any_fits(self.deployment, names.ids)
            and _any_fits(self.account, (names.account,))
            and _any_fits(self.region, (names.region,))
            and _any_fits(self.service_tier, (names.service_tier,))
        )

    def meets(self, other: Scope) -> bool:
        """Whether some call can be one of both."""
        modes, theirs = self.billing_modes, other.billing_modes
        if modes is not None and theirs is not None and not modes & theirs:
            return False
        return all(one is None or two is None or meet(one, two) for one, two in self._pairs(other))

    def within(self, other: Scope) -> bool:
        """Whether every call of this one is also one of the other's."""
        modes, theirs = self.billing_modes, other.billing_modes
        if theirs is not None and (modes is None or not modes <= theirs):
            return False
        return all(two is None or (one is not None and within(one, two)) for one, two in self._pairs(other))

    def is_narrower_than(self, other: Scope) -> bool:
        """Whether it lies within the other and is not the same."""
        return self.within(other) and not other.within(self)

    @property
    def named(self) -> frozenset[str]:
        """Which conditions it names."""
        return frozenset(name for name in _CONDITIONS if getattr(self, name) is not None)

    @property
    def is_by_place(self) -> bool:
        """Whether account, region or names are asked for."""
        return not self.account is self.region is self.deployment is None

    def _pairs(self, other: Scope) -> Iterable[tuple[str | None, str | None]]:
        for name in _CONDITIONS:
            yield getattr(self, name), getattr(other, name)


@dataclass(frozen=True, slots=True)
class TieredRate:
    """What one of a unit costs, in dollars: at first, and above so many input tokens."""

    base: Fraction
    above: tuple[tuple[int, Fraction], ...] = ()
    """Ascending thresholds; past one, its rate is every token's."""

    def at(self, start: int | None) -> Fraction:
        """Return the rate once the context is above `start` tokens (None: the base)."""
        value = self.base
        for threshold, rate in self.above:
            if start is not None and threshold <= start:
                value = rate
        return value


@dataclass(frozen=True, slots=True, eq=False)
class OwnPrice:
    """One entry under `[[prices]]`."""

    place: Place
    scope: Scope
    validity: Validity
    rates: Mapping[str, TieredRate]
    """By the library's unit names."""
    discount: Fraction | None
    """Share taken off the public price of every unit that `rates` does not have."""

    def speaks_of(self, unit: str) -> bool:
        """Whether the entry says what the unit costs."""
        return self.discount is not None or unit in self.rates

    @property
    def label(self) -> str:
        """How a price version names it."""
        return f"{self.place.label} {self.validity}"


@dataclass(frozen=True, slots=True, eq=False)
class Deployment:
    """One entry under `[[deployments]]`: what a call that goes by some name really is."""

    place: Place
    scope: Scope
    validity: Validity
    says: Mapping[str, str]
    """Of `seller`, `model`, `region`, `billing_mode` and `cache_write_ttl` (`5m`, `1h`), those that it names."""

    @property
    def label(self) -> str:
        """How a reason names it."""
        return f"{self.place.label} {self.validity}"


def _any_fits(pattern: str | None, names: tuple[str, ...]) -> bool:
    return pattern is None or any(fits(pattern, name) for name in names if name)


def _written(at_us: int | None) -> str:
    if at_us is None:
        return ""
    at = moment(at_us)
    return at.date().isoformat() if at_us % 86_400_000_000 == 0 else at.isoformat().replace("+00:00", "Z")
