"""Patterns: names in which `*` stands for any text, compared without regard to case.

Two patterns meet if some name fits both; one lies within another if every name that fits it fits the other. Both are
decided by the patterns alone, so that a file can be checked before any call comes.

Must not: know what the names are of.
"""

from __future__ import annotations

from functools import lru_cache

ANY = "*"


def fits(pattern: str, name: str) -> bool:
    """Whether a name fits a pattern. Takes time in proportion to both lengths: names come from strangers."""
    return _fits(_parts(pattern), name.lower())


def meet(left: str, right: str) -> bool:
    """Whether some name fits both patterns."""
    return _meet(left.lower(), right.lower())


def within(inner: str, outer: str) -> bool:
    """Whether every name that fits `inner` fits `outer`; a `*` of the inner one can only lie in one of the outer."""
    return _fits(_parts(outer), inner.lower())


@lru_cache(maxsize=4096)
def _parts(pattern: str) -> tuple[str, ...]:
    """Return the texts between the stars."""
    return tuple(pattern.lower().split(ANY))


def _fits(parts: tuple[str, ...], name: str) -> bool:
    first, *middle = parts
    if not middle:
        return name == first
    *middle, last = middle
    if len(name) < len(first) + len(last) or not name.startswith(first) or not name.endswith(last):
        return False
    place, end = len(first), len(name) - len(last)
    for part in middle:  # each as early as it can be, which leaves most for those after it
        found = name.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True


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
