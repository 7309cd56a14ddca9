"""Logfire's own instrumentations of OpenAI, Anthropic and the agent SDKs.

`gen_ai.usage.raw`, the provider's usage block as JSON, wins. A streamed call is two spans: the request, which ended
before there were figures, and beside it a log with the figures, which is the call; the request, which has no answer's
id either, is kept as an aggregate. Spans of the Claude Agent SDK say in `gen_ai.usage.partial.*` what is
known not to be all of it.

Source: logfire-sdk 6.0.0b8 _internal/integrations/llm_providers/usage.py, llm_provider.py, claude_agent_sdk.py,
openai_agents.py.
"""

from __future__ import annotations

from typing import Final

from ledger.vocabulary import UsageStatus
from receiver.dialects import conventions
from receiver.dialects.emitter import Emitter
from receiver.dialects.family import Family
from receiver.dialects.quirks import name_aggregate
from receiver.dialects.reading import Reading, SpanKind, SpanView
from receiver.dialects.side_channels import claim_cost, prefer_block
from receiver.dialects.usage import InputMeaning, UsageKeys, read_usage

DIALECT: Final = "logfire"
RAW: Final = "gen_ai.usage.raw"
# Before versions wrote the block, the whole response carried it.
RESPONSE: Final = "response_data"
_PARTIAL: Final = "gen_ai.usage.partial."
PARTIAL_KEYS: Final = UsageKeys(
    input=(_PARTIAL + "input_tokens",),
    output=(_PARTIAL + "output_tokens",),
    total=(),
    cache_read=(_PARTIAL + "cache_read.input_tokens",),
    cache_write=(_PARTIAL + "cache_creation.input_tokens",),
    details=(),
)


def read_logfire(span: SpanView, emitter: Emitter) -> Reading | None:
    """Read a span of Logfire's; None for one that says nothing of models.

    Raises:
        UnreadableSpanError: a figure that is no count.
    """
    attributes = span.attributes
    reading = conventions.read(span, emitter)
    if reading is None:
        return None
    claim_cost(reading, attributes.get("operation.cost"), "operation.cost")
    if reading.kind is SpanKind.AGGREGATE:
        return reading
    if prefer_block(reading, attributes.get(RAW), RAW) is None and RESPONSE in attributes:
        prefer_block(reading, attributes.get(RESPONSE), RESPONSE)
    if reading.usage_status is UsageStatus.ABSENT:
        _without_usage(span, reading, emitter)
    return reading


def _without_usage(span: SpanView, reading: Reading, emitter: Emitter) -> None:
    usage = read_usage(span.attributes, PARTIAL_KEYS, meaning=emitter.meaning, has_output=True)
    if usage.units:
        reading.usage = usage.units
        reading.usage_status = UsageStatus.PARTIAL
        reading.usage_flags += ("partial_usage",)
    elif (
        span.kind == _CLIENT
        and reading.response_id is None
        and reading.error_type is None
        and span.scope_name in _STREAMING_SCOPES
    ):
        name_aggregate(reading, reading.operation or "chat")


# OTLP's kind of a request; a log is of another.
_CLIENT: Final = 3
_STREAMING_SCOPES: Final = frozenset({"logfire.openai", "logfire.anthropic"})
EMITTERS: Final = (
    Emitter(
        "logfire.anthropic",
        DIALECT,
        InputMeaning.UNKNOWN,
        "logfire-sdk 6.0.0b8: inclusive; without cached tokens before March 2026 (PR 1812), where only the block tells",
    ),
    Emitter(
        "logfire",
        DIALECT,
        InputMeaning.INCLUSIVE,
        "logfire-sdk 6.0.0b8 _internal/integrations/llm_providers/usage.py, openai_agents.py",
    ),
)
FAMILY: Final = Family(
    name=DIALECT,
    title="Logfire",
    emitters=EMITTERS,
    read=read_logfire,
    keys=(RAW,),
    otherwise=EMITTERS[1],
    text=f"""\
`{RAW}` wins. A streamed call is a request, kept as an aggregate, and a log with its figures, which is the call.
`{_PARTIAL}*` (Claude Agent SDK) is partial; the run's totals stand on its `invoke_agent`. `operation.cost` is the
reported cost: Logfire's own reckoning.

The log of a streamed call carries no response id. Where Anthropic's SDK traces the same call itself (it does by default
from 2.13 on), its span and that log stand side by side without an id in common, and both count: set
`ANTHROPIC_OPEN_TELEMETRY=false`, or leave the call to the SDK's own spans.""",
    flags={"partial_usage": "the emitter itself says that its figures are not all: kept, not priced"},
)
