"""Arrays: pyarrow's columns and rows of octets, as plain code wants them. Knows nothing of what they mean."""

from __future__ import annotations

from typing import Any

import pyarrow as pa


def one_chunk(column: pa.ChunkedArray) -> Any:
    """Return a column as one array; without a copy where it is one already."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def split(octets: bytes, size: int) -> list[bytes]:
    """Return values of one size that stand one after another."""
    return [octets[start : start + size] for start in range(0, len(octets), size)]
