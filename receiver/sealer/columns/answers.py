"""What was asked of spans, answered for all of them at once: numbers that are equal where the answers are.

A value that was asked for whole has a number for its bytes, the same in every batch; a noted value, for its kind.

Must not: know who asks.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import numpy as np

from receiver.sealer.columns.attributes import COUNT, OTHER, TEXT
from receiver.sealer.columns.fields import Integers
from receiver.sealer.columns.grouping import group
from receiver.sealer.columns.noted import Asked, Field
from receiver.sealer.columns.spans import ABSENT, SpanColumns, stretches

# A noted value is only its kind; constants have numbers from 0.
_NOTED_COUNT, _NOTED_TEXT = -2, -3
_FACTOR: Final = np.uint64(secrets.randbits(64) | 1)


class Answers:
    """The answers of one batch."""

    def __init__(self, spans: SpanColumns, constants: dict[bytes, int]) -> None:
        self._spans = spans
        self._constants = constants
        self._constant_of = np.full(len(spans.distinct.kind), ABSENT, np.int64)

    def column(self, asked: Asked, rows: Integers, *, whole: bool) -> Integers:
        """Return what these spans answer; `whole`: by value, not only by what it is."""
        if isinstance(asked, Field):
            return self._field(asked)(rows)
        column = self._spans.by_key.get(asked)
        if column is None:
            return np.full(len(rows), ABSENT, np.int64)
        codes = column[rows]
        kinds = self._spans.distinct.kind[codes]
        is_there = codes != ABSENT
        result = np.full(len(rows), ABSENT, np.int64)
        if not whole:
            result[is_there & (kinds == COUNT)] = _NOTED_COUNT
            result[is_there & (kinds == TEXT)] = _NOTED_TEXT
            is_there &= kinds == OTHER
        if is_there.any():
            result[is_there] = self._constants_of(codes[is_there])
        return result

    def counts(self, rows: Integers) -> Mapping[str, Integers]:
        """Return the counts of these spans, by key."""
        return _Counts(self._spans, rows)

    def _constants_of(self, codes: Integers) -> Integers:
        """Return the numbers of whole values."""
        missing = np.unique(codes[self._constant_of[codes] == ABSENT])
        for code, encoded in zip(missing.tolist(), self._spans.distinct.encoded.take(missing).to_pylist(), strict=True):
            self._constant_of[code] = self._constant(encoded)
        return self._constant_of[codes]

    def _constant(self, value: bytes) -> int:
        return self._constants.setdefault(value, len(self._constants))

    def _field(self, asked: Field) -> Callable[[Integers], Integers]:
        return {
            Field.NAME: self._names,
            Field.KIND: lambda rows: self._spans.fields.kind[rows],
            Field.STATUS: lambda rows: self._spans.fields.status_code[rows],
            Field.RESOURCE: self._resources,
            Field.KEYS: self._key_sequences,
        }[asked]

    def _names(self, rows: Integers) -> Integers:
        name, text = self._spans.fields.name, self._spans.fields.data.tobytes()
        bounds = zip(name.start[rows].tolist(), name.size[rows].tolist(), strict=True)
        numbers = (self._constant(b"name " + text[start : start + size]) for start, size in bounds)
        return np.fromiter(numbers, np.int64, count=len(rows))

    def _resources(self, rows: Integers) -> Integers:
        numbers = [self._constant(b"resource " + origin.resource) for origin in self._spans.origins]
        return np.array(numbers, np.int64)[self._spans.origin[rows]]

    def _key_sequences(self, rows: Integers) -> Integers:
        """Number the keys that spans have, in their order: a dialect that walks over them may depend on it."""
        spans = self._spans
        keys = spans.distinct.key[spans.code]
        begin, end = spans.begin[rows], spans.begin[rows + 1]
        position = np.arange(len(keys)) - spans.begin[spans.row]
        mixed = (keys.astype(np.uint64) + np.uint64(1)) * _FACTOR ^ position.astype(np.uint64)
        mixed = (mixed ^ mixed >> np.uint64(32)) * _FACTOR
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed)])
        groups = group([sums[end] - sums[begin], end - begin], len(rows))
        first = groups.first[groups.of_row]
        if not _are_same(keys, begin, end, begin[first]):
            groups = group([np.arange(len(rows))], len(rows))
        names = [key.encoded for key in spans.distinct.keys]
        numbers = [
            self._constant(b"keys " + b"\0".join([names[key] for key in keys[begin[one] : end[one]].tolist()]))
            for one in groups.first.tolist()
        ]
        return np.array(numbers, np.int64)[groups.of_row]


def _are_same(values: Integers, begin: Integers, end: Integers, other: Integers) -> bool:
    """Say whether each stretch of values is the same as the one that begins at its `other`."""
    sizes = end - begin
    return bool((values[stretches(begin, sizes)] == values[stretches(other, sizes)]).all())


class _Counts(Mapping[str, Integers]):
    """Counts by key, looked up when asked for."""

    def __init__(self, spans: SpanColumns, rows: Integers) -> None:
        self._spans = spans
        self._rows = rows

    def __getitem__(self, key: str) -> Integers:
        return self._spans.distinct.count[self._spans.by_key[key][self._rows]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._spans.by_key)

    def __len__(self) -> int:
        return len(self._spans.by_key)
