"""An import: the same amounts as if the spans had been sent, once, whatever happens in between."""

from __future__ import annotations

import gzip
import json
import threading
from pathlib import Path

import pytest

from ledger.filesystem import LocalFilesystem
from receiver.config import ReceiverConfig, SealerConfig
from receiver.importing.errors import ImportInterruptedError, UnreadableFileError
from receiver.importing.importing import FileReport, import_files
from receiver.sealer.process import run_sealer
from tests.faulty_filesystem import FaultyFilesystem
from tests.importing.written import as_json, lines, messages, zstd
from tests.otlp import SpanText, call, request
from tests.pipeline import Pipeline
from tests.programs import Up, export
from tests.test_command_line import spanledger

CALLS = [call(trace=number, span=number, attributes={"customer.id": f"c{number % 3}"}) for number in range(1, 31)]
WEB = SpanText(scope="http", attributes={"url.path": "/"})
REQUESTS = [request(*CALLS[first : first + 10], WEB) for first in (0, 10, 20)]
FORMS = {
    "json": lines(*REQUESTS),
    "proto": messages(*REQUESTS),
    "zstd": messages(*map(zstd, REQUESTS)),
    "gzip": gzip.compress(lines(*REQUESTS)),
}
COSTS = "SELECT customer_id, sum(call_count) AS calls, sum(cost) AS cost FROM entries GROUP BY 1 ORDER BY 1"


def imported(pipeline: Pipeline, *files: Path, filesystem: LocalFilesystem | None = None) -> list[FileReport]:
    """Import into the pipeline's folder; the pipeline's own sealer is closed for it."""
    pipeline.restart_sealer()
    config = SealerConfig(data=pipeline.data)
    return import_files(files, ReceiverConfig(data=pipeline.data), config, filesystem=filesystem or LocalFilesystem())


def expected(folder: Path) -> list[dict[str, object]]:
    """What the same spans cost when they are sent."""
    with Pipeline(folder) as sent:
        for body in REQUESTS:
            sent.send_bytes(body)
        sent.seal()
        return sent.rows(COSTS)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_imported_is_as_if_sent(tmp_path: Path, form: str) -> None:
    """The same calls, customers and costs, and counts that add up."""
    (tmp_path / "x").write_bytes(FORMS[form])
    with Pipeline(tmp_path / "data") as pipeline:
        (report,) = imported(pipeline, tmp_path / "x")
        assert (report.spans, report.progress.kept, report.problems) == (33, 30, [])
        assert pipeline.audit()["received"] == 33
        assert pipeline.audit()["usage"] == 30
        assert pipeline.rows(COSTS) == expected(tmp_path / "sent")
        assert not list(pipeline.data.journal.glob("*.journal"))


@pytest.mark.parametrize("form", sorted(FORMS))
def test_imported_beside_what_was_sent_is_counted_once(tmp_path: Path, form: str) -> None:
    """The same spans by both ways are equal to the last byte: duplicates, and no conflict."""
    (tmp_path / "x").write_bytes(FORMS[form])
    with Pipeline(tmp_path / "data") as pipeline:
        for body in REQUESTS:
            pipeline.send_bytes(body)
        pipeline.seal()
        imported(pipeline, tmp_path / "x")
        audit = pipeline.audit()
        assert (audit["usage"], audit["duplicate"]) == (30, 30)
        assert pipeline.value("SELECT count(*) FROM set_aside") == 0
        assert pipeline.rows(COSTS) == expected(tmp_path / "sent")


def test_second_import_reads_nothing_again(tmp_path: Path) -> None:
    """It goes on behind the end; nothing is received twice."""
    (tmp_path / "x").write_bytes(FORMS["json"])
    with Pipeline(tmp_path / "data") as pipeline:
        imported(pipeline, tmp_path / "x")
        (again,) = imported(pipeline, tmp_path / "x")
        assert (again.spans, again.progress.spans) == (0, 33)
        assert pipeline.audit()["received"] == 33


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_grown_and_rotated_file_goes_on(tmp_path: Path, compress) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """A file that ends in half a record is imported up to it, and from there once it has grown, under another name."""
    whole = FORMS["json"]
    (tmp_path / "traces.json").write_bytes(compress(whole[:-40]))
    (tmp_path / "traces-2026-10-02.json").write_bytes(compress(whole + lines(request(call(trace=99, span=9)))))
    with Pipeline(tmp_path / "data") as pipeline:
        (first,) = imported(pipeline, tmp_path / "traces.json")
        assert first.spans == 22
        assert "line 3" in first.unfinished
        (second,) = imported(pipeline, tmp_path / "traces-2026-10-02.json")
        assert (second.spans, second.unfinished, second.progress.lines) == (12, "", 4)
        assert (pipeline.audit()["received"], pipeline.audit()["usage"]) == (34, 31)


def test_changed_file_begins_anew(tmp_path: Path) -> None:
    """What is known of a file is worth nothing once the bytes before it are others."""
    path = tmp_path / "x"
    path.write_bytes(FORMS["json"])
    with Pipeline(tmp_path / "data") as pipeline:
        imported(pipeline, path)
        other = [call(trace=number, span=number) for number in range(41, 61)]
        path.write_bytes(lines(REQUESTS[0], request(*other), *REQUESTS[1:]))
        (report,) = imported(pipeline, path)
        assert report.begun_at == 0
        assert (pipeline.audit()["usage"], pipeline.audit()["duplicate"]) == (50, 30)


