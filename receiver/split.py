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

from ahocorasick_rs import BytesAhoCorasick, Implementation, MatchKind

from receiver import wire

# Most spans of interest carry it, so it is looked for first.
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
        words = _shortest(span_marks)
        self._commonest_mark = words[0]
        self._span_marks = _automaton(words)
        self._scope_marks = _automaton(_shortest(scope_marks))

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
        if not spans or self._scope_marks.find_matches_as_indexes(wire.whole(scope_spans.scope)):
            return spans
        # A scope is one library: mostly all of its spans matter, or none. Where its first one carries the commonest
        # mark, that mark soon decides each of them; where not, one search over all mostly decides for all.
        commonest, search = self._commonest_mark, self._span_marks.find_matches_as_indexes
        if commonest in spans[0]:
            return [span for span in spans if commonest in span or search(span)]
        if not search(b"\n".join(spans)):
            return []
        return [span for span in spans if search(span)]


def _automaton(words: Sequence[bytes]) -> BytesAhoCorasick:
    """Return a search for any of these words.

    Only where the leftmost match is asked for may the library look for all words at once with vector instructions:
    0.03 ms over 290 kB of web spans, against 0.5 ms otherwise and 1.2 ms one word after another. More than 128 words
    are looked for otherwise.
    """
    return BytesAhoCorasick(words, matchkind=MatchKind.LeftmostFirst, implementation=Implementation.DFA)


def _shortest(marks: Iterable[bytes]) -> list[bytes]:
    """Return the marks that contain no other mark: what contains one is found by it."""
    distinct = set(marks)
    words = [mark for mark in distinct if not any(other in mark for other in distinct - {mark})]
    return sorted(words, key=lambda word: (word != _COMMONEST_MARK, word))


def _without_empty(message: Any) -> bytes:
    for resource_spans in message.resource_spans:
        _keep_only(resource_spans.scope_spans, lambda scope_spans: scope_spans.spans)
    _keep_only(message.resource_spans, lambda resource_spans: resource_spans.scope_spans)
    return message.SerializeToString()  # type: ignore[no-any-return]


def _keep_only(messages: Any, parts: Callable[[Any], Sequence[Any]]) -> None:
    for position in range(len(messages) - 1, -1, -1):
        if not len(parts(messages[position])):
            del messages[position]
