"""Dialects: what each instrumentation means by its attributes. Pure: a span in, a reading out.

Chosen by who wrote the span (instrumentation scope, then its version) first, by its attributes second, from the
families in `FAMILIES`:

    openinference   OpenInference's own names
    otel_genai      OpenTelemetry's own instrumentations, with the GenAI conventions' names in all generations
    openllmetry     Traceloop's instrumentations: the same names, other habits
    anthropic_sdk … crewai  SDKs, gateways and frameworks that trace themselves, a module each
    claude_code … gemini_cli    coding agents
    conventions     GenAI names from a scope that nobody knows

Adding an emitter is a row in a family's table and a test; adding a family is a module and its line in `FAMILIES`.
Must not: do I/O, price, or look at other spans.
"""

from __future__ import annotations

from typing import Final

from receiver.dialects import (
    anthropic_sdk,
    aws,
    claude_code,
    codex,
    conventions,
    crewai,
    gemini_cli,
    google_adk,
    langfuse,
    langsmith,
    litellm,
    logfire,
    microsoft,
    mlflow,
    openinference,
    openlit,
    openllmetry,
    otel_genai,
    pydantic_ai,
    spring_ai,
    strands,
    vercel,
    vercel_otel,
)
from receiver.dialects.emitter import Emitter, choose
from receiver.dialects.enclosed import ENCLOSING, usage_within
from receiver.dialects.family import Family
from receiver.dialects.finish import say_unsaid
from receiver.dialects.marks import (
    CONTENT_KEYS,
    CONTENT_PREFIXES,
    EVIDENCE_KEYS,
    EVIDENCE_PREFIXES,
    FIGURE_PREFIXES,
    MARKERS,
    SCOPE_MARKERS,
    SIDE_CHANNELS,
)
from receiver.dialects.quirks import say_ttl
from receiver.dialects.reading import Reading, SpanView
from receiver.dialects.sellers import ADDRESS_KEYS

__all__ = [
    "CONTENT_KEYS",
    "CONTENT_PREFIXES",
    "ENCLOSING",
    "EVIDENCE_KEYS",
    "EVIDENCE_PREFIXES",
    "FAMILIES",
    "FIGURE_PREFIXES",
    "MARKERS",
    "SCOPE_MARKERS",
    "SIDE_CHANNELS",
    "VERSION",
    "emitter_of",
    "read",
    "usage_within",
]

# Goes up with every change of what a span means: entries keep the reading of their time until a job reads them again.
VERSION: Final = "3"

# In the order in which spans of unknown scopes are offered; the conventions take what is left. Where two families have
# rows of one scope, a span without a version is the later one's.
FAMILIES: Final = (
    openinference.FAMILY,
    openllmetry.FAMILY,
    otel_genai.FAMILY,
    anthropic_sdk.FAMILY,
    litellm.FAMILY,
    vercel.FAMILY,
    vercel_otel.FAMILY,
    pydantic_ai.FAMILY,
    logfire.FAMILY,
    langsmith.FAMILY,
    langfuse.FAMILY,
    openlit.FAMILY,
    microsoft.FAMILY,
    spring_ai.FAMILY,
    google_adk.FAMILY,
    strands.FAMILY,
    aws.FAMILY,
    mlflow.FAMILY,
    crewai.FAMILY,
    claude_code.FAMILY,
    codex.FAMILY,
    gemini_cli.FAMILY,
    conventions.FAMILY,
)

_FAMILY_OF: Final = {id(emitter): family for family in FAMILIES for emitter in family.emitters}
_EMITTERS: Final = tuple(emitter for family in FAMILIES for emitter in family.emitters)
_WITH_KEYS: Final = tuple(
    (key, family, family.otherwise) for family in FAMILIES if family.otherwise is not None for key in family.keys
)
# Scopes are few and stand on every span; a stream that makes up names is forgotten whole.
_SCOPES_MAX: Final = 10_000
_known: dict[tuple[str, str], tuple[Family, Emitter] | None] = {}


def read(span: SpanView) -> Reading | None:
    """Say what a span means; None when it is neither a model call nor an aggregate of such.

    Raises:
        UnreadableSpanError: it claims to be a model call, but its figures cannot be believed.
    """
    scope = (span.scope_name, span.scope_version)
    try:
        found = _known[scope]
    except KeyError:
        found = _remember(scope)
    family, emitter = found or _by_attributes(span)
    reading = family.read(span, emitter)
    if reading is None and found is not None:
        # Span processors rewrite other emitters' spans into another family's names, under the scope they had.
        other, otherwise = _by_attributes(span)
        if other is not family and other is not conventions.FAMILY:
            reading = other.read(span, otherwise)
    if reading is not None:
        if "cache_write_tokens" in reading.usage:
            say_ttl(reading)
        say_unsaid(reading, has_address=any(key in span.attributes for key in ADDRESS_KEYS))
    return reading


def _by_attributes(span: SpanView) -> tuple[Family, Emitter]:
    """Return who is taken to have written a span whose scope nobody knows."""
    attributes = span.attributes
    for key, family, otherwise in _WITH_KEYS:
        if key in attributes:
            return family, otherwise
    return conventions.FAMILY, conventions.UNKNOWN


def emitter_of(scope_name: str, scope_version: str = "") -> Emitter | None:
    """Return what is known of a scope's spans; None when nobody knows the scope."""
    return choose(_EMITTERS, scope_name, scope_version)


def _remember(scope: tuple[str, str]) -> tuple[Family, Emitter] | None:
    if len(_known) > _SCOPES_MAX:
        _known.clear()
    emitter = emitter_of(*scope)
    found = None if emitter is None else (_FAMILY_OF[id(emitter)], emitter)
    _known[scope] = found
    return found
