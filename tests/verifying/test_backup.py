"""A backup made under load gives the answers of its commit; a restored ledger goes on, and doubles nothing."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import pytest

from ledger.backup import back_up, restore
from ledger.errors import LedgerDamagedError, WrongUseError
from ledger.filesystem import LocalFilesystem
from ledger.manifest import read_lines, read_state
from receiver.sealer.index import delete_index
from receiver.verifying import verify
from tests.otlp import call
from tests.pipeline import Pipeline
from tests.test_command_line import spanledger

FILES = LocalFilesystem()
CALLS = "SELECT source_id, customer_id, cost FROM calls ORDER BY 1"


def quiet(_done: int, _of: int) -> None:
    """No progress."""


def test_backup_under_load_is_as_of_its_commit(tmp_path: Path) -> None:
    """While commits go on; made again, it copies only what is new."""
    with Pipeline(tmp_path / "data") as pipeline:
        pipeline.take(call())
        stop = threading.Event()
        commits: list[int] = []

        def load() -> None:
            while not stop.is_set():
                pipeline.take(call(), call())
                commits.append(1)

        thread = threading.Thread(target=load)
        thread.start()
        try:
            made = [back_up(pipeline.data, tmp_path / "backup", filesystem=FILES, progress=quiet) for _ in range(5)]
        finally:
            stop.set()
            thread.join()
        last = made[-1]
        assert last.copied < last.segments
        with Pipeline(tmp_path / "restored") as other:
            restore(tmp_path / "backup", other.data, filesystem=FILES, progress=quiet)
            assert verify(other.data).is_whole
            as_of = f"SELECT source_id, customer_id, cost FROM calls WHERE commit <= {last.commit} ORDER BY 1"
            assert other.rows(CALLS) == pipeline.rows(as_of)
            assert read_state(other.data.manifest).digest == last.digest


def test_restored_ledger_goes_on_and_doubles_nothing(tmp_path: Path) -> None:
    """What comes again, or is still in the journal, is counted once; new commits get new digests."""
    before, after, pending = [call() for _ in range(3)], [call() for _ in range(2)], call()
    with Pipeline(tmp_path / "data") as pipeline:
        pipeline.take(*before)
        made = back_up(pipeline.data, tmp_path / "backup", filesystem=FILES, progress=quiet)
        pipeline.take(*after)
        lost = [line["digest"] for line in read_lines(pipeline.data.manifest, after=made.commit)]
        pipeline.send(pending)
        pipeline.restart_sealer()
        shutil.rmtree(pipeline.data.ledger)
        delete_index(pipeline.data.index)
        restore(tmp_path / "backup", pipeline.data, filesystem=FILES, progress=quiet)
        pipeline.seal()
        pipeline.take(*before, *after)
        audit = pipeline.audit()
        assert audit["usage"] == 6
        new = [line["digest"] for line in read_lines(pipeline.data.manifest, after=made.commit)]
        assert not set(new) & set(lost), "as of (ledger, commit, digest) tells the two apart"


def test_refusals(tmp_path: Path) -> None:
    """Over a ledger, from no backup, of another ledger, with a damaged segment: refused in words."""
    with Pipeline(tmp_path / "data") as pipeline, Pipeline(tmp_path / "other") as other:
        pipeline.take(call())
        other.take(call())
        back_up(pipeline.data, tmp_path / "backup", filesystem=FILES, progress=quiet)
        with pytest.raises(WrongUseError, match="there is a ledger"):
            restore(tmp_path / "backup", other.data, filesystem=FILES, progress=quiet)
        with pytest.raises(WrongUseError, match="no finished backup"):
            restore(tmp_path / "data", other.data, filesystem=FILES, progress=quiet)
        with pytest.raises(WrongUseError, match="backup of ledger"):
            back_up(other.data, tmp_path / "backup", filesystem=FILES, progress=quiet)
        (segment,) = other.data.ledger.rglob("*.parquet")
        segment.write_bytes(segment.read_bytes()[:-5])
        with pytest.raises(LedgerDamagedError, match="not what the manifest lists"):
            back_up(other.data, tmp_path / "backup2", filesystem=FILES, progress=quiet)


def test_commands(tmp_path: Path) -> None:
    """As a person runs them: backup, restore, verify, with exit codes."""
    with Pipeline(tmp_path / "data") as pipeline:
        pipeline.take(call())
    backup, restored = tmp_path / "backup", tmp_path / "restored"
    made = spanledger("backup", str(backup), "--data-dir", str(tmp_path / "data"))
    assert made.returncode == 0, made.stderr
    assert json.loads((backup / "backup.json").read_text())["commit"] == 1
    put = spanledger("restore", str(backup), "--data-dir", str(restored))
    assert put.returncode == 0, put.stderr
    checked = spanledger("verify", "--format", "json", "--data-dir", str(restored))
    assert checked.returncode == 0, checked.stderr
    assert all(not one["is_damage"] for one in json.loads(checked.stdout))
    (segment,) = (restored / "ledger").rglob("*.parquet")
    segment.write_bytes(b"x")
    broken = spanledger("verify", "--data-dir", str(restored))
    assert broken.returncode == 1
    mended = spanledger("verify", "--repair", "--from", str(backup), "--data-dir", str(restored))
    assert mended.returncode == 0, mended.stderr
    again = spanledger("restore", str(backup), "--data-dir", str(restored))
    assert again.returncode == 2
