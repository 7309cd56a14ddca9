"""Recorded spans: real model calls as real instrumentations wrote them, message content removed. Package data.

Calls of OpenAI, Anthropic and others, seen by OpenTelemetry's own instrumentations, OpenInference and OpenLLMetry; no
provider response is in it twice, except inside one trace. Must not: change what was recorded, or send anything.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

_DATA: Final = "traces.jsonl.gz"


@dataclass(frozen=True, slots=True)
class RecordedSpan:
    """A span as it was emitted, without its ids, times and message content."""

    name: str
    kind: str
    """OpenTelemetry's name of the kind: INTERNAL, CLIENT …"""
    status: str
    """UNSET, OK or ERROR."""
    parent: int | None
    """Its parent's place within the trace; parents come before their children."""
    scope: str
    scope_version: str
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RecordedTrace:
    """The spans of one trace, parents first."""

    spans: tuple[RecordedSpan, ...]


def load() -> tuple[RecordedTrace, ...]:
    """Return the recorded traces, always in the same order."""
    text = gzip.decompress(files(__name__).joinpath(_DATA).read_bytes()).decode()
    return tuple(_trace(json.loads(line)) for line in text.splitlines())


def _trace(line: dict[str, Any]) -> RecordedTrace:
    return RecordedTrace(spans=tuple(RecordedSpan(**span) for span in line["spans"]))
