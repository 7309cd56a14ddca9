"""What was agreed for a period: which plan version holds when, and the rates. Pure, over a customer and the catalogue.

The other way round, terms as a document says them become terms again, so that a correction is computed under the terms
of its original. Times that had no plan then, and have one now, are added behind: the keys of lines do not move.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from fractions import Fraction
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from billing.customers.customer import Customer
from billing.invoices.document import ConversionSaid, Document, IdSaid, SegmentSaid, TermsSaid
from billing.periods import Period, midnight, share_of_months, uncovered
from billing.plans.catalogue import Catalogue
from billing.plans.exchange import rate_on
from billing.plans.plan import Plan
from billing.plans.shelf import in_force
from billing.rating.terms import Conversion, Segment, Terms

_LEDGER_CURRENCY: Final = "USD"
_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Agreed:
    """The terms of a period, the ids that mean the customer in it, and the times that have no plan."""

    terms: Terms
    ids: tuple[IdSaid, ...]
    without_plan: tuple[tuple[datetime, datetime], ...]


def agree(customer: Customer, period: Period, catalogue: Catalogue) -> Agreed:
    """Return what holds for a customer in a period.

    Raises:
        UnknownPlanError: the customer has a plan that is not there.
    """
    assert period.start is not None
    assert period.end is not None
    segments = tuple(_segments(customer, period.start, period.end, catalogue))
    named = segments[0].plan if segments else catalogue.versions(catalogue.default)[-1]
    currency = customer.currency or named.currency
    last_day = (period.end - _INSTANT).astimezone(customer.zone).date()
    bases = sorted({_LEDGER_CURRENCY, *(one.plan.currency for one in segments)} - {currency})
    rates = [(base, rate_on(catalogue.rates, base, currency, last_day)) for base in bases]
    conversions = tuple(Conversion(base, one.rate, one.in_force_from) for base, one in rates if one is not None)
    terms = Terms(period.start, period.end, currency, segments, conversions)
    return Agreed(terms, ids_in(customer, period.start, period.end), _holes(segments, period.start, period.end))


def agreed_before(document: Document, customer: Customer, catalogue: Catalogue) -> Agreed:
    """Return the terms under which a finalised invoice was made, for the ids that mean the customer now."""
    zone = ZoneInfo(document.period.time_zone)
    start, end = document.period.start, document.period.end
    segments = [
        Segment(one.start, one.end, _version(catalogue, one), Fraction(one.share)) for one in document.terms.segments
    ]
    for hole_start, hole_end in _holes(segments, start, end):
        segments += _segments(customer, hole_start, hole_end, catalogue, zone=zone)
    conversions = tuple(Conversion(one.base, one.rate, one.in_force_from) for one in document.terms.conversions)
    terms = Terms(start, end, document.currency, tuple(segments), conversions)
    return Agreed(terms, ids_in(customer, start, end), _holes(segments, start, end))


def terms_said(agreed: Agreed) -> TermsSaid:
    """Return the terms as a document says them."""
    return TermsSaid(
        segments=tuple(
            SegmentSaid(one.start, one.end, one.plan.id, one.plan.version, one.plan.name, str(one.share))
            for one in agreed.terms.segments
        ),
        conversions=tuple(ConversionSaid(one.base, one.rate, one.in_force_from) for one in agreed.terms.conversions),
        ids=agreed.ids,
    )


def ids_in(customer: Customer, start: datetime, end: datetime) -> tuple[IdSaid, ...]:
    """Return every id that means a customer in a part of [start, end)."""
    clipped = [(one.id, one.clipped(start, end)) for one in customer.ids]
    return tuple(IdSaid(name, part[0], part[1]) for name, part in sorted(clipped, key=str) if part is not None)


def _segments(
    customer: Customer, start: datetime, end: datetime, catalogue: Catalogue, *, zone: tzinfo | None = None
) -> Iterator[Segment]:
    """Yield the parts of [start, end) that are under one plan version each."""
    zone = zone or customer.zone
    assignments = sorted(
        ((one.valid_from or datetime.min.replace(tzinfo=UTC), one.plan) for one in customer.plans),
        key=lambda one: one[0],
    ) or [(datetime.min.replace(tzinfo=UTC), catalogue.default)]
    moments = {start, end, *(moment for moment, _ in assignments)}
    for _, plan_id in assignments:
        moments |= {midnight(one.in_force_from, zone) for one in catalogue.versions(plan_id) if one.version}
    inside = sorted(moment for moment in moments if start <= moment <= end)
    pending: tuple[datetime, datetime, Plan] | None = None
    for begins, ends in pairwise(inside):
        plan = _plan_at(assignments, begins, catalogue, zone)
        if pending is not None and plan is not None and pending[2] == plan and pending[1] == begins:
            pending = (pending[0], ends, plan)
            continue
        if pending is not None:
            yield Segment(*pending, share_of_months(pending[0], pending[1], zone))
        pending = None if plan is None else (begins, ends, plan)
    if pending is not None:
        yield Segment(*pending, share_of_months(pending[0], pending[1], zone))


def _plan_at(
    assignments: Sequence[tuple[datetime, str]], moment: datetime, catalogue: Catalogue, zone: tzinfo
) -> Plan | None:
    begun = [plan_id for begins, plan_id in assignments if begins <= moment]
    return in_force(catalogue.versions(begun[-1]), moment.astimezone(zone).date()) if begun else None


def _holes(segments: Sequence[Segment], start: datetime, end: datetime) -> tuple[tuple[datetime, datetime], ...]:
    return uncovered(((one.start, one.end) for one in segments), start, end)


def _version(catalogue: Catalogue, said: SegmentSaid) -> Plan:
    return next(one for one in catalogue.versions(said.plan) if one.version == said.version)
