"""OpenTelemetry's own instrumentations, in all languages, and SDKs that instrument themselves by its conventions.

The names are the conventions'; what differs is whether input holds cached tokens, and what is left out. Of emitters in
Java, JavaScript and .NET most say input and output only: where the prompt was long enough to be cached, their calls
are not priced, since cached tokens cost a fraction.
"""

from __future__ import annotations

from typing import Final

from receiver.dialects import conventions
from receiver.dialects.bedrock import CACHED_UNSAID, INVOKE_CACHED_UNSAID, INVOKE_ESTIMATES
from receiver.dialects.emitter import Emitter, Quirk
from receiver.dialects.family import Family
from receiver.dialects.quirks import (
    CACHE_UNSAID,
    THOUGHTS_UNSAID,
    TOOL_PROMPTS_UNSAID,
    cache_unsaid,
    disputed_for,
    sold_by,
    unbilled_tokens,
)
from receiver.dialects.reading import Reading, SpanView
from receiver.dialects.usage import InputMeaning

DIALECT: Final = "otel_genai"
_SCOPE: Final = "opentelemetry.instrumentation."
_INCLUSIVE, _EXCLUSIVE = InputMeaning.INCLUSIVE, InputMeaning.EXCLUSIVE
_JAVA: Final = "opentelemetry-java-instrumentation"


def _old_names_lack_cache(span: SpanView, reading: Reading) -> None:
    if "gen_ai.provider.name" not in span.attributes:
        cache_unsaid(span, reading)


def _thoughts_of_interactions(span: SpanView, reading: Reading) -> None:
    thoughts = reading.usage.get("reasoning_tokens")
    if thoughts and span.attributes.get("gen_ai.operation.name") == "interactions.create":
        reading.usage["output_tokens"] = reading.usage.get("output_tokens", 0) + thoughts
        reading.usage_flags += ("thoughts_added",)


_OLD_NAMES_LACK_CACHE: Final = Quirk("with its older names, what was read from the cache", _old_names_lack_cache)
_INTERACTIONS: Final = Quirk(
    "Interactions API: output lacks thinking, which stands beside it and is added", _thoughts_of_interactions
)

