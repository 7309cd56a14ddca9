"""Calls to be priced and what they cost, in columns; and calls that are alike, so that each price is looked up once.

A call is looked at by what it was called with (`Called`): everything about it that may decide its price but for its
time and its counts. Of its flags only those count that pricing obeys; place and account only where somebody's own
prices or deployments ask for them, since they would only divide the calls into more groups.

Must not: know a price. Units of an amount: 10⁻¹² USD.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ledger.schema import Flag
from pricing.charges import Counts, Figures, Mask
from pricing.units import library_name, registry

Rows = npt.NDArray[np.intp]
# No count of anything; stands for null while a column is int64.
_UNSAID: Final = -(2**63)
_PRICING_FLAGS: Final = frozenset({
    Flag.LOCAL_CACHE_HIT.value, Flag.CACHE_READ_UNSAID.value, Flag.CACHE_WRITE_UNSAID.value,
    Flag.CACHE_TTL_UNSAID.value, Flag.PROFILE_UNSAID.value,
})  # fmt: skip
_NO_FLAGS: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class CallColumns:
    """Calls to be priced: parallel sequences, one item a call. A column that is None was said by no call."""

    provider: Sequence[str | None]
    model: Sequence[str | None]
    """The response's model where known, else the request's."""
    start_time_us: Sequence[int]
    """Microseconds since 1970 UTC; decides which dated price holds."""
    service_tier: Sequence[str | None]
    usage: Mapping[str, Sequence[int | None]]
    """Ledger unit → counts; a unit that is absent was reported by no call."""
    usage_status: Sequence[str | None]
    usage_flags: Sequence[Sequence[str] | None] | None = None
    billing_mode: Sequence[str | None] | None = None
    request_model: Sequence[str | None] | None = None
    provider_account: Sequence[str | None] | None = None
    region: Sequence[str | None] | None = None
    deployment: Sequence[str | None] | None = None
    reported_cost: Sequence[int | None] | None = None
    """What the span claims that the call cost, 10⁻¹² USD."""
    reported_cost_source: Sequence[str | None] | None = None
    kind: npt.NDArray[np.int64] | None = None
    """Numbers, equal only for calls that agree in all but time and counts, where that is known beforehand."""


@dataclass(frozen=True, slots=True)
class MoneyColumns:
    """What the calls cost: amounts in 10⁻¹² of the currency's unit, None where not known."""

    input_cost: list[int | None]
    output_cost: list[int | None]
    other_cost: list[int | None]
    cost: list[int | None]
    """What is paid: at own rates where any hold."""
    list_cost: list[int | None]
    """What it is at the public price."""
    cost_low: list[int | None]
    """The least that the cost can be, where it is not known but bounded."""
    cost_high: list[int | None]
    """The most that it can be."""
    cost_currency: list[str | None]
    price_status: list[str]
    price_version: list[str | None]
    list_price_version: list[str | None]
    price_model: list[str | None]
    price_reason: list[str | None]
    """Why the status is what it is, in words; None where a plain price was applied."""


class Called(NamedTuple):
    """What may decide a call's price, beside its time and its counts."""

    provider: str | None
    model: str | None
    service_tier: str | None = None
    usage_status: str | None = None
    flags: frozenset[str] = _NO_FLAGS
    billing_mode: str | None = None
    request_model: str | None = None
    account: str | None = None
    region: str | None = None
    deployment: str | None = None
    cache_write_ttl: str | None = None
    """`5m` or `1h`, where the user's deployments say it."""
    settled: str | None = None
    """What of the above the user's deployments said, in words."""


def alike(calls: CallColumns, *, by_place: bool) -> Iterator[tuple[Called, Rows]]:
    """Yield what calls were called with, and which they are. `by_place`: account, region and names matter too."""
    assert len({len(calls.provider), len(calls.model), len(calls.service_tier), len(calls.usage_status)}) == 1
    one_of_each: Any = slice(None)
    kind_of: Any = slice(None)
    if calls.kind is not None:
        _, one_of_each, kind_of = np.unique(calls.kind, return_index=True, return_inverse=True)
    numbers: dict[tuple[Any, ...], int] = {}
    keys = zip(*_deciding(calls, one_of_each, by_place=by_place), strict=False)
    number_of = np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.intp)[kind_of]
    ends = np.cumsum(np.bincount(number_of))
    # What follows the last end is empty.
    members = np.split(np.argsort(number_of, kind="stable"), ends)[:-1]
    return zip((Called(*key) for key in numbers), members, strict=True)


def _deciding(calls: CallColumns, rows: Any, *, by_place: bool) -> Iterator[Iterable[Any]]:
    """Yield the columns that make calls alike, at some rows."""
    places = (calls.request_model, calls.provider_account, calls.region, calls.deployment)
    yield from (_at(column, rows) for column in (calls.provider, calls.model, calls.service_tier, calls.usage_status))
    yield _flags(None if calls.usage_flags is None else _at(calls.usage_flags, rows))
    yield _at(calls.billing_mode, rows)
    yield from (_at(column if by_place else None, rows) for column in places)


def _at(column: Sequence[Any] | None, rows: Any) -> Any:
    if column is None:
        return repeat(None)
    return column if isinstance(rows, slice) else [column[row] for row in rows.tolist()]


def read_usage(usage: Mapping[str, Sequence[int | None]], count: int) -> dict[str, Figures]:
    """Return the figures by the library's unit names, without units that no call mentions."""
    read: dict[str, Figures] = {}
    for ledger_name, column in usage.items():
        nulls = column.count(None)
        if nulls == count:
            continue
        figures = _figures(column, has_nulls=bool(nulls))
        name = library_name(ledger_name)
        if name in read:  # both names of one unit: the first that says something counts
            first = read[name]
            figures = Figures(np.where(first.said, first.counts, figures.counts), first.said | figures.said)
        read[name] = figures
    return read


def chargeable(usage: Mapping[str, Figures], count: int) -> Mask:
    """Find calls that say how much of anything there is a unit for, or that they used something there is none for."""
    units = registry().units
    some = np.zeros(count, np.bool_)
    for name, figures in usage.items():
        some |= figures.said if name in units else figures.counts > 0
    return some


def _flags(column: Sequence[Sequence[str] | None] | None) -> Iterable[frozenset[str]]:
    if column is None:
        return repeat(_NO_FLAGS)
    known: dict[tuple[str, ...], frozenset[str]] = {}
    return [_NO_FLAGS if not flags else _obeyed(tuple(flags), known) for flags in column]


def _obeyed(flags: tuple[str, ...], known: dict[tuple[str, ...], frozenset[str]]) -> frozenset[str]:
    if flags not in known:
        known[flags] = _PRICING_FLAGS & frozenset(flags)
    return known[flags]


def _figures(column: Sequence[int | None], *, has_nulls: bool) -> Figures:
    values = [_UNSAID if count is None else count for count in column] if has_nulls else column
    try:
        counts: Counts = np.array(values, np.int64)
    except OverflowError:
        counts = np.array(values, np.object_)
    said: Any = counts != _UNSAID
    if has_nulls:
        counts = np.where(said, counts, 0)
    # Far below the end of int64, so that no sum of counts can pass it.
    return Figures(counts if np.abs(counts).max(initial=0) < 2**53 else counts.astype(np.object_), said)
