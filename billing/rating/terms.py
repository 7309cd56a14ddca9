"""The terms of a period: which plan version holds when, and the exchange rates. All an amount needs beside usage."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from billing.errors import MissingRateError
from billing.plans.plan import Plan


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the period under one plan version."""

    start: datetime
    end: datetime
    plan: Plan
    share: Fraction = Fraction(1)
    """How many calendar months, of the customer's time zone, it is long: what fees and limits of a month come to."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """One unit of `base` is `rate` units of the invoice's currency, by the user's rate of that day."""

    base: str
    rate: Decimal
    in_force_from: date


@dataclass(frozen=True, slots=True)
class Terms:
    """What a period is billed by. Stored with the invoice: corrections are computed under the same terms."""

    start: datetime
    end: datetime
    currency: str
    segments: tuple[Segment, ...]
    conversions: tuple[Conversion, ...] = ()
    missing: tuple[str, ...] = field(default=())
    """Currencies without a rate in force, which matter only if something is in them."""

    def rate_of(self, base: str) -> Decimal:
        """Return what one unit of a currency is in the invoice's.

        Raises:
            MissingRateError: the user's table has no rate in force.
        """
        if base == self.currency:
            return Decimal(1)
        for one in self.conversions:
            if one.base == base:
                return one.rate
        raise MissingRateError(
            f"there is no exchange rate from {base} to {self.currency} on the last day of the period.",
            hint=f"Add one: spanledger plan rate {base} {self.currency} RATE --from DAY, or POST /v1/exchange-rates.",
        )
