"""Corrections: what a period comes to now, less all that was invoiced for it, line by line. Pure.

Both sides are rounded lines, so the difference rounds nothing: after it, the sum of everything invoiced for the period
is what a first invoice would ask today, under the original's terms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from billing.invoices.document import CorrectionSaid, Document, Line, StepSaid
from billing.rating.lines import LineKind, RatedLine, Rating

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Invoiced:
    """What the lines of finalised invoices ask for under one key of a period."""

    amount: Decimal
    calls: int


def corrections(
    original: Document, now: Rating, invoiced: Mapping[str, Invoiced], *, reasons: tuple[str, ...]
) -> Iterator[Line]:
    """Yield a line for every key whose amount is not what was invoiced; numbers are given later."""
    assert original.number is not None
    assert original.customer is not None
    about = CorrectionSaid(original.id, original.number, original.period, reasons)
    by_key = {line.key: line for line in now.lines}
    before = {line.key: line for line in original.lines if line.correction is None}
    for key in dict.fromkeys([*by_key, *invoiced]):
        line, was = by_key.get(key), invoiced.get(key, Invoiced(_ZERO, 0))
        amount = (line.amount if line is not None else _ZERO) - was.amount
        if amount:
            calls = (line.calls if line is not None else 0) - was.calls
            yield _line(key, amount, calls, about, original, said=line or before.get(key))


def _line(
    key: str, amount: Decimal, calls: int, about: CorrectionSaid, original: Document, *, said: RatedLine | Line | None
) -> Line:
    rate, reason = _tax(original)
    return Line(
        number=0,
        kind=LineKind.CORRECTION.value,
        key=key,
        description=said.description if said is not None else "Usage",
        amount=amount,
        exact=amount,
        tax_rate=rate,
        tax_reason=reason,
        charge=said.charge if said is not None else "",
        provider=said.provider if said is not None else None,
        model=said.model if said is not None else None,
        calls=calls,
        exchange_rate=said.rate if isinstance(said, RatedLine) else Decimal(1),
        steps=(_step(amount, said),),
        price_versions=said.price_versions if said is not None else (),
        correction=about,
    )


def _step(amount: Decimal, said: RatedLine | Line | None) -> StepSaid:
    now = said.amount if isinstance(said, RatedLine) else _ZERO
    return StepSaid(f"now {now:f}, less invoiced {now - amount:f}", Decimal(1), "difference", amount, 1, amount)


def _tax(original: Document) -> tuple[Decimal, str]:
    """A correction is taxed as what it corrects was."""
    for line in original.lines:
        if line.correction is None:
            return line.tax_rate, line.tax_reason
    return (original.taxes[0].rate, original.taxes[0].reason) if original.taxes else (_ZERO, "")
