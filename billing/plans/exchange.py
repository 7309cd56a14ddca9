"""Exchange rates: the user's own table, dated. No rate is guessed, inverted or chained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from billing.errors import ExistsAlreadyError, InvalidValueError
from billing.plans.fields import Fields
from billing.store.tables import ExchangeRateRow


@dataclass(frozen=True, slots=True)
class ExchangeRate:
    """One unit of `base` is `rate` units of `quote`, from a day on."""

    base: str
    quote: str
    in_force_from: date
    rate: Decimal


def read_rate(content: Mapping[str, Any]) -> ExchangeRate:
    """Read a rate from its fields.

    Raises:
        InvalidValueError: it has problems; all of them are named.
    """
    fields = Fields(content)
    fields.only(frozenset({"base", "quote", "from", "rate"}))
    rate = ExchangeRate(fields.currency("base"), fields.currency("quote"), fields.day("from"), fields.decimal("rate"))
    if not fields.problems and rate.rate <= 0:
        fields.note("rate", "is not above 0", "Give what one unit of base is worth in quote.")
    if not fields.problems and rate.base == rate.quote:
        fields.note("quote", "is the base", "Give two currencies.")
    if fields.problems:
        listed = " ".join(str(one) for one in fields.problems)
        raise InvalidValueError(f"the rate has problems: {listed}", problems=fields.problems)
    return rate


def add_rate(session: Session, rate: ExchangeRate) -> ExchangeRate:
    """Keep a rate; the same one again changes nothing.

    Raises:
        ExistsAlreadyError: there is another rate of that day.
    """
    known = session.get(ExchangeRateRow, (rate.base, rate.quote, rate.in_force_from.isoformat()))
    if known is None:
        session.add(
            ExchangeRateRow(
                base=rate.base, quote=rate.quote, in_force_from=rate.in_force_from.isoformat(), rate=rate.rate
            )
        )
        session.flush()
    elif known.rate != rate.rate:
        raise ExistsAlreadyError(
            f"{rate.base} to {rate.quote} from {rate.in_force_from} is {known.rate:f} already.",
            hint="A rate is never changed; add one from a later day.",
        )
    return rate


def exchange_rates(session: Session) -> list[ExchangeRate]:
    """Return all rates, by currencies and day."""
    rows = session.scalars(
        select(ExchangeRateRow).order_by(ExchangeRateRow.base, ExchangeRateRow.quote, ExchangeRateRow.in_force_from)
    )
    return [ExchangeRate(row.base, row.quote, date.fromisoformat(row.in_force_from), row.rate) for row in rows]


def rate_on(rates: Sequence[ExchangeRate], base: str, quote: str, day: date) -> ExchangeRate | None:
    """Return the rate in force on a day: of those that began by then, the last."""
    begun = [one for one in rates if (one.base, one.quote) == (base, quote) and one.in_force_from <= day]
    return max(begun, key=lambda one: one.in_force_from, default=None)
