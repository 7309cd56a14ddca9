"""What fuzzing found stays mended; and every target takes any bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.__main__ import FOUND, SHARES
from tests.fuzz.targets import TARGETS

_CASES = sorted(path for path in FOUND.glob("*/*") if path.is_file())


@pytest.mark.parametrize("case", _CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_found_case(case: Path) -> None:
    """An input that failed once passes."""
    TARGETS[case.parent.name](case.read_bytes())


@pytest.mark.parametrize("name", sorted(TARGETS))
@given(st.binary(max_size=600))
@settings(max_examples=60, deadline=None)
def test_any_bytes(name: str, data: bytes) -> None:
    """No target fails on any bytes."""
    TARGETS[name](data)


def test_every_target_has_a_share() -> None:
    """The long run leaves none out."""
    assert SHARES.keys() == TARGETS.keys()
    assert sum(SHARES.values()) == pytest.approx(1)
