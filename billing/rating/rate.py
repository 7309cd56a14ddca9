"""The whole: a period's usage under its terms gives its lines and what no line asks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from billing.plans.plan import CALLS, Charge, ChargeKind, Plan
from billing.rating.charging import EXACT, ZERO, Place, charged, fixed_fee, share_of
from billing.rating.lines import Gap, LineKind, RatedLine, Rating
from billing.rating.terms import Terms
from billing.rating.usage import Usage
from ledger.money import round_to_minor_unit

UNPRICED: Final = "unpriced"
UNRATED: Final = "unrated"
_WHOLE_CALLS: Final = frozenset({ChargeKind.PASS_THROUGH, ChargeKind.FREE})


def rate(terms: Terms, usage: Sequence[Sequence[Usage]]) -> Rating:
    """Return what a period comes to; `usage` has one sequence for each segment of the terms.

    Raises:
        MissingRateError: an amount is in a currency without a rate in force.
    """
    assert len(usage) == len(terms.segments), "usage is given for each segment"
    lines: list[RatedLine] = []
    gaps: list[Gap] = []
    for number, rows in enumerate(usage):
        place = Place(terms, number)
        taken = assign(place.segment.plan, rows)
        of_segment = [line for charge, its in taken for line in charged(place, charge, its)]
        of_segment += [fixed_fee(place, charge) for charge in _fees(terms, number)]
        lines += of_segment
        lines += _limits(place, of_segment)
        gaps += _gaps(rows, taken)
    return Rating(tuple(lines), tuple(gaps))


def assign(plan: Plan, rows: Sequence[Usage]) -> list[tuple[Charge, list[Usage]]]:
    """Return which usage goes to which charge, in the plan's order: the first that covers it, by unit.

    A cost passed on pays for the tokens too, and tokens' prices for the call; a fee a call stands beside both.
    """
    taken_by: dict[str, set[int]] = {}
    taken = []
    for charge in plan.charges:
        if charge.kind is ChargeKind.FIXED:
            continue
        mine_as = charge.kind if charge.kind in _WHOLE_CALLS else charge.unit
        gone = {place for other, places in taken_by.items() if _excludes(other, mine_as) for place in places}
        mine = [place for place, row in enumerate(rows) if place not in gone and charge.covers(row.provider, row.model)]
        taken_by.setdefault(mine_as, set()).update(mine)
        taken.append((charge, [rows[place] for place in mine]))
    return taken


def _excludes(earlier: str, later: str) -> bool:
    """Say whether a call that went to `earlier` (a unit, or a kind that takes whole calls) is lost for `later`."""
    if earlier == later or ChargeKind.FREE in {earlier, later}:
        return True
    return ChargeKind.PASS_THROUGH in {earlier, later} and CALLS not in {earlier, later}


def _fees(terms: Terms, number: int) -> Iterator[Charge]:
    """Yield the fixed fees of a segment; one that is not prorated is asked once, by the last segment that has it."""
    for charge in terms.segments[number].plan.charges:
        if charge.kind is ChargeKind.FIXED:
            later = (one.id for segment in terms.segments[number + 1 :] for one in segment.plan.charges)
            if charge.prorate or charge.id not in later:
                yield charge


def _limits(place: Place, lines: Sequence[RatedLine]) -> Iterator[RatedLine]:
    """Yield what lifts a segment to its minimum, or holds it at its cap. Both are of a month, and prorated."""
    plan, share = place.segment.plan, place.segment.share
    total = sum((line.amount for line in lines), ZERO)
    if plan.minimum is not None:
        least = _rounded(place, share_of(plan.minimum, share))
        if total < least:
            yield place.line(
                "minimum", kind=LineKind.MINIMUM, description="Up to the minimum", exact=least - total, rate=place.rate
            )
    if plan.cap is not None:
        most = _rounded(place, share_of(plan.cap, share))
        if total > most:
            yield place.line(
                "cap", kind=LineKind.CAP, description="Down to the cap", exact=most - total, rate=place.rate
            )


def _rounded(place: Place, amount: Decimal) -> Decimal:
    return round_to_minor_unit(EXACT.multiply(amount, place.rate), currency=place.terms.currency)


def _gaps(rows: Sequence[Usage], taken: Sequence[tuple[Charge, Sequence[Usage]]]) -> Iterator[Gap]:
    """Yield what is asked for by nothing: cost that is passed on and not known, and calls that no charge covers."""
    passed_on = [id(row) for charge, its in taken if charge.kind is ChargeKind.PASS_THROUGH for row in its]
    covered = {id(row) for _, its in taken for row in its}
    for row in rows:
        if id(row) not in covered and (row.calls or row.cost):
            yield Gap(UNRATED, row, row.calls)
        elif id(row) in passed_on and row.unpriced_calls:
            yield Gap(UNPRICED, row, row.unpriced_calls)
