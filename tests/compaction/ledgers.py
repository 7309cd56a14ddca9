"""Ledgers to compact: many commits, with everything in them that a commit can write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from receiver.sealer.compaction.compactor import GRACE, Compactor
from tests.otlp import START_NS, SpanText, call
from tests.pipeline import Pipeline
from tests.sealer.test_properties import net_state

DAY_NS = 86_400_000_000_000


def requests(count: int = 8) -> Iterator[list[SpanText]]:
    """Requests of calls over two days: some nested, some copies, some unreadable, some whose payer comes later."""
    for number in range(count):
        trace = 100 + number
        day = number % 2 * DAY_NS
        yield [
            call(trace=trace, span=trace * 10, start_ns=START_NS + day, attributes={"customer.id": "acme"}),
            # Its parent comes with the next request and says more: this one is taken back.
            call(trace=trace, span=trace * 10 + 2, parent=trace * 10 + 1, tokens=(7, 7), start_ns=START_NS + day),
            call(trace=trace, span=trace * 10 + 5, tokens=(-1, 1), start_ns=START_NS + day),
            SpanText(
                trace=trace, span=trace * 10 + 6, scope="http", start_ns=START_NS + day,
                attributes={"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 9},
            ),
        ]  # fmt: skip
        yield [
            call(
                trace=trace, span=trace * 10 + 1, tokens=(7, 7), start_ns=START_NS + day, duration_ns=DAY_NS,
                attributes={"gen_ai.response.id": f"resp_{number}"},
            ),
            SpanText(trace=trace, span=trace * 10 + 9, scope="http", attributes={"customer.id": "globex"}),
        ]  # fmt: skip


def fill(pipeline: Pipeline, count: int = 8) -> None:
    """A commit for each request."""
    for spans in requests(count):
        pipeline.take(*spans)


def answers(pipeline: Pipeline) -> dict[str, Any]:
    """Everything that the views say of money and classes, history included."""
    return {
        **net_state(pipeline),
        "entries": pipeline.rows("SELECT * FROM entries ORDER BY ALL"),
        "calls, in full": pipeline.rows("SELECT * FROM calls ORDER BY ALL"),
        "set aside, in full": pipeline.rows("SELECT * FROM set_aside ORDER BY ALL"),
        "audit": pipeline.rows('SELECT * EXCLUDE ("commit") FROM audit'),
    }


def compactor_of(pipeline: Pipeline, *, grace: timedelta = GRACE, **more: Any) -> Compactor:
    """A compactor for the pipeline's open sealer."""
    return Compactor(pipeline.sealer, pipeline.data, filesystem=pipeline.filesystem, grace=grace, **more)


def compact(pipeline: Pipeline, **more: Any) -> None:
    """Merge all that can be, in this process."""
    compactor = compactor_of(pipeline, **more)
    while compactor.merge_now() is not None:
        pass


def segment_files(folder: Path) -> set[Path]:
    """All segments on the disk, listed or not."""
    return set(folder.rglob("*.parquet"))
