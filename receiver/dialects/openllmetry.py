"""OpenLLMetry: Traceloop's instrumentations, with the GenAI conventions' names and habits of their own.

Their packages share names but not meanings: each copies what its provider says, or adds to it, in its own way.
"""

from __future__ import annotations

from typing import Final

from receiver.dialects import conventions
from receiver.dialects.emitter import Emitter, Quirk
from receiver.dialects.family import Family
from receiver.dialects.quirks import OMITS_CACHE_WRITES, OUTPUT_LACKS_THOUGHTS, doubt, unbilled_tokens
from receiver.dialects.reading import Reading, SpanView
from receiver.dialects.usage import InputMeaning

DIALECT: Final = "openllmetry"
_SCOPE: Final = "opentelemetry.instrumentation."


def _doubt_streams(span: SpanView, reading: Reading) -> None:
    streaming = span.attributes.get("gen_ai.is_streaming")
    if streaming is True:
        doubt(reading, "stream_usage_unreliable")
    elif streaming is None and "gen_ai.response.model" in span.attributes:
        # Its stream helper leaves no mark. A span without a response model is no stream: streams write it always.
        doubt(reading, "stream_not_ruled_out")


_STREAMS_WRONG: Final = Quirk("streamed usage is wrong", _doubt_streams)

EMITTERS: Final = (
    Emitter(
        _SCOPE + "openai.v1",
        DIALECT,
        InputMeaning.INCLUSIVE,
        "opentelemetry-instrumentation-openai 0.62.4; OpenAI's prompt_tokens include cached ones, cache writes are "
        "left out",
        quirks=(OMITS_CACHE_WRITES,),
    ),
    Emitter(
        _SCOPE + "anthropic",
        DIALECT,
        InputMeaning.INCLUSIVE,
        "opentelemetry-instrumentation-anthropic 0.62.4 sums to inclusive; streams add cumulative counts (issue 4377), "
        "and `messages.stream()` does not say that it streams",
        quirks=(_STREAMS_WRONG,),
    ),
    Emitter(
        _SCOPE + "bedrock",
        DIALECT,
        InputMeaning.EXCLUSIVE,
        "opentelemetry-instrumentation-bedrock 0.62.4 copies inputTokens (issue 4449)",
    ),
    Emitter(
        _SCOPE + "google_generativeai",
        DIALECT,
        InputMeaning.INCLUSIVE,
        "opentelemetry-instrumentation-google-generativeai 0.62.4: candidates only; total has the thoughts",
        quirks=(OUTPUT_LACKS_THOUGHTS,),
    ),
    Emitter(
        _SCOPE + "vertexai",
        DIALECT,
        InputMeaning.INCLUSIVE,
        "opentelemetry-instrumentation-vertexai 0.62.4: candidates only; total has the thoughts",
        quirks=(OUTPUT_LACKS_THOUGHTS,),
    ),
    Emitter(
        _SCOPE,
        DIALECT,
        InputMeaning.UNKNOWN,
        "other opentelemetry-instrumentation-* packages of OpenLLMetry: read by evidence; Cohere's `tokens` are read, "
        "its `billed_units` are charged",
        quirks=(unbilled_tokens("cohere"),),
    ),
)

FAMILY: Final = Family(
    name="openllmetry",
    title="OpenLLMetry",
    emitters=EMITTERS,
    read=conventions.read,
    text="Spans with `traceloop.span.kind` (workflow, task, agent, tool) are aggregates.",
    flags={
        "stream_usage_unreliable": "streamed figures of this emitter are wrong: kept, not priced",
        "stream_not_ruled_out": "the span may be a stream of such an emitter: kept, not priced",
    },
)
