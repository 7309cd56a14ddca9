"""Figures: counts as emitters write them, read as integers or refused; costs as they claim them, read or ignored.

Emitters write counts as integers, as floats, and as strings (Micrometer turns every value into text). A value that is
none of these, negative, not whole, not finite or absurdly large makes the span unreadable: a guess would be billed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from receiver.dialects.reading import AttributeValue, UnreadableSpanError

# Python reads more as a number than any emitter writes: `1_000`, other alphabets' digits, `infinity`.
_NUMBER: Final = re.compile(r"\s*[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,3})?\s*", re.ASCII)
# A thousand times the largest context window there is; anything above is a fault of the emitter.
COUNT_MAX: Final = 10**10
# No model call costs a billion; what claims to is a fault.
_COST_MAX: Final = 10**9


def read_count(attributes: Mapping[str, AttributeValue], keys: Sequence[str]) -> int | None:
    """Return the count under the first of `keys` that is there; None when none is. Never a sum.

    Raises:
        UnreadableSpanError: the value is no count.
    """
    for key in keys:
        value = attributes.get(key)
        if value is None or value == "":
            continue
        if type(value) is int and 0 <= value <= COUNT_MAX:
            return value
        return parse_count(key, value)
    return None


def read_text(attributes: Mapping[str, AttributeValue], keys: Sequence[str]) -> str | None:
    """Return the first non-empty text under `keys`; an id that is written as a number is its digits."""
    for key in keys:
        value = attributes.get(key)
        if value is None:
            continue
        if isinstance(value, str):
            if value:
                return value
        elif isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
    return None


def is_true(value: AttributeValue | None) -> bool:
    """Whether a value says yes, as a boolean or as the text of one: evidence keeps it as text."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


def parse_count(key: str, value: AttributeValue) -> int:
    """Return an attribute's value as a count, however it is spelled.

    Raises:
        UnreadableSpanError: it is none.
    """
    number: int | float | None
    if isinstance(value, str):
        number = float(value) if _NUMBER.fullmatch(value) else None
    else:
        number = value if isinstance(value, int | float) and not isinstance(value, bool) else None
    if number is None:
        raise UnreadableSpanError("count_of_wrong_type", f"{key} is {value!r:.80}; expected a count")
    if isinstance(number, float) and not number.is_integer():  # neither inf nor nan is
        raise UnreadableSpanError("count_not_whole", f"{key} is {value!r:.80}; expected a whole number")
    if number < 0:
        raise UnreadableSpanError("count_negative", f"{key} is {value!r:.80}; expected 0 or more")
    if number > COUNT_MAX:
        raise UnreadableSpanError("count_absurd", f"{key} is {value!r:.80}; expected at most {COUNT_MAX}")
    return number if isinstance(number, int) else int(number)


def parse_cost(value: object) -> Decimal | None:
    """Return a cost that is claimed, in the currency of the claim; None for what is no number, negative or absurd.

    A claim decides nothing about a call's figures, so one that cannot be read is no claim and no error.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        return None
    try:
        cost = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return cost if cost.is_finite() and 0 <= cost < _COST_MAX else None
