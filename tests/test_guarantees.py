"""docs/guarantees.md names only tests that exist, and bounds that stand where it says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
PROMISES_MIN = 20


def names_in(path: Path) -> set[str]:
    """Return what a module defines at its top: functions, classes, constants."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


def test_every_named_test_exists() -> None:
    """A promise is held by a test, not by the memory of one."""
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", DOCUMENT)
    assert len(named) > PROMISES_MIN
    assert [f"{file}::{name}" for file, name in named if name not in names_in(ROOT / file)] == []


def test_every_promise_names_a_test() -> None:
    """In the tables of promises each row says what holds it."""
    rows = [line for line in DOCUMENT.splitlines() if line.startswith("| ") and line.count("|") == 3]
    promises = [row for row in rows if row.partition(" | ")[0].endswith(".")]
    assert len(promises) >= PROMISES_MIN
    assert [row for row in promises if "`tests/" not in row] == []


def test_every_named_bound_stands_where_it_says() -> None:
    """The table of bounds names constants that are there."""
    table = DOCUMENT.partition("## Bounds")[2].partition("##")[0]
    named = [
        (file, name)
        for file, names in re.findall(r"`([\w/]+\.py)` ((?:`\w+`(?:, )?)+)", table)
        for name in re.findall(r"`(\w+)`", names)
    ]
    assert len(named) > 10
    assert [f"{file} {name}" for file, name in named if name not in names_in(ROOT / file)] == []


def test_every_named_make_target_exists() -> None:
    """`make …` in the document can be run."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"`make ([a-z-]+)`", DOCUMENT)):
        assert f"\n{target}:" in makefile
