"""A family of dialects: which spans it reads, and how. The one shape in which a dialect is registered.

A span goes to the family that has the row with the longest beginning of its scope's name, and is read together with
that row. Spans of scopes that no row knows are offered by their attributes (`keys`), in the order of registration, and
read with the family's `otherwise`; what nobody claims is read by the GenAI conventions.

`docs/dialects.md` is made from this: a section per family.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from receiver.dialects.emitter import Emitter
from receiver.dialects.reading import Reading, SpanView
from receiver.dialects.usage import UsageKeys


@dataclass(frozen=True, slots=True)
class Family:
    """One family of emitters, read by one function."""

    name: str
    title: str
    """The section's heading in the document."""
    emitters: tuple[Emitter, ...]
    """What is known, by scope and version; rows of one scope stand together, oldest versions first."""
    read: Callable[[SpanView, Emitter], Reading | None]
    """None: nothing that the ledger keeps.

    Raises `UnreadableSpanError` for a model call whose figures cannot be believed.
    """
    keys: tuple[str, ...] = ()
    """Attributes that only spans of this family carry: they claim a span whose scope nobody knows."""
    otherwise: Emitter | None = None
    """Who is taken to have written a span that `keys` claimed; needed where there are keys."""
    text: str = ""
    """For the document, Markdown: what is true of the whole family, above all which of its spans are calls."""
    names: UsageKeys | None = None
    """For the document: where figures are read."""
    flags: Mapping[str, str] = field(default_factory=dict)
    """For the document: flags that only this family's readings carry, and what each says."""

    def __post_init__(self) -> None:
        assert self.otherwise is not None or not self.keys, f"{self.name} claims by keys, but for whom?"
