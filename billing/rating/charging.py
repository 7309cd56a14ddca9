"""Charging: what each kind of charge asks for the usage that goes to it. Pure; every amount exact until a line rounds.

Which usage goes to which charge is `rate`'s.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Final

from billing.plans.plan import CALLS, UNCACHED_INPUT, Charge, ChargeKind
from billing.rating.lines import LineKind, RatedLine, Step
from billing.rating.terms import Segment, Terms
from billing.rating.usage import Usage

# A ledger's sum (38 digits), a factor and a rate (30 each): products are exact. Only shares of a month divide.
EXACT: Final = Context(prec=200, rounding=ROUND_HALF_EVEN)
ZERO: Final = Decimal(0)
_UNIT_NAMES: Final[Mapping[str, str]] = {CALLS: "calls", UNCACHED_INPUT: "uncached input tokens"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a charge stands: the terms, the segment and its number."""

    terms: Terms
    number: int

    @property
    def segment(self) -> Segment:
        """The segment itself."""
        return self.terms.segments[self.number]

    @property
    def rate(self) -> Decimal:
        """What one unit of the plan's currency is in the invoice's."""
        return self.terms.rate_of(self.segment.plan.currency)

    def line(
        self, charge: str, *more: str | None, exact: Decimal, kind: LineKind, description: str, **about: object
    ) -> RatedLine:
        """Return a line whose key is this segment, the charge, and what else tells it from others."""
        return RatedLine(
            key=line_key(self.number, charge, *more),
            kind=kind,
            description=description,
            segment=self.number,
            exact=exact,
            currency=self.terms.currency,
            charge=charge,
            **about,  # type: ignore[arg-type]
        )


def line_key(*parts: str | int | None) -> str:
    """Return the key of a line: what tells it from the others of its period."""
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))


def charged(place: Place, charge: Charge, usage: Sequence[Usage]) -> Iterator[RatedLine]:
    """Yield the lines of one charge for the usage that goes to it."""
    if charge.kind is ChargeKind.PASS_THROUGH:
        yield from _passed_through(place, charge, usage)
    elif charge.kind is ChargeKind.PER_UNIT and not charge.allowance:
        yield from _per_unit(place, charge, usage)
    elif charge.kind in {ChargeKind.PER_UNIT, ChargeKind.GRADUATED, ChargeKind.VOLUME, ChargeKind.PACKAGE}:
        yield from _by_quantity(place, charge, usage)


def fixed_fee(place: Place, charge: Charge) -> RatedLine:
    """Return the line of a fixed fee: for the part of months that the segment is long, or whole."""
    share = place.segment.share if charge.prorate else Fraction(1)
    amount = share_of(charge.price, share)
    name = charge.name or charge.id
    return place.line(
        charge.id,
        kind=LineKind.FIXED,
        description=name,
        exact=EXACT.multiply(amount, place.rate),
        steps=(Step(_months(share), Decimal(1), "month", charge.price, 1, amount),),
        rate=place.rate,
    )


def share_of(amount: Decimal, share: Fraction) -> Decimal:
    """Return a part of an amount of a month; the only division there is."""
    return EXACT.divide(EXACT.multiply(amount, Decimal(share.numerator)), Decimal(share.denominator))


def _passed_through(place: Place, charge: Charge, usage: Sequence[Usage]) -> Iterator[RatedLine]:
    for one in usage:
        if one.currency is None:
            continue
        rate = place.terms.rate_of(one.currency)
        amount = EXACT.multiply(one.cost, charge.factor)
        yield place.line(
            charge.id,
            one.provider,
            one.model,
            one.currency,
            kind=LineKind.USAGE,
            description=charge.name or "Usage",
            exact=EXACT.multiply(amount, rate),
            provider=one.provider,
            model=one.model,
            calls=one.calls - one.unpriced_calls,
            quantities=one.quantities,
            steps=(Step("cost × factor", one.cost, one.currency, charge.factor, 1, amount),),
            rate=rate,
            price_versions=one.price_versions,
        )


