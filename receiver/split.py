"""The split: which spans of a request can matter to the ledger. A byte search; nothing is decoded.

A span is a candidate when its bytes, or its scope's, contain one of the marks that dialects read (`gen_ai.`, `llm.` …)
or a key that says who pays. The search may keep too much (a mark inside a text): the sealer decides what a span is.
It never keeps too little, because every attribute name stands in a span's bytes as it is.

Must not: look at values, drop for any other reason, or change a kept span.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ahocorasick_rs import BytesAhoCorasick, Implementation

from receiver import wire

# Most spans of interest carry it; one search for a single word is several times quicker than one for all words.
_COMMONEST_MARK: Final = b"gen_ai."


@dataclass(frozen=True, slots=True)
class Split:
    """What a request came to."""

    received: int
    """All spans of the request."""
    kept: int
    """Candidates among them."""
    payload: bytes
    """An OTLP request of the candidates alone; empty when there are none."""


class Splitter:
    """Splits requests by one set of marks; made once, used by every thread."""

    def __init__(self, *, span_marks: Iterable[bytes], scope_marks: Iterable[bytes]) -> None:
        self._span_marks = BytesAhoCorasick(sorted(set(span_marks)), implementation=Implementation.DFA)
        self._scope_marks = BytesAhoCorasick(sorted(set(scope_marks)), implementation=Implementation.DFA)

    def split(self, request: bytes) -> Split:
        """Split the bytes of one ExportTraceServiceRequest.

        Raises:
            google.protobuf.message.DecodeError: the bytes are no such request.
        """
        message = wire.ExportRequest.FromString(request)
        received = kept = 0
        for resource_spans in message.resource_spans:
            for scope_spans in resource_spans.scope_spans:
                spans = scope_spans.spans
                count = len(spans)
                received += count
                candidates = self._candidates(scope_spans)
                kept += len(candidates)
                if len(candidates) < count:
                    del spans[:]
                    spans.extend(candidates)
        if kept == received:
            return Split(received=received, kept=kept, payload=request if kept else b"")
        return Split(received=received, kept=kept, payload=_without_empty(message) if kept else b"")

    def _candidates(self, scope_spans: Any) -> Sequence[bytes]:
        spans: list[bytes] = list(scope_spans.spans)
        if self._scope_marks.find_matches_as_indexes(scope_spans.scope):
            return spans
        # A scope is one library: mostly all of its spans matter, or none. One search over all of them decides the
        # second case without a call per span.
        joined = b"\n".join(spans)
        if _COMMONEST_MARK not in joined and not self._span_marks.find_matches_as_indexes(joined):
            return []
        search = self._span_marks.find_matches_as_indexes
        return [span for span in spans if _COMMONEST_MARK in span or search(span)]


def _without_empty(message: Any) -> bytes:
    for resource_spans in message.resource_spans:
        full = [scope_spans for scope_spans in resource_spans.scope_spans if len(scope_spans.spans)]
        if len(full) < len(resource_spans.scope_spans):
            kept = [scope_spans.SerializeToString() for scope_spans in full]
            del resource_spans.scope_spans[:]
            for scope_spans in kept:
                resource_spans.scope_spans.add().MergeFromString(scope_spans)
    full = [one.SerializeToString() for one in message.resource_spans if len(one.scope_spans)]
    request = wire.ExportRequest()
    for one in full:
        request.resource_spans.add().MergeFromString(one)
    return request.SerializeToString()  # type: ignore[no-any-return]
