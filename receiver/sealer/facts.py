"""What is known for ever of a span: the values the outcome may use, and the ledger's state of it.

Only permanent columns stand here, so that the index can be rebuilt from the ledger after evidence has been dropped. The
types are encoded to the index as msgpack arrays: fields are only ever added at the end, with a default.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import IntEnum
from typing import Final
from zlib import crc32

import msgspec

from ledger.schema import Flag

# Parts of a fact's weight (`candidate.weight`): a cache answered; the figures are whole. The rest orders only.
CACHE_HIT_WEIGHT: Final = 10_000
REPORTED_WEIGHT: Final = 2_000


UNKNOWN_EMITTER: Final = 0


def emitter_number(scope_name: str, usage_flags: Collection[str]) -> int:
    """Return a number for who wrote a span; `UNKNOWN_EMITTER` where nobody knows who that is.

    Two scopes of one number, one pair in four thousand millions, are taken for one: nothing is merged for that.
    """
    return UNKNOWN_EMITTER if Flag.UNKNOWN_SCOPE in usage_flags else crc32(scope_name.encode())


class FactKind(IntEnum):
    """What a span is by itself, before its trace is looked at."""

    CALL = 1
    AGGREGATE = 2
    QUARANTINED = 3


class SpanFact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one content of one span says, as far as the outcome needs it."""

    span_id: bytes
    parent_span_id: bytes
    """Empty when the span has no parent."""
    content_hash: bytes
    kind: FactKind
    input_tokens: int | None = None
    output_tokens: int | None = None
    model: str | None = None
    response_id: str | None = None
    weight: int = 0
    """How much it says; see `candidate.weight`."""
    end_us: int = 0
    customer_id: str | None = None
    """The customer its own attributes or its resource name."""
    customer_source: str | None = None
    provider: str | None = None
    is_gateway: bool = False
    """Made by a gateway that saw the call pass (`Flag.GATEWAY`)."""
    is_cache_hit: bool = False
    """Answered by a cache of one's own (`Flag.LOCAL_CACHE_HIT`): the provider was not asked."""
    duration_us: int = 0
    """From start to end, which takes less room than when it began."""
    emitter: int = UNKNOWN_EMITTER
    """Who wrote it (`emitter_number`)."""

    @property
    def start_us(self) -> int:
        """When it began."""
        return self.end_us - self.duration_us

    @property
    def has_whole_figures(self) -> bool:
        """Whether its figures are reported and not doubted: what doubtful ones say contradicts nothing."""
        return self.weight % CACHE_HIT_WEIGHT >= REPORTED_WEIGHT

    @property
    def order(self) -> tuple[int, int, bytes]:
        """The total order in which the contents of one key, and the spans of one call, are compared."""
        return (self.weight, self.end_us, self.content_hash)


class SpanState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the ledger says of a span, and which row says it: by its key, `revision`, `commit` and `table`."""

    fact: SpanFact
    span_class: str
    revision: int
    customer_id: str | None
    customer_source: str | None
    commit: int
    """Which commit wrote its newest row."""
    table: str
    """Where that row is."""
    was_billed: bool
    """Whether it has ever had a usage entry; billing again is then a restatement."""
    reason: str | None = None
    """Why it is set aside, as its row says it; None while it is billed."""


class TraceFact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Who pays, as said by a span that is no call."""

    span_id: bytes
    parent_span_id: bytes
    value: str
    rank: int
    key: str = ""
