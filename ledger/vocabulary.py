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
