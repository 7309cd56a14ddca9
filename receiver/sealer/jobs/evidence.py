"""Evidence read back: the attributes of a row as a span would give them. Pure.

Evidence is text. What was true, false or a list is so again; numbers stay text, which every reader of counts takes, and
so do maps, which every reader of usage blocks takes. Must not: know what an attribute means.
"""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Iterable, Mapping
from typing import Any, Final

from receiver.dialects.reading import AttributeValue

_TRUTHS: Final = {"true": True, "false": False}


def span_attributes(row: Mapping[str, Any]) -> dict[str, AttributeValue] | None:
    """Return the span's own attributes; None when retention has dropped them."""
    return None if row["span_attributes"] is None else _values(row["span_attributes"])


def resource_attributes(row: Mapping[str, Any]) -> dict[str, AttributeValue]:
    """Return the resource's attributes; empty when there are none any more."""
    return _values(row["resource_attributes"] or ())


def _values(pairs: Iterable[tuple[str, str]]) -> dict[str, AttributeValue]:
    return {key: _value(text) for key, text in pairs}


def _value(text: str) -> AttributeValue:
    if text.startswith("["):
        return _list(text)
    return _TRUTHS.get(text, text)


def _list(text: str) -> AttributeValue:
    """Return the list that was written as this text; a text that only looks like one stays a text."""
    try:
        value = literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return value if isinstance(value, list) and str(value) == text else text
