"""What a commit may change: the contents of each span in play, and what its trace comes to. Values only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from receiver.sealer.candidate import Candidate
from receiver.sealer.facts import SpanFact, SpanState
from receiver.sealer.outcome import SpanOutcome


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What a job makes of a span that the ledger has: the same content, read, priced or attributed anew."""

    fact: SpanFact
    overrides: Mapping[str, Any]
    """Column → new value, in Python's form of the column's type."""
    reason: str


@dataclass(slots=True)
class Contents:
    """The contents of one span in play: the standing one, and the best that came or what a job makes of it."""

    state: SpanState | None
    best: Candidate | None = None
    losers: dict[bytes, Candidate] = field(default_factory=dict)
    """Other contents that came with this batch, by hash."""
    rewrite: Rewrite | None = None

    @property
    def fact(self) -> SpanFact:
        """What the best content says."""
        if self.best is not None:
            return self.best.fact
        if self.rewrite is not None:
            return self.rewrite.fact
        assert self.state is not None
        return self.state.fact

    def all_facts(self) -> Iterator[SpanFact]:
        """Yield what every content in play says, also of those that lose."""
        yield self.fact
        if self.state is not None:
            yield self.state.fact
        for loser in self.losers.values():
            yield loser.fact


@dataclass(slots=True)
class Touched:
    """A trace that this commit may change."""

    contents: dict[bytes, Contents]
    spans: dict[bytes, SpanOutcome]
    ids: dict[str, bytes]
    """What the trace says of response ids, as `links` records it."""
