"""Readings worked out once for all spans of which a dialect would ask and learn the same.

Per scope it is remembered what its dialect has ever asked of its spans. Spans that agree on all of that have one
*shape*; within a shape, counts may still compare differently. A *template* is a reading, the comparisons under which it
holds, and what is left open in it: texts passed on, and units that are sums of counts. For a shape without a template
that holds, the dialect reads one span with notes taken, and that gives the next template.

Each template is checked once, against the dialect's reading of the very span it was taken from. A span that is no
call, whose reading cannot be noted, or whose shape has too many templates, goes the long way; so do, for a while, all
spans of a scope whose templates serve too few of them.

Must not: decide what a reading says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np

from ledger.schema import UNIT_COLUMNS
from receiver import dialects
from receiver.dialects.reading import AttributeValue, Reading, SpanKind, SpanView
from receiver.sealer.columns.answers import Answers
from receiver.sealer.columns.attributes import COUNT, TEXT
from receiver.sealer.columns.fields import Integers
from receiver.sealer.columns.grouping import group
from receiver.sealer.columns.noted import (
    Asked,
    AskedForMoreError,
    Condition,
    Field,
    NotedCount,
    NotedText,
    NotedView,
    Notes,
    Sum,
)
from receiver.sealer.columns.spans import SpanColumns
from receiver.sealer.decode import DecodedSpan, Decoder

LONG_WAY: Final = -1
# A scope that asks for more, or a shape with more ways to compare, is no longer read quickly.
_ASKED_MAX: Final = 128
_TEMPLATES_OF_SHAPE_MAX: Final = 16
# Units with a column of their own; rarer ones go the long way.
_UNITS: Final = frozenset(UNIT_COLUMNS)
# Fields of a reading that may be texts of each span's own. The others repeat, and count as asked for whole.
_OWN_TEXTS: Final = frozenset({"response_id", "user_id", "session_id"})
_SHAPES_MAX: Final = 20_000
_CONSTANTS_MAX: Final = 200_000
# A scope with this many templates or more, each of which served fewer spans than this, is left alone for this many.
_TEMPLATES_MIN: Final = 64
_SERVED_MIN: Final = 4
_REST_SPANS: Final = 200_000
# New shapes in one batch that are worked out; the rest of them wait for the next one, and go the long way.
_NEW_TEMPLATES_MAX: Final = 300


@dataclass(frozen=True, slots=True)
class Template:
    """A reading with what differs from span to span left open."""

    conditions: tuple[Condition, ...]
    reading: Reading | None
    """None: the long way."""
    texts: tuple[tuple[str, str], ...] = ()
    """Fields of the reading, and the attribute that each is."""
    units: tuple[tuple[str, Sum], ...] = ()
    """Usage by unit."""

    def filled(self, attributes: Mapping[str, AttributeValue]) -> Reading | None:
        """Return the reading of a span with these attributes."""
        if self.reading is None:
            return None
        texts = {name: attributes[key] for name, key in self.texts}
        return msgspec.structs.replace(
            self.reading, usage={unit: total.of(attributes) for unit, total in self.units}, **texts
        )


@dataclass(slots=True)
class _Scope:
    """What is known of how one scope's spans are read."""

    asked: dict[Asked, bool] = field(default_factory=dict)
    """What its dialect asked for; true where the value was asked for whole."""
    shapes: dict[tuple[int, ...], list[int]] = field(default_factory=dict)
    made: int = 0
    """Templates worked out."""
    served: int = 0
    """Spans that had one."""
    rest: int = 0
    """Spans that go the long way before templates are tried again."""

    def is_resting(self, spans: int) -> bool:
        """Say whether these spans are to go the long way unlooked at."""
        if self.rest <= 0:
            return False
        self.rest -= spans
        return True

    def count(self, served: int) -> None:
        """Count spans that had a template; rest if templates are not worth their while."""
        self.served += served
        if self.made >= _TEMPLATES_MIN and self.served < self.made * _SERVED_MIN:
            self.shapes.clear()
            self.made = self.served = 0
            self.rest = _REST_SPANS

    def add(self, notes: Notes) -> None:
        """Add what was asked."""
        for asked in notes.asked:
            self.asked.setdefault(asked, isinstance(asked, Field))
        for key in notes.wanted_whole:
            self.asked[key] = True


