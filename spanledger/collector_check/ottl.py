"""Conditions in the Collector's transformation language (OTTL), decided as far as a sample span decides them.

The answer is True, False or None for "it depends": on resource, time, status, a function not known here, or on
attributes that the sample leaves open. `and`, `or` and `not` obey that (Kleene's logic), so a condition can be False
for sure although a part of it is not known. What cannot be parsed depends, too. Understood are comparisons,
IsMatch, Concat, Keys and ContainsValue over a span's attributes and name and its scope's name; regular expressions
are Go's, of which Python understands what filters use. Source: pkg/ottl of Collector contrib v0.161.0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from spanledger.collector_check.ottl_values import COMPARISONS, OPEN, SOME, Answer, Keys, call, compare

_TOKEN: Final = re.compile(
    r'\s*(?:(?P<text>"(?:\\.|[^"\\])*")|(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w.]*)'
    r"|(?P<sign>==|!=|<=|>=|[<>()\[\],+*/{}:-]))",
    re.DOTALL,
)
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Sample:
    """A span, as far as it is known: keys of its attributes, its name, its scope.

    `open` says that it may have other attributes too, and, where `name` or `scope` is None, any name.
    """

    label: str
    keys: tuple[str, ...] = ()
    name: str | None = None
    scope: str | None = None
    open: bool = False


class _NotUnderstoodError(Exception):
    """The text is beyond what is understood here."""


def holds(condition: str, sample: Sample, *, context: str = "span") -> Answer:
    """Return whether a condition holds for a span; None where that depends on more than the sample says."""
    try:
        reader = _Reader(_tokens(condition), sample, context)
        answer = reader.either()
    except _NotUnderstoodError:
        return None
    return answer if reader.at_end else None


def strings_in(text: str) -> list[str]:
    """Return the quoted texts of a statement, without quotes and escapes."""
    return [_unquoted(found["text"]) for found in _TOKEN.finditer(text) if found["text"]]


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, position = [], 0
    text = text.rstrip()
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None or found.lastgroup is None:
            raise _NotUnderstoodError
        tokens.append((found.lastgroup, found[found.lastgroup]))
        position = found.end()
    return tokens


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), text[1:-1], flags=re.DOTALL)


class _Reader:
    """A condition read from left to right and decided on the way."""

    def __init__(self, tokens: Sequence[tuple[str, str]], sample: Sample, context: str) -> None:
        self._tokens = tokens
        self._position = 0
        self._sample = sample
        self._context = context

    @property
    def at_end(self) -> bool:
        return self._position == len(self._tokens)

    def either(self) -> Answer:
        answers = [self._both()]
        while self._take("or"):
            answers.append(self._both())
        return True if True in answers else (None if None in answers else False)

    def _both(self) -> Answer:
        answers = [self._one()]
        while self._take("and"):
            answers.append(self._one())
        return False if False in answers else (None if None in answers else True)

    def _one(self) -> Answer:
        if self._take("not"):
            answer = self._one()
            return None if answer is None else not answer
        if self._take("("):
            answer = self.either()
            self._expect(")")
            return answer
        left = self._value()
        sign = self._next_text()
        if sign in COMPARISONS:
            self._position += 1
            return compare(left, sign, self._value())
        return left if isinstance(left, bool) else None

    def _value(self) -> Any:
        if self.at_end:
            raise _NotUnderstoodError
        kind, text = self._tokens[self._position]
        self._position += 1
        if kind == "text":
            return _unquoted(text)
        if kind == "number":
            return float(text)
        if kind != "name":
            raise _NotUnderstoodError
        if text in {"nil", "true", "false"}:
            return {"nil": None, "true": True, "false": False}[text]
        if self._take("("):
            return call(text, self._arguments())
        return self._looked_up(text)

    def _arguments(self) -> list[Any]:
        arguments: list[Any] = []
        while not self._take(")"):
            arguments.append(self._value())
            if not self._take(","):
                self._expect(")")
                break
        return arguments

    def _looked_up(self, name: str) -> Any:
        indexes = []
        while self._take("["):
            indexes.append(self._value())
            self._expect("]")
        if self._context != "span" and not name.startswith(("span.", "scope.")):
            return OPEN
        if name in {"attributes", "span.attributes"}:
            return self._attribute(indexes[0]) if indexes else Keys(self._sample.keys, self._sample.open)
        known = {
            "name": self._sample.name, "span.name": self._sample.name,
            "scope.name": self._sample.scope, "instrumentation_scope.name": self._sample.scope,
        }.get(name)  # fmt: skip
        return OPEN if known is None else known

    def _attribute(self, key: Any) -> Any:
        if key in self._sample.keys:
            return SOME
        return OPEN if self._sample.open else None

    def _take(self, text: str) -> bool:
        if self._next_text() != text:
            return False
        self._position += 1
        return True

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise _NotUnderstoodError

    def _next_text(self) -> str:
        return "" if self.at_end else self._tokens[self._position][1]
