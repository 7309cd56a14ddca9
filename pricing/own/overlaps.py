"""Overlaps: two entries that could both hold for one call, at one time, of which neither is the narrower.

Which of them was meant cannot be known, so both are named and the file is not taken. Entries that only share a part of
their calls overlap too: "everything of account A" and "every gpt-5 model" meet in account A's gpt-5 calls. Either is
made narrower by naming what the other names as well.

Must not: choose.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from pricing.own.entries import Deployment, OwnPrice
from pricing.own.fields import Problem
from pricing.units import ledger_name


def price_overlaps(prices: Sequence[OwnPrice]) -> Iterator[Problem]:
    """Yield the pairs of prices of one unit between which nothing decides."""
    for one, other in combinations(prices, 2):
        if not _cross(one, other):
            continue
        if one.discount is not None and other.discount is not None:
            of = "every unit"
        else:
            shared = sorted(
                unit for unit in {*one.rates, *other.rates} if one.speaks_of(unit) and other.speaks_of(unit)
            )
            of = ", ".join(map(ledger_name, shared))
        if of:
            yield _problem(one, other, f"both price {of}")


def deployment_overlaps(deployments: Sequence[Deployment]) -> Iterator[Problem]:
    """Yield the pairs of deployments that contradict each other, with nothing to decide between them.

    Two that name other conditions, such as an account and an endpoint, may never meet: if they do at a call, that is
    `ambiguous`, and its reason names both.
    """
    for one, other in combinations(deployments, 2):
        points = [point for point in one.says if other.says.get(point, one.says[point]) != one.says[point]]
        if points and one.scope.named == other.scope.named and _cross(one, other):
            yield _problem(one, other, f"both say {', '.join(points)}")


def _cross(one: OwnPrice | Deployment, other: OwnPrice | Deployment) -> bool:
    if not one.validity.meets(other.validity) or not one.scope.meets(other.scope):
        return False
    return not (one.scope.is_narrower_than(other.scope) or other.scope.is_narrower_than(one.scope))


def _problem(one: OwnPrice | Deployment, other: OwnPrice | Deployment, what: str) -> Problem:
    return Problem(
        f"{one.place} and {other.place}",
        f"{what} for the same calls at the same time ({one.validity} and {other.validity}), and neither is narrower",
        "end one before the other begins, or name more of what one of them is for",
    )
