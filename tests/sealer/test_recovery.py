"""Recovery: the sealer dies at any step, is opened again, and the ledger says what it would have said."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import LedgerDamagedError, LedgerInUseError
from ledger.filesystem import LocalFilesystem
from ledger.schema import Table
from receiver.journal import KIND_REQUEST, encode_frame
from receiver.sealer.seal import Sealer
from tests.faulty_filesystem import FaultyFilesystem, io_error
from tests.otlp import SpanText, call, request
from tests.pipeline import ATTRIBUTION, BOOK, Pipeline


class PowerCutError(Exception):
    """The machine stops here."""


def first_request(pipeline: Pipeline) -> None:
    """Two calls, one of which has a parent that has not come yet."""
    pipeline.send(call(trace=1, span=2, parent=3, attributes={"customer.id": "acme"}), call(trace=5, span=6))


def second_request(pipeline: Pipeline) -> None:
    """The parent, which says more; a span that cannot be read; and who pays for the other call."""
    pipeline.send(
        call(trace=1, span=3, attributes={"gen_ai.response.id": "resp_1"}),
        call(trace=7, span=8, tokens=(-1, 1)),
        SpanText(trace=5, span=9, scope="http", attributes={"customer.id": "globex"}),
    )


def send_and_seal(pipeline: Pipeline) -> None:
    """Two commits, the second with corrections."""
    for deliver in (first_request, second_request):
        deliver(pipeline)
        pipeline.seal()


def state_of(pipeline: Pipeline) -> dict[str, Any]:
    """What must be the same after recovery."""
    return {
        "calls": pipeline.rows('SELECT * EXCLUDE (recorded_time, "commit") FROM calls ORDER BY source_id'),
        "entries": pipeline.rows("SELECT source_id, revision, entry_type, cost FROM entries ORDER BY ALL"),
        "audit": {name: count for name, count in pipeline.audit().items() if name != "commit"},
    }


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The ledger of an undisturbed run."""
    with Pipeline(tmp_path_factory.mktemp("undisturbed")) as pipeline:
        send_and_seal(pipeline)
        return state_of(pipeline)


@pytest.mark.parametrize("fatal", range(1, 12))
def test_dying_at_any_file_operation_loses_and_doubles_nothing(
    tmp_path: Path, expected: dict[str, Any], fatal: int
) -> None:
    """The n-th file operation of sealing is the last; after a restart the ledger is that of an undisturbed run."""
    filesystem = FaultyFilesystem()
    with Pipeline(tmp_path, filesystem=filesystem) as pipeline:
        assert pipeline.sealer  # opened before the fault, as in a running program
        operations = 0

        def cut(_operation: str, path: Path) -> None:
            nonlocal operations
            if path.suffix != ".journal":
                operations += 1
                if operations == fatal:
                    raise PowerCutError

        filesystem.before = cut
        for deliver in (first_request, second_request):
            deliver(pipeline)
            try:
                pipeline.seal()
            except PowerCutError:
                pipeline.restart_sealer()
                pipeline.seal()
        assert operations >= fatal, "the run has fewer operations than that: the fault was never there"
        assert state_of(pipeline) == expected


def test_commit_whose_index_was_not_written_is_caught_up(tmp_path: Path, expected: dict[str, Any]) -> None:
    """Dying between the manifest line and the index repeats nothing."""
    with Pipeline(tmp_path) as pipeline:

        def die(*_arguments: Any, **_options: Any) -> None:
            raise PowerCutError

        first_request(pipeline)
        pipeline.seal()
        second_request(pipeline)
        pipeline.sealer.index.apply = die  # type: ignore[method-assign]
        with pytest.raises(PowerCutError):
            pipeline.seal()
        pipeline.restart_sealer()
        pipeline.seal()
        assert state_of(pipeline) == expected


def test_two_sealers_are_refused(tmp_path: Path) -> None:
    """The ledger has one writer."""
    with Pipeline(tmp_path) as pipeline:
        pipeline.take(call())
        with pytest.raises(LedgerInUseError, match="in use by process"):
            Sealer(pipeline.data, attribution=ATTRIBUTION, book=BOOK, filesystem=LocalFilesystem())


