"""Which calls are alone: the only span of their trace, and of their response id, that was ever seen.

Works on the index's own keys: they are looked up, compared and written again as they are.

Must not: decide anything about a call that is not alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from receiver.sealer.columns.fields import TRACE_ID_BYTES, Integers, Mask
from receiver.sealer.columns.spans import SpanColumns
from receiver.sealer.index import Index, ResponseKey, TraceKey


@dataclass(frozen=True, slots=True)
class KeyedCalls:
    """Calls, and what the index knows them by."""

    rows: Integers
    """Their places among the spans."""
    traces: list[bytes]
    """Index keys of their traces."""
    responses: list[bytes | None]
    """Index keys of their response ids; None for one without an id that is its own."""

    def at(self, places: Integers) -> KeyedCalls:
        """Return some of them."""
        chosen = places.tolist()
        return KeyedCalls(
            self.rows[places], [self.traces[place] for place in chosen], [self.responses[place] for place in chosen]
        )


def in_order_of_trace(spans: SpanColumns, rows: Integers) -> Integers:
    """Sort spans by the beginning of their trace ids, which the index finds and stores quickest."""
    beginnings = np.ascontiguousarray(spans.fields.trace_id[rows, :8]).view(">u8")[:, 0]
    return rows[np.argsort(beginnings, kind="stable")]


def keyed(spans: SpanColumns, rows: Integers, response_ids: Sequence[str | None]) -> KeyedCalls:
    """Return calls with their keys; a response id is None where it does not tell calls apart."""
    ids = spans.fields.trace_id[rows].tobytes()
    scopes = [origin.ingest_scope for origin in spans.origins]
    traces, responses = ([kind.beginning(scope) for scope in scopes] for kind in (TraceKey, ResponseKey))
    origins = spans.origin[rows].tolist()
    return KeyedCalls(
        rows,
        [
            traces[origin] + ids[start : start + TRACE_ID_BYTES]
            for origin, start in zip(origins, range(0, len(ids), TRACE_ID_BYTES), strict=True)
        ],
        [
            None if one is None else responses[origin] + one.encode()
            for origin, one in zip(origins, response_ids, strict=True)
        ],
    )


def are_alone(calls: KeyedCalls, *, traces: Collection[TraceKey], ids: Collection[ResponseKey], index: Index) -> Mask:
    """Say which calls are alone; `traces` and `ids` are those of the batch's other spans."""
    trace_is_new = _are_new(calls.traces, {one.key for one in traces}, index)
    given = [one for one in calls.responses if one is not None]
    id_is_new = dict(zip(given, _are_new(given, {one.key for one in ids}, index), strict=True))
    alone = (
        is_new and (response is None or id_is_new[response])
        for is_new, response in zip(trace_is_new, calls.responses, strict=True)
    )
    return np.fromiter(alone, np.bool_, count=len(calls.rows))


def _are_new(keys: list[bytes], taken: Collection[bytes], index: Index) -> list[bool]:
    """Say which keys nobody has had, in this batch or before."""
    seen = Counter(keys)
    return [
        record is None and seen[key] == 1 and key not in taken
        for key, record in zip(keys, index.records(keys), strict=True)
    ]
