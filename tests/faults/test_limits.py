"""Slow disks and full queues: latency grows, memory does not, and senders are told to come again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from receiver import server
from receiver.errors import BacklogError, OverloadedError
from receiver.journal import Journal
from receiver.server import Receiver
from tests.collector import wait_until
from tests.faulty_filesystem import FaultyFilesystem
from tests.otlp import call, request
from tests.pipeline import Pipeline
from tests.receiver.test_server import Sender, retry_delay_s


class SlowDisk(FaultyFilesystem):
    """A disk whose fsync takes until it is let go."""

    __slots__ = ("may_sync",)

    def __init__(self) -> None:
        super().__init__()
        self.may_sync = threading.Event()
        self.before = self._wait

    def _wait(self, operation: str, _path: Path) -> None:
        if operation == "sync":
            assert self.may_sync.wait(60)


@pytest.fixture
def slow() -> SlowDisk:
    """A disk that does not answer yet."""
    return SlowDisk()


@pytest.fixture
def pipeline(tmp_path: Path, slow: SlowDisk) -> Iterator[Pipeline]:
    """A journal on the slow disk."""
    made = Pipeline(tmp_path, filesystem=slow)
    yield made
    slow.may_sync.set()
    made.close()


def test_slow_disk_makes_senders_wait_and_refuses_what_memory_does_not_hold(
    pipeline: Pipeline, slow: SlowDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the bytes in flight a sender is told when to come again; those that waited are acknowledged in the end."""
    body = request(*(call() for _ in range(20)))
    monkeypatch.setattr(server, "IN_FLIGHT_BYTES_MAX", 3 * len(body))
    receiver = Receiver(listen="127.0.0.1:0", journal=pipeline.journal, splitter=pipeline.splitter, trace_path=None)
    receiver.start()
    sender = Sender(receiver.port)
    waiting = [sender.export.future(request(*(call() for _ in range(20)))) for _ in range(3)]
    wait_until(lambda: receiver.in_flight_bytes >= 2.5 * len(body), what="three requests wait for the disk")
    refused = sender.refusal(body)
    assert refused.code() == grpc.StatusCode.UNAVAILABLE
    assert 0 < retry_delay_s(refused) <= 5
    assert not any(one.done() for one in waiting)
    slow.may_sync.set()
    for one in waiting:
        one.result(30)
    sender.export(body)
    assert receiver.in_flight_bytes == 0
    sender.channel.close()
    receiver.stop(grace_s=5)
    pipeline.seal()
    assert pipeline.value("SELECT count(*) FROM calls") == 80


def test_senders_that_give_up_leave_no_more_behind_than_the_queue_holds(tmp_path: Path, slow: SlowDisk) -> None:
    """A request whose sender has gone still waits for the disk: the queue's bound is over all of them."""
    journal = Journal(tmp_path / "journal", filesystem=slow, waiting_bytes_max=5_000)
    for _ in range(5):
        journal.submit(received=1, kept=1, payload=bytes(1_000), settle=lambda _error: None)
    with pytest.raises(OverloadedError, match="wait for the disk"):
        journal.submit(received=1, kept=1, payload=bytes(1_000), settle=lambda _error: None)
    assert journal.waiting_bytes == 5_000
    slow.may_sync.set()
    journal.append(received=0, kept=0, payload=b"")
    wait_until(lambda: journal.waiting_bytes == 0, what="the queue is written")
    journal.append(received=1, kept=1, payload=bytes(6_000))  # one request always fits
    journal.close()


def test_cancelled_requests_do_not_make_room_that_is_not_there(pipeline: Pipeline, slow: SlowDisk) -> None:
    """Senders with short deadlines on a disk that hangs: what they leave is bounded, and freed when it is written."""
    pipeline.journal._waiting_bytes_max = 20_000
    receiver = Receiver(listen="127.0.0.1:0", journal=pipeline.journal, splitter=pipeline.splitter, trace_path=None)
    receiver.start()
    sender = Sender(receiver.port)
    body = request(*(call() for _ in range(10)))
    codes = set()
    for _ in range(20):
        with pytest.raises(grpc.RpcError) as failed:
            sender.export(body, timeout=0.05)
        error: Any = failed.value
        codes.add(error.code())
        assert pipeline.journal.waiting_bytes <= 20_000 + len(body)
    assert codes == {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE}
    slow.may_sync.set()
    wait_until(lambda: pipeline.journal.waiting_bytes == 0, what="all that waited is written")
    sender.export(body)
    sender.channel.close()
    receiver.stop(grace_s=5)
    pipeline.seal()
    assert pipeline.value("SELECT count(*) FROM calls") == 10  # the same ten, however often they were written


def test_what_the_watch_says_is_what_senders_are_told(pipeline: Pipeline, slow: SlowDisk) -> None:
    """A backlog that is too large is UNAVAILABLE with the delay that fits it."""
    slow.may_sync.set()

    def admit() -> None:
        raise BacklogError("the journal is full")

    receiver = Receiver(
        listen="127.0.0.1:0", journal=pipeline.journal, splitter=pipeline.splitter, trace_path=None, admit=admit
    )
    receiver.start()
    sender = Sender(receiver.port)
    refused = sender.refusal(request(call()))
    assert (refused.code(), retry_delay_s(refused)) == (grpc.StatusCode.UNAVAILABLE, 10)
    assert receiver.counters.refused == 1
    sender.channel.close()
    receiver.stop(grace_s=5)
