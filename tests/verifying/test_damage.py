"""Every kind of damage, to every kind of file, in any place: reported with file and place, or harmless."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from random import Random

import pytest

from ledger.errors import SpanledgerError
from ledger.filesystem import LocalFilesystem
from ledger.manifest import read_state
from ledger.verifying.findings import Part
from receiver.config import SealerConfig
from receiver.sealer.process import run_sealer
from receiver.sealer.seal import Sealer
from receiver.verifying import repair, verify
from tests.collector import wait_until
from tests.otlp import call
from tests.pipeline import ATTRIBUTION, BOOK, Pipeline

FILES = LocalFilesystem()
KINDS = ("flipped bit", "zeroed", "cut", "missing")
COSTS = "SELECT customer_id, sum(call_count) AS calls, sum(cost) AS cost FROM entries GROUP BY 1 ORDER BY 1"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """A ledger of a few commits, sealed and closed, with frames that are still in the journal."""
    pipeline = Pipeline(tmp_path_factory.mktemp("whole") / "data")
    for commit in range(4):
        pipeline.take(*(call(attributes={"customer.id": f"c{number % 2}"}) for number in range(5 + commit)))
    pipeline.journal.close()
    pipeline.seal()
    pipeline.seal()
    pipeline.restart_sealer()
    return pipeline


def copy_of(whole: Pipeline, folder: Path) -> Pipeline:
    """A copy to be damaged."""
    shutil.copytree(whole.data.root, folder / "data")
    copied = Pipeline(folder / "data")
    copied.journal.close()
    for lock in copied.data.journal.glob("*.lock"):
        lock.unlink()
    repair(copied.data, filesystem=FILES)  # views.sql names absolute paths
    return copied


def damage(path: Path, kind: str, random: Random) -> None:
    """Damage a file in some place."""
    data = bytearray(path.read_bytes())
    at = random.randrange(len(data))
    if kind == "missing":
        path.unlink()
        return
    if kind == "flipped bit":
        data[at] ^= 1 << random.randrange(8)
    elif kind == "zeroed":
        data[at : at + 512] = bytes(len(data[at : at + 512]))
    else:
        del data[at:]
    path.write_bytes(data)


def test_whole_is_whole(whole: Pipeline, tmp_path: Path) -> None:
    """Nothing is found where nothing is wrong, and repair does nothing."""
    copied = copy_of(whole, tmp_path)
    report = verify(copied.data)
    assert report.findings == []
    assert (report.segments_whole, report.rows_whole) == (4, 26)
    assert report.index_records > 0
    assert repair(copied.data, filesystem=FILES) == []


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_segment(whole: Pipeline, tmp_path: Path, kind: str, seed: int) -> None:
    """It is named, with the bytes; all others are counted as whole; a backup's copy of that one file mends it."""
    copied = copy_of(whole, tmp_path)
    paths = sorted(copied.data.ledger.rglob("*.parquet"))
    path = paths[seed]
    damage(path, kind, Random(seed))
    report = verify(copied.data)
    (found,) = [one for one in report.findings if one.part == Part.SEGMENT]
    assert found.file == str(path)
    assert found.is_damage
    assert found.place or kind == "missing"
    assert report.segments_whole == report.segments - 1 == 3
    assert not report.is_whole
    repair(copied.data, filesystem=FILES)
    assert not verify(copied.data).is_whole, "nothing is made up"
    repair(copied.data, filesystem=FILES, backup=whole.data.root)
    assert verify(copied.data).findings == []
    assert copied.rows(COSTS) == whole.rows(COSTS)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_manifest(whole: Pipeline, tmp_path: Path, kind: str, seed: int) -> None:
    """It is reported; one flipped bit, wherever it is, is put right; anything else is refused, and a start too."""
    copied = copy_of(whole, tmp_path)
    before = copied.data.manifest.read_bytes()
    damage(copied.data.manifest, kind, Random(seed))
    if copied.data.manifest.exists() and copied.data.manifest.read_bytes() == before:
        return
    report = verify(copied.data)
    assert not report.is_whole
    assert report.findings[0].file.startswith(str(copied.data.ledger))
    if kind != "missing":
        assert report.findings[0].part == Part.MANIFEST
        assert "line" in report.findings[0].place or kind == "cut"
        repair(copied.data, filesystem=FILES)
    if kind == "flipped bit":
        assert copied.data.manifest.read_bytes() == before
        assert verify(copied.data).findings == []
        assert copied.rows(COSTS) == whole.rows(COSTS)
    elif not verify(copied.data).is_whole:
        with pytest.raises(SpanledgerError):
            Sealer(copied.data, attribution=ATTRIBUTION, book=BOOK, filesystem=FILES)