class Templates:
    """All templates so far. Not thread-safe; one per sealer."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._scopes: dict[bytes, _Scope] = {}
        self._constants: dict[bytes, int] = {}
        self.all: list[Template] = []
        """By number."""

    def forget_when_full(self) -> bool:
        """Forget everything once it is more than it may be; say whether that was so."""
        shapes = sum(len(scope.shapes) for scope in self._scopes.values())
        if max(shapes, len(self._scopes), len(self.all)) <= _SHAPES_MAX and len(self._constants) <= _CONSTANTS_MAX:
            return False
        for memory in (self._scopes, self._constants, self.all):
            memory.clear()
        return True

    def read(self, spans: SpanColumns) -> Integers:
        """Return for each span the number of its template, or LONG_WAY."""
        numbers = np.full(len(spans.raw), LONG_WAY, np.int64)
        by_scope: dict[bytes, list[int]] = {}
        for place, origin in enumerate(spans.origins):
            by_scope.setdefault(origin.scope, []).append(place)
        reading = _BatchReading(self, spans, self._constants)
        for encoded, origins in by_scope.items():
            is_of_scope = np.zeros(len(spans.origins), np.bool_)
            is_of_scope[origins] = True
            rows = np.flatnonzero(spans.plain & is_of_scope[spans.origin])
            scope = self._scopes.setdefault(encoded, _Scope())
            if rows.size and not scope.is_resting(len(rows)):
                reading.read_scope(scope, rows, numbers)
                scope.count(int((numbers[rows] != LONG_WAY).sum()))
        return numbers

    def new(self, spans: SpanColumns, row: int, scope: _Scope) -> int:
        """Work out the template of one span; note in the scope what was asked for it."""
        span = spans.decoded(row, self._decoder)
        assert isinstance(span, DecodedSpan), "a plain span that cannot be decoded"
        view = SpanView(
            span.name, span.kind, span.scope.name, span.scope.version,
            span.attributes, span.resource.attributes, span.status_code,
        )  # fmt: skip
        self.all.append(_template(view, scope, could_be_noted=spans.keys_of_kinds(row, (COUNT, TEXT))))
        return len(self.all) - 1


class _BatchReading:
    """The reading of one batch: what is asked for, as columns."""

    def __init__(self, templates: Templates, spans: SpanColumns, constants: dict[bytes, int]) -> None:
        self._templates = templates
        self._spans = spans
        self._answers = Answers(spans, constants)
        self._new = 0

    def read_scope(self, scope: _Scope, rows: Integers, numbers: Integers) -> None:
        """Find or work out the templates of one scope's spans."""
        while len(scope.asked) <= _ASKED_MAX and not self._read_shapes(scope, rows, numbers):
            # Something was asked for the first time: the shapes are others now.
            scope.shapes.clear()

    def _read_shapes(self, scope: _Scope, rows: Integers, numbers: Integers) -> bool:
        columns = [self._answers.column(asked, rows, whole=whole) for asked, whole in scope.asked.items()]
        for members in group(columns, len(rows)).members():
            shape = tuple(int(column[members[0]]) for column in columns)
            known = scope.shapes.setdefault(shape, [])
            if not self._read_shape(scope, known, rows[members], numbers):
                return False
        return True

    def _read_shape(self, scope: _Scope, known: list[int], rows: Integers, numbers: Integers) -> bool:
        """Give each span of one shape its template; false when more was asked than the shape knows."""
        for number in known:
            rows = self._fill(number, rows, numbers)
            if not rows.size:
                return True
        while rows.size and len(known) < _TEMPLATES_OF_SHAPE_MAX and self._new < _NEW_TEMPLATES_MAX:
            self._new += 1
            scope.made += 1
            asked = dict(scope.asked)
            number = self._templates.new(self._spans, int(rows[0]), scope)
            if scope.asked != asked:
                return False
            known.append(number)
            rows = self._fill(number, rows, numbers)
        return True

    def _fill(self, number: int, rows: Integers, numbers: Integers) -> Integers:
        """Give a template to the spans of its shape for which it holds; return the others."""
        template = self._templates.all[number]
        holds = np.ones(len(rows), np.bool_)
        for condition in template.conditions:
            total = condition.sum.of(self._answers.counts(rows))
            holds &= (np.sign(total) == condition.sign) == condition.holds
        numbers[rows[holds]] = number if template.reading is not None else LONG_WAY
        return rows[~holds]


def _template(view: SpanView, scope: _Scope, *, could_be_noted: frozenset[str]) -> Template:
    """Have the dialect read a span with notes taken, giving it whole what it asks for whole."""
    while True:
        whole = {asked for asked, is_whole in scope.asked.items() if is_whole}
        notes = Notes()
        reading: Reading | None = None
        try:
            reading = dialects.read(NotedView(view, could_be_noted - whole, notes))  # type: ignore[arg-type] # stands for a SpanView
        except AskedForMoreError:
            assert notes.wanted_whole, "a refusal without a key"
        except Exception:  # noqa: BLE001 - whatever is wrong with the span, the long way says it
            reading = None
        notes.wanted_whole |= _repeated_texts(reading)
        scope.add(notes)
        if not notes.wanted_whole:
            return _checked(tuple(notes.conditions), reading, view)


def _repeated_texts(reading: Reading | None) -> set[str]:
    """Return the keys of noted texts that became fields which repeat."""
    if reading is None:
        return set()
    values = {name: getattr(reading, name) for name in reading.__struct_fields__ if name not in _OWN_TEXTS}
    return {value.key for value in values.values() if type(value) is NotedText}


def _checked(conditions: tuple[Condition, ...], reading: Reading | None, view: SpanView) -> Template:
    long_way = Template(conditions, None)
    if reading is None or reading.kind != SpanKind.CALL or not reading.usage.keys() <= _UNITS:
        return long_way
    texts = [
        (name, value.key) for name in reading.__struct_fields__ if type(value := getattr(reading, name)) is NotedText
    ]
    usage: dict[str, Any] = dict(reading.usage)
    units = [(unit, amount.sum if type(amount) is NotedCount else Sum((), amount)) for unit, amount in usage.items()]
    bare = msgspec.structs.replace(reading, usage={}, **dict.fromkeys(name for name, _ in texts))
    template = Template(conditions, bare, tuple(texts), tuple(units))
    try:
        is_same = template.filled(view.attributes) == dialects.read(view)
    except Exception:  # noqa: BLE001 - a dialect that was misled by notes, or a span that is not for the quick way
        is_same = False
    return template if is_same else long_way
