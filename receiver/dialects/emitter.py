"""An emitter: what is known of the spans that one instrumentation scope writes, in a range of its versions.

Rows are chosen by the beginning of the scope's name, then by its version. Meanings change with versions, so a row may
say from which version on (`since`) and up to which (`before`, itself not included) it holds; versions are compared by
their release numbers (`1.3b0` and `1.3` are one). The longest beginning wins; among rows of one beginning, the first
whose range has the version. Two cases are not in a range:

* a version newer than any that was read falls into the row without `before`: the newest known meaning, or, where its
  maintainers have said that it will change, a row with `InputMeaning.DISPUTED`, which believes evidence only;
* a scope without a version is taken for the newest version that was read, thus never for a disputed one.

Must not: read a span.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from receiver.dialects.reading import Reading, SpanView
from receiver.dialects.usage import InputMeaning

_RELEASE: Final = re.compile(r"\d+(?:\.\d+)*")
# Digits of one part of a version beyond which it is none.
_PART_DIGITS_MAX: Final = 9


@dataclass(frozen=True, slots=True)
class Quirk:
    """Something an emitter gets wrong, leaves out, or says in a way of its own."""

    says: str
    """For the document: what it cannot say, or says wrongly."""
    amend: Callable[[SpanView, Reading], None] | None = None
    """What a reading of its spans makes of that: figures put right, flags raised. None where nothing can be done.

    Called once while the reading is built, in the order of the row. May raise `UnreadableSpanError`.
    """


@dataclass(frozen=True, slots=True)
class Emitter:
    """What is known of one scope in one range of versions."""

    scope: str
    """The beginning of the scope's name."""
    dialect: str
    """The name that readings carry."""
    meaning: InputMeaning
    source: str
    """Where it was read or measured: package, version, file."""
    since: str | None = None
    before: str | None = None
    quirks: tuple[Quirk, ...] = ()
    is_whole_name: bool = False
    """Whether `scope` is the whole name: for names so short that others begin with them."""

    def amend(self, span: SpanView, reading: Reading) -> None:
        """Make of a reading what the quirks do, in their order.

        Raises:
            UnreadableSpanError: a figure that a quirk needs is no count.
        """
        for quirk in self.quirks:
            if quirk.amend is not None:
                quirk.amend(span, reading)

    def names(self, scope: str) -> bool:
        """Whether the row is about spans of this scope, in some version."""
        return scope == self.scope if self.is_whole_name else scope.startswith(self.scope)

    def holds_for(self, release: tuple[int, ...]) -> bool:
        """Whether release numbers (as `release_of` gives them) are in the row's range."""
        if self.since is not None and release < _release(self.since):
            return False
        return self.before is None or release < _release(self.before)


def choose(emitters: Iterable[Emitter], scope: str, version: str) -> Emitter | None:
    """Return the row for a scope's name and version; None when no row's beginning fits.

    The rows of a beginning must leave no version out; one that is nevertheless in no range gets the last row.
    """
    fitting = [one for one in emitters if one.names(scope)]
    if not fitting:
        return None
    longest = max(len(one.scope) for one in fitting)
    rows = [one for one in fitting if len(one.scope) == longest]
    release = release_of(version)
    if release is None:
        return ([one for one in rows if one.meaning is not InputMeaning.DISPUTED] or rows)[-1]
    return next((one for one in rows if one.holds_for(release)), rows[-1])


def release_of(version: str) -> tuple[int, ...] | None:
    """Return a version's release numbers without trailing zeros (`v1.3.0b2` → (1, 3)); None when it names none."""
    found = _RELEASE.search(version)
    if found is None:
        return None
    parts = found.group().split(".")
    if any(len(part) > _PART_DIGITS_MAX for part in parts):
        return None
    numbers = [int(part) for part in parts]
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def _release(version: str) -> tuple[int, ...]:
    release = release_of(version)
    assert release is not None, f"a row's range names no version: {version!r}"
    return release
