"""Many small segments become few large ones; every view says what it said, and counting goes on."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from ledger.errors import LedgerDamagedError
from ledger.manifest import digest_of_commit, read_lines, read_state
from ledger.schema import EVIDENCE_COLUMNS, Table
from receiver.sealer.compaction import merging
from receiver.sealer.compaction.choosing import choose
from receiver.sealer.compaction.process import MergeProcess
from receiver.verifying import verify
from tests.compaction.ledgers import answers, compact, compactor_of, fill, requests, segment_files
from tests.pipeline import Pipeline


@pytest.fixture
def pipeline(tmp_path: Path) -> Any:
    """A ledger of sixteen commits."""
    with Pipeline(tmp_path / "data") as filled:
        fill(filled)
        yield filled


def test_answers_are_the_same_to_the_byte(pipeline: Pipeline) -> None:
    """Calls, costs, entries, what is set aside, and the audit: all of it, corrections included."""
    before, files = answers(pipeline), len(pipeline.sealer.state.segments)
    assert len(before["calls"]) == 16
    assert any(entry["entry_type"] == "reversal" for entry in before["entries"])
    compact(pipeline)
    assert answers(pipeline) == before
    assert len(pipeline.sealer.state.segments) == 4 < files
    assert all(one.is_compacted for one in pipeline.sealer.state.segments)


@pytest.mark.parametrize("rows", [3, 7])
def test_ranges_and_days_of_any_size_give_the_same(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """However little is read at once, and with a segment for each day: the same rows, sorted by id."""
    monkeypatch.setattr(merging, "_RANGE_ROWS", rows)
    monkeypatch.setattr(merging, "_DAY_ROWS_MIN", rows)
    before = answers(pipeline)
    compact(pipeline)
    assert answers(pipeline) == before
    days = {one.path.split("/")[1] for one in pipeline.sealer.state.of_table(Table.USAGE)}
    assert all(day.startswith("day=20") for day in days)
    assert len(days) == 2
    for segment in pipeline.sealer.state.of_table(Table.USAGE):
        ids = pipeline.sealer.segment_rows(segment).column("source_id").to_pylist()
        assert ids == sorted(ids)


def test_counting_goes_on_over_compacted_segments(pipeline: Pipeline, tmp_path: Path) -> None:
    """All of it sent again is duplicates; what corrects a compacted entry does so; another ledger agrees."""
    compact(pipeline)
    before = answers(pipeline)
    fill(pipeline)
    assert answers(pipeline)["calls"] == before["calls"]
    late = [spans for number, spans in enumerate(requests(12)) if number >= 16]
    with Pipeline(tmp_path / "other") as straight:
        fill(straight, 12)
        expected = answers(straight)
    for spans in late:
        pipeline.take(*spans)
        compact(pipeline)
    assert answers(pipeline)["calls"] == expected["calls"]
    assert answers(pipeline)["costs_daily"] == expected["costs_daily"]
    assert answers(pipeline)["set_aside"] == expected["set_aside"]


def test_index_is_rebuilt_from_compacted_segments(pipeline: Pipeline) -> None:
    """Deleted after the old files are gone, it comes back the same; one that is behind catches up or is rebuilt."""
    compact(pipeline, grace=timedelta(0))
    compactor = compactor_of(pipeline, grace=timedelta(0))
    for _ in range(3):
        compactor.work(may_replace=False)
    assert not pipeline.sealer.state.retired
    before = sorted(pipeline.sealer.index.items())
    pipeline.restart_sealer()
    shutil.rmtree(pipeline.data.index)
    assert sorted(pipeline.sealer.index.items()) == before


def test_index_behind_lines_whose_files_are_gone_is_rebuilt(pipeline: Pipeline, tmp_path: Path) -> None:
    """A copy of the index from before: the lines are there, the segments they name are not."""
    pipeline.restart_sealer()
    shutil.copytree(pipeline.data.index, tmp_path / "old")
    for spans in list(requests(9))[16:]:
        pipeline.take(*spans)
    compact(pipeline, grace=timedelta(0))
    compactor = compactor_of(pipeline, grace=timedelta(0))
    for _ in range(3):
        compactor.work(may_replace=False)
    before = sorted(pipeline.sealer.index.items())
    pipeline.restart_sealer()
    shutil.rmtree(pipeline.data.index)
    shutil.copytree(tmp_path / "old", pipeline.data.index)
    assert sorted(pipeline.sealer.index.items()) == before


def test_reader_in_the_middle_of_a_query_sees_its_state(pipeline: Pipeline) -> None:
    """A session with the views of before goes on reading the files of before, until their time is over."""
    now = 1_800_000_000.0
    with duckdb.connect() as session:
        session.execute(pipeline.data.views.read_text())
        query = "SELECT count(*), sum(cost) FROM calls"
        before = session.execute(query).fetchall()
        compact(pipeline)
        compactor = compactor_of(pipeline, clock=lambda: now)
        compactor.work(may_replace=False)
        assert session.execute(query).fetchall() == before
        now += 23 * 3600
        compactor.work(may_replace=False)
        assert session.execute(query).fetchall() == before
        now += 2 * 3600
        compactor.work(may_replace=False)
    assert [tuple(row.values()) for row in pipeline.rows(query)] == before
    listed = {pipeline.data.ledger / one.path for one in pipeline.sealer.state.segments}
    assert segment_files(pipeline.data.ledger) == listed


def test_merge_in_a_process_of_its_own_is_listed_when_it_is_done(pipeline: Pipeline) -> None:
    """Sealing goes on meanwhile: what came after the merge began corrects what it wrote."""
    asked = choose(pipeline.sealer.state, thoroughly=True)
    assert asked is not None
    running = MergeProcess(asked, ledger=pipeline.data.ledger)
    for spans in list(requests(9))[16:]:
        pipeline.take(*spans)
    before = answers(pipeline)
    made, trouble = running.outcome()
    assert not trouble
    pipeline.sealer.replace_segments(asked.segments, made)
    assert answers(pipeline) == before


def test_failed_merge_changes_nothing(pipeline: Pipeline) -> None:
    """A damaged segment fails it, with words, and leaves no file; the ledger goes on."""
    asked = choose(pipeline.sealer.state, thoroughly=True)
    assert asked is not None
    before = segment_files(pipeline.data.ledger)
    path = pipeline.data.ledger / asked.segments[3].path
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    made, trouble = MergeProcess(asked, ledger=pipeline.data.ledger).outcome()
    assert (made, "cannot be read" in trouble) == ([], True)
    assert segment_files(pipeline.data.ledger) == before
    path.write_bytes(whole)


def test_merge_that_was_never_listed_is_swept(pipeline: Pipeline) -> None:
    """Killed between the merge and its line: the next start removes what was made, and says what it said."""
    before, files = answers(pipeline), segment_files(pipeline.data.ledger)
    asked = choose(pipeline.sealer.state, thoroughly=True)
    assert asked is not None
    merging.merge(asked, ledger=pipeline.data.ledger, filesystem=pipeline.filesystem)
    assert segment_files(pipeline.data.ledger) > files
    pipeline.restart_sealer()
    assert len(pipeline.sealer.swept) == 1
    assert answers(pipeline) == before
    assert segment_files(pipeline.data.ledger) == files


def test_merge_whose_line_was_lost_is_not_swept(pipeline: Pipeline) -> None:
    """Its rows stand nowhere else any more: the start is refused instead."""
    compact(pipeline, grace=timedelta(0))
    compactor = compactor_of(pipeline, grace=timedelta(0))
    for _ in range(3):
        compactor.work(may_replace=False)
    manifest = pipeline.data.manifest
    pipeline.restart_sealer()
    lines = manifest.read_bytes().splitlines(keepends=True)
    founding_and_first = lines[:2]
    manifest.write_bytes(b"".join(founding_and_first))
    pipeline.data.views.unlink()
    with pytest.raises(LedgerDamagedError, match="a line of the manifest was lost"):
        assert pipeline.sealer


def test_checkpoint_keeps_state_and_every_digest(pipeline: Pipeline) -> None:
    """Old lines are folded; what an invoice of then said of its commit can still be checked."""
    manifest = pipeline.data.manifest
    before = read_state(manifest)
    digests = {line["commit"]: line["digest"] for line in read_lines(manifest, after=-1)}
    pipeline.sealer._manifest.checkpoint(lines_kept=3)
    assert read_state(manifest) == before
    assert len(manifest.read_bytes().splitlines()) == 5
    assert {commit: digest_of_commit(manifest, commit) for commit in digests} == digests
    assert digest_of_commit(manifest, before.commit + 1) is None
    pipeline.restart_sealer()
    fill(pipeline, 9)
    pipeline.sealer._manifest.checkpoint(lines_kept=2)
    assert {commit: digest_of_commit(manifest, commit) for commit in digests} == digests
    shutil.rmtree(pipeline.data.index)
    pipeline.restart_sealer()
    assert len(answers(pipeline)["calls"]) == 18


def test_damaged_history_is_said(pipeline: Pipeline) -> None:
    """Only who asks for a folded commit needs it, and is told."""
    pipeline.sealer._manifest.checkpoint(lines_kept=3)
    (file,) = (pipeline.data.ledger / "history").iterdir()
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert len(answers(pipeline)["calls"]) == 16
    with pytest.raises(LedgerDamagedError, match="history"):
        digest_of_commit(pipeline.data.manifest, 2)
    pipeline.restart_sealer()
    report = verify(pipeline.data, progress=lambda *_: None)
    assert [finding.file for finding in report.findings] == [str(file)]


def test_old_evidence_is_dropped_and_nothing_else(pipeline: Pipeline) -> None:
    """By rule, in compaction: of calls from before, attributes go; money, labels and ids stay."""
    before = answers(pipeline)
    last_us = max(one.last_us or 0 for one in pipeline.sealer.state.of_table(Table.USAGE))
    days = 10
    compact(pipeline, evidence_days=days, clock=lambda: last_us / 1e6 + (days - 0.5) * 86400)
    after = answers(pipeline)
    assert _without_evidence(after["entries"]) == _without_evidence(before["entries"])
    assert after["costs_daily"] == before["costs_daily"]
    kept = {row["start_time"] for row in after["entries"] if row["span_attributes"] is not None}
    gone = {row["start_time"] for row in after["entries"] if row["entry_type"] == "usage"} - kept
    assert kept
    assert gone
    assert max(gone) < min(kept)
    # Asked again, there is nothing left to do.
    again = compactor_of(pipeline, evidence_days=days, clock=lambda: last_us / 1e6 + (days - 0.5) * 86400)
    assert again.merge_now() is None


def _without_evidence(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in EVIDENCE_COLUMNS} for row in rows]


def test_footer_says_what_a_segment_was_made_from(pipeline: Pipeline) -> None:
    """For whoever finds the file without its manifest."""
    old = [one.path for one in pipeline.sealer.state.of_table(Table.USAGE)]
    compact(pipeline)
    (segment,) = pipeline.sealer.state.of_table(Table.USAGE)
    footer = pq.read_metadata(pipeline.data.ledger / segment.path).metadata
    assert json.loads(footer[b"spanledger.merged"]) == old
