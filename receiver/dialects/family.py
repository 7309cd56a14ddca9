"""A family of dialects: which spans it reads, and how. The one shape in which a dialect is registered.

A family claims spans by the name of their instrumentation scope first. Spans of scopes that nobody claims are offered
by their attributes, in the order of registration; what nobody claims is read by the GenAI conventions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from receiver.dialects.reading import Reading, SpanView


@dataclass(frozen=True, slots=True)
class Family:
    """One family of emitters, read by one function."""

    name: str
    scopes: tuple[str, ...]
    """Beginnings of scope names; the longest that fits decides between families."""
    read: Callable[[SpanView], Reading | None]
    """None: nothing that the ledger keeps.

    Raises `UnreadableSpanError` for a model call whose figures cannot be believed.
    """
    keys: tuple[str, ...] = ()
    """Attributes that only spans of this family carry: they claim a span whose scope nobody knows."""
