"""Evidence is enough: every recorded span, read again from what the ledger keeps of it, means what it meant."""

from __future__ import annotations

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
        progress = carried_out(pipeline, JobKind.REREAD)
        changed = pipeline.rows("SELECT * FROM entries WHERE entry_type <> 'usage' LIMIT 4")
        assert progress.rows_seen > 0
        assert (progress.rows_changed, changed) == (0, [])