EMITTERS: Final = (
    Emitter(
        _SCOPE + "genai.bedrock",
        DIALECT,
        _EXCLUSIVE,
        "opentelemetry-instrumentation-genai-bedrock 1.3b0 extractors.py, stream.py: copies inputTokens",
        before="1.4",
    ),
    Emitter(
        _SCOPE + "genai.bedrock",
        DIALECT,
        InputMeaning.DISPUTED,
        "opentelemetry-python-genai issue 606: inclusive totals are announced",
        since="1.4",
    ),
    Emitter(
        _SCOPE + "genai.langchain",
        DIALECT,
        _INCLUSIVE,
        "opentelemetry-instrumentation-genai-langchain 1.3b0 callback_handler.py: LangChain's usage_metadata",
        quirks=(unbilled_tokens("cohere"), disputed_for("aws.bedrock")),
    ),
    Emitter(
        _SCOPE + "genai.",
        DIALECT,
        _INCLUSIVE,
        "opentelemetry-instrumentation-genai-{openai,anthropic,agno,llama-index,openai-agents} 1.3b0: inclusive "
        "totals; the last two have no usage on their spans",
    ),
    Emitter(
        "opentelemetry.util.genai",
        DIALECT,
        _INCLUSIVE,
        "opentelemetry-util-genai 1.3b0: the handler that the official instrumentations share, under its own name",
        quirks=(CACHE_UNSAID,),
    ),
    Emitter(
        _SCOPE + "botocore.bedrock-runtime",
        DIALECT,
        _EXCLUSIVE,
        "opentelemetry-instrumentation-botocore 0.64b0 extensions/bedrock.py: has no cached tokens at all",
        before="0.66",
        quirks=(CACHED_UNSAID, INVOKE_ESTIMATES),
    ),
    Emitter(
        _SCOPE + "botocore.bedrock-runtime",
        DIALECT,
        _EXCLUSIVE,
        "opentelemetry-instrumentation-botocore 0.66b2 extensions/bedrock.py: copies inputTokens",
        since="0.66",
        quirks=(INVOKE_CACHED_UNSAID, INVOKE_ESTIMATES),
    ),
    Emitter(
        _SCOPE + "openai_v2",
        DIALECT,
        _INCLUSIVE,
        "opentelemetry-instrumentation-openai-v2 2.4b0 patch.py: cached tokens only of the Responses API",
        quirks=(CACHE_UNSAID,),
    ),
    Emitter(
        _SCOPE + "openai_agents",
        DIALECT,
        _INCLUSIVE,
        "opentelemetry-instrumentation-openai-agents-v2 0.1.0 span_processor.py: input and output only; its scope has "
        "no version",
        before="0.4",
        quirks=(CACHE_UNSAID,),
    ),
    Emitter(
        _SCOPE + "vertexai",
        DIALECT,
        _INCLUSIVE,
        "opentelemetry-instrumentation-vertexai 2.1b0 utils.py: prompt and candidates only; its scope has no version",
        since="2.0",
        quirks=(sold_by("gcp.vertex_ai"), THOUGHTS_UNSAID, CACHE_UNSAID),
    ),
    Emitter(
        _SCOPE + "google_genai",
        DIALECT,
        _INCLUSIVE,
        "opentelemetry-instrumentation-google-genai 0.7b0 generate_content.py: prompt and candidates only",
        before="1.0",
        quirks=(THOUGHTS_UNSAID, CACHE_UNSAID, TOOL_PROMPTS_UNSAID),
    ),
    Emitter(
        _SCOPE + "google_genai",
        DIALECT,
        _INCLUSIVE,
        "opentelemetry-instrumentation-google-genai 1.3b0 generate_content.py, interactions.py: output is candidates "
        "and thoughts",
        since="1.0",
        quirks=(_INTERACTIONS, TOOL_PROMPTS_UNSAID),
    ),
    Emitter(
        "@opentelemetry/instrumentation-openai",
        DIALECT,
        _INCLUSIVE,
        "@opentelemetry/instrumentation-openai 0.21.0 instrumentation.js: input and output only",
        quirks=(CACHE_UNSAID,),
    ),
    Emitter(
        "@elastic/opentelemetry-instrumentation-openai",
        DIALECT,
        _INCLUSIVE,
        "@elastic/opentelemetry-instrumentation-openai 0.5.1 instrumentation.js: input and output only",
        quirks=(CACHE_UNSAID,),
    ),
    Emitter(
        "@opentelemetry/instrumentation-aws-sdk",
        DIALECT,
        _EXCLUSIVE,
        "@opentelemetry/instrumentation-aws-sdk 0.78.0 bedrock-runtime.js: copies inputTokens, has no cached tokens",
        quirks=(CACHED_UNSAID, INVOKE_ESTIMATES),
    ),
    Emitter(
        "io.opentelemetry.openai-java",
        DIALECT,
        _INCLUSIVE,
        f"{_JAVA} openai-java-1.1 ChatAttributesGetter: input and output only",
        quirks=(CACHE_UNSAID,),
    ),
    Emitter(
        "io.opentelemetry.aws-sdk",
        DIALECT,
        _EXCLUSIVE,
        f"{_JAVA} aws-sdk-2.2 BedrockRuntimeAttributesGetter: copies inputTokens, has no cached tokens",
        quirks=(CACHED_UNSAID, INVOKE_ESTIMATES),
    ),
    Emitter(
        "OpenAI.",
        DIALECT,
        _INCLUSIVE,
        "OpenAI .NET OpenTelemetryScope (OpenAI.ChatClient, OpenAI.ResponsesClient): details only with new names",
        quirks=(_OLD_NAMES_LACK_CACHE,),
    ),
)

FAMILY: Final = Family(
    name="otel_genai",
    title="OpenTelemetry's own instrumentations",
    emitters=EMITTERS,
    read=conventions.read,
    text="They write the GenAI conventions' names; which operations are calls is said below, under those names.",
    flags={
        "cached_tokens_unsaid": "input lacks cached tokens, and they are nowhere: kept, not priced",
        "estimated_tokens": "the emitter counted tokens itself where the provider's count was missing: not priced",
    },
)
