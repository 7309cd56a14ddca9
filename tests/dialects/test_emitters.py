"""Emitters: which row reads a span, by the scope's name first and its version second."""

from __future__ import annotations

import pytest

from receiver.dialects import FAMILIES, emitter_of
from receiver.dialects.emitter import Emitter, choose, release_of
from receiver.dialects.usage import InputMeaning

ROWS = (
    Emitter("some.", "d", InputMeaning.UNKNOWN, "everything else"),
    Emitter("some.scope", "d", InputMeaning.EXCLUSIVE, "old", before="1.2"),
    Emitter("some.scope", "d", InputMeaning.INCLUSIVE, "new", since="1.2", before="1.4"),
    Emitter("some.scope", "d", InputMeaning.DISPUTED, "announced", since="1.4"),
)


@pytest.mark.parametrize(
    ("version", "source"),
    [
        ("1.1.9", "old"),
        ("0.62.4", "old"),
        ("1.2", "new"),
        ("1.2.0b1", "new"),
        ("v1.3.7", "new"),
        ("1.10", "announced"),
        ("1.4b0", "announced"),
        ("", "new"),
        ("unknown", "new"),
        ("9" * 400, "new"),
    ],
)
def test_a_version_chooses_among_the_rows_of_a_scope(version: str, source: str) -> None:
    """Ranges begin with `since` and end before `before`; without a version the newest settled row is taken."""
    chosen = choose(ROWS, "some.scope.v1", version)
    assert chosen is not None
    assert chosen.source == source


def test_the_longest_beginning_wins_wherever_it_stands() -> None:
    """The order of rows of different scopes does not matter."""
    for rows in (ROWS, tuple(reversed(ROWS))):
        chosen = choose(rows, "some.other", "1.1")
        assert chosen is not None
        assert chosen.source == "everything else"


def test_a_scope_that_no_row_begins_is_nobodys() -> None:
    """It is read by its attributes."""
    assert choose(ROWS, "another", "1.0") is None


@pytest.mark.parametrize(
    ("version", "release"),
    [("1.3b0", (1, 3)), ("v2.0.0", (2,)), ("0.66b2", (0, 66)), ("0.5b0.dev", (0, 5)), ("", None), ("main", None)],
)
def test_versions_are_compared_by_their_release_numbers(version: str, release: tuple[int, ...] | None) -> None:
    """Pre-releases count as the release they precede."""
    assert release_of(version) == release


def test_no_version_of_a_known_scope_is_in_two_rows_or_in_none() -> None:
    """At every boundary of a scope's ranges, and on both sides of it, one row holds."""
    rows: dict[str, list[Emitter]] = {}
    for family in FAMILIES:
        for emitter in family.emitters:
            rows.setdefault(emitter.scope, []).append(emitter)
    for scope, candidates in rows.items():
        boundaries = {bound for row in candidates for bound in (row.since, row.before) if bound}
        for version in ("0.0.1", "9999.0", *boundaries):
            release = release_of(version)
            assert release is not None
            assert [row.holds_for(release) for row in candidates].count(True) == 1, (scope, version)


def test_every_row_says_where_it_was_read() -> None:
    """A rule without a source cannot be checked."""
    assert all(emitter.source for family in FAMILIES for emitter in family.emitters)
    assert emitter_of("opentelemetry.instrumentation.genai.bedrock", "1.3b0") is not None
