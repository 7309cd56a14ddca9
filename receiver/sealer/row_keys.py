"""A row's key: what names one row of a table for ever, wherever compaction puts it."""

from __future__ import annotations

from typing import NamedTuple


class RowKey(NamedTuple):
    """The key of a row, and the commit that wrote it: where to look first."""

    ingest_scope: str
    source_id: bytes
    revision: int
    commit: int
