"""Worlds compared: the same calls priced as they could have been, and what all of them agree on.

    priced, one amount in every world       priced; the reason says that what is unsaid made no difference
    not priced, for one reason in every     that status
    anything else                           ambiguous: the least and the most of the worlds' amounts are the bounds; a
                                            world without an amount leaves none

`list_cost` is compared by itself: what is paid may be known where the public price is not.

Must not: price.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ledger.schema import PriceStatus
from pricing.calls import Rows
from pricing.charges import Mask
from pricing.sheet import CURRENCY, Sheet

Column = npt.NDArray[np.object_]


def enter_agreed(
    target: Sheet, rows: Rows, worlds: Sequence[Sheet], *, reason: str, without_difference: str | None
) -> None:
    """Enter calls of `target` from sheets of just these calls, one a world; the first is what was literally said."""
    first = worlds[0].columns
    statuses = [world.columns["price_status"] for world in worlds]
    same_status = np.logical_and.reduce([_equal(one, statuses[0]) for one in statuses])
    least, most, bounded = _bounds(worlds)
    same_amount = _equal(least, most)
    is_priced = _equal(statuses[0], PriceStatus.PRICED.value)
    agreed = same_status & ~_equal(statuses[0], PriceStatus.AMBIGUOUS.value) & (~is_priced | same_amount)
    same_list = np.logical_and.reduce([_equal(world.columns["list_cost"], first["list_cost"]) for world in worlds])

    target.copy(rows, worlds[0], take=agreed)
    priced = agreed & is_priced
    if without_difference is not None:
        target.add_reason(rows[priced & same_list], without_difference)
    _forget_list(target, rows[agreed & ~same_list])
    target.add_reason(rows[priced & ~same_list], f"list_cost is not known: {reason}")

    open_ = np.flatnonzero(~agreed)
    if not len(open_):
        return
    at = rows[open_]
    target.refuse(at, PriceStatus.AMBIGUOUS, reason)
    for also in _other_reasons(worlds, open_):
        target.add_reason(at[also[0]], also[1])
    with_bounds = bounded[open_]
    target.bound(at[with_bounds], least=least[open_][with_bounds], most=most[open_][with_bounds], currency=CURRENCY)
    same_model = np.logical_and.reduce([_equal(world.columns["price_model"], first["price_model"]) for world in worlds])
    for name, keep in (("price_model", same_model), ("list_cost", same_list), ("list_price_version", same_list)):
        target.columns[name][at] = None
        target.columns[name][at[keep[open_]]] = first[name][open_][keep[open_]]


def _bounds(worlds: Sequence[Sheet]) -> tuple[Column, Column, Mask]:
    """Return the least and the most of the worlds' amounts, and where every world has one."""
    lows = [_known(world.columns["cost"], world.columns["cost_low"]) for world in worlds]
    highs = [_known(world.columns["cost"], world.columns["cost_high"]) for world in worlds]
    bounded = np.logical_and.reduce([~_equal(one, None) for one in (*lows, *highs)])
    least, most = np.full(len(bounded), None, np.object_), np.full(len(bounded), None, np.object_)
    least[bounded] = np.minimum.reduce([one[bounded] for one in lows])
    most[bounded] = np.maximum.reduce([one[bounded] for one in highs])
    return least, most, bounded


def _known(amounts: Column, otherwise: Column) -> Column:
    return np.where(_equal(amounts, None), otherwise, amounts)


def _forget_list(target: Sheet, rows: Rows) -> None:
    target.columns["list_cost"][rows] = None
    target.columns["list_price_version"][rows] = None


def _other_reasons(worlds: Sequence[Sheet], open_: npt.NDArray[np.intp]) -> list[tuple[Mask, str]]:
    """Return what else is open or wrong in some world, each reason once, with the calls that have it."""
    found: dict[str, Mask] = {}
    for world in worlds:
        reasons = world.columns["price_reason"][open_]
        unpriced = ~_equal(world.columns["price_status"][open_], PriceStatus.PRICED.value)
        for reason in dict.fromkeys(reasons[unpriced]):
            found[reason] = found.get(reason, np.zeros(len(open_), np.bool_)) | (_equal(reasons, reason) & unpriced)
    return [(mask, reason) for reason, mask in found.items()]


def _equal(column: Column, value: Any) -> Mask:
    """Compare element by element; null equals null."""
    return np.asarray(np.equal(column, value, dtype=np.object_), np.bool_)
