"""Matching: give as many as can be one of their choices each, no two the same. Pure, and knows nothing of spans.

Of all ways to match as many, it is the one in which the first ones are matched, and have the choices they like best.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

# Attempts at a better choice for somebody who has one already; only choices made up to be contrary come near it.
_ATTEMPTS_MAX: Final = 1_000


def matching(choices: Sequence[Sequence[int]]) -> list[int | None]:
    """Return what each is given; None to those for whom nothing is left. `choices` are their choices, best first."""
    made = _Matching(choices)
    closed: set[int] = set()
    for one in range(len(choices)):
        closed |= made.give(one, closed) or set()
    made.improve()
    return made.given


class _Matching:
    def __init__(self, choices: Sequence[Sequence[int]]) -> None:
        self._choices = choices
        self.given: list[int | None] = [None] * len(choices)
        self._holder: dict[int, int] = {}

    def give(self, first: int, closed: Collection[int]) -> set[int] | None:
        """Give somebody a choice that is not closed, others making room; if there is none, return what was tried.

        From what was tried no way ever leads to a choice that is free: it can be closed for those who come later.
        """
        came_from: dict[int, int] = {}
        waiting = [first]
        for one in waiting:
            for choice in self._choices[one]:
                if choice in came_from or choice in closed:
                    continue
                came_from[choice] = one
                if choice not in self._holder:
                    self._hand_on(choice, came_from)
                    return None
                waiting.append(self._holder[choice])
        return set(came_from)

    def improve(self) -> None:
        """Give each, the first ones first, the best choice that leaves all others with one."""
        settled: set[int] = set()
        attempts = 0
        for one, given in enumerate(self.given):
            if given is None:
                continue
            for choice in self._choices[one]:
                attempts += choice not in settled
                if choice == given or attempts > _ATTEMPTS_MAX:
                    break
                if choice not in settled and self._exchange(one, choice, settled):
                    break
            settled.add(self._held_by(one))

    def _exchange(self, one: int, choice: int, settled: Collection[int]) -> bool:
        before, other = self._held_by(one), self._holder.get(choice)
        del self._holder[before]
        self.given[one], self._holder[choice] = choice, one
        if other is None:
            return True
        self.given[other] = None
        if self.give(other, {*settled, choice}) is None:
            return True
        self.given[one], self._holder[before] = before, one
        self.given[other], self._holder[choice] = choice, other
        return False

    def _held_by(self, one: int) -> int:
        given = self.given[one]
        assert given is not None
        return given

    def _hand_on(self, choice: int, came_from: dict[int, int]) -> None:
        free: int | None = choice
        while free is not None:
            one = came_from[free]
            self._holder[free] = one
            self.given[one], free = free, self.given[one]
