"""What can go wrong in billing, grouped by who must act.

SpanledgerError
├── RequestError                 the asker must change the request
│   ├── UnknownDimensionError
│   ├── InvalidPeriodError
│   ├── InvalidValueError        one or more values; `problems` names each
│   ├── UnknownCustomerError, UnknownPlanError, UnknownInvoiceError, UnknownLineError
│   ├── IdempotencyConflictError
│   ├── ExistsAlreadyError       what is to be made is there
│   ├── ChangedMeanwhileError    it is not what the asker looked at: look again
│   └── NotBillableError         the invoice cannot be made as things stand
│       ├── PlanGapError         a time with calls has no plan
│       ├── MissingRateError     a currency has no exchange rate
│       ├── OverlappingPeriodError  a part of the period is invoiced
│       ├── GapsError            unpriced, unattributed or unrated spend, and nobody said to go on
│       └── WrongStateError      this step is not for an invoice of that state
├── LedgerBusyError              a job touches the period: wait
├── LedgerMismatchError          the ledger is not the one that was invoiced from: the operator must look
└── StoreUnavailableError        the store's database cannot be used: the operator must look
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ledger.errors import SpanledgerError


class RequestError(SpanledgerError):
    """The request cannot be answered as it is."""


class UnknownDimensionError(RequestError):
    """Costs cannot be grouped by this name."""


class InvalidPeriodError(RequestError):
    """The period is no period."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one value, and what to do."""

    field: str
    value: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.field}: {self.what} (found {self.value}). {self.remedy}"


class InvalidValueError(RequestError):
    """Values cannot be meant; all of them are reported at once."""

    def __init__(self, message: str, *, hint: str = "", problems: Sequence[FieldProblem] = ()) -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)


class UnknownCustomerError(RequestError):
    """Neither the ledger nor the store knows this customer."""


class UnknownPlanError(RequestError):
    """There is no plan, or no version, of this name."""


class UnknownInvoiceError(RequestError):
    """There is no invoice of this id."""


class UnknownLineError(RequestError):
    """The invoice has no line of this number."""


class IdempotencyConflictError(RequestError):
    """The same Idempotency-Key came with another request."""


class ExistsAlreadyError(RequestError):
    """What is to be made is there already."""


class ChangedMeanwhileError(RequestError):
    """What is to be changed or finalised is no longer what the asker looked at."""


class NotBillableError(RequestError):
    """The invoice cannot be made as things stand."""


class PlanGapError(NotBillableError):
    """A time of the period that has calls has no plan."""


class MissingRateError(NotBillableError):
    """A currency has no exchange rate in force."""


class OverlappingPeriodError(NotBillableError):
    """A part of the period is on a finalised invoice of this customer."""


class GapsError(NotBillableError):
    """Spend would be left out, and nobody has said to go on."""


class WrongStateError(NotBillableError):
    """This step is not for an invoice of that state."""


class LedgerBusyError(SpanledgerError):
    """A job changes what the ledger says of the period."""


class LedgerMismatchError(SpanledgerError):
    """The ledger does not have a commit that was invoiced from."""


class DamagedStoreError(SpanledgerError):
    """What the store gives back is not what was kept."""


class StoreUnavailableError(SpanledgerError):
    """The store's database cannot be reached or used."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint that names the nearest known names, or some of them."""
    names = [one for one in known if one]
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return f"Did you mean {', '.join(near)}?"
    return f"Known: {', '.join(names[:10])}{' …' if len(names) > 10 else ''}." if names else ""
