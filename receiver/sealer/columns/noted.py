"""What a dialect asks of a span, noted while it reads one.

A dialect is a pure function of a span. Given attributes that note what is asked of them, it says itself on what its
reading depends: which attributes it looked for, and of their values, either

* nothing but that they are there: a text that only passes into the reading (an id, a user), or
* how counts compare: sums of counts, and whether such a sum was 0, below, equal or above another, or
* more than that, which is then refused: the value counts as asked for whole, and the dialect is asked again with it.

So two spans that agree on what was asked whole, on what is there, and on how the counts compare, get the same reading,
up to the texts passed on and the sums of counts. `templates` builds on that.

A noted value is no `int` and no `str`, it only says so to `isinstance`: whatever looks inside without asking fails
instead of seeing a value. Must not: know any dialect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, NoReturn, cast

from receiver.dialects.reading import AttributeValue, SpanView
from receiver.sealer.columns.attributes import COUNT_MAX


class Field(Enum):
    """What is asked of a span beside its attributes; always asked for whole."""

    NAME = auto()
    KIND = auto()
    STATUS = auto()
    RESOURCE = auto()
    KEYS = auto()
    """Which attributes it has, by walking over them."""


Asked = str | Field
"""An attribute's key, or a field."""


class AskedForMoreError(BaseException):
    """A dialect wants more of a value than can be noted. Not an `Exception`: no dialect may take it for one."""


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum of counts: factors by attribute key, and a constant."""

    terms: tuple[tuple[str, int], ...]
    constant: int = 0

    def bounds(self) -> tuple[int, int]:
        """Return the least and the largest it can be, each count being from 0 to `COUNT_MAX`."""
        low = high = self.constant
        for _, factor in self.terms:
            low, high = (low, high + factor * COUNT_MAX) if factor > 0 else (low + factor * COUNT_MAX, high)
        return low, high

    def of(self, values: Mapping[str, Any]) -> Any:
        """Return it for these counts: integers or columns of them."""
        total: Any = self.constant
        for key, factor in self.terms:
            total = total + values[key] * factor
        return total


@dataclass(frozen=True, slots=True)
class Condition:
    """How a sum compared with 0 when the dialect asked."""

    sum: Sum
    sign: int
    """-1, 0 or 1: what the comparison was about."""
    holds: bool
    """Whether the sum had that sign."""


@dataclass(slots=True)
class Notes:
    """What was asked of one span."""

    asked: dict[Asked, None] = field(default_factory=dict)
    """In the order in which it was asked for first."""
    conditions: dict[Condition, None] = field(default_factory=dict)
    wanted_whole: set[str] = field(default_factory=set)
    """Keys of noted values of which more was asked."""

    def refuse(self, keys: set[str]) -> NoReturn:
        """Note that these values are wanted whole."""
        self.wanted_whole |= keys
        raise AskedForMoreError

    def has_sign(self, total: Sum, value: int, sign: int) -> bool:
        """Say whether a sum has a sign, noting it where it could be otherwise."""
        holds = (value > 0) - (value < 0) == sign
        low, high = total.bounds()
        is_settled = low == high or (sign > 0 and (low > 0 or high <= 0)) or (sign < 0 and (high < 0 or low >= 0))
        if not is_settled and not (sign == 0 and (low > 0 or high < 0)):
            self.conditions[Condition(total, sign, holds)] = None
        return holds


class _Noted:
    """Refuses everything; what can be answered, the kinds below answer."""

    __slots__ = ("_notes",)

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    def _keys(self) -> set[str]:
        raise NotImplementedError

    def _refuse(self, *_arguments: object, **_named: object) -> NoReturn:
        self._notes.refuse(self._keys())

    # Python looks these up on the type, past `__getattr__`.
    _refused: Any = _refuse
    __getattr__ = __hash__ = __str__ = __repr__ = __format__ = __bytes__ = __fspath__ = _refused
    __len__ = __iter__ = __reversed__ = __contains__ = __getitem__ = _refused
    __int__ = __float__ = __complex__ = __index__ = __round__ = __trunc__ = __floor__ = __ceil__ = _refused
    __bool__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refused
    __neg__ = __pos__ = __abs__ = __invert__ = _refused
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __mod__ = __rmod__ = __pow__ = __rpow__ = _refused
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __divmod__ = __rdivmod__ = _refused
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __lshift__ = __rlshift__ = _refused
    __rshift__ = __rrshift__ = _refused


class NotedText(_Noted):
    """A text that is not empty, of which nothing else is known."""

    __slots__ = ("key",)
    __class__ = property(lambda _self: str)  # what `isinstance` sees
    __hash__ = _Noted.__hash__

    def __init__(self, key: str, notes: Notes) -> None:
        super().__init__(notes)
        self.key = key

    def _keys(self) -> set[str]:
        return {self.key}

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        if other is None or (type(other) is str and not other):
            return False
        return self._refuse()


class NotedCount(_Noted):
    """A count, or a sum of counts, of which only comparisons can be learnt."""

    __slots__ = ("sum", "value")
    __class__ = property(lambda _self: int)  # what `isinstance` sees
    __hash__ = _Noted.__hash__

    def __init__(self, total: Sum, value: int, notes: Notes) -> None:
        super().__init__(notes)
        self.sum = total
        self.value = value

    def _keys(self) -> set[str]:
        return {key for key, _ in self.sum.terms}

    def __bool__(self) -> bool:
        return not self._notes.has_sign(self.sum, self.value, 0)

    def __add__(self, other: object) -> NotedCount:
        return self._plus(other, 1)

    __radd__ = __add__

    def __sub__(self, other: object) -> NotedCount:
        return self._plus(other, -1)

    def __rsub__(self, other: object) -> NotedCount:
        return self._negated()._plus(other, 1)

    def __eq__(self, other: object) -> bool:
        if other is None or type(other) is str:
            return False
        return self._has_sign(other, 0)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: object) -> bool:
        return self._has_sign(other, -1)

    def __gt__(self, other: object) -> bool:
        return self._has_sign(other, 1)

    def __le__(self, other: object) -> bool:
        return not self._has_sign(other, 1)

    def __ge__(self, other: object) -> bool:
        return not self._has_sign(other, -1)

    def _has_sign(self, other: object, sign: int) -> bool:
        difference = self._plus(other, -1)
        return self._notes.has_sign(difference.sum, difference.value, sign)

    def _negated(self) -> NotedCount:
        terms = tuple((key, -factor) for key, factor in self.sum.terms)
        return NotedCount(Sum(terms, -self.sum.constant), -self.value, self._notes)

    def _plus(self, other: object, factor: int) -> NotedCount:
        if type(other) is int:
            added, value = Sum((), other), other
        elif type(other) is NotedCount:
            added, value = other.sum, other.value
        else:
            self._refuse()
        terms = dict(self.sum.terms)
        for key, times in added.terms:
            terms[key] = terms.get(key, 0) + times * factor
        total = Sum(
            tuple(sorted((key, times) for key, times in terms.items() if times)),
            self.sum.constant + added.constant * factor,
        )
        return NotedCount(total, self.value + value * factor, self._notes)


class NotedAttributes(Mapping[str, Any]):
    """A span's attributes that note what is asked of them."""

    def __init__(self, values: Mapping[str, AttributeValue], noted: frozenset[str], notes: Notes) -> None:
        self._values = values
        self._noted = noted
        self._notes = notes

    def __getitem__(self, key: str) -> Any:
        self._notes.asked[key] = None
        value = self._values[key]
        return self._noted_value(key, value) if key in self._noted else value

    def __contains__(self, key: object) -> bool:
        self._notes.asked[cast("str", key)] = None
        return key in self._values

    def get(self, key: str, default: Any = None) -> Any:
        """Return an attribute, or the default where there is none."""
        self._notes.asked[key] = None
        return self[key] if key in self._values else default

    def __iter__(self) -> Iterator[str]:
        self._notes.asked[Field.KEYS] = None
        return iter(self._values)

    def __len__(self) -> int:
        self._notes.asked[Field.KEYS] = None
        return len(self._values)

    def _noted_value(self, key: str, value: AttributeValue) -> Any:
        if isinstance(value, str):
            return NotedText(key, self._notes)
        return NotedCount(Sum(((key, 1),)), cast("int", value), self._notes)


class NotedView:
    """A span that notes what is asked of it; stands for a `SpanView`."""

    def __init__(self, span: SpanView, noted: frozenset[str], notes: Notes) -> None:
        self._span = span
        self._notes = notes
        self.scope_name = span.scope_name
        self.scope_version = span.scope_version
        self.attributes = NotedAttributes(span.attributes, noted, notes)

    @property
    def name(self) -> str:
        """The span's name."""
        self._notes.asked[Field.NAME] = None
        return self._span.name

    @property
    def kind(self) -> int:
        """The span's kind."""
        self._notes.asked[Field.KIND] = None
        return self._span.kind

    @property
    def status_code(self) -> int:
        """The span's status."""
        self._notes.asked[Field.STATUS] = None
        return self._span.status_code

    @property
    def resource(self) -> Mapping[str, AttributeValue]:
        """Who sent the span."""
        self._notes.asked[Field.RESOURCE] = None
        return self._span.resource
