"""Dialects: what each instrumentation means by its attributes. Pure: a span in, a reading out.

Chosen by who wrote the span (instrumentation scope) first, by its attributes second, from the families in `FAMILIES`:

    openinference   OpenInference's own names
    genai           OpenTelemetry's GenAI names, in all generations: official instrumentations, OpenLLMetry, others

Adding an emitter is a row in a family's table and a test; adding a family is a module and its line in `FAMILIES`.
Must not: do I/O, price, or look at other spans.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from receiver.dialects import genai, openinference
from receiver.dialects.family import Family
from receiver.dialects.marks import (
    CONTENT_KEYS,
    CONTENT_PREFIXES,
    EVIDENCE_PREFIXES,
    MARKERS,
    SCOPE_MARKERS,
    SIDE_CHANNELS,
)
from receiver.dialects.reading import AttributeValue, Reading, SpanView

__all__ = [
    "CONTENT_KEYS",
    "CONTENT_PREFIXES",
    "EVIDENCE_PREFIXES",
    "FAMILIES",
    "MARKERS",
    "SCOPE_MARKERS",
    "SIDE_CHANNELS",
    "read",
]

FAMILIES: Final = (openinference.FAMILY, genai.FAMILY)

_BY_SCOPE: Final = sorted(
    ((scope, family) for family in FAMILIES for scope in family.scopes), key=lambda one: -len(one[0])
)
_WITH_KEYS: Final = tuple((key, family) for family in FAMILIES for key in family.keys)
# Scopes are few and stand on every span; a stream that makes up names is forgotten whole.
_SCOPES_MAX: Final = 10_000
_claimed: dict[str, Family | None] = {}


def read(span: SpanView) -> Reading | None:
    """Say what a span means; None when it is neither a model call nor an aggregate of such.

    Raises:
        UnreadableSpanError: it claims to be a model call, but its figures cannot be believed.
    """
    scope = span.scope_name
    try:
        family = _claimed[scope]
    except KeyError:
        family = _claim(scope)
    if family is None:
        family = _by_attributes(span.attributes)
    return family.read(span)


def _claim(scope: str) -> Family | None:
    """Return the family that claims a scope, remembered; None when nobody does."""
    if len(_claimed) > _SCOPES_MAX:
        _claimed.clear()
    family = next((family for beginning, family in _BY_SCOPE if scope.startswith(beginning)), None)
    _claimed[scope] = family
    return family


def _by_attributes(attributes: Mapping[str, AttributeValue]) -> Family:
    return next((family for key, family in _WITH_KEYS if key in attributes), genai.FAMILY)
