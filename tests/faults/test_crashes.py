"""The machine stops, or the disk fails, at any call to the kernel: nothing is lost and nothing doubled."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from tests.faults.sweep import Case, Undisturbed, cases, check, undisturbed

# As many as pass in a few seconds; `make faults` goes through all of them.
SAMPLE = 6

# Each of these broke a promise once. A number is a call of the run as it was then: it may mean another call today.
FOUND = [
    "twice:222:1",  # killed before a manifest line's fsync, line believed by the next start, then the power went
    "eio_power:48:0",  # frames whose fsync failed were sealed, then the power took them: the start was refused
    "full:28:0",  # the sealer failed while opening and kept its own lock from itself
]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """A run in which nothing happens."""
    return undisturbed(tmp_path_factory.mktemp("undisturbed") / "run")


@pytest.mark.parametrize("name", FOUND)
def test_found_case_stays_mended(name: str, tmp_path: Path, expected: Undisturbed) -> None:
    """A case that broke a promise once does not again."""
    check(Case.parse(name), tmp_path / "run", expected)


def test_sample_of_all_stops_and_faults_keeps_every_promise(tmp_path: Path, expected: Undisturbed) -> None:
    """Stopped or failing at a call chosen at random: acknowledged is counted once, the rest at most once."""
    seed = random.SystemRandom().randrange(2**32)
    sys.stdout.write(f"seed {seed}\n")
    for case in random.Random(seed).sample(list(cases(expected.calls_made, seeds=1)), SAMPLE):
        sys.stdout.write(f"again with: python -m tests.faults --case {case}\n")
        check(case, tmp_path / str(case), expected)