def test_flipped_bit_in_the_last_line_after_a_start_that_stopped(tmp_path: Path) -> None:
    """The start stops and keeps what it cut off: the newest segments' journal is gone. Repair lists them again."""
    with Pipeline(tmp_path / "data") as pipeline:
        pipeline.take(call())
        pipeline.take(call(), call())
        pipeline.restart_sealer()
        before, costs = pipeline.data.manifest.read_bytes(), pipeline.rows(COSTS)
        for path in pipeline.data.journal.glob("*.journal"):
            path.unlink()
        damaged = bytearray(before)
        damaged[-100] ^= 4
        pipeline.data.manifest.write_bytes(damaged)
        for _ in range(2):
            with pytest.raises(SpanledgerError, match="line was lost"):
                Sealer(pipeline.data, attribution=ATTRIBUTION, book=BOOK, filesystem=FILES)
            assert not verify(pipeline.data).is_whole
        (said,) = repair(pipeline.data, filesystem=FILES)
        assert "one bit of a line had flipped" in said
        assert pipeline.data.manifest.read_bytes() == before
        assert verify(pipeline.data).is_whole
        assert pipeline.rows(COSTS) == costs


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_index(whole: Pipeline, tmp_path: Path, kind: str, seed: int) -> None:
    """Found, or harmless; repair deletes it, and the next start builds it from the ledger."""
    copied = copy_of(whole, tmp_path)
    files = sorted(path for path in copied.data.index.iterdir() if path.stat().st_size and path.name != "LOCK")
    damage(Random(seed).choice(files), kind, Random(seed))
    verify(copied.data)
    repair(copied.data, filesystem=FILES)
    with Pipeline(copied.data.root) as again:
        again.take(call(trace=10**6, span=1, attributes={"customer.id": "c1"}))
        again.restart_sealer()
    assert verify(copied.data).is_whole
    assert again.value("SELECT sum(call_count) FROM entries") == 27


def test_index_that_is_damaged_within_is_built_anew_by_the_sealer(whole: Pipeline, tmp_path: Path) -> None:
    """A block that only a look-up reads does not stop the sealing for ever: the sealer deletes the index itself."""
    copied = copy_of(whole, tmp_path)
    for path in copied.data.index.glob("*.sst"):
        data = bytearray(path.read_bytes())
        data[20:200] = bytes(180)
        path.write_bytes(data)
    with Pipeline(copied.data.root) as again:
        again.send(call(attributes={"customer.id": "c1"}))
        stop = threading.Event()
        sealer = threading.Thread(
            target=run_sealer, args=(SealerConfig(data=again.data, interval_s=0.05),), kwargs={"stop": stop}
        )
        sealer.start()
        try:
            wait_until(lambda: read_state(again.data.manifest).count("usage") == 27, what="the new call is counted")
        finally:
            stop.set()
            sealer.join()
    assert verify(copied.data).is_whole


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", KINDS[:3])
def test_damaged_journal(tmp_path: Path, kind: str, seed: int) -> None:
    """Frames behind the damage are counted, and the bytes are named before and after sealing."""
    with Pipeline(tmp_path / "data") as pipeline:
        for _ in range(6):
            pipeline.send(call())
        pipeline.journal.close()
        (path,) = pipeline.data.journal.glob("*.journal")
        damage(path, kind, Random(seed))
        report = verify(pipeline.data)
        frames = report.journal_frames
        assert kind == "cut" or any(one.part == Part.JOURNAL and "bytes" in one.place for one in report.findings)
        pipeline.seal()
        pipeline.seal()
        usage = pipeline.audit().get("usage", 0)
        assert usage in {frames, frames - 1}, "all whole frames but the end are calls"
        assert usage >= (0 if kind == "cut" else 3)


def test_damaged_views(whole: Pipeline, tmp_path: Path) -> None:
    """Rendered anew from the manifest."""
    copied = copy_of(whole, tmp_path)
    damage(copied.data.views, "flipped bit", Random(5))
    (found,) = verify(copied.data).findings
    assert found.part == Part.VIEWS
    assert len(repair(copied.data, filesystem=FILES)) == 1
    assert verify(copied.data).findings == []