def _per_unit(place: Place, charge: Charge, usage: Sequence[Usage]) -> Iterator[RatedLine]:
    """One line a model: with one price and no allowance, the sum does not depend on how it is cut."""
    by_model: dict[tuple[str | None, str | None], list[Usage]] = {}
    for one in usage:
        by_model.setdefault((one.provider, one.model), []).append(one)
    for (provider, model), rows in by_model.items():
        quantity = sum(one.quantity(charge.unit) for one in rows)
        if quantity:
            step = _step("", quantity, charge, charge.price)
            yield place.line(
                charge.id,
                provider,
                model,
                kind=LineKind.USAGE,
                description=_named(charge),
                exact=EXACT.multiply(step.amount, place.rate),
                provider=provider,
                model=model,
                calls=sum(one.calls for one in rows),
                quantities={charge.unit: quantity},
                steps=(step,),
                rate=place.rate,
            )


def _by_quantity(place: Place, charge: Charge, usage: Sequence[Usage]) -> Iterator[RatedLine]:
    """One line for all that goes to the charge: its price depends on the whole quantity."""
    quantity = sum(one.quantity(charge.unit) for one in usage)
    calls = sum(one.calls for one in usage)
    if not quantity and not calls:
        return
    free = min(max(quantity, 0), _allowance(charge, place.segment.share))
    steps = [Step("included", Decimal(free), charge.unit, ZERO, 1, ZERO)] if free else []
    steps += _priced(charge, quantity - free)
    amount = ZERO
    for step in steps:
        amount = EXACT.add(amount, step.amount)
    yield place.line(
        charge.id,
        kind=LineKind.USAGE,
        description=_named(charge),
        exact=EXACT.multiply(amount, place.rate),
        calls=calls,
        quantities={charge.unit: quantity},
        steps=tuple(steps),
        rate=place.rate,
    )


def _priced(charge: Charge, quantity: int) -> list[Step]:
    """Return the steps for the quantity beyond the allowance. Less than nothing is at the first tier's price."""
    if charge.kind is ChargeKind.PER_UNIT:
        return [_step("", quantity, charge, charge.price)] if quantity else []
    if charge.kind is ChargeKind.PACKAGE:
        packages = -(-quantity // charge.package_size)
        amount = EXACT.multiply(Decimal(packages), charge.price)
        what = f"packages of {charge.package_size} {charge.unit}"
        return [Step(what, Decimal(packages), "package", charge.price, 1, amount)] if packages else []
    if charge.kind is ChargeKind.VOLUME:
        reached = next(tier for tier in charge.tiers if tier.up_to is None or quantity <= tier.up_to)
        steps = [_step("", quantity, charge, reached.price)] if quantity else []
        return steps + ([_flat("flat", reached.flat)] if reached.flat and quantity > 0 else [])
    return _graduated(charge, quantity)


def _graduated(charge: Charge, quantity: int) -> list[Step]:
    steps: list[Step] = []
    below = 0
    for number, tier in enumerate(charge.tiers, 1):
        upper = quantity if tier.up_to is None else min(quantity, tier.up_to)
        within = upper - below
        if within > 0 or (number == 1 and quantity < 0):
            steps.append(_step(f"tier {number}", within, charge, tier.price))
            if tier.flat and within > 0:
                steps.append(_flat(f"tier {number}, flat", tier.flat))
        if tier.up_to is None or quantity <= tier.up_to:
            break
        below = tier.up_to
    return steps


def _step(what: str, quantity: int, charge: Charge, price: Decimal) -> Step:
    amount = EXACT.divide(EXACT.multiply(Decimal(quantity), price), Decimal(charge.per))
    return Step(what, Decimal(quantity), charge.unit, price, charge.per, amount)


def _flat(what: str, amount: Decimal) -> Step:
    return Step(what, Decimal(1), "flat", amount, 1, amount)


def _allowance(charge: Charge, share: Fraction) -> int:
    """Return the allowance of the segment, in the customer's favour: rounded up to a whole unit."""
    exact = charge.allowance * (share if charge.prorate else Fraction(1))
    return -(-exact.numerator // exact.denominator)


def _named(charge: Charge) -> str:
    return charge.name or _UNIT_NAMES.get(charge.unit, charge.unit.replace("_", " ")).capitalize()


def _months(share: Fraction) -> str:
    return "whole month" if share == 1 else f"{share.numerator}/{share.denominator} of a month"
