"""What a dialect sees of a span, and what it says of it. Values only; no decisions.

A dialect is a pure function `SpanView -> Reading | None`: None means "not mine". Units are genai-prices' names as in
`ledger.schema.UNIT_COLUMNS`; totals are inclusive of their details. What a span does not say is absent from `usage`,
never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

import msgspec

from ledger.vocabulary import BillingMode, UsageStatus

Scalar = str | bool | int | float | bytes
AttributeValue = Scalar | list["AttributeValue"] | dict[str, "AttributeValue"]
"""An OTLP AnyValue in Python's types. Text that is not UTF-8 is read with replacement characters."""


class SpanKind(StrEnum):
    """What a span that a dialect recognises stands for in the ledger."""

    CALL = "call"
    """One billable model call: an inference, an embedding, a reranking."""
    AGGREGATE = "aggregate"
    """A roll-up of other spans: an agent, a workflow, a chain, a tool. Kept and shown, never billed."""


class SpanView(msgspec.Struct, frozen=True):
    """A span as dialects see it: who wrote it, and its attributes."""

    name: str
    kind: int
    """OTLP SpanKind: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer."""
    scope_name: str
    scope_version: str
    attributes: Mapping[str, AttributeValue]
    resource: Mapping[str, AttributeValue]
    status_code: int
    """OTLP StatusCode: 0 unset, 1 ok, 2 error."""


class Reading(msgspec.Struct):
    """What a span means. Built once by a dialect and not changed afterwards."""

    kind: SpanKind
    dialect: str
    """Which rule read it, such as `otel_genai` or `openinference`."""
    operation: str | None = None
    provider: str | None = None
    """The field's name for the seller: an OTel `gen_ai.provider.name` value (openai, anthropic, aws.bedrock …)."""
    request_model: str | None = None
    response_model: str | None = None
    response_id: str | None = None
    service_tier: str | None = None
    region: str | None = None
    deployment: str | None = None
    provider_account: str | None = None
    api_key_id: str | None = None
    billing_mode: BillingMode | None = None
    """How it is paid for, where the span itself says so."""
    error_type: str | None = None
    agent_name: str | None = None
    user_id: str | None = None
    session_id: str | None = None
    usage: dict[str, int] = msgspec.field(default_factory=dict)
    usage_status: UsageStatus = UsageStatus.ABSENT
    usage_flags: tuple[str, ...] = ()
    """What was inferred or is doubtful, and why: `exclusive_input:aws.bedrock`, `unknown_scope` …"""
    reported_cost: Decimal | None = None
    reported_cost_source: str | None = None


class UnreadableSpanError(ValueError):
    """A span that claims to be a model call but whose figures cannot be believed; it is quarantined.

    `reason` is a short stable word for grouping; `detail` names the attribute, what was found and what was expected.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
