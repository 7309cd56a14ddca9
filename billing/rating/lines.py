"""Lines: what is asked for, and the arithmetic that gives it. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from billing.rating.usage import Usage
from ledger.money import round_to_minor_unit


class LineKind(StrEnum):
    """What a line is for."""

    USAGE = "usage"
    FIXED = "fixed"
    MINIMUM = "minimum"
    CAP = "cap"
    CORRECTION = "correction"


@dataclass(frozen=True, slots=True)
class Step:
    """One multiplication: `quantity` of `unit`, each `per` at `price`, is `amount` in the plan's currency."""

    what: str
    quantity: Decimal
    unit: str
    price: Decimal
    per: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class RatedLine:
    """One line of a period's rating."""

    key: str
    kind: LineKind
    description: str
    segment: int
    """Which segment of the terms; −1 for what is of the whole period."""
    exact: Decimal
    """In the invoice's currency, not rounded."""
    currency: str
    charge: str = ""
    provider: str | None = None
    model: str | None = None
    calls: int = 0
    quantities: Mapping[str, int] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    rate: Decimal = Decimal(1)
    """The exchange rate that `exact` has in it."""
    price_versions: tuple[str, ...] = ()

    @property
    def amount(self) -> Decimal:
        """Rounded half-even to the currency's minor unit: the one rounding."""
        return round_to_minor_unit(self.exact, currency=self.currency)


@dataclass(frozen=True, slots=True)
class Gap:
    """Usage that no line asks for: its cost is not known, or no charge of the plan covers it."""

    why: str
    usage: Usage
    calls: int


@dataclass(frozen=True, slots=True)
class Rating:
    """What a period comes to under its terms."""

    lines: tuple[RatedLine, ...]
    gaps: tuple[Gap, ...]

    @property
    def amount(self) -> Decimal:
        """The sum of the lines."""
        return sum((line.amount for line in self.lines), Decimal(0))
