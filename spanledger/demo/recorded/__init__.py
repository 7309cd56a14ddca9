"""Recorded spans of real model calls: what three instrumentations wrote when real provider responses were replayed.

`traces.jsonl.gz`, one trace a line: {"spans": [{name, kind, status, parent, scope, scope_version, attributes}]}, where
`parent` is the index of the span's parent within the trace. Figures, ids, scopes and attributes are as the
instrumentations emitted them; message content has been taken out. Each provider response stands here once.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class RecordedSpan:
    """One span as it was emitted."""

    name: str
    kind: str
    status: str
    parent: int | None
    scope: str
    scope_version: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RecordedTrace:
    """The spans of one trace, parents before their children."""

    spans: tuple[RecordedSpan, ...]


def load() -> tuple[RecordedTrace, ...]:
    """Return all recorded traces, always in the same order."""
    packed = files(__name__).joinpath("traces.jsonl.gz").read_bytes()
    traces = []
    for line in gzip.decompress(packed).decode().splitlines():
        traces.append(RecordedTrace(tuple(RecordedSpan(**span) for span in json.loads(line)["spans"])))
    return tuple(traces)
