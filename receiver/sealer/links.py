"""Links: which traces saw the same response id, and what that makes of the spans that stand for it.

The index keeps for each response id of a unique shape the traces it was seen in, as a sorted row of

    trace 16 | span 8        the span that stands for the id in that trace, or instead of it
                             `NO_CALL`   the trace has the id, but no call of it that stands: only a content that lost
                                         a conflict, an aggregate or a roll-up carries it
                             `SEVERAL`   more than one call of the trace has it: it says nothing

and nothing at all (`NOT_UNIQUE`) once it was seen in more than `copies.TRACES_MAX` traces. Traces are only ever added:
what a conflict's losing content said is counted too, so the order of arrival cannot matter.

Must not: decide which span stays; that is `copies`'.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from receiver.sealer.copies import TRACES_MAX
from receiver.sealer.facts import SpanFact
from receiver.sealer.nesting import NO_CALL, SEVERAL, unique_id

NOT_UNIQUE: Final = b""
_TRACE_BYTES: Final = 16
_RECORD_BYTES: Final = _TRACE_BYTES + 8

Seen = Mapping[bytes, bytes]
"""Trace id → span id, `NO_CALL` or `SEVERAL`."""


def said_of_ids(standing: Mapping[str, bytes], contents: Iterable[SpanFact]) -> dict[str, bytes]:
    """Return what a trace says of every response id that any of its contents has or had."""
    said = {one: NO_CALL for one in map(unique_id, contents) if one is not None}
    said.update(standing)
    return said


def merged(known: bytes | None, news: Seen) -> bytes:
    """Return what is recorded of an id once traces have said something new of it."""
    if known == NOT_UNIQUE:
        return NOT_UNIQUE
    seen = {**decoded(known), **news}
    if len(seen) > TRACES_MAX:
        return NOT_UNIQUE
    return b"".join(trace_id + span_id for trace_id, span_id in sorted(seen.items()))


def decoded(recorded: bytes | None) -> dict[bytes, bytes]:
    """Read a record: trace id → span id."""
    if not recorded:
        return {}
    starts = range(0, len(recorded), _RECORD_BYTES)
    return {
        recorded[start : start + _TRACE_BYTES]: recorded[start + _TRACE_BYTES : start + _RECORD_BYTES]
        for start in starts
    }


def standing_spans(seen: Seen) -> list[tuple[bytes, bytes]]:
    """Return the (trace, span) that stand for an id in their traces."""
    return [(trace_id, span_id) for trace_id, span_id in seen.items() if span_id not in {NO_CALL, SEVERAL}]
