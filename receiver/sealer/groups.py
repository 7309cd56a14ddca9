"""Groups: which spans are one call so far; a union of sets."""

from __future__ import annotations

from collections.abc import Iterable


class Groups:
    """Spans, each alone at first, and joined from then on."""

    def __init__(self, spans: Iterable[bytes]) -> None:
        self._parent = {one: one for one in spans}

    def of(self, one: bytes) -> bytes:
        """Return what names a span's group until the next join."""
        while self._parent[one] != one:
            self._parent[one] = self._parent[self._parent[one]]
            one = self._parent[one]
        return one

    def join(self, one: bytes, other: bytes) -> None:
        """Make one group of the two that these are in."""
        self._parent[self.of(one)] = self.of(other)

    def members(self) -> Iterable[list[bytes]]:
        """Return the spans of each group."""
        groups: dict[bytes, list[bytes]] = {}
        for one in self._parent:
            groups.setdefault(self.of(one), []).append(one)
        return groups.values()
