"""`python -m tests.accuracy [--short] [--write DOCUMENT] [NAME …]`: replay, judge, print; exit code 1 on any fault.

`--short` takes a sample of every instrumentation, NAME only those; `--write docs/accuracy.md` keeps the result there.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.accuracy import charged, report
from tests.accuracy.replay import replay
from tests.accuracy.stacked import ORDERS, stacked
from tests.accuracy.tally import Tally, tally
from tests.corpus.recorded import INSTRUMENTATIONS, recordings

_NAMES: Final = (*INSTRUMENTATIONS, *ORDERS)
_SAMPLE_EVERY: Final = 7
# Each runs two programs, mostly starting up.
_AT_ONCE: Final = 2


def main() -> int:
    """Run the command; return its exit code."""
    chosen = _arguments()
    began_s = time.monotonic()
    every = _SAMPLE_EVERY if chosen.short else 1
    with tempfile.TemporaryDirectory(prefix="spanledger-accuracy-") as folder, ThreadPoolExecutor(_AT_ONCE) as pool:
        charging = pool.submit(replay, charged.recordings(), folder=Path(folder) / charged.NAME)
        tallies = list(pool.map(lambda name: measure(name, folder=Path(folder) / name, every=every), chosen.names))
        taken = charging.result()
    tallies.append(tally(charged.NAME, charged.recordings(), taken))
    faults = report.faults(tallies)
    parts = (
        report.versions(on=datetime.now(tz=UTC).date()),
        report.table(tallies),
        report.counting(tallies),
        report.reasons(tallies),
        charged.summary(charged.charges(taken)),
        faults,
    )
    text = "\n\n".join(part for part in parts if part)
    sys.stdout.write(f"{text}\n\n{sum(one.calls for one in tallies):,} calls in {time.monotonic() - began_s:.0f} s\n")
    if chosen.write is not None:
        report.write_into(chosen.write, text)
    return 1 if faults else 0


def measure(name: str, *, folder: Path, every: int = 1) -> Tally:
    """Replay an instrumentation's recordings, or every n-th of them, and judge what the ledger says."""
    chosen = (stacked(name) if name in ORDERS else recordings(name))[::every]
    return tally(name, chosen, replay(chosen, folder=folder))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.accuracy", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(_NAMES)}")
    parser.add_argument("--short", action="store_true", help="a sample of every instrumentation")
    parser.add_argument("--write", type=Path, metavar="DOCUMENT", help="put the result between a document's marks")
    chosen = parser.parse_args()
    unknown = sorted({*chosen.names} - {*_NAMES})
    if unknown:
        parser.error(f"no recordings of {', '.join(unknown)}; there are {', '.join(_NAMES)}")
    chosen.names = chosen.names or list(_NAMES)
    return chosen


if __name__ == "__main__":
    sys.exit(main())
