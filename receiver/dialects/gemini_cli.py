"""Gemini CLI: operation `llm_call`, with the prompt's and the candidates' counts alone.

Thinking, which is charged as output, is not in the output and nowhere else on the span; nor is what was cached. So the
figures are kept and not priced. Its log of the same call (`gemini_cli.api_response`) has them all.

Source: @google/gemini-cli-core 0.61.0 core/loggingContentGenerator.js, telemetry/trace.js, telemetry/constants.js.
"""

from __future__ import annotations

from typing import Final

from receiver.dialects import conventions
from receiver.dialects.emitter import Emitter
from receiver.dialects.family import Family
from receiver.dialects.quirks import THOUGHTS_UNSAID, cache_unsaid, name_call
from receiver.dialects.reading import Reading, SpanView
from receiver.dialects.usage import InputMeaning

DIALECT: Final = "gemini_cli"
_CALL: Final = "llm_call"


def read_gemini_cli(span: SpanView, emitter: Emitter) -> Reading | None:
    """Read a span of Gemini CLI's; None for one without an operation.

    Raises:
        UnreadableSpanError: a figure that is no count.
    """
    reading = conventions.read(span, emitter)
    if reading is None or reading.operation != _CALL:
        return reading
    name_call(reading, "generate_content")
    reading.provider = reading.provider or "gcp.gemini"
    cache_unsaid(span, reading)
    emitter.amend(span, reading)
    return reading


EMITTERS: Final = (
    Emitter(
        "gemini-cli",
        DIALECT,
        InputMeaning.INCLUSIVE,
        "@google/gemini-cli-core 0.61.0 core/loggingContentGenerator.js: promptTokenCount and candidatesTokenCount",
        quirks=(THOUGHTS_UNSAID,),
    ),
)
FAMILY: Final = Family(
    name=DIALECT,
    title="Gemini CLI",
    emitters=EMITTERS,
    read=read_gemini_cli,
    text="`llm_call` is the call; prompts, tools and agents around it are aggregates.",
)
