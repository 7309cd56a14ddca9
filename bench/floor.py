"""The floor of sealing: what the libraries alone need for the same spans, were nothing asked of them but their work.

protobuf parses every span and its list of attributes, BLAKE2b hashes every span, Parquet writes the rows that sealing
made. No reading, no counting once, no prices, no index: a ratio against it says what those cost, on any machine.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from hashlib import blake2b

import pyarrow as pa
import pyarrow.parquet as pq

from receiver import wire


def floor_spans_per_s(requests: Sequence[bytes], rows: pa.Table) -> float:
    """Return spans per second of CPU time; `rows` are those of as many spans."""
    begin = time.process_time()
    spans = 0
    for request in requests:
        for resource_spans in wire.ExportRequest.FromString(request).resource_spans:
            for scope_spans in resource_spans.scope_spans:
                for raw in scope_spans.spans:
                    span = wire.Span.FromString(raw)
                    list(span.attributes)
                    blake2b(raw, digest_size=16).digest()
                    spans += 1
    assert spans == rows.num_rows, f"{rows.num_rows} rows of {spans} spans"
    pq.write_table(rows, pa.BufferOutputStream(), compression="zstd", compression_level=1)
    return spans / (time.process_time() - begin)
