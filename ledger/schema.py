"""The columns of the ledger's four tables. Columns are only ever added; readers take every version.

    usage        usage entries: one billable model call each, as first known
    corrections  reversals and restatements: the same columns, always in pairs or alone as a taking back
    set_aside    nested, aggregate, conflicting and quarantined spans: the same columns, plus why
    trace_facts  who pays, as said by spans that are no calls

Null means not known, never 0. Token totals are inclusive of their details (input_tokens contains cache_read_tokens).
Units are genai-prices' (https://github.com/pydantic/genai-prices), where `output_reasoning_tokens` is
`reasoning_tokens` here. Times are microseconds UTC, truncated from the span's nanoseconds.

Versions of the schema: 1, and 2 with `cost_low`, `cost_high` (the bounds of a cost whose status is `ambiguous`),
`price_reason` and `list_price_version`, and the evidence columns `span_name`, `span_kind`, `span_status`; 3 with
`superseded_commit`.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from ledger.money import COST_TYPE
from ledger.vocabulary import AGGREGATE_EXPLAINED as AGGREGATE_EXPLAINED
from ledger.vocabulary import AGGREGATE_UNEXPLAINED as AGGREGATE_UNEXPLAINED
from ledger.vocabulary import UNIT_COLUMNS as UNIT_COLUMNS
from ledger.vocabulary import BillingMode as BillingMode
from ledger.vocabulary import CountSource as CountSource
from ledger.vocabulary import EntryType as EntryType
from ledger.vocabulary import Flag as Flag
from ledger.vocabulary import PriceStatus as PriceStatus
from ledger.vocabulary import SpanClass as SpanClass
from ledger.vocabulary import Table as Table
from ledger.vocabulary import UsageStatus as UsageStatus

SCHEMA_VERSION: Final = 3

TIME: Final[pa.DataType] = pa.timestamp("us", tz="UTC")
_LABELS: Final[pa.DataType] = pa.map_(pa.string(), pa.string())
_UNITS: Final[pa.DataType] = pa.map_(pa.string(), pa.int64())


COST_COLUMNS: Final = (
    "input_cost", "output_cost", "other_cost", "cost", "list_cost", "reported_cost", "cost_low", "cost_high",
)  # fmt: skip

_IDENTITY: Final = [
    pa.field("source", pa.string(), nullable=False),
    pa.field("ingest_scope", pa.string(), nullable=False),
    pa.field("source_id", pa.binary(), nullable=False),
    pa.field("trace_id", pa.binary(16)),
    pa.field("span_id", pa.binary(8)),
    pa.field("parent_span_id", pa.binary(8)),
    pa.field("revision", pa.int32(), nullable=False),
    pa.field("entry_type", pa.string()),
    pa.field("reason", pa.string()),
    pa.field("response_id", pa.string()),
    pa.field("content_hash", pa.binary(16)),
]
_TIMES: Final = [
    pa.field("start_time", TIME),
    pa.field("end_time", TIME),
    pa.field("recorded_time", TIME, nullable=False),
    pa.field("commit", pa.int64(), nullable=False),
]
_PAYER: Final = [
    pa.field("customer_id", pa.string()),
    pa.field("customer_source", pa.string()),
    pa.field("labels", _LABELS),
    pa.field("user_id", pa.string()),
    pa.field("session_id", pa.string()),
    pa.field("service_name", pa.string()),
    pa.field("environment", pa.string()),
    pa.field("agent_name", pa.string()),
]
_CALL: Final = [
    pa.field("operation", pa.string()),
    pa.field("provider", pa.string()),
    pa.field("provider_account", pa.string()),
    pa.field("api_key_id", pa.string()),
    pa.field("region", pa.string()),
    pa.field("deployment", pa.string()),
    pa.field("request_model", pa.string()),
    pa.field("response_model", pa.string()),
    pa.field("service_tier", pa.string()),
    pa.field("billing_mode", pa.string()),
    pa.field("error_type", pa.string()),
    pa.field("dialect", pa.string()),
    pa.field("scope_name", pa.string()),
    pa.field("scope_version", pa.string()),
]
_USAGE: Final = [
    *(pa.field(name, pa.int64()) for name in UNIT_COLUMNS),
    pa.field("other_usage", _UNITS),
    pa.field("usage_status", pa.string()),
    pa.field("usage_flags", pa.list_(pa.string())),
    pa.field("call_count", pa.int8(), nullable=False),
]
_MONEY: Final = [
    *(pa.field(name, COST_TYPE) for name in COST_COLUMNS),
    pa.field("cost_currency", pa.string()),
    pa.field("price_status", pa.string()),
    pa.field("price_version", pa.string()),
    pa.field("price_model", pa.string()),
    pa.field("reported_cost_source", pa.string()),
    # Since version 2: why the price status is what it is, in words; and which public price `list_cost` is at.
    pa.field("price_reason", pa.string()),
    pa.field("list_price_version", pa.string()),
]
# What the span itself said: an allow-list, never message content. Retention may drop these columns, and only these.
_EVIDENCE: Final = [
    pa.field("span_attributes", _LABELS),
    pa.field("resource_attributes", _LABELS),
    # Since version 2: what else a later reading of the span needs. Kind and status are OTLP's numbers.
    pa.field("span_name", pa.string()),
    pa.field("span_kind", pa.int8()),
    pa.field("span_status", pa.int8()),
]
# Since version 3. Filled in by compaction, and no view shows it: the commit that took this entry back, as far as the
# segment is marked (`Segment.marked`). It says nothing of the call, only spares readers a search for corrections.
_COMPACTION: Final = [pa.field("superseded_commit", pa.int64())]
_SET_ASIDE_ONLY: Final = [
    pa.field("span_class", pa.string(), nullable=False),
    pa.field("detail", pa.string()),
    # A quarantined span as it came, stripped of message content, so that a later reading can heal it.
    pa.field("quarantined_span", pa.binary()),
]

ENTRY_SCHEMA: Final[pa.Schema] = pa.schema(
    [*_IDENTITY, *_TIMES, *_PAYER, *_CALL, *_USAGE, *_MONEY, *_EVIDENCE, *_COMPACTION]
)
SET_ASIDE_SCHEMA: Final[pa.Schema] = pa.schema([*ENTRY_SCHEMA, *_SET_ASIDE_ONLY])
TRACE_FACTS_SCHEMA: Final[pa.Schema] = pa.schema(
    [
        pa.field("ingest_scope", pa.string(), nullable=False),
        pa.field("trace_id", pa.binary(16), nullable=False),
        pa.field("span_id", pa.binary(8), nullable=False),
        pa.field("parent_span_id", pa.binary(8)),
        pa.field("key", pa.string(), nullable=False),
        pa.field("value", pa.string(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("recorded_time", TIME, nullable=False),
        pa.field("commit", pa.int64(), nullable=False),
    ]
)
SCHEMAS: Final[dict[Table, pa.Schema]] = {
    Table.USAGE: ENTRY_SCHEMA,
    Table.CORRECTIONS: ENTRY_SCHEMA,
    Table.SET_ASIDE: SET_ASIDE_SCHEMA,
    Table.TRACE_FACTS: TRACE_FACTS_SCHEMA,
}
EVIDENCE_COLUMNS: Final = tuple(field.name for field in _EVIDENCE)
