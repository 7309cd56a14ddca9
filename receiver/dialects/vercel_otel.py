"""Vercel's AI SDK 7: package @ai-sdk/otel, scope `gen_ai`, the conventions' names with inclusive counts.

A generation is `invoke_agent` → `agent_step` → `chat`; only the last is a call. An embedding, and a decision, is a span
within a span of the same operation, of which only the inner one has figures: the outer one is its aggregate. Provider
metadata is written on request; where it holds the provider's usage block, that wins.

Source: @ai-sdk/otel 1.0.173 src/open-telemetry.ts, src/supplemental-attributes.ts.
"""

from __future__ import annotations

from typing import Final

from ledger.vocabulary import Flag, UsageStatus
from receiver.dialects import conventions
from receiver.dialects.emitter import Emitter, Quirk
from receiver.dialects.family import Family
from receiver.dialects.figures import read_text
from receiver.dialects.quirks import is_claude, name_aggregate, name_call
from receiver.dialects.reading import Reading, SpanKind, SpanView
from receiver.dialects.usage import InputMeaning
from receiver.dialects.vercel import read_metadata, seller_of

# Operations whose outer span repeats the inner one without its figures.
_DOUBLED: Final = frozenset({"embeddings", "decide"})
_OPERATIONS: Final = {
    "ai.generateSpeech": "speech",
    "ai.transcribe": "transcription",
    "ai.streamTranscribe": "transcription",
    "decide": "decide",
}


def read_vercel_otel(span: SpanView, emitter: Emitter) -> Reading | None:
    """Read a span of version 7; None for one that says nothing of models.

    Raises:
        UnreadableSpanError: a figure that is no count.
    """
    attributes = span.attributes
    reading = conventions.read(span, emitter)
    if reading is None:
        return None
    reading.provider = seller_of(read_text(attributes, ("gen_ai.provider.name",)), attributes)
    reading.user_id = reading.user_id or read_text(attributes, ("ai.settings.context.userId",))
    reading.session_id = reading.session_id or read_text(attributes, ("ai.settings.context.sessionId",))
    operation = _OPERATIONS.get(reading.operation or "")
    if operation is not None:
        name_call(reading, operation)
    if reading.operation in _DOUBLED and reading.usage_status is UsageStatus.ABSENT and reading.error_type is None:
        name_aggregate(reading, reading.operation or "")
    if reading.kind is SpanKind.CALL:
        read_metadata(reading, attributes, is_inclusive=True)
    return reading


def _object_writes_unsaid(span: SpanView, reading: Reading) -> None:
    """Its spans of generated objects read the cache's count, and leave what was written to it out."""
    if (
        reading.kind is SpanKind.CALL
        and reading.operation == "chat"
        and is_claude(reading)
        and "gen_ai.usage.cache_read.input_tokens" in span.attributes
        and "cache_write_tokens" not in reading.usage
    ):
        reading.usage_flags += (Flag.CACHE_WRITE_UNSAID.value,)


EMITTERS: Final = (
    Emitter(
        "gen_ai",
        "vercel_ai",
        InputMeaning.INCLUSIVE,
        "@ai-sdk/otel 1.0.173 src/open-telemetry.ts",
        quirks=(Quirk("cache writes of generated objects", _object_writes_unsaid),),
        is_whole_name=True,
    ),
)
FAMILY: Final = Family(
    name="vercel_ai_otel",
    title="Vercel AI SDK 7",
    emitters=EMITTERS,
    read=read_vercel_otel,
    text="""\
`invoke_agent` and `agent_step` are aggregates, `chat` is the call. Embeddings are two spans, one in the other: the
inner one, which has the figures, is the call.""",
)
