"""What a plan says. Frozen values; no I/O, no arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from billing.plans.patterns import ANY, matches

CALLS: Final = "calls"
UNCACHED_INPUT: Final = "uncached_input_tokens"
"""input_tokens less what was read from or written to a cache: the part that is charged at the input price."""


class ChargeKind(StrEnum):
    """How a charge is computed."""

    PASS_THROUGH = "pass_through"  # noqa: S105 - the name of a charge
    """What the provider asks, more or less a part of it."""
    PER_UNIT = "per_unit"
    GRADUATED = "graduated"
    """Each tier's price for the units within it."""
    VOLUME = "volume"
    """The price of the tier that the whole quantity reaches, for all units."""
    PACKAGE = "package"
    """A price for each package begun."""
    FIXED = "fixed"
    FREE = "free"
    """Not charged, on purpose."""


@dataclass(frozen=True, slots=True)
class Tier:
    """Units up to and including `up_to` (None: all above) at a price each `per`, and once `flat` if any falls in."""

    up_to: int | None
    price: Decimal
    flat: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Charge:
    """One thing that is charged for."""

    id: str
    kind: ChargeKind
    name: str = ""
    provider: str = ANY
    model: str = ANY
    unit: str = ""
    price: Decimal = Decimal(0)
    """Of `per` units; of a package; the amount of a fixed fee."""
    per: int = 1
    allowance: int = 0
    tiers: tuple[Tier, ...] = ()
    package_size: int = 1
    factor: Decimal = Decimal(1)
    """Pass-through: 1.2 is a markup of 20 %, 0.9 a discount of 10 %."""
    prorate: bool = True
    """Fixed fee and allowance: only the covered part of a period's."""

    def covers(self, provider: str | None, model: str | None) -> bool:
        """Say whether this charge is about calls of that provider and model."""
        return matches(self.provider, provider) and matches(self.model, model)


@dataclass(frozen=True, slots=True)
class Plan:
    """A version of a plan."""

    id: str
    version: int
    name: str
    currency: str
    in_force_from: date
    charges: tuple[Charge, ...]
    minimum: Decimal | None = None
    cap: Decimal | None = None
    content: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """As written, to be shown again."""


AT_COST: Final = Plan(
    id="at-cost",
    version=0,
    name="At cost",
    currency="USD",
    in_force_from=date(1970, 1, 1),
    charges=(Charge(id="cost", kind=ChargeKind.PASS_THROUGH, name="Usage at cost"),),
    content={
        "id": "at-cost",
        "name": "At cost",
        "currency": "USD",
        "from": "1970-01-01",
        "charges": [{"id": "cost", "kind": "pass_through", "name": "Usage at cost"}],
    },
)
"""What holds where the user made no plan called `default`: what the calls cost, and nothing else."""
DEFAULT_PLAN: Final = "default"
