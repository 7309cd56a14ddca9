"""Rows that agree in several columns, as groups."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from receiver.sealer.columns.fields import Integers

# Any odd multiplier does; made-up spans cannot meet one that is chosen anew at each start.
_FACTOR: Final = np.uint64(secrets.randbits(64) | 1)


@dataclass(frozen=True, slots=True)
class Groups:
    """A partition of rows."""

    first: Integers
    """Of each group, its first row."""
    of_row: Integers
    """Of each row, its group."""

    def members(self) -> Iterator[Integers]:
        """Yield the rows of each group, in order."""
        order = np.argsort(self.of_row, kind="stable")
        yield from np.split(order, np.cumsum(np.bincount(self.of_row, minlength=len(self.first)))[:-1])


def group(columns: Sequence[Integers], count: int) -> Groups:
    """Group rows that are equal in all columns."""
    if not columns or not count:
        return Groups(np.zeros(min(count, 1), np.int64), np.zeros(count, np.int64))
    mixed = np.zeros(count, np.uint64)
    for column in columns:
        mixed = (mixed ^ column.astype(np.uint64)) * _FACTOR
        mixed ^= mixed >> np.uint64(32)
    unique: Any = np.unique(mixed, return_index=True, return_inverse=True)
    _, first, of_row = unique
    if not all((column == column[first][of_row]).all() for column in columns):
        # Two groups met in one number. It never happens; if it does, no row is in a group with another.
        return Groups(np.arange(count), np.arange(count))
    return Groups(first, of_row)
