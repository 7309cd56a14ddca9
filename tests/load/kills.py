"""`make kills`: receiver, sealer and a real Collector killed at random moments under load; nothing lost or doubled.

    applications (threads) → Collector with collector-config/lossless.yaml → receiver → sealer → ledger

SIGKILL, and start again, until both all kills and all spans are done. All the time as much is sent as is sealed: what
is not sealed yet is held to WINDOW_SPANS. Then the ledger is compared with what was sent.
"""

from __future__ import annotations

import argparse
import random
import secrets
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

from ledger.layout import DataDirectory
from ledger.manifest import RECEIVED, read_state
from ledger.schema import SpanClass
from tests.collector import LOSSLESS, Collector, find_or_build, free_endpoint, wait_until
from tests.load.traffic import CALLS_PER_REQUEST, SPANS_PER_REQUEST, Senders
from tests.load.verdict import Verdict, judge
from tests.programs import Program

SENDERS: Final = 4
# Between two kills: long enough that most of what is killed had begun to work, short enough for hundreds.
PAUSE_S_MAX: Final = 2.4
VICTIMS: Final = ("receiver", "receiver", "sealer", "sealer", "collector")
WINDOW_SPANS: Final = 200_000
_SETTLE_S: Final = 900.0


def run(folder: Path, *, spans: int, kills: int, chance: random.Random) -> Verdict:
    """Send and kill; return how the ledger came out of it."""
    requests_min = spans // SPANS_PER_REQUEST
    sealed = 0
    otlp = free_endpoint()
    data = DataDirectory(folder / "data")
    settings = {"data_dir": str(data.root), "otlp_listen": otlp}
    receiver = Program("receive", log=folder / "receive.log", **settings)
    sealer = Program("seal", log=folder / "seal.log", **settings)
    killed: Counter[str] = Counter()
    with receiver, sealer, Collector(LOSSLESS, folder=folder, env={"SPANLEDGER_ENDPOINT": otlp}) as collector:
        programs: dict[str, Program | Collector] = {"receiver": receiver, "sealer": sealer, "collector": collector}
        senders = Senders(
            [collector.otlp_endpoint],
            threads=SENDERS,
            is_over=lambda number: number >= requests_min and killed.total() >= kills,
            may_send=lambda number: number * SPANS_PER_REQUEST < sealed + WINDOW_SPANS,
        )
        senders.start()
        while killed.total() < kills or senders.taken < requests_min:
            time.sleep(chance.uniform(0.0, PAUSE_S_MAX))
            sealed = _sealed(data)
            if killed.total() >= kills:
                continue
            victim = chance.choice(VICTIMS)
            programs[victim].kill()
            programs[victim].start()
            killed[victim] += 1
            if killed.total() % 20 == 0:
                _say(f"{killed.total()} kills; {senders.acknowledged * SPANS_PER_REQUEST} spans sent, {sealed} sealed")
        sealed = senders.taken * SPANS_PER_REQUEST
        senders.join()
        requests = senders.taken
        wait_until(
            lambda: _calls(data) >= requests * CALLS_PER_REQUEST, what="every call is sealed", timeout_s=_SETTLE_S
        )
        receiver.stop()
        sealer.stop()
    _say(f"killed {dict(killed)} under {requests * SPANS_PER_REQUEST} spans")
    _say(f"{senders.sent_again} requests were sent again by their senders")
    return judge(data.views, requests=requests)


def _sealed(data: DataDirectory) -> int:
    return read_state(data.manifest).count(RECEIVED) if data.manifest.exists() else 0


def _calls(data: DataDirectory) -> int:
    return read_state(data.manifest).count(SpanClass.USAGE.value) if data.manifest.exists() else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Run from the command line; 0 when nothing was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None)
    said = parser.parse_args()
    find_or_build()
    seed = secrets.randbelow(2**32) if said.seed is None else said.seed
    _say(f"{said.spans} spans, {said.kills} kills, seed {seed}")
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="spanledger-kills-") as name:
        verdict = run(Path(name), spans=said.spans, kills=said.kills, chance=random.Random(seed))
    _say(f"{verdict}; {time.monotonic() - begin:.0f} s")
    return 0 if verdict.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
