"""The ledger's words: its closed sets and units. Plain values, so that naming one costs no engine's start-up.

Units are genai-prices' (https://github.com/pydantic/genai-prices), where `output_reasoning_tokens` is
`reasoning_tokens` here. Columns and their types are `schema`'s.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class EntryType(StrEnum):
    """What an entry does to the sums."""

    USAGE = "usage"
    REVERSAL = "reversal"
    RESTATEMENT = "restatement"


class SpanClass(StrEnum):
    """The one class in which every received span ends. The counts add up at every commit."""

    NOT_GENAI = "not_genai"
    USAGE = "usage"
    DUPLICATE = "duplicate"
    NESTED = "nested"
    AGGREGATE = "aggregate"
    QUARANTINED = "quarantined"


# The reasons of aggregates in `set_aside`: whether a call below tells of what the aggregate rolls up.
AGGREGATE_EXPLAINED: Final = "aggregate"
AGGREGATE_UNEXPLAINED: Final = "no_call_below"


class UsageStatus(StrEnum):
    """How much the span says about what was used."""

    REPORTED = "reported"
    PARTIAL = "partial"
    ABSENT = "absent"


class PriceStatus(StrEnum):
    """Whether the cost is known, and if not, why."""

    PRICED = "priced"
    AMBIGUOUS = "ambiguous"
    UNKNOWN_MODEL = "unknown_model"
    UNKNOWN_UNIT = "unknown_unit"
    INVALID_USAGE = "invalid_usage"
    NO_USAGE = "no_usage"


class Flag(StrEnum):
    """What `usage_flags` says of a call that decides about its price. Readings raise them, pricing obeys them.

    Other flags inform only: each dialect has its own.
    """

    LOCAL_CACHE_HIT = "local_cache_hit"
    """A cache of the application's or gateway's own answered: nobody charged anything."""
    CACHE_READ_UNSAID = "cache_read_unsaid"
    """A part of the input may have been read from the provider's cache; this emitter never says so."""
    CACHE_WRITE_UNSAID = "cache_write_unsaid"
    """Tokens may have been written to the provider's cache; this emitter never says so."""
    CACHE_TTL_UNSAID = "cache_ttl_unsaid"
    """Tokens were written to the provider's cache, for how long is not said."""
    PROFILE_UNSAID = "bedrock_profile_unsaid"
    """The emitter shortens Bedrock's inference-profile ids: regional or global is not said."""
    GATEWAY = "gateway"
    """The span was made by a gateway that saw the call pass, not by the application that made it."""
    UNKNOWN_SCOPE = "unknown_scope"
    """Nobody knows who wrote the span: it may be the application itself, which sees no other's call."""


class CountSource(StrEnum):
    """Whose span of a call is counted where application and gateway both sent one, in traces of their own."""

    APPLICATION = "application"
    GATEWAY = "gateway"


class BillingMode(StrEnum):
    """How a call is paid for."""

    METERED = "metered"
    """By its own usage, at list or negotiated rates."""
    SUBSCRIPTION = "subscription"
    """By a seat or a plan: the call's cash cost is 0, its list cost is kept."""
    PROVISIONED = "provisioned"
    """By capacity bought ahead: the call's cash cost is 0, its list cost is kept."""
    SELF_HOSTED = "self_hosted"
    """On machines of one's own: no vendor's price holds."""


class Table(StrEnum):
    """The ledger's tables, each a folder under `ledger/`."""

    USAGE = "usage"
    CORRECTIONS = "corrections"
    SET_ASIDE = "set_aside"
    TRACE_FACTS = "trace_facts"


# The units that have a column of their own; rarer ones go to `other_usage`, keyed by genai-prices' name.
UNIT_COLUMNS: Final = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "input_audio_tokens",
    "input_image_tokens",
    "output_tokens",
    "reasoning_tokens",
    "output_audio_tokens",
    "web_searches",
)
