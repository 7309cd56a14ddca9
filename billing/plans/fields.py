"""Fields of a plan as written: each is read to its type, or a problem is noted. Nothing is guessed; no floats."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from billing.errors import FieldProblem, did_you_mean

# More digits than any price has; fewer than would make arithmetic slow.
DIGITS_MAX: Final = 30
_MONEY_MAX: Final = 10**15  # a product of a ledger's sum, a price and a rate still has room in the arithmetic
# An offset must not lead out of the calendar.
_FIRST_DAY: Final = date(1970, 1, 1)
_LAST_DAY: Final = date(9000, 1, 1)
_INTEGER_MAX: Final = 10**18
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_DECIMAL: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_TEXT_CHARS_MAX: Final = 200
_SHOWN_CHARS: Final = 60


@dataclass(slots=True)
class Fields:
    """The fields of one table of a document, and the problems found so far."""

    content: Mapping[str, Any]
    where: str = ""
    problems: list[FieldProblem] = field(default_factory=list)

    def note(self, name: str, what: str, remedy: str) -> None:
        """Note what is wrong with a field."""
        found = repr(self.content[name])[:_SHOWN_CHARS] if name in self.content else "nothing"
        self.problems.append(FieldProblem(f"{self.where}{name}", found, what, remedy))

    def only(self, known: frozenset[str]) -> None:
        """Note every field whose name is none of these."""
        for name in self.content:
            if name not in known:
                self.note(str(name), "is no field here", did_you_mean(str(name), sorted(known)))

    def text(self, name: str, default: str | None = None) -> str:
        """Return a short text."""
        value = self.content.get(name, default)
        if not isinstance(value, str) or (not value and default is None) or len(value) > _TEXT_CHARS_MAX:
            self.note(name, "is no text", f"Give 1 to {_TEXT_CHARS_MAX} characters.")
            return ""
        if "\x00" in value:
            self.note(name, "has a NUL character", "Leave it out.")
            return ""
        return value

    def identifier(self, name: str) -> str:
        """Return an id."""
        value = self.content.get(name)
        if not isinstance(value, str) or _ID.fullmatch(value) is None:
            self.note(name, "is no id", "Use letters, digits, '.', '_' and '-', at most 64, such as standard.")
            return ""
        return value

    def currency(self, name: str) -> str:
        """Return an ISO 4217 code."""
        value = self.content.get(name)
        if not isinstance(value, str) or _CURRENCY.fullmatch(value) is None:
            self.note(name, "is no currency", "Use an ISO 4217 code such as USD.")
            return ""
        return value

    def day(self, name: str) -> date:
        """Return a day."""
        value = self.content.get(name)
        if isinstance(value, str) and len(value) == len("2026-10-01"):
            with suppress(ValueError):
                value = date.fromisoformat(value)
        if isinstance(value, datetime) or not isinstance(value, date) or not _FIRST_DAY <= value < _LAST_DAY:
            self.note(name, "is no day", "Use a form like 2026-10-01.")
            return _FIRST_DAY
        return value

    def decimal(self, name: str, default: Decimal | None = None, *, negative: bool = False) -> Decimal:
        """Return an exact number, written as text or (in TOML) as a number."""
        value = self.content.get(name, default)
        number = exact(value)
        if number is None:
            self.note(name, "is no exact number", 'Write it as text, such as "3.00": a float loses digits.')
            return Decimal(0)
        if number < 0 and not negative:
            self.note(name, "is negative", "Give 0 or more.")
        return number

    def integer(self, name: str, default: int | None = None, *, least: int = 0) -> int:
        """Return a whole number."""
        value = self.content.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= _INTEGER_MAX:
            self.note(name, "is no whole number that fits", f"Give a whole number from {least} up.")
            return least
        return value

    def flag(self, name: str, default: bool) -> bool:  # noqa: FBT001 - the field's own default
        """Return true or false."""
        value = self.content.get(name, default)
        if not isinstance(value, bool):
            self.note(name, "is neither true nor false", "Write true or false.")
            return default
        return value

    def tables(self, name: str) -> list[Fields]:
        """Return a list of tables; their problems are noted here."""
        value = self.content.get(name)
        if not isinstance(value, list) or not value:
            self.note(name, "is no list of tables", f"Give at least one [[{name}]].")
            return []
        found = []
        for place, one in enumerate(value):
            if isinstance(one, Mapping):
                found.append(Fields(one, f"{self.where}{name}[{place}].", self.problems))
            else:
                self.note(name, f"has an entry ({place}) that is no table", "Each entry has fields of its own.")
        return found


def exact(value: object) -> Decimal | None:
    """Return a value as an exact number, or None where it is none, is a float, or has too many digits."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    if isinstance(value, str) and (len(value) > DIGITS_MAX + 2 or _DECIMAL.fullmatch(value) is None):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > DIGITS_MAX or abs(number) >= _MONEY_MAX:
        return None
    return number if len(format(number, "f").strip("-").replace(".", "")) <= DIGITS_MAX else None
