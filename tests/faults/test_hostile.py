"""A hostile tester with real processes: what was tried to lose or double a call. docs/guarantees.md lists all of it."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from ledger.layout import DataDirectory
from ledger.manifest import RECEIVED, read_state
from ledger.schema import SpanClass
from ledger.views import commit_of_views
from tests.collector import LOSSLESS, Collector, free_endpoint, require_collector, wait_until
from tests.load.traffic import SPANS_PER_REQUEST, Senders
from tests.load.verdict import judge
from tests.otlp import SpanText, call, request
from tests.pipeline import Pipeline
from tests.programs import Program, export, is_listening, stock_duckdb
from tests.receiver.test_server import Sender, retry_delay_s

pytestmark = pytest.mark.slow
REQUESTS = 60
HISTORY = 'recorded_time, "commit", revision, reason, entry_type'


class Running:
    """Receiver and sealer as processes of their own, under a load whose outcome is known."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = DataDirectory(folder / "data")
        self.otlp = free_endpoint()
        self.receiver = self.program("receive", self.otlp)
        self.sealer = self.program("seal", self.otlp)
        self._go_on = threading.Event()
        self.senders = self._senders()

    def program(self, name: str, otlp: str) -> Program:
        """Return another program on this data directory."""
        log = self.folder / f"{name}-{otlp.rpartition(':')[2]}.log"
        return Program(name, log=log, data_dir=str(self.data.root), otlp_listen=otlp)

    def _senders(self) -> Senders:
        return Senders(
            [self.otlp],
            threads=3,
            is_over=lambda number: number >= REQUESTS,
            may_send=lambda number: number < REQUESTS // 2 or self._go_on.is_set(),
        )

    def half(self) -> None:
        """Send half of the requests, all acknowledged."""
        self.senders.start()
        wait_until(lambda: self.senders.acknowledged >= REQUESTS // 2, what="half is acknowledged")

    def rest(self) -> None:
        """Send the others."""
        self._go_on.set()

    def finish(self) -> None:
        """Wait until everything is sealed, stop, and compare."""
        self.rest()
        self.senders.join()
        wait_until(
            lambda: self.sealed() >= REQUESTS * SPANS_PER_REQUEST, what=f"all is sealed; {self.sealer.log_text[-3000:]}"
        )
        self.receiver.stop()
        self.sealer.stop()
        verdict = judge(self.data.views, requests=REQUESTS)
        assert verdict.is_good, str(verdict)

    def sealed(self) -> int:
        """Spans sealed so far and shown by the views, repeats included."""
        if not self.data.views.exists():
            return 0
        state = read_state(self.data.manifest)
        if commit_of_views(self.data.views.read_text()) != state.commit:
            return 0
        return state.count(RECEIVED) - state.count(SpanClass.DUPLICATE.value)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """Both running."""
    made = Running(tmp_path)
    with made.receiver, made.sealer:
        wait_until(lambda: is_listening(made.otlp) and made.data.manifest.exists(), what="both run")
        yield made


def pid(program: Program) -> int:
    """The process's id."""
    assert program.process is not None
    return program.process.pid


def test_frozen_receiver_and_frozen_sealer(running: Running) -> None:
    """SIGSTOP in the middle, for longer than senders wait, then SIGCONT: what they sent again is counted once."""
    running.half()
    sender = Sender(int(running.otlp.rpartition(":")[2]))
    body = request(call(trace=(1 << 127) + 1, span=1))
    os.kill(pid(running.sealer), signal.SIGSTOP)
    os.kill(pid(running.receiver), signal.SIGSTOP)
    running.rest()
    with pytest.raises(grpc.RpcError):
        sender.export(body, timeout=0.5)
    os.kill(pid(running.receiver), signal.SIGCONT)
    sender.export(body, timeout=30)
    os.kill(pid(running.sealer), signal.SIGCONT)
    sender.channel.close()
    running.senders.join()
    wait_until(lambda: running.sealed() > REQUESTS * SPANS_PER_REQUEST, what="all is sealed")
    running.receiver.stop()
    running.sealer.stop()
    verdict = judge(running.data.views, requests=REQUESTS)
    assert (verdict.lost, verdict.doubled, verdict.strange, verdict.adds_up) == (0, 0, 1, True)  # 1: the one above


def test_index_deleted_under_the_running_sealer(running: Running) -> None:
    """RocksDB loses its files while they are open; whatever it says then, the index is built anew."""
    running.half()
    shutil.rmtree(running.data.index, ignore_errors=True)
    running.rest()
    running.senders.join()
    running.sealer.kill()
    running.sealer.start()
    running.finish()


def test_locks_deleted_and_second_programs_started(running: Running, tmp_path: Path) -> None:
    """Two receivers and two sealers, as nobody should have them: all that both acknowledged is counted, once."""
    running.half()
    for lock in (running.data.receiver_lock, running.data.writer_lock, *running.data.journal.glob("*.lock")):
        lock.unlink()
    otlp = free_endpoint()
    with running.program("receive", otlp), running.program("seal", otlp) as second:
        running.rest()
        wait_until(lambda: is_listening(otlp), what="the second receiver runs")
        export(otlp, request(call(trace=(1 << 127) + 1, span=1)))
        running.senders.join()
        wait_until(
            lambda: running.sealed() > REQUESTS * SPANS_PER_REQUEST,
            what=f"all is sealed; {running.sealer.log_text[-1500:]} {second.log_text[-1500:]}",
        )
    verdict = judge(running.data.views, requests=REQUESTS)
    assert (verdict.lost, verdict.doubled, verdict.strange, verdict.adds_up) == (0, 0, 1, True)


def test_journal_files_deleted_under_the_receiver_are_not_acknowledged_into(tmp_path: Path) -> None:
    """A request is acknowledged only into a file that has its name still; the next one goes to another."""
    with Pipeline(tmp_path) as pipeline:
        pipeline.send(call())
        shutil.rmtree(pipeline.data.journal)
        with pytest.raises(Exception, match="deleted"):
            pipeline.send(call())
        pipeline.send(call())
        pipeline.seal()
        assert pipeline.audit()["usage"] == 1
        incarnation = pipeline.journal.incarnation
        for lock in pipeline.data.journal.glob("*.lock"):
            lock.unlink()
        with pytest.raises(Exception, match=r"lock .* was deleted"):
            pipeline.send(call())
        pipeline.send(call(), call())
        assert pipeline.journal.incarnation != incarnation


def test_manifest_replaced_under_the_sealer_is_not_committed_into(tmp_path: Path) -> None:
    """Another file in the manifest's place: the commit fails, and nothing of the journal is deleted for it."""
    with Pipeline(tmp_path) as pipeline:
        pipeline.take(call())
        copy = tmp_path / "copy"
        shutil.copy(pipeline.data.manifest, copy)
        copy.rename(pipeline.data.manifest)
        pipeline.send(call())
        with pytest.raises(FileNotFoundError, match="deleted or replaced"):
            pipeline.seal()
        pipeline.restart_sealer()
        pipeline.seal()
        assert pipeline.audit()["usage"] == 2


def test_data_directory_copied_while_it_is_written(running: Running, tmp_path: Path) -> None:
    """A copy taken in the middle of everything opens, adds up, and has no call twice; the original misses nothing."""
    running.half()
    running.rest()
    target = tmp_path / "copied"
    shutil.copytree(running.data.ledger, target / "ledger", ignore_dangling_symlinks=True)
    shutil.copytree(running.data.journal, target / "journal", dirs_exist_ok=True)
    running.finish()
    with Pipeline(target) as copied:
        copied.seal()
        audit = copied.audit()
        assert audit["usage"] == copied.value("SELECT count(DISTINCT trace_id || span_id) FROM calls")


def test_no_files_and_no_bytes_left_for_the_receiver(running: Running) -> None:
    """Out of descriptors, then out of file size: UNAVAILABLE with a delay, and it goes on when it has them again."""
    running.half()
    sender = Sender(int(running.otlp.rpartition(":")[2]))
    for limit in (resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE):
        former = resource.prlimit(pid(running.receiver), limit)
        resource.prlimit(pid(running.receiver), limit, (0, former[1]))
        refused: list[Any] = []
        while not refused:  # the open file may still take some
            try:
                sender.export(request(call(trace=(1 << 127) + 1, span=1)), timeout=20)
            except grpc.RpcError as error:
                refused.append(error)
            if limit == resource.RLIMIT_NOFILE and not refused:
                break  # nothing had to be opened
        assert {error.code() for error in refused} <= {grpc.StatusCode.UNAVAILABLE}, refused
        assert all(retry_delay_s(error) > 0 for error in refused), refused
        resource.prlimit(pid(running.receiver), limit, former)
    sender.export(request(call(trace=(1 << 127) + 1, span=1)), timeout=20)
    sender.channel.close()
    running.rest()
    running.senders.join()
    wait_until(lambda: running.sealed() > REQUESTS * SPANS_PER_REQUEST, what="all is sealed")
    running.receiver.stop()
    running.sealer.stop()
    verdict = judge(running.data.views, requests=REQUESTS)
    assert (verdict.lost, verdict.doubled, verdict.adds_up) == (0, 0, True)


def test_clock_set_back_between_commits(tmp_path: Path) -> None:
    """The wall clock only informs: a day back, and a year, moves no call and no sum."""
    with Pipeline(tmp_path) as pipeline:
        body = [call() for _ in range(3)]
        for seconds in (2e9, 1.9e9, 1e9):
            pipeline.sealer._clock = lambda seconds=seconds: seconds  # type: ignore[misc]
            pipeline.take(*body)
            pipeline.take(call())
            pipeline.restart_sealer()
        assert pipeline.audit()["usage"] == 6
        assert pipeline.value("SELECT count(*) FROM calls") == 6


@pytest.mark.collector
def test_everything_ten_times_shuffled_through_two_collectors(tmp_path: Path) -> None:
    """The same calls and daily costs to the byte as sent once and directly; only deliveries are counted ten times."""
    require_collector()
    spans = [
        SpanText(trace=1, span=1, scope="http", attributes={"customer.id": "acme"}),
        *(call(trace=number // 3 + 1, span=number, parent=number - 1) for number in range(2, 40)),
        *(call(trace=100 + number, span=number + 1, tokens=(number, 5)) for number in range(60)),
        call(trace=200, span=1, tokens=(-1, 1)),
        call(trace=0, span=5),
        call(trace=201, span=0),
    ]
    with Pipeline(tmp_path / "once") as once:
        once.take(*spans)
        expected = settled(once)
    running = Running(tmp_path)
    chance = random.Random(7)
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    with running.receiver, running.sealer:
        wait_until(lambda: is_listening(running.otlp), what="the receiver runs")
        env = {"SPANLEDGER_ENDPOINT": running.otlp}
        with (
            Collector(LOSSLESS, folder=folders[0], env=env) as one,
            Collector(LOSSLESS, folder=folders[1], env=env) as two,
        ):
            with ThreadPoolExecutor(4) as pool:
                for _ in range(10):
                    shuffled = chance.sample(spans, len(spans))
                    cuts = sorted(chance.sample(range(len(spans)), 5))
                    parts = [shuffled[a:b] for a, b in zip([0, *cuts], [*cuts, len(spans)], strict=True)]
                    for part in parts:
                        pool.submit(export, chance.choice([one, two]).otlp_endpoint, request(*part)).result()
            wait_until(
                lambda: (
                    running.data.manifest.exists()
                    and read_state(running.data.manifest).count(RECEIVED) >= 10 * len(spans)
                ),
                what="all deliveries are sealed",
            )
        running.receiver.stop()
        running.sealer.stop()
    with Pipeline(running.data.root) as many:
        assert many.sealer
        assert settled(many) == expected
    ((received,),) = stock_duckdb(running.data.views, "SELECT received FROM audit")
    assert received == 10 * len(spans)


def settled(pipeline: Pipeline) -> dict[str, Any]:
    """What must not depend on how often and in what order spans came."""
    audit = pipeline.audit()
    return {
        "calls": pipeline.rows(f"SELECT * EXCLUDE ({HISTORY}) FROM calls ORDER BY source_id"),
        "costs_daily": pipeline.rows("SELECT * FROM costs_daily ORDER BY ALL"),
        "counts": {name: audit.get(name, 0) for name in ("usage", "nested", "aggregate", "quarantined")},
    }
