"""The split: which spans of a request can matter to the ledger. A byte search; nothing is decoded.

A span is a candidate when its bytes, or its scope's, contain one of the marks that dialects read (`gen_ai.`, `llm.` …)
or a key that says who pays. The search may keep too much (a mark inside a text): the sealer decides what a span is.
It never keeps too little, because every attribute name stands in a span's bytes as it is.

Must not: look at values, drop for any other reason, or change a kept span.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ahocorasick_rs import BytesAhoCorasick, Implementation

from receiver import wire

# Most spans of interest carry it, so it is looked for first.
_COMMONEST_MARK: Final = b"gen_ai."
# Searching for one word after another runs at memory speed, one pass for all words at a tenth of that: the pass wins
# only where there are more words than this (measured: 0.11 ms a word, 2 to 3 ms a pass, over 290 kB of web spans).
_WORDS_MAX: Final = 20


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
        self._has_span_mark = _search(span_marks)
        self._has_scope_mark = _search(scope_marks)

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
        if self._has_scope_mark(wire.whole(scope_spans.scope)):
            return spans
        # A scope is one library: mostly all of its spans matter, or none. One search over all of them decides the
        # second case without a call per span.
        if not self._has_span_mark(b"\n".join(spans)):
            return []
        return [span for span in spans if self._has_span_mark(span)]


def _search(marks: Iterable[bytes]) -> Callable[[bytes], bool]:
    """Return the quickest way to say whether bytes contain one of these marks."""
    words = _shortest(marks)
    if len(words) > _WORDS_MAX:
        automaton = BytesAhoCorasick(words, implementation=Implementation.DFA)
        return lambda data: bool(automaton.find_matches_as_indexes(data))

    def has_word(data: bytes) -> bool:
        for word in words:  # noqa: SIM110 - a generator for any() costs more than the searches
            if word in data:
                return True
        return False

    return has_word


def _shortest(marks: Iterable[bytes]) -> list[bytes]:
    """Return the marks that contain no other mark: what contains one is found by it."""
    distinct = set(marks)
    words = [mark for mark in distinct if not any(other in mark for other in distinct - {mark})]
    return sorted(words, key=lambda word: (word != _COMMONEST_MARK, word))


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
