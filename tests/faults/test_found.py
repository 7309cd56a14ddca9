"""What sweep and hostile tester found, each as a test of its own, which does not depend on how a run is numbered."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from ledger.filesystem import LocalFilesystem
from ledger.manifest import Commit, ManifestWriter, read_state
from ledger.schema import Table
from receiver.sealer.sweeping import UNLISTED_SUFFIX
from tests.faults.disk import Disk, PowerCutError, Survives
from tests.faulty_filesystem import FaultyFilesystem, io_error
from tests.otlp import call
from tests.pipeline import Pipeline

ONE = Commit(counts={"received": 1, "usage": 1})


def test_manifest_line_of_a_killed_writer_is_made_durable_before_it_is_believed(tmp_path: Path) -> None:
    """Killed between the line and its fsync, opened again, another commit, power cut: both commits are there."""
    disk = Disk(tmp_path / "disk")
    (tmp_path / "disk").mkdir()
    path = tmp_path / "disk" / "ledger" / "manifest.jsonl"
    writer = ManifestWriter.open(path, filesystem=LocalFilesystem(disk))
    writer.append(ONE)

    def stop(call: str, at: Path) -> None:
        if call == "fsync" and at == path:
            raise PowerCutError

    disk.fault = stop
    with pytest.raises(PowerCutError):
        writer.append(ONE)
    writer.close()
    disk.restart(Survives.EVERYTHING, random.Random(0))
    opened = ManifestWriter.open(path, filesystem=LocalFilesystem(disk))
    assert opened.state.commit == 2  # whoever opens it sees the line, and deletes what it consumed
    opened.close()
    disk.restart(Survives.NOTHING, random.Random(0))
    assert read_state(path).commit == 2


def test_folder_left_by_a_killed_process_is_made_durable(tmp_path: Path) -> None:
    """Killed between mkdir and the parent's fsync, written into by the next process, power cut: it is all there."""
    disk = Disk(tmp_path / "disk")
    (tmp_path / "disk").mkdir()
    folder = tmp_path / "disk" / "journal"

    def stop(call: str, _at: Path) -> None:
        if call == "fsync" and folder.is_dir():
            raise PowerCutError

    disk.fault = stop
    with pytest.raises(PowerCutError):
        LocalFilesystem(disk).make_folder(folder)
    disk.restart(Survives.EVERYTHING, random.Random(0))
    assert folder.is_dir()
    again = LocalFilesystem(disk)
    again.make_folder(folder)
    again.write_durably(folder / "file", b"kept")
    disk.restart(Survives.NOTHING, random.Random(0))
    assert (folder / "file").read_bytes() == b"kept"


@pytest.mark.parametrize("name", ["views.sql", "manifest.jsonl"])
def test_sealer_that_fails_while_opening_stands_in_nobodys_way(tmp_path: Path, name: str) -> None:
    """A full disk at the start: the next try, by the same process, finds lock and index free."""
    filesystem = FaultyFilesystem()
    with Pipeline(tmp_path, filesystem=filesystem) as pipeline:
        pipeline.take(call())
        pipeline.restart_sealer()

        def fail(_operation: str, path: Path) -> None:
            if path.name == name:
                raise io_error(path)

        filesystem.before = fail
        for _ in range(2):
            with pytest.raises(OSError, match="Input/output"):
                assert pipeline.sealer
        filesystem.before = lambda _operation, _path: None
        pipeline.take(call())
        assert pipeline.audit()["usage"] == 2


def test_segment_of_frames_that_never_were_durable_is_kept_aside(tmp_path: Path) -> None:
    """The journal is shorter than what was sealed of it, as its fsync had failed: the start goes on."""
    filesystem = FaultyFilesystem()
    with Pipeline(tmp_path, filesystem=filesystem) as pipeline:
        pipeline.take(call())
        (journal,) = pipeline.data.journal.glob("*.journal")
        durable_bytes = journal.stat().st_size
        pipeline.send(call())

        def fail(operation: str, path: Path) -> None:
            if path.name == "manifest.jsonl" and operation == "append":
                raise io_error(path)

        filesystem.before = fail
        with pytest.raises(OSError, match="Input/output"):
            pipeline.seal()
        filesystem.before = lambda _operation, _path: None
        pipeline.restart_sealer()
        with journal.open("r+b") as file:
            file.truncate(durable_bytes)  # what a power cut takes of a file whose fsync had failed
        pipeline.seal()
        assert pipeline.audit()["usage"] == 1
        assert len(list(pipeline.data.table(Table.USAGE).rglob(f"*{UNLISTED_SUFFIX}"))) == 1


def test_lock_holds_where_its_text_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk the lock's text is missing, and nothing else."""

    def full(*_arguments: object) -> int:
        raise io_error(tmp_path)

    monkeypatch.setattr("os.pwrite", full)
    with Pipeline(tmp_path) as pipeline:
        pipeline.take(call())
        assert pipeline.audit()["usage"] == 1