def test_journal_is_deleted_once_sealed_and_forgotten_later(tmp_path: Path) -> None:
    """A finished, consumed journal file goes; its position stays until a later commit records that."""
    with Pipeline(tmp_path) as pipeline:
        pipeline.take(call())
        pipeline.journal.close()
        pipeline.seal()
        pipeline.seal()
        assert list(pipeline.data.journal.iterdir()) == []
        assert len(pipeline.sealer.state.positions) == 1
        pipeline.restart_sealer()
    with Pipeline(tmp_path) as pipeline:
        pipeline.take(call())
        (name,) = pipeline.sealer.state.positions
        assert (pipeline.data.journal / name).exists()


def test_journal_file_that_comes_back_is_not_counted_again(tmp_path: Path) -> None:
    """An unlink that was not durable brings a file back: it was consumed."""
    with Pipeline(tmp_path) as pipeline:
        pipeline.take(call())
        pipeline.journal.close()
        (file,) = pipeline.data.journal.glob("*.journal")
        copy = file.read_bytes()
        pipeline.seal()
        pipeline.seal()
        file.write_bytes(copy)
        pipeline.restart_sealer()
        pipeline.seal()
        assert pipeline.audit()["received"] == 1
        assert not file.exists()


def test_restarted_receiver_in_an_empty_folder_is_not_skipped(tmp_path: Path) -> None:
    """A new incarnation's first file is another file, although sequences begin at 1 again."""
    with Pipeline(tmp_path) as pipeline:
        pipeline.take(call())
    shutil.rmtree(tmp_path / "journal")
    with Pipeline(tmp_path) as pipeline:
        pipeline.take(call())
        assert pipeline.audit()["usage"] == 2


def test_damaged_journal_is_read_past_and_kept(tmp_path: Path) -> None:
    """What is intact is counted; the damaged file is renamed, not deleted."""
    with Pipeline(tmp_path) as pipeline:
        good = encode_frame(kind=KIND_REQUEST, received=1, kept=1, payload=request(call()))
        also = encode_frame(kind=KIND_REQUEST, received=1, kept=1, payload=request(call()))
        torn = good[: len(good) // 2]
        pipeline.data.journal.mkdir(exist_ok=True)
        (pipeline.data.journal / "00000000000000ff-00000001.journal").write_bytes(good + torn + also)
        pipeline.seal()
        assert pipeline.audit()["usage"] == 2
        assert [path.name for path in pipeline.data.journal.glob("*.damaged")] == [
            "00000000000000ff-00000001.journal.damaged"
        ]


def test_lost_manifest_line_stops_the_start(tmp_path: Path) -> None:
    """A segment no line lists, whose journal is gone, is calls that would be lost: nothing is deleted."""
    with Pipeline(tmp_path) as pipeline:
        pipeline.take(call())
        pipeline.journal.close()
        pipeline.seal()
        pipeline.seal()
        pipeline.restart_sealer()
        lines = pipeline.data.manifest.read_bytes().splitlines(keepends=True)
        pipeline.data.manifest.write_bytes(b"".join(lines[:1]))
        with pytest.raises(LedgerDamagedError, match="line was lost"):
            Sealer(pipeline.data, attribution=ATTRIBUTION, book=BOOK, filesystem=LocalFilesystem())
        assert list(pipeline.data.table(Table.USAGE).rglob("*.parquet"))
        pipeline.data.manifest.write_bytes(b"".join(lines))


def test_orphan_segment_with_its_journal_is_swept(tmp_path: Path) -> None:
    """A segment of a commit that never was is removed, and its frames are sealed again."""
    filesystem = FaultyFilesystem()
    with Pipeline(tmp_path, filesystem=filesystem) as pipeline:
        assert pipeline.sealer

        def fail(operation: str, path: Path) -> None:
            if path.name == "manifest.jsonl" and operation == "append":
                raise io_error(path)

        filesystem.before = fail
        pipeline.send(call())
        with pytest.raises(OSError, match="Input/output"):
            pipeline.seal()
        filesystem.before = lambda _operation, _path: None
        assert len(list(pipeline.data.table(Table.USAGE).rglob("*.parquet"))) == 1
        pipeline.restart_sealer()
        assert len(pipeline.sealer.swept) == 1
        pipeline.seal()
        assert pipeline.audit()["usage"] == 1
        assert len(list(pipeline.data.table(Table.USAGE).rglob("*.parquet"))) == 1
