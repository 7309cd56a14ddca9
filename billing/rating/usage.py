"""What was used: sums over the ledger's entries, by provider, model and currency. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from billing.plans.plan import CALLS, UNCACHED_INPUT


@dataclass(frozen=True, slots=True)
class Usage:
    """Calls of one provider, model and currency."""

    provider: str | None
    model: str | None
    currency: str | None
    """None where no call of these has a cost."""
    calls: int
    unpriced_calls: int
    """Calls among them whose cost is not known, and so not in `cost`."""
    cost: Decimal
    quantities: Mapping[str, int] = field(default_factory=dict)
    """Unit → how much; totals include their details."""
    price_versions: tuple[str, ...] = ()

    def quantity(self, unit: str) -> int:
        """Return how much of a unit was used; what no call told of is 0 here."""
        if unit == CALLS:
            return self.calls
        if unit == UNCACHED_INPUT:
            cached = self.quantities.get("cache_read_tokens", 0) + self.quantities.get("cache_write_tokens", 0)
            return self.quantities.get("input_tokens", 0) - cached
        return self.quantities.get(unit, 0)
