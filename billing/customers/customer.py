"""What is known of a customer. Frozen values; no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

DEFAULT_SERIES: Final = "INV"
_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)
_END: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a customer is."""

    lines: tuple[str, ...] = ()
    postcode: str = ""
    city: str = ""
    country: str = ""
    """ISO 3166-1, two letters."""


@dataclass(frozen=True, slots=True)
class Alias:
    """An id in spans that means the customer for calls that began in [valid_from, valid_to)."""

    id: str
    valid_from: datetime | None = None
    valid_to: datetime | None = None

    def clipped(self, start: datetime, end: datetime) -> tuple[datetime, datetime] | None:
        """Return the part of [start, end) in which it is valid; None where that is nothing."""
        begins, ends = max(self.valid_from or _BEGINNING, start), min(self.valid_to or _END, end)
        return (begins, ends) if begins < ends else None

    def meets(self, other: Alias) -> bool:
        """Say whether both mean somebody for the same calls."""
        return self.id == other.id and other.clipped(self.valid_from or _BEGINNING, self.valid_to or _END) is not None


@dataclass(frozen=True, slots=True)
class PlanAssignment:
    """The plan that holds from a moment on; None: from the beginning."""

    plan: str
    valid_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class Customer:
    """Who is billed."""

    id: str
    name: str
    legal_name: str = ""
    address: Address = Address()
    email: str = ""
    tax_id: str = ""
    tax_rate: Decimal = Decimal(0)
    """A part of 1: 0.19 is 19 %."""
    tax_reason: str = ""
    """What the invoice says about it, such as "Reverse charge"."""
    currency: str | None = None
    """What invoices are in; None: the plan's."""
    language: str = "en"
    time_zone: str = "UTC"
    series: str = DEFAULT_SERIES
    reference: str = ""
    """What the customer wants to read on every invoice, such as an order number."""
    plans: tuple[PlanAssignment, ...] = ()
    """Empty: the default plan."""
    aliases: tuple[Alias, ...] = ()
    """Beside the id itself."""
    only_ids: tuple[Alias, ...] | None = field(default=None, compare=False)
    """What an unregistered id means them by, where it is sometimes another customer's; None: all of `aliases`."""
    is_registered: bool = field(default=True, compare=False)
    revision: int = field(default=0, compare=False)
    created_time: datetime | None = field(default=None, compare=False)
    archived_time: datetime | None = None

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the billing period."""
        return ZoneInfo(self.time_zone)

    @property
    def ids(self) -> tuple[Alias, ...]:
        """Every id that means the customer; the own one for all time, unless it is listed with a validity."""
        if self.only_ids is not None:
            return self.only_ids
        return self.aliases if any(one.id == self.id for one in self.aliases) else (Alias(self.id), *self.aliases)


def unregistered(customer_id: str, free_times: tuple[Alias, ...]) -> Customer:
    """Return a customer of whom only the ledger's id is known: the default plan, UTC, no tax."""
    return Customer(id=customer_id, name=customer_id, only_ids=free_times, is_registered=False)
