"""Which of the views a query needs: making a view opens all files it is over, and a query is over few views.

Must not: import more than this, since the sandbox's process does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

_WORD: Final = re.compile(r"\w+")


def views_needed(named: Iterable[str], parts: Sequence[Sequence[str]]) -> list[tuple[str, str]]:
    """Return those of the parts of views.sql that make the views named and those they read, and what is no view."""
    needed = set(named)
    kept: list[tuple[str, str]] = []
    for name, statement in reversed(parts):  # a view reads only those before it
        if not name or name in needed:
            kept.append((name, statement))
            # A word too many makes a view too many, and nothing wrong.
            needed |= set(_WORD.findall(statement)) if name else set()
    return kept[::-1]


def words(query: str) -> set[str]:
    """Return every word of a query of our own: the views it names are among them."""
    return set(_WORD.findall(query))
