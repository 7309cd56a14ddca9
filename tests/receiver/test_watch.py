"""The watch: nothing is taken that could fill the disk, and everybody is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.room import GIB, MIB, Room
from ledger.status import Status, read_status, write_status
from receiver.errors import BacklogError, DiskLowError, JournalWriteError
from receiver.watch import Watch
from tests.faulty_filesystem import FaultyFilesystem, io_error
from tests.otlp import call
from tests.pipeline import Pipeline


class Disk:
    """A disk whose space is said by the test."""

    def __init__(self) -> None:
        self.room = Room(total_bytes=100 * GIB, free_bytes=50 * GIB)
        self.error: OSError | None = None

    def look(self, _path: Path) -> Room:
        """Answer as statvfs would."""
        if self.error is not None:
            raise self.error
        return self.room


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """A journal, on a filesystem that can be told to fail."""
    with Pipeline(tmp_path, filesystem=FaultyFilesystem()) as made:
        yield made


@pytest.fixture
def disk() -> Disk:
    """Half full."""
    return Disk()


@pytest.fixture
def watch(pipeline: Pipeline, disk: Disk) -> Watch:
    """A watch that looks when told to."""
    return Watch(
        pipeline.data,
        journal=pipeline.journal,
        filesystem=pipeline.filesystem,
        room=disk.look,
        backlog_bytes_max=2000,
        backlog_alarm_bytes=500,
    )


def status(pipeline: Pipeline) -> Status:
    """What the receiver says of itself."""
    said = read_status(pipeline.data.receiver_status)
    assert said is not None
    return said


def test_nearly_full_disk_is_refused_before_it_is_full_and_recovers(
    watch: Watch, disk: Disk, pipeline: Pipeline
) -> None:
    """Below the reserve senders are told to wait, with the reason in the status; above it, it goes on by itself."""
    disk.room = Room(total_bytes=100 * GIB, free_bytes=GIB - 1)
    watch.look()
    with pytest.raises(DiskLowError, match="1,024 MiB are kept free") as refused:
        watch.admit()
    assert refused.value.retry_after_s == 15
    assert not status(pipeline).ready
    assert "make room" in status(pipeline).reason
    disk.room = Room(total_bytes=100 * GIB, free_bytes=GIB)
    watch.look()
    watch.admit()
    assert status(pipeline).ready
    assert status(pipeline).figures["disk_reserve_bytes"] == GIB


@pytest.mark.parametrize(
    ("total", "reserve"),
    [(20 * GIB, 256 * MIB), (100 * GIB, GIB), (5000 * GIB, 10 * GIB), (GIB, GIB // 10), (64 * MIB, 6.4 * MIB)],
)
def test_reserve_is_a_hundredth_within_bounds(total: int, reserve: float) -> None:
    """1 % of the disk, at least 256 MiB, at most 10 GiB, and never more than a tenth of a small disk."""
    assert Room(total_bytes=total, free_bytes=0).reserve_bytes == int(reserve)


def test_disk_that_does_not_answer_is_refused(watch: Watch, disk: Disk, tmp_path: Path) -> None:
    """Whoever cannot say how much room there is takes nothing."""
    disk.error = io_error(tmp_path)
    watch.look()
    with pytest.raises(DiskLowError, match="does not answer"):
        watch.admit()


def test_sealer_that_does_not_keep_up_is_noticed_then_refused(
    watch: Watch, pipeline: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    """The journal's backlog is alarmed at one bound, refused at the next, and taken again once it is sealed."""
    pipeline.send(call(), call())
    watch.look()
    watch.admit()
    assert status(pipeline).figures["journal_backlog_bytes"] > 500
    assert "is the sealer running?" in capsys.readouterr().out
    while status(pipeline).figures["journal_backlog_bytes"] < 2000:
        pipeline.send(call())
        watch.look()
    with pytest.raises(BacklogError, match="is the sealer running"):
        watch.admit()
    assert not status(pipeline).ready
    pipeline.journal.close()
    pipeline.seal()
    pipeline.seal()
    watch.look()
    watch.admit()
    assert status(pipeline).ready


def test_failing_disk_is_told_and_tried_until_it_is_well(watch: Watch, pipeline: Pipeline) -> None:
    """After a write error readiness is false with the reason, and true again without anybody sending."""
    filesystem: Any = pipeline.filesystem

    def fail(_operation: str, path: Path) -> None:
        raise io_error(path)

    filesystem.before = fail
    with pytest.raises(JournalWriteError):
        pipeline.send(call())
    watch.look()
    assert "Input/output error" in status(pipeline).reason
    watch.admit()  # senders may go on trying
    filesystem.before = lambda _operation, _path: None
    watch.look()
    assert status(pipeline).ready
    assert not list(pipeline.data.journal.glob(".*"))


def test_stop_in_good_order_is_said(watch: Watch, pipeline: Pipeline) -> None:
    """Who stopped is not taken for dead."""
    watch.start()
    watch.stop()
    assert status(pipeline).stopped


def test_status_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    """A torn or foreign block says nothing."""
    path = tmp_path / "receiver.status"
    assert read_status(path) is None
    for text in ("", "{", "[]", json.dumps({"ready": True}), '{"ready":1,"reason":"","stopped":0,"figures":{"a":"b"}}'):
        path.write_text(text)
        assert read_status(path) is None
    write_status(path, Status(reason="a" * 10_000, figures={"a": 1}))
    write_status(path, Status(figures={"a": 2}))
    assert read_status(path) == Status(figures={"a": 2})
