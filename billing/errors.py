"""What can go wrong in billing, grouped by who must act.

SpanledgerError
└── RequestError           the asker must change the request
├── UnknownDimensionError
├── InvalidPeriodError
├── UnknownCustomerError
├── UnknownInvoiceError
└── IdempotencyConflictError
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from ledger.errors import SpanledgerError


class RequestError(SpanledgerError):
    """The request cannot be answered as it is."""


class UnknownDimensionError(RequestError):
    """Costs cannot be grouped by this name."""


class InvalidPeriodError(RequestError):
    """The period is no period."""


class UnknownCustomerError(RequestError):
    """The ledger has no call of this customer."""


class UnknownInvoiceError(RequestError):
    """There is no invoice of this id."""


class IdempotencyConflictError(RequestError):
    """The same Idempotency-Key came with another request."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint that names the nearest known names, or some of them."""
    names = [one for one in known if one]
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return f"Did you mean {', '.join(near)}?"
    return f"Known: {', '.join(names[:10])}{' …' if len(names) > 10 else ''}." if names else ""
