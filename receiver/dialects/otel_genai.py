"""OpenTelemetry's own instrumentations: the emitters that follow the GenAI conventions by name.

They write through one shared handler (opentelemetry-util-genai) or by themselves; either way the names are the
conventions', and what differs is whether input holds cached tokens.
"""

from __future__ import annotations

from typing import Final

from receiver.dialects import conventions
from receiver.dialects.emitter import Emitter
from receiver.dialects.family import Family
from receiver.dialects.usage import InputMeaning

DIALECT: Final = "otel_genai"
_SCOPE: Final = "opentelemetry.instrumentation."

EMITTERS: Final = (
    Emitter(
        _SCOPE + "genai.bedrock",
        DIALECT,
        InputMeaning.EXCLUSIVE,
        "opentelemetry-instrumentation-genai-bedrock 1.3b0 extractors.py copies inputTokens, which leaves cache out",
    ),
    Emitter(
        _SCOPE + "botocore.bedrock-runtime",
        DIALECT,
        InputMeaning.EXCLUSIVE,
        "opentelemetry-instrumentation-botocore 0.66b2 extensions/bedrock.py copies inputTokens",
    ),
    Emitter(
        _SCOPE + "genai.",
        DIALECT,
        InputMeaning.INCLUSIVE,
        "opentelemetry-instrumentation-genai-{openai,anthropic,langchain,…} 1.3b0 sum to inclusive totals",
    ),
    Emitter(
        "opentelemetry.util.genai",
        DIALECT,
        InputMeaning.INCLUSIVE,
        "opentelemetry-util-genai: the shared handler of the official instrumentations",
    ),
    Emitter(
        _SCOPE + "openai_v2",
        DIALECT,
        InputMeaning.INCLUSIVE,
        "opentelemetry-instrumentation-openai-v2 2.4b0; OpenAI's prompt_tokens include cached ones",
    ),
    Emitter(
        _SCOPE + "google_genai",
        DIALECT,
        InputMeaning.INCLUSIVE,
        "opentelemetry-instrumentation-google-genai 1.3b0; promptTokenCount includes cached ones",
    ),
)

FAMILY: Final = Family(
    name="otel_genai",
    title="OpenTelemetry's own instrumentations",
    emitters=EMITTERS,
    read=conventions.read,
    text="They write the GenAI conventions' names; which operations are calls is said below, under those names.",
)
