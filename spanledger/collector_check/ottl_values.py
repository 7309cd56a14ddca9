"""Values of a condition as far as they are known, and what functions and comparisons make of them. See `ottl`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

Answer: TypeAlias = bool | None
"""None: it depends on something that is not known."""

COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}  # fmt: skip


class Open:
    """A value of which nothing is known."""


class Some(Open):
    """A value of which only is known that it is there."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Names of attributes; `open` where there may be more."""

    names: tuple[str, ...]
    open: bool


@dataclass(frozen=True, slots=True)
class Joined:
    """Names of attributes in one text."""

    text: str
    open: bool


OPEN: Final = Open()
SOME: Final = Some()


def call(name: str, arguments: Sequence[Any]) -> Any:
    """Return what a function gives; OPEN where it is not known here, or its arguments are not."""
    match name, arguments:
        case "Keys", [Keys() as keys]:
            return keys
        case "Concat", [Keys() as keys, str(delimiter)]:
            return Joined(delimiter.join(keys.names), keys.open)
        case "ContainsValue", [Keys() as keys, str(key)]:
            return True if key in keys.names else (OPEN if keys.open else False)
        case "IsMatch", [text, str(pattern)]:
            return _is_match(text, pattern)
    return OPEN


def _is_match(text: Any, pattern: str) -> Any:
    if text is None:
        return False
    if isinstance(text, str):
        return _matches(pattern, text)
    if not isinstance(text, Joined):
        return OPEN
    found = _matches(pattern, text.text)
    return OPEN if text.open and found is not True else found


def _matches(pattern: str, text: str) -> Any:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return OPEN


def compare(left: Any, sign: str, right: Any) -> Answer:
    """Return how two values compare."""
    pair = (left, right)
    if None in pair and sign in {"==", "!="} and any(isinstance(one, Some | Keys | Joined) for one in pair):
        return sign == "!="
    if any(isinstance(one, Open | Keys | Joined) for one in pair):
        return None
    try:
        return COMPARISONS[sign](left, right)
    except TypeError:  # OTTL: values of two types are unequal and in no order
        return False
