"""Patterns: names in which `*` stands for any text, compared without regard to case.

Two patterns meet if some name fits both; one lies within another if every name that fits it fits the other. Both are
decided by the patterns alone, so that a file can be checked before any call comes.

Must not: know what the names are of.
"""

from __future__ import annotations

import re
from functools import lru_cache

ANY = "*"


def fits(pattern: str, name: str) -> bool:
    """Whether a name fits a pattern."""
    return _expression(pattern).fullmatch(name.lower()) is not None


def meet(left: str, right: str) -> bool:
    """Whether some name fits both patterns."""
    return _meet(left.lower(), right.lower())


def within(inner: str, outer: str) -> bool:
    """Whether every name that fits `inner` fits `outer`; a `*` of the inner one can only lie in one of the outer."""
    return _expression(outer).fullmatch(inner.lower()) is not None


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.lower().split(ANY)), re.DOTALL)


def _meet(left: str, right: str) -> bool:
    """Walk both patterns at once: after i letters of the left, `reached[j]` says that both can spell one text."""
    reached = [True]
    for letter in right:
        reached.append(reached[-1] and letter == ANY)
    for mine in left:
        following = [reached[0] and mine == ANY]
        for place, letter in enumerate(right):
            if ANY in {mine, letter}:  # the star takes nothing, or one more of the other side
                following.append(reached[place + 1] or following[place])
            else:
                following.append(reached[place] and mine == letter)
        reached = following
    return reached[-1]