def test_damage_is_named_and_the_rest_counted(tmp_path: Path) -> None:
    """A line that is no JSON, and a span with a figure that is none: by line, place and reason."""
    wrong = json.loads(as_json(request(CALLS[3], CALLS[4])))
    spans = wrong["resourceSpans"][0]["scopeSpans"][0]["spans"]
    spans[0]["attributes"][-1]["value"] = {"intValue": "lots"}
    (tmp_path / "x").write_bytes(lines(request(*CALLS[:3])) + b'{"resour\xff\n' + json.dumps(wrong).encode() + b"\n")
    with Pipeline(tmp_path / "data") as pipeline:
        (report,) = imported(pipeline, tmp_path / "x")
        assert pipeline.audit()["usage"] == 4
    assert [problem.where.partition(" (")[0] for problem in report.problems] == ["line 2", "line 3"]
    assert report.problems[1].where.endswith("resourceSpans[0].scopeSpans[0].spans[0]")
    assert "intValue: expected an integer" in report.problems[1].why


def test_interrupted_import_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever operation fails, the same command again brings every call once."""
    monkeypatch.setattr("receiver.importing.importing.FRAME_SPANS", 10)
    (tmp_path / "x").write_bytes(FORMS["json"])
    for failing in range(1, 12, 2):
        filesystem = FaultyFilesystem()
        left = [failing]

        def fail(operation: str, path: Path, left: list[int] = left) -> None:
            if path.suffix in {".journal", ".json"} and operation in {"append", "sync", "create", "write_durably"}:
                left[0] -= 1
                if not left[0]:
                    raise OSError(28, "No space left on device", str(path))

        with Pipeline(tmp_path / f"data{failing}") as pipeline:
            filesystem.before = fail
            try:
                imported(pipeline, tmp_path / "x", filesystem=filesystem)
                assert left[0] > 0 or failing > 8, "a failure that nobody noticed"
            except (ImportInterruptedError, OSError):  # the disk's error as it is, or in words
                assert left[0] <= 0
            (report,) = imported(pipeline, tmp_path / "x")
            assert report.progress.spans == 33
            assert pipeline.audit()["usage"] == 30
            assert pipeline.rows(COSTS) == expected(tmp_path / f"sent{failing}")


def test_full_journal_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more waits in the journal than it may: a running sealer makes room."""
    monkeypatch.setattr("receiver.importing.importing.FRAME_SPANS", 10)
    (tmp_path / "x").write_bytes(FORMS["json"])
    with Pipeline(tmp_path / "data") as pipeline:
        config = SealerConfig(data=pipeline.data, interval_s=0.05)
        stop = threading.Event()
        sealer = threading.Thread(target=run_sealer, args=(config,), kwargs={"stop": stop})
        sealer.start()
        pending: list[int] = []

        def waiting() -> None:
            pending.append(sum(path.stat().st_size for path in pipeline.data.journal.glob("*.journal")))

        try:
            import_files(
                [tmp_path / "x"], ReceiverConfig(data=pipeline.data), config, filesystem=LocalFilesystem(),
                pending_bytes_max=1, waiting=waiting,
            )  # fmt: skip
        finally:
            stop.set()
            sealer.join()
        assert pipeline.audit()["usage"] == 30


def test_dry_run_writes_nothing(tmp_path: Path) -> None:
    """It only says what is there."""
    (tmp_path / "x").write_bytes(FORMS["proto"])
    config = ReceiverConfig(data=Pipeline(tmp_path / "data").data)
    (report,) = import_files(
        [tmp_path / "x"], config, SealerConfig(data=config.data), filesystem=LocalFilesystem(), dry_run=True
    )
    assert (report.spans, report.progress.kept) == (33, 30)
    assert not list(config.data.journal.glob("*.journal"))
    assert not config.data.jobs.exists()


def test_missing_file_is_wrong_use(tmp_path: Path) -> None:
    """Before anything is imported, of any file."""
    (tmp_path / "x").write_bytes(FORMS["json"])
    with Pipeline(tmp_path / "data") as pipeline:
        with pytest.raises(UnreadableFileError, match="nothing-there"):
            imported(pipeline, tmp_path / "x", tmp_path / "nothing-there")
        assert not list(pipeline.data.journal.glob("*.journal"))


def test_command(tmp_path: Path) -> None:
    """As a person runs it: rows, problems with their place, and exit codes 0, 1 and 2."""
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_bytes(FORMS["json"])
    bad.write_bytes(lines(request(call(trace=77, span=7))) + b"{broken\n")
    data = ("--data-dir", str(tmp_path / "data"))
    first = spanledger("import", str(good), "--format", "json", *data)
    assert first.returncode == 0, first.stderr
    (row,) = json.loads(first.stdout)
    assert (row["form"], row["spans"], row["kept"], row["state"]) == ("JSON lines", 33, 30, "read")
    assert "33 spans imported and sealed" in first.stderr
    second = spanledger("import", str(good), str(bad), *data)
    assert second.returncode == 1
    assert "bad.json, line 2" in second.stderr
    assert "went on where an earlier import had come to" in second.stderr
    missing = spanledger("import", str(tmp_path / "none"), *data)
    assert missing.returncode == 2
    audit = json.loads(spanledger("audit", "--format", "json", *data).stdout)
    assert audit[0]["usage"] == 31


@pytest.mark.slow
def test_beside_a_running_spanledger(tmp_path: Path) -> None:
    """Receiver and sealer go on while the import brings its own."""
    (tmp_path / "x").write_bytes(FORMS["zstd"])
    with Up(tmp_path) as up:
        export(up.otlp, request(call(trace=500, span=5)))
        finished = spanledger("import", str(tmp_path / "x"), "--data-dir", str(up.data_dir))
        assert finished.returncode == 0, finished.stderr
        export(up.otlp, request(call(trace=501, span=5)), REQUESTS[0])
        audit = up.wait_for(received=46)
        assert (audit["usage"], audit["duplicate"]) == (32, 10)
