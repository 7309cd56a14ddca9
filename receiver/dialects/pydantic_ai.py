"""Pydantic AI: the conventions' names with inclusive counts, details beside them, and a cost of its own reckoning.

`gen_ai.usage.details.*` repeats first-class counts for older readers, and has what no convention names: nothing of it
is added to anything. The run around the calls is an aggregate under all of its names: `invoke_agent` with
`gen_ai.aggregated_usage.*` in version 2, with the calls' own names in 1, and `agent run` without an operation before.

Source: pydantic-ai-slim 2.68.0 usage.py, _instrumentation.py, models/instrumented.py.
"""

from __future__ import annotations

from typing import Final

from receiver.dialects import conventions
from receiver.dialects.emitter import Emitter
from receiver.dialects.family import Family
from receiver.dialects.figures import read_count, read_text
from receiver.dialects.quirks import name_call
from receiver.dialects.reading import Reading, SpanKind, SpanView
from receiver.dialects.side_channels import claim_cost
from receiver.dialects.usage import InputMeaning, UsageKeys, read_usage

DIALECT: Final = "pydantic_ai"
_DETAILS: Final = "gen_ai.usage.details."
# Details that are units of their own.
DETAILS: Final = (
    ("reasoning_tokens", _DETAILS + "reasoning_tokens"),
    ("input_audio_tokens", _DETAILS + "input_audio_tokens"),
    ("output_audio_tokens", _DETAILS + "output_audio_tokens"),
    ("cache_audio_read_tokens", _DETAILS + "cache_audio_read_tokens"),
    ("cache_read_tokens", _DETAILS + "cache_read_tokens"),
    ("cache_write_tokens", _DETAILS + "cache_write_tokens"),
    ("cache_write_5m_tokens", _DETAILS + "ephemeral_5m_input_tokens"),
    ("cache_write_1h_tokens", _DETAILS + "ephemeral_1h_input_tokens"),
    ("web_searches", _DETAILS + "web_search_requests"),
)
_AGGREGATED: Final = "gen_ai.aggregated_usage."
AGGREGATED_KEYS: Final = UsageKeys(
    input=(_AGGREGATED + "input_tokens",),
    output=(_AGGREGATED + "output_tokens",),
    total=(),
    cache_read=(_AGGREGATED + "cache_read.input_tokens",),
    cache_write=(_AGGREGATED + "cache_creation.input_tokens",),
    details=(),
)


def read_pydantic_ai(span: SpanView, emitter: Emitter) -> Reading | None:
    """Read a span of Pydantic AI's; None for one that says nothing of models.

    Raises:
        UnreadableSpanError: a figure that is no count.
    """
    attributes = span.attributes
    reading = conventions.read(span, emitter)
    if reading is None:
        return _old_run(span, emitter)
    if reading.operation == "decide":
        name_call(reading, "decide")
    if reading.kind is SpanKind.AGGREGATE:
        usage = read_usage(attributes, AGGREGATED_KEYS, meaning=emitter.meaning, has_output=True)
        if usage.units:
            reading.usage, reading.usage_status = usage.units, usage.status
        return reading
    for unit, key in DETAILS:
        if unit not in reading.usage and (count := read_count(attributes, (key,))) is not None:
            reading.usage[unit] = count
    claim_cost(reading, attributes.get("operation.cost"), "operation.cost")
    return reading


def _old_run(span: SpanView, emitter: Emitter) -> Reading | None:
    """Read the run of a version whose runs had no operation."""
    agent = read_text(span.attributes, ("gen_ai.agent.name", "agent_name"))
    if agent is None:
        return None
    usage = read_usage(span.attributes, conventions.USAGE_KEYS, meaning=emitter.meaning, has_output=True)
    if not usage.units:
        return None
    return Reading(
        SpanKind.AGGREGATE,
        emitter.dialect,
        operation="invoke_agent",
        agent_name=agent,
        usage=usage.units,
        usage_status=usage.status,
        usage_flags=usage.flags,
    )


EMITTERS: Final = (Emitter("pydantic-ai", DIALECT, InputMeaning.INCLUSIVE, "pydantic-ai-slim 2.68.0 usage.py"),)
FAMILY: Final = Family(
    name=DIALECT,
    title="Pydantic AI",
    emitters=EMITTERS,
    read=read_pydantic_ai,
    text="""\
`gen_ai.usage.details.*` is never added to other counts. The run around the calls is an aggregate, with
`gen_ai.aggregated_usage.*` or with the calls' names. `operation.cost` is the reported cost: Pydantic AI's own
reckoning. How long a cache write is kept is not said.""",
)
