"""The ledger is enough: every recorded span, read again from what it keeps, means what it meant, also to the index."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from receiver.sealer.jobs.job import JobKind
from tests.corpus.recorded import INSTRUMENTATIONS, KINDS, STATUSES, recordings
from tests.jobs.test_jobs import carried_out
from tests.otlp import SpanText
from tests.pipeline import Pipeline


@pytest.mark.parametrize("instrumentation", INSTRUMENTATIONS)
def test_rereading_a_recording_changes_nothing(tmp_path: Path, instrumentation: str) -> None:
    """The same rules over the evidence give the same entries: what moves later is due to newer rules alone."""
    with Pipeline(tmp_path) as pipeline:
        _send(pipeline, instrumentation)
        progress = carried_out(pipeline, JobKind.REREAD)
        changed = pipeline.rows("SELECT * FROM entries WHERE entry_type <> 'usage' LIMIT 4")
        assert progress.rows_seen > 0
        assert (progress.rows_changed, changed) == (0, [])


@pytest.mark.parametrize("instrumentation", INSTRUMENTATIONS)
def test_an_index_built_anew_of_a_recording_is_the_same(tmp_path: Path, instrumentation: str) -> None:
    """What it became span by span, it becomes again from the ledger's columns, to the byte."""
    with Pipeline(tmp_path) as pipeline:
        _send(pipeline, instrumentation)
        before = list(pipeline.sealer.index.items())
        pipeline.restart_sealer()
        shutil.rmtree(pipeline.data.index)
        assert len(before) > 1
        assert list(pipeline.sealer.index.items()) == before


def _send(pipeline: Pipeline, instrumentation: str) -> None:
    for recording in recordings(instrumentation):
        pipeline.send(
            *(
                SpanText(
                    trace=recording.number + 1,
                    span=place + 1,
                    parent=None if span.parent is None else span.parent + 1,
                    name=span.name,
                    kind=KINDS[span.kind],
                    status=STATUSES[span.status],
                    scope=span.scope,
                    scope_version=span.scope_version,
                    attributes=span.attributes,
                )
                for place, span in enumerate(recording.spans)
            )
        )
    pipeline.seal()
