"""Run the combinations and print how each scenario ended.

    python -m tests.live                        all of them
    python -m tests.live --short                those that CI runs
    python -m tests.live openai-official …      these
    python -m tests.live --write                all, and write the matrix into docs/dialects.md

Exit code 1 when a scenario ended wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tests.live.combinations import COMBINATIONS, Combination
from tests.live.matrix import write_matrix
from tests.live.provider.server import Provider
from tests.live.run import Bench, Outcome
from tests.live.verdict import Kind
from tests.programs import Up


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.live", description="Real instrumentations, live.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="combinations to run; all without")
    parser.add_argument("--short", action="store_true", help="only those that CI runs")
    parser.add_argument("--write", action="store_true", help="run all, and write the matrix into docs/dialects.md")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave the ledger in this new folder")
    parser.add_argument("--verbose", action="store_true", help="print what the applications say")
    asked = parser.parse_args()
    if asked.write and (asked.names or asked.short):
        parser.error("the matrix is of all combinations: --write goes without names and without --short")
    chosen = _chosen(asked.names, short=asked.short)
    outcomes = []
    with _folder(asked.keep) as folder, Provider(folder) as provider, Up(folder) as up:
        bench = Bench(folder, provider=provider, up=up)
        for combination in chosen:
            outcome = bench.run(combination)
            outcomes.append(outcome)
            _print(outcome, verbose=asked.verbose)
    wrong = sum(verdict.kind is Kind.WRONG for outcome in outcomes for verdict in outcome.verdicts.values())
    sys.stdout.write(f"{len(outcomes)} combinations, {wrong} scenarios wrong\n")
    if asked.write:
        write_matrix(outcomes, day=datetime.now(UTC).date())
    return 1 if wrong else 0


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="spanledger-live-") as name:
        yield Path(name)


def _chosen(names: Sequence[str], *, short: bool) -> Sequence[Combination]:
    unknown = set(names) - {one.name for one in COMBINATIONS}
    if unknown:
        sys.exit(f"No combination is called {', '.join(sorted(unknown))}; there are: "
                 f"{', '.join(one.name for one in COMBINATIONS)}.")  # fmt: skip
    return [one for one in COMBINATIONS if (not names or one.name in names) and (one.short or not short)]


def _print(outcome: Outcome, *, verbose: bool) -> None:
    versions = ", ".join(f"{name} {version}" for name, version in outcome.versions.items())
    sys.stdout.write(f"\n{outcome.combination.name}  ({versions})\n")
    for scenario, verdict in outcome.verdicts.items():
        sys.stdout.write(f"    {scenario:18}{verdict}\n")
    if verbose:
        sys.stdout.write(outcome.words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
