"""The corpus: recorded provider responses, the spans that real instrumentations made of them, and the truth.

The truth is the usage block as the provider sent it. Message content is not in it; the keys it stood under are. Must
not: interpret anything; that is what tests of the dialects do.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from receiver.dialects.reading import SpanView

# One file per instrumentation and, for OpenLLMetry's own recordings, per package.
INSTRUMENTATIONS: Final = tuple(sorted(path.name.split(".")[0] for path in Path(__file__).parent.glob("*.jsonl.gz")))
KINDS: Final = {"INTERNAL": 1, "SERVER": 2, "CLIENT": 3, "PRODUCER": 4, "CONSUMER": 5}
STATUSES: Final = {"UNSET": 0, "OK": 1, "ERROR": 2}


@dataclass(frozen=True, slots=True)
class CorpusSpan:
    """A span as it was emitted; `parent` is its parent's place within the recording."""

    name: str
    kind: str
    status: str
    parent: int | None
    scope: str
    scope_version: str
    attributes: dict[str, Any]
    removed: tuple[str, ...]
    """The keys whose values were message content and are not in the corpus."""

    def view(self) -> SpanView:
        """Return the span as dialects see it."""
        return SpanView(
            name=self.name,
            kind=KINDS[self.kind],
            scope_name=self.scope,
            scope_version=self.scope_version,
            attributes=self.attributes,
            resource={},
            status_code=STATUSES[self.status],
        )


@dataclass(frozen=True, slots=True)
class Truth:
    """One provider response: what it said of itself, and who was asked."""

    model: str | None
    response_id: str | None
    usage: dict[str, Any]
    address: str
    """Scheme and host that were called: who sold it."""
    invoked_model: str | None
    """The model as the path of the request names it, where it does (Bedrock): with its region or profile."""
    tier: str | None
    """The service tier that the response says was given."""
    streamed: bool


@dataclass(frozen=True, slots=True)
class Recording:
    """What was recorded together: the spans, and the responses they tell of, both in order."""

    number: int
    spans: tuple[CorpusSpan, ...]
    truths: tuple[Truth, ...]
    at: datetime | None = None
    """When it was recorded, where that is known."""


def recordings(instrumentation: str) -> tuple[Recording, ...]:
    """Return all recordings of an instrumentation."""
    with gzip.open(Path(__file__).with_name(f"{instrumentation}.jsonl.gz"), "rt", encoding="utf-8") as lines:
        return tuple(_recording(number, json.loads(line)) for number, line in enumerate(lines))


def _recording(number: int, line: dict[str, Any]) -> Recording:
    return Recording(
        number=number,
        spans=tuple(CorpusSpan(**{**span, "removed": tuple(span["removed"])}) for span in line["spans"]),
        truths=tuple(Truth(**truth) for truth in line["truths"]),
    )
