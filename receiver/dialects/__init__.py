"""Dialects: what each instrumentation means by its attributes. Pure: a span in, a reading out.

Chosen by who wrote the span (instrumentation scope) first, by its attributes second:

    openinference   OpenInference's own names
    genai           OpenTelemetry's GenAI names, in all generations: official instrumentations, OpenLLMetry, others

Adding an emitter is a row in a table and a test. Must not: do I/O, price, or look at other spans.
"""

from __future__ import annotations

from receiver.dialects.genai import Emitter, emitter_of, read_genai
from receiver.dialects.marks import (
    CONTENT_KEYS,
    CONTENT_PREFIXES,
    EVIDENCE_PREFIXES,
    MARKERS,
    SCOPE_MARKERS,
    SIDE_CHANNELS,
)
from receiver.dialects.openinference import KIND_KEY, read_openinference
from receiver.dialects.reading import Reading, SpanView

__all__ = [
    "CONTENT_KEYS",
    "CONTENT_PREFIXES",
    "EVIDENCE_PREFIXES",
    "MARKERS",
    "SCOPE_MARKERS",
    "SIDE_CHANNELS",
    "read",
]

# Scopes are few and stand on every span; a stream that makes up names is forgotten whole.
_EMITTERS_MAX = 10_000
_emitters: dict[str, Emitter] = {}


def read(span: SpanView) -> Reading | None:
    """Say what a span means; None when it is neither a model call nor an aggregate of such.

    Raises:
        UnreadableSpanError: it claims to be a model call, but its figures cannot be believed.
    """
    if KIND_KEY in span.attributes:
        return read_openinference(span)
    emitter = _emitters.get(span.scope_name)
    if emitter is None:
        if len(_emitters) > _EMITTERS_MAX:
            _emitters.clear()
        emitter = _emitters[span.scope_name] = emitter_of(span.scope_name)
    return read_genai(span, emitter)
