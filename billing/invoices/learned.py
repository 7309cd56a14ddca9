"""Learned since: what customers' standing invoices are owed in corrections. Asks the warehouse once for all of them.

Only periods of which the ledger, or the customer's ids, say something new are computed again. What goes wrong with one
customer is its own result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from billing.customers.customer import Customer
from billing.invoices.agreed import Agreed, agreed_before
from billing.invoices.correcting import Invoiced, corrections
from billing.invoices.document import Document, Line
from billing.invoices.measured import Measured, changed_since, measure
from billing.plans.catalogue import Catalogue
from billing.rating.rate import rate
from billing.warehouse.warehouse import Warehouse
from ledger.errors import SpanledgerError

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Billed:
    """What a customer was billed so far."""

    customer: Customer
    subjects: Sequence[Document]
    """The standing invoices."""
    invoiced: Mapping[str, Mapping[str, Invoiced]]
    """By invoice and key: what was invoiced for its period, there and on later invoices."""


def corrections_owed(
    warehouse: Warehouse, billed: Sequence[Billed], catalogue: Catalogue, *, commit: int
) -> list[list[Line] | SpanledgerError]:
    """Return the correction lines that each customer's next invoice has."""
    found: list[list[Line] | SpanledgerError] = [[] for _ in billed]
    subjects = [
        (place, subject, agreed_before(subject, one.customer, catalogue))
        for place, one in enumerate(billed)
        for subject in one.subjects
    ]
    asked = [(agreed, subject.as_of.commit) for _, subject, agreed in subjects]
    learned = changed_since(warehouse, asked, commit=commit)
    changed = []
    for number, (place, subject, agreed) in enumerate(subjects):
        reasons = learned.get(number, ())
        if agreed.ids != subject.terms.ids:
            reasons = (*reasons, "other ids mean this customer")
        if reasons:
            changed.append((place, subject, agreed, reasons))
    measured = measure(warehouse, [agreed for _, _, agreed, _ in changed], commit=commit)
    for (place, subject, agreed, reasons), usage in zip(changed, measured, strict=True):
        lines = attempt(_correction, subject, agreed, usage, billed[place].invoiced[subject.id], reasons)
        so_far = found[place]
        if isinstance(so_far, list):
            found[place] = lines if isinstance(lines, SpanledgerError) else [*so_far, *lines]
    return found


def attempt(
    act: Callable[_Arguments, _Result], *given: _Arguments.args, **named: _Arguments.kwargs
) -> _Result | SpanledgerError:
    """Return what `act` gives, or what is wrong: one failing customer does not stop the others."""
    try:
        return act(*given, **named)
    except SpanledgerError as failed:
        return failed


def _correction(
    subject: Document, agreed: Agreed, usage: Measured, before: Mapping[str, Invoiced], reasons: tuple[str, ...]
) -> list[Line]:
    usage.require_plans(agreed)
    return list(corrections(subject, rate(agreed.terms, usage.usage), before, reasons=reasons))
