"""The table: how long and how often to measure, where scratch data goes, and what a row looks like."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Duration:
    """How long and how often to measure."""

    load_s: float
    rounds: int
    sealed_spans: int
    is_whole: bool
    """Whether every combination is measured, or a few."""


FULL: Final = Duration(load_s=8.0, rounds=3, sealed_spans=150_000, is_whole=True)
SHORT: Final = Duration(load_s=2.0, rounds=1, sealed_spans=60_000, is_whole=False)


@contextmanager
def scratch() -> Iterator[Path]:
    """Lend a folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="spanledger-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value that this share of them is not above."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def row(what: str, figure: str, goal: str = "", beside: str = "") -> None:
    """Print one row."""
    print(f"{what:<36} {figure:>32}   {goal:<14} {beside}", flush=True)
