"""`make faults`: every case of the sweep, or a share of them. Prints the seed, and each case that broke a promise.

python -m tests.faults                      all of them
python -m tests.faults --share 0.05         one in twenty, chosen by --seed
python -m tests.faults --case anything:31:2 one of them again
"""

from __future__ import annotations

import argparse
import concurrent.futures
import logging
import multiprocessing
import random
import secrets
import sys
import tempfile
import time
from pathlib import Path

import structlog

from tests.faults.sweep import Case, cases, run_cases, undisturbed

PART_CASES = 25  # given to a process at once; each part begins with a run in which nothing happens
SAY_EVERY_PARTS = 8


def main() -> int:
    """Run the sweep; 0 when every promise was kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, default=3, help="seeds for each call of the cases that go by one")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--case", type=Case.parse, action="append", default=[])
    said = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    seed = secrets.randbelow(2**32) if said.seed is None else said.seed
    with tempfile.TemporaryDirectory(prefix="spanledger-faults-") as name:
        calls = undisturbed(Path(name) / "undisturbed").calls_made
        chosen = said.case or list(cases(calls, seeds=said.seeds))
        if said.share < 1:
            chosen = random.Random(seed).sample(chosen, max(1, int(len(chosen) * said.share)))
        sys.stdout.write(f"a run makes {calls} calls; {len(chosen)} cases, seed {seed}\n")
        return _run(chosen, Path(name), processes=said.processes)


def _run(chosen: list[Case], folder: Path, *, processes: int) -> int:
    begin, broken, done = time.monotonic(), 0, 0
    parts = [chosen[first : first + PART_CASES] for first in range(0, len(chosen), PART_CASES)]
    # Not a fork: threads and RocksDB do not come through one.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(processes, mp_context=context) as pool:
        for found in pool.map(run_cases, parts, [folder / str(number) for number in range(len(parts))]):
            done += 1
            if done % SAY_EVERY_PARTS == 0:
                sys.stdout.write(f"{done * PART_CASES} cases, {time.monotonic() - begin:.0f} s\n")
                sys.stdout.flush()
            for case, problem in found:
                broken += 1
                sys.stdout.write(f"--- {case} (again: python -m tests.faults --case {case})\n{problem}\n")
    sys.stdout.write(f"{len(chosen)} cases in {time.monotonic() - begin:.0f} s, {broken} broke a promise\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
