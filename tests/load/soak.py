"""`make soak`: the receiver at full load for an hour; its memory is bounded and flat, and nothing is lost or doubled.

Threads send as fast as they are answered. Calls are sent as fast as the sealer seals them (WINDOW_SPANS); whenever it
is behind, requests without a call are sent instead, so that the receiver never rests. Once a second the resident memory
of receiver and sealer is read.

Flat: the median of the last fifth is above that of the second fifth by no more than GROWTH_BYTES_MAX. The first fifth
is warming up: buffers of gRPC and of the allocator grow to their working size.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import grpc

from ledger.layout import DataDirectory
from ledger.manifest import RECEIVED, read_state
from receiver.server import METHOD, SERVICE
from tests.collector import free_endpoint, wait_until
from tests.load.traffic import SPANS_PER_REQUEST, Template
from tests.load.verdict import judge
from tests.otlp import SpanText, request
from tests.programs import Program, is_listening

SENDERS: Final = 4
WINDOW_SPANS: Final = 100_000
RSS_BYTES_MAX: Final = 300 * 10**6
# The allocator's own ups and downs were about 10 MB; a leak of one byte a span would be 100 MB and more in the hour.
GROWTH_BYTES_MAX: Final = 20 * 10**6
_SETTLE_S: Final = 600.0


class FullLoad:
    """Threads that send without rest until told to stop."""

    def __init__(self, endpoint: str) -> None:
        self.sealed_spans = 0
        self.calls_sent = 0
        """Requests with calls, numbered from 0."""
        self.others_sent = 0
        self._endpoint = endpoint
        self._no_calls = request(
            *(SpanText(trace=7, span=7, scope="http", attributes={"http.route": "/"}) for _ in range(SPANS_PER_REQUEST))
        )
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._failures: list[grpc.RpcError] = []
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(SENDERS)]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End; every request was acknowledged.

        Raises:
            RpcError: one was not.
        """
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        if self._failures:
            raise self._failures[0]

    def _run(self) -> None:
        template = Template()
        with grpc.insecure_channel(self._endpoint) as channel:
            export = channel.unary_unary(f"/{SERVICE}/{METHOD}")
            while not self._stopping.is_set():
                number = self._take()
                try:
                    export(self._no_calls if number is None else template.request(number), timeout=60)
                except grpc.RpcError as refused:
                    self._failures.append(refused)
                    return

    def _take(self) -> int | None:
        with self._lock:
            if self.calls_sent * SPANS_PER_REQUEST < self.sealed_spans + WINDOW_SPANS:
                self.calls_sent += 1
                return self.calls_sent - 1
            self.others_sent += 1
            return None


def rss_bytes(pid: int) -> int:
    """Return the resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096


def growth_bytes(samples: Sequence[int]) -> float:
    """Return by how much the last fifth's median is above that of the second fifth."""
    fifth = len(samples) // 5
    return statistics.median(samples[-fifth:]) - statistics.median(samples[fifth : 2 * fifth])


def run(folder: Path, *, seconds: float) -> bool:
    """Load for so long; say what came of it, and whether it was good."""
    otlp = free_endpoint()
    data = DataDirectory(folder / "data")
    settings = {"data_dir": str(data.root), "otlp_listen": otlp}
    receiver = Program("receive", log=folder / "receive.log", **settings)
    sealer = Program("seal", log=folder / "seal.log", **settings)
    samples: list[int] = []
    sealer_samples: list[int] = []
    with receiver, sealer:
        wait_until(lambda: is_listening(otlp) and data.manifest.exists(), what="receiver and sealer run")
        assert receiver.process is not None
        assert sealer.process is not None
        load = FullLoad(otlp)
        load.start()
        begin = time.monotonic()
        while time.monotonic() - begin < seconds:
            time.sleep(1)
            samples.append(rss_bytes(receiver.process.pid))
            sealer_samples.append(rss_bytes(sealer.process.pid))
            # Requests without calls are sealed too, and are no part of the window.
            load.sealed_spans = _calls_sealed(data)
            if len(samples) % 60 == 0:
                _say(f"{len(samples)} s: receiver {samples[-1] / 1e6:.0f} MB, sealer {sealer_samples[-1] / 1e6:.0f} MB")
        load.stop()
        elapsed = time.monotonic() - begin
        wanted = load.calls_sent * SPANS_PER_REQUEST
        wait_until(lambda: _calls_sealed(data) >= wanted, what="everything is sealed", timeout_s=_SETTLE_S)
        receiver.stop()
        sealer.stop()
    verdict = judge(data.views, requests=load.calls_sent)
    growth = growth_bytes(samples)
    spans = (load.calls_sent + load.others_sent) * SPANS_PER_REQUEST
    _say(
        f"{spans} spans in {elapsed:.0f} s ({spans / elapsed:.0f}/s), {wanted} of them in requests with calls; "
        f"receiver at most {max(samples) / 1e6:.0f} MB, growth {growth / 1e6:+.1f} MB; "
        f"sealer at most {max(sealer_samples) / 1e6:.0f} MB, growth {growth_bytes(sealer_samples) / 1e6:+.1f} MB"
    )
    _say(str(verdict))
    return max(samples) <= RSS_BYTES_MAX and growth <= GROWTH_BYTES_MAX and verdict.is_good


def _calls_sealed(data: DataDirectory) -> int:
    """Return how many spans of requests with calls are sealed: five of ten are calls or enclose one."""
    state = read_state(data.manifest)
    return (state.count(RECEIVED) - state.count("not_genai")) * 2


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Run from the command line; 0 when memory was bounded and flat and nothing was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3600)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="spanledger-soak-") as name:
        return 0 if run(Path(name), seconds=said.seconds) else 1


if __name__ == "__main__":
    sys.exit(main())
