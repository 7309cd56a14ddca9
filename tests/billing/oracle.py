"""What an invoice must ask for, by another way: fractions, plain dictionaries, and docs/billing.md's rules.

Shares no code with what it judges, and reads a plan from its fields as a user writes them. An amount is a `Fraction`
until its line is rounded; a rounded one is a count of minor units.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from fractions import Fraction
from math import ceil, floor
from typing import Any

DIGITS = {"USD": 2, "EUR": 2, "JPY": 0, "KWD": 3}
TOKENS = "tokens"

Plan = Mapping[str, Any]
Key = tuple[Any, ...]
"""Which segment, and what the line is: a charge's id, or one with provider, model and currency; minimum, or cap."""


@dataclass(frozen=True, slots=True)
class Used:
    """Calls of one provider, model and currency in a segment."""

    provider: str | None
    model: str | None
    calls: int
    cost: Fraction
    quantities: Mapping[str, int] = field(default_factory=dict)
    currency: str = "USD"

    def amount(self, unit: str) -> int:
        """How much of a unit there is."""
        if unit == "calls":
            return self.calls
        have = self.quantities
        if unit == "uncached_input_tokens":
            cached = have.get("cache_read_tokens", 0) + have.get("cache_write_tokens", 0)
            return have.get("input_tokens", 0) - cached
        return have.get(unit, 0)


def invoice(
    segments: Sequence[tuple[Plan, Fraction, Sequence[Used]]], *, currency: str, rates: Mapping[str, Fraction]
) -> dict[Key, int]:
    """Return the lines of a period, by key, in minor units; a line of nothing is left out."""
    lines: dict[Key, int] = {}
    for number, (plan, share, rows) in enumerate(segments):
        rate = _rate(plan["currency"], currency, rates)
        found: dict[Key, Fraction] = {}
        for charge, its in _taken(plan["charges"], rows):
            found.update(_lines(charge, its, share=share, rate=rate, currency=currency, rates=rates))
        for charge in plan["charges"]:
            if charge["kind"] == "fixed":
                prorated = charge.get("prorate", True)
                later = {one["id"] for other, _, _ in segments[number + 1 :] for one in other["charges"]}
                if prorated or charge["id"] not in later:
                    found[charge["id"],] = Fraction(charge["amount"]) * (share if prorated else 1) * rate
        rounded = {key: minor(amount, currency) for key, amount in found.items()}
        total = sum(rounded.values())
        if "minimum" in plan:
            least = minor(Fraction(plan["minimum"]) * share * rate, currency)
            rounded["minimum",] = max(least - total, 0)
        if "cap" in plan:
            most = minor(Fraction(plan["cap"]) * share * rate, currency)
            rounded["cap",] = min(most - total, 0)
        lines.update({(number, *key): amount for key, amount in rounded.items()})
    return {key: amount for key, amount in lines.items() if amount}


def minor(amount: Fraction, currency: str) -> int:
    """Round half-even to minor units."""
    exact = amount * Fraction(10) ** DIGITS[currency]
    below = floor(exact)
    rest = exact - below
    if rest == Fraction(1, 2):
        return below + below % 2
    return below + 1 if rest > Fraction(1, 2) else below


def _rate(base: str, currency: str, rates: Mapping[str, Fraction]) -> Fraction:
    return Fraction(1) if base == currency else rates[base]


def _taken(
    charges: Sequence[Mapping[str, Any]], rows: Sequence[Used]
) -> Iterator[tuple[Mapping[str, Any], list[Used]]]:
    """Each call's unit goes to the first charge that covers it; free takes all, a cost passed on all tokens."""
    gone: list[set[str]] = [set() for _ in rows]
    for charge in charges:
        if charge["kind"] == "fixed":
            continue
        its = []
        for row, before in zip(rows, gone, strict=True):
            if not _fits(charge.get("provider", "*"), row.provider) or not _fits(charge.get("model", "*"), row.model):
                continue
            unit = str(charge.get("unit"))
            if charge["kind"] == "free":
                blocked, takes = bool(before), {"free"}
            elif charge["kind"] == "pass_through":
                blocked, takes = bool(before & {"free", "cost", TOKENS}), {"cost"}
            elif unit == "calls":
                blocked, takes = bool(before & {"free", "calls"}), {"calls"}
            else:
                blocked, takes = bool(before & {"free", "cost", unit}), {unit, TOKENS}
            if not blocked:
                before.update(takes)
                its.append(row)
        yield charge, its


def _fits(pattern: str, name: str | None) -> bool:
    return pattern == "*" or (name is not None and fnmatchcase(name.lower(), pattern.lower()))


def _lines(
    charge: Mapping[str, Any],
    rows: Sequence[Used],
    *,
    share: Fraction,
    rate: Fraction,
    currency: str,
    rates: Mapping[str, Fraction],
) -> dict[Key, Fraction]:
    name, kind = charge["id"], charge["kind"]
    if kind == "free":
        return {}
    if kind == "pass_through":
        factor = 1 + Fraction(charge.get("markup", 0)) - Fraction(charge.get("discount", 0))
        return {
            (name, row.provider, row.model, row.currency): row.cost * factor * _rate(row.currency, currency, rates)
            for row in rows
        }
    unit, per = charge["unit"], charge.get("per", 1)
    included = Fraction(charge.get("allowance", 0))
    if kind == "per_unit" and not included:
        lines: dict[Key, Fraction] = {}
        for row in rows:
            key = (name, row.provider, row.model)
            price = Fraction(charge["price"]) * rate / per
            lines[key] = lines.get(key, Fraction(0)) + row.amount(unit) * price
        return lines
    used = sum(row.amount(unit) for row in rows)
    free = ceil(included * (share if charge.get("prorate", True) else 1))
    beyond = max(used - free, 0) if used > 0 else used
    return {(name,): _price(charge, beyond, per) * rate}


def _price(charge: Mapping[str, Any], beyond: int, per: int) -> Fraction:
    """What a quantity beyond the allowance costs. What is less than nothing is at the first tier's price."""
    if charge["kind"] == "per_unit":
        return beyond * Fraction(charge["price"]) / per
    if charge["kind"] == "package":
        return ceil(Fraction(beyond, charge["size"])) * Fraction(charge["price"])
    tiers = charge["tiers"]
    if charge["kind"] == "volume":
        tier = next(one for one in tiers if "up_to" not in one or beyond <= one["up_to"])
        flat = Fraction(tier.get("flat", 0)) if beyond > 0 else 0
        return beyond * Fraction(tier["price"]) / per + flat
    if beyond <= 0:
        return beyond * Fraction(tiers[0]["price"]) / per
    amount, below = Fraction(0), 0
    for tier in tiers:
        top = beyond if "up_to" not in tier else min(beyond, tier["up_to"])
        if top > below:
            amount += (top - below) * Fraction(tier["price"]) / per + Fraction(tier.get("flat", 0))
            below = top
    return amount
