"""Receiving: durable acknowledgements against a server that throws the bytes away, and against rotel."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bench.load import Sent, send_from_process
from bench.servers import ServerProcess, discard, receiver, rotel
from bench.table import Duration, percentile, row, scratch

CONCURRENCY: Final = 10  # a Collector's exporter has ten consumers
# Each cell of the table by size, share and compression; its ratio needs no long load, its two sides stand together.
_CELL_LOAD_S_MAX: Final = 3.0


@dataclass(frozen=True, slots=True)
class Requests:
    """What is sent."""

    spans_each: int = 1000
    genai_share: float = 0.3
    gzip: bool = False

    def __str__(self) -> str:
        """Say it in a row's words."""
        return f"{self.spans_each:,} spans, {self.genai_share:.0%} GenAI, {'gzip' if self.gzip else 'plain'}"


USUAL: Final = Requests()
_FEW: Final = (Requests(spans_each=100), Requests(spans_each=8192), Requests(gzip=True))


def measure_receive(duration: Duration) -> float:
    """Compare durable acknowledgements with the floor and with rotel, in turn; return the receiver's spans/s."""
    rates: dict[str, list[float]] = {"discard": [], "receiver": [], "rotel": []}
    memory_mib = 0.0
    for _ in range(duration.rounds):
        with discard() as server:
            rates["discard"].append(load(server, USUAL, seconds=duration.load_s).spans_per_s)
        with scratch() as folder, receiver(folder) as server:
            rates["receiver"].append(load(server, USUAL, seconds=duration.load_s).spans_per_s)
            memory_mib = max(memory_mib, server.memory_mib)
        forwarder = rotel()
        if forwarder is not None:
            with forwarder as server:
                rates["rotel"].append(load(server, USUAL, seconds=duration.load_s).spans_per_s)
    ours = statistics.median(rates["receiver"])
    floor = statistics.median(rates["discard"])
    row("receive, durable", f"{ours:,.0f} spans/s")
    row("  against throwing bytes away", f"{ours / floor:.2f}", "goal ≥ 0.30", f"floor {floor:,.0f} spans/s")
    if rates["rotel"]:
        other = statistics.median(rates["rotel"])
        row("  against rotel, black hole", f"{ours / other:.2f}", "goal ≥ 3", f"rotel {other:,.0f} spans/s, in memory")
    else:
        row("  against rotel, black hole", "not measured", "goal ≥ 3", "rotel is not installed")
    row("  receiver's memory under load", f"{memory_mib:.0f} MiB", "goal ≤ 300")
    return ours


def measure_requests(duration: Duration) -> None:
    """Measure requests of every size, share and compression against the floor."""
    seconds = min(duration.load_s, _CELL_LOAD_S_MAX)
    for requests in _combinations() if duration.is_whole else _FEW:
        with discard() as server:
            floor = load(server, requests, seconds=seconds)
        with scratch() as folder, receiver(folder) as server:
            ours = load(server, requests, seconds=seconds)
        row(f"  {requests}", f"{ours.spans_per_s / floor.spans_per_s:.2f}", "", f"{ours.spans_per_s:,.0f} spans/s")


def _combinations() -> Iterator[Requests]:
    for spans_each, genai_share, gzip in itertools.product((100, 1000, 8192), (0.05, 0.3, 1.0), (False, True)):
        yield Requests(spans_each=spans_each, genai_share=genai_share, gzip=gzip)


def measure_latency(duration: Duration, *, half_of: float) -> None:
    """Measure acknowledgements at half of what the receiver can do."""
    with scratch() as folder, receiver(folder) as server:
        sent = load(server, USUAL, seconds=duration.load_s, spans_per_s=half_of / 2)
    latencies_ms = sorted(latency * 1000 for latency in sent.latencies_s)
    row("ack at half load, p50", f"{percentile(latencies_ms, 0.50):.1f} ms", "", f"{sent.spans_per_s:,.0f} spans/s")
    row("ack at half load, p99", f"{percentile(latencies_ms, 0.99):.1f} ms", "goal ≤ 20")


def load(server: ServerProcess, requests: Requests, *, seconds: float, spans_per_s: float = 0) -> Sent:
    """Send from a process of its own: as fast as is acknowledged, or at a rate."""
    return send_from_process(
        server.endpoint,
        spans_each=requests.spans_each,
        genai_share=requests.genai_share,
        gzip=requests.gzip,
        seconds=seconds,
        concurrency=CONCURRENCY,
        rate_per_s=spans_per_s / requests.spans_each,
    )
