"""OpenLLMetry: Traceloop's instrumentations, with the GenAI conventions' names and habits of their own.

Their packages share names but not meanings: each copies what its provider says, or adds to it, in its own way. So
there is a row per package; the versions read are those of the rows' sources.
"""

from __future__ import annotations

from typing import Final

from receiver.dialects import conventions
from receiver.dialects.bedrock import CACHED_UNSAID, SHORTENS_IDS
from receiver.dialects.emitter import Emitter, Quirk
from receiver.dialects.family import Family
from receiver.dialects.figures import is_true
from receiver.dialects.quirks import (
    CACHE_UNSAID,
    OMITS_CACHE_WRITES,
    OUTPUT_LACKS_THOUGHTS,
    SELLER_BEFORE_MODEL,
    TOOL_PROMPTS_UNSAID,
    cached_apart,
    disputed_for,
    doubt,
    name_aggregate,
    sold_by,
    unbilled_tokens,
)
from receiver.dialects.reading import AttributeValue, Reading, SpanView
from receiver.dialects.usage import InputMeaning

DIALECT: Final = "openllmetry"
_SCOPE: Final = "opentelemetry.instrumentation."
_JS: Final = "@traceloop/instrumentation-"
_PACKAGE: Final = "opentelemetry-instrumentation-"
_INCLUSIVE, _EXCLUSIVE, _UNKNOWN = InputMeaning.INCLUSIVE, InputMeaning.EXCLUSIVE, InputMeaning.UNKNOWN


# How names of these vendors' models begin, and of nobody else's.
_OPENROUTER_VENDORS: Final = {
    "chatgpt-": "openai",
    "claude-": "anthropic",
    "deepseek-": "deepseek",
    "gemini-": "google",
    "gpt-": "openai",
    "grok-": "x-ai",
    "o1": "openai",
    "o3": "openai",
    "o4": "openai",
}


def _streaming(span: SpanView) -> AttributeValue | None:
    """Return the mark of a stream, under the name before 0.55 or since."""
    return span.attributes.get("gen_ai.is_streaming", span.attributes.get("llm.is_streaming"))


def _doubt_streams(span: SpanView, reading: Reading) -> None:
    streaming = _streaming(span)
    if is_true(streaming):
        doubt(reading, "stream_usage_unreliable")
    elif streaming is None and "gen_ai.response.model" in span.attributes:
        # Its stream helper leaves no mark. A span without a response model is no stream: streams write it always.
        doubt(reading, "stream_not_ruled_out")


def _doubt_estimates(span: SpanView, reading: Reading) -> None:
    if is_true(_streaming(span)):
        doubt(reading, "estimated_tokens")


def _realtime(span: SpanView, reading: Reading) -> None:
    if span.name == "openai.session":
        name_aggregate(reading, "realtime_session")
    elif span.name == "openai.realtime":
        doubt(reading, "modality_unsaid")


def _model_tail(_: SpanView, reading: Reading) -> None:
    asked, answered = reading.request_model, reading.response_model
    if asked and answered and asked.endswith("/" + answered):
        reading.response_model = asked
        reading.usage_flags += ("model_restored",)


def _openrouter_model(_: SpanView, reading: Reading) -> None:
    if reading.provider != "openrouter":
        return
    asked, answered = _of_vendor(reading.request_model), _of_vendor(reading.response_model)
    if (asked, answered) != (reading.request_model, reading.response_model):
        reading.request_model, reading.response_model = asked, answered
        reading.usage_flags += ("model_restored",)


def _of_vendor(model: str | None) -> str | None:
    """Return a model with its vendor before it, as OpenRouter names it, where its name leaves no doubt."""
    if model is None or "/" in model:
        return model
    vendor = next((vendor for beginning, vendor in _OPENROUTER_VENDORS.items() if model.startswith(beginning)), None)
    return f"{vendor}/{model}" if vendor else model


def _summed_stream(span: SpanView, reading: Reading) -> None:
    if span.name.endswith("generate_text_stream"):
        doubt(reading, "stream_usage_unreliable")


def _unbilled_chat(_: SpanView, reading: Reading) -> None:
    if reading.operation == "chat":
        doubt(reading, "unbilled_tokens")


_STREAMS_WRONG: Final = Quirk("streamed usage is wrong", _doubt_streams)
_ESTIMATES: Final = Quirk("streams without the provider's usage: a local estimate without a mark", _doubt_estimates)
_REALTIME: Final = Quirk("realtime: which tokens are audio; its sessions are aggregates", _realtime)
_MODEL_TAIL: Final = Quirk("what stands before the last `/` of the response's model, restored", _model_tail)
_OPENROUTER_MODEL: Final = Quirk(
    "the vendor in OpenRouter's names, restored where they leave no doubt", _openrouter_model
)
_STREAM_TIER: Final = Quirk("the service tier of streams: the one asked for is read")
_NO_USAGE: Final = Quirk("any usage")
_LANGCHAIN: Final = (unbilled_tokens("cohere"), disputed_for("aws.bedrock"), OMITS_CACHE_WRITES)
_OPENAI: Final = (OMITS_CACHE_WRITES, _MODEL_TAIL, _OPENROUTER_MODEL, SHORTENS_IDS, _REALTIME, _STREAM_TIER)

EMITTERS: Final = (
    Emitter(
        _SCOPE + "openai.v1",
        DIALECT,
        _INCLUSIVE,
        _PACKAGE + "openai 0.38.12: no cached tokens; streams may be counted by tiktoken",
        before="0.39",
        quirks=(CACHE_UNSAID, _ESTIMATES, *_OPENAI),
    ),
    Emitter(
        _SCOPE + "openai.v1",
        DIALECT,
        _INCLUSIVE,
        _PACKAGE + "openai 0.43.1: streams may be counted by tiktoken (enrich_token_usage)",
        since="0.39",
        before="0.44",
        quirks=(_ESTIMATES, *_OPENAI),
    ),
    Emitter(
        _SCOPE + "openai.v1",
        DIALECT,
        _INCLUSIVE,
        _PACKAGE + "openai 0.62.4 shared/__init__.py: OpenAI's prompt_tokens include cached ones",
        since="0.44",
        quirks=_OPENAI,
    ),
    Emitter(
        _SCOPE + "openai.v0",
        DIALECT,
        _INCLUSIVE,
        _PACKAGE + "openai 0.62.4 v0: for SDKs before 1.0",
        quirks=(CACHE_UNSAID, _ESTIMATES),
    ),
    Emitter(
        _SCOPE + "anthropic",
        DIALECT,
        _INCLUSIVE,
        _PACKAGE + "anthropic 0.62.4 sums to inclusive; streams add cumulative counts (openllmetry PR 4377), and "
        "`messages.stream()` does not say that it streams",
        quirks=(_STREAMS_WRONG,),
    ),
    Emitter(
        _SCOPE + "bedrock",
        DIALECT,
        _EXCLUSIVE,
        _PACKAGE + "bedrock 0.40.8: copies inputTokens; gen_ai.system is the model's vendor",
        before="0.42",
        quirks=(sold_by("aws.bedrock"), SHORTENS_IDS, CACHED_UNSAID),
    ),
    Emitter(
        _SCOPE + "bedrock",
        DIALECT,
        _EXCLUSIVE,
        _PACKAGE + "bedrock 0.61.0: copies inputTokens, has no counts of cached tokens",
        since="0.42",
        before="0.62",
        quirks=(SHORTENS_IDS, CACHED_UNSAID),
    ),
    Emitter(
        _SCOPE + "bedrock",
        DIALECT,
        _EXCLUSIVE,
        _PACKAGE + "bedrock 0.62.4 span_utils.py: copies inputTokens",
        since="0.62",
        before="0.63",
        quirks=(SHORTENS_IDS,),
    ),
    Emitter(
        _SCOPE + "bedrock",
        DIALECT,
        InputMeaning.DISPUTED,
        "openllmetry issue 4449: the same call is inclusive in another package",
        since="0.63",
        quirks=(SHORTENS_IDS,),
    ),
    Emitter(
        _SCOPE + "google_generativeai",
        DIALECT,
        _INCLUSIVE,
        _PACKAGE + "google-generativeai 0.62.4 span_utils.py: candidates only; total has the thoughts",
        quirks=(OUTPUT_LACKS_THOUGHTS, TOOL_PROMPTS_UNSAID),
    ),
    Emitter(
        _SCOPE + "vertexai",
        DIALECT,
        _INCLUSIVE,
        _PACKAGE + "vertexai 0.62.4 span_utils.py: candidates only; total has the thoughts",
        before="2.0",
        quirks=(sold_by("gcp.vertex_ai"), OUTPUT_LACKS_THOUGHTS, TOOL_PROMPTS_UNSAID),
    ),
    Emitter(_SCOPE + "cohere", DIALECT, _UNKNOWN, _PACKAGE + "cohere 0.62.4 span_utils.py: the billed units"),
    Emitter(_SCOPE + "mistralai", DIALECT, _INCLUSIVE, _PACKAGE + "mistralai 0.62.4: copies prompt_tokens"),
    Emitter(_SCOPE + "groq", DIALECT, _INCLUSIVE, _PACKAGE + "groq 0.62.4 span_utils.py: copies prompt_tokens"),
    Emitter(
        _SCOPE + "together",
        DIALECT,
        _INCLUSIVE,
        _PACKAGE + "together 0.62.4 span_utils.py: input and output only",
        quirks=(CACHE_UNSAID,),
    ),
    Emitter(_SCOPE + "ollama", DIALECT, _INCLUSIVE, _PACKAGE + "ollama 0.62.4: prompt_eval_count, eval_count"),
    Emitter(
        _SCOPE + "watsonx",
        DIALECT,
        _INCLUSIVE,
        _PACKAGE + "watsonx 0.62.4: sums a list's prompts; of a stream, the input of every chunk",
        quirks=(Quirk("streamed input is summed over chunks", _summed_stream),),
    ),
    Emitter(_SCOPE + "writer", DIALECT, _INCLUSIVE, _PACKAGE + "writer 0.62.4: copies prompt_tokens"),
    Emitter(_SCOPE + "alephalpha", DIALECT, _INCLUSIVE, _PACKAGE + "alephalpha 0.62.4: num_tokens_prompt_total"),
    Emitter(_SCOPE + "voyageai", DIALECT, _INCLUSIVE, _PACKAGE + "voyageai 0.62.4: total_tokens as input"),
    Emitter(_SCOPE + "replicate", DIALECT, _UNKNOWN, _PACKAGE + "replicate 0.62.4", quirks=(_NO_USAGE,)),
    Emitter(_SCOPE + "sagemaker", DIALECT, _UNKNOWN, _PACKAGE + "sagemaker 0.62.4", quirks=(_NO_USAGE,)),
    Emitter(
        _SCOPE + "transformers",
        DIALECT,
        _UNKNOWN,
        _PACKAGE + "transformers 0.62.4: the model runs in this process; gen_ai.system is its architecture",
        quirks=(sold_by("self_hosted"), _NO_USAGE),
    ),
    Emitter(
        _SCOPE + "langchain",
        DIALECT,
        _UNKNOWN,
        _PACKAGE
        + "langchain 0.62.4 span_utils.py: LangChain's usage_metadata; its cache writes split by lifetime are lost",
        quirks=_LANGCHAIN,
    ),
    Emitter(
        _SCOPE + "llamaindex",
        DIALECT,
        _UNKNOWN,
        _PACKAGE
        + "llamaindex 0.62.4 _response_utils.py: copies each provider's own figures; none of cached ones for the "
        "Responses API",
        quirks=(cached_apart("anthropic", "aws.bedrock"), CACHE_UNSAID, unbilled_tokens("cohere")),
    ),
    Emitter(
        _SCOPE + "litellm",
        DIALECT,
        _INCLUSIVE,
        _PACKAGE + "litellm 0.62.4: LiteLLM's usage, which is inclusive, without what was written to the cache",
        quirks=(OMITS_CACHE_WRITES, SELLER_BEFORE_MODEL),
    ),
    Emitter(
        _SCOPE + "crewai",
        DIALECT,
        _INCLUSIVE,
        _PACKAGE + "crewai 0.62.4 instrumentation.py: input and output only",
        quirks=(CACHE_UNSAID,),
    ),
    Emitter(
        _SCOPE + "openai_agents",
        DIALECT,
        _INCLUSIVE,
        _PACKAGE + "openai-agents 0.62.4 _hooks.py: copies input_tokens",
        since="0.4",
        quirks=(CACHE_UNSAID, OMITS_CACHE_WRITES, _STREAM_TIER),
    ),
    Emitter(_SCOPE + "haystack", DIALECT, _UNKNOWN, _PACKAGE + "haystack 0.62.4", quirks=(_NO_USAGE,)),
    Emitter(
        _SCOPE,
        DIALECT,
        _UNKNOWN,
        "other packages under this name: read by evidence",
        quirks=(unbilled_tokens("cohere"),),
    ),
    Emitter(
        _JS + "openai",
        DIALECT,
        _INCLUSIVE,
        _JS + "openai 0.27.0: input, output and total only; streams may be counted by tiktoken",
        quirks=(CACHE_UNSAID, _ESTIMATES, _MODEL_TAIL),
    ),
    Emitter(_JS + "anthropic", DIALECT, _EXCLUSIVE, _JS + "anthropic 0.27.0: copies input_tokens"),
    Emitter(
        _JS + "bedrock",
        DIALECT,
        _EXCLUSIVE,
        _JS + "bedrock 0.27.0: copies each model's figures, has no cached tokens",
        quirks=(SHORTENS_IDS, CACHED_UNSAID),
    ),
    Emitter(
        _JS + "cohere",
        DIALECT,
        _UNKNOWN,
        _JS + "cohere 0.27.0: billed units but of chat, where it reads token_count",
        quirks=(Quirk("chat: tokens are not the billed ones", _unbilled_chat),),
    ),
    Emitter(
        _JS + "google-generativeai",
        DIALECT,
        _INCLUSIVE,
        _JS + "google-generativeai 0.27.0: candidates only; total has the thoughts",
        quirks=(OUTPUT_LACKS_THOUGHTS,),
    ),
    Emitter(
        _JS + "vertexai",
        DIALECT,
        _INCLUSIVE,
        _JS + "vertexai 0.27.0: candidates only; total has the thoughts; no cached tokens",
        quirks=(sold_by("gcp.vertex_ai"), OUTPUT_LACKS_THOUGHTS, CACHE_UNSAID),
    ),
    Emitter(
        _JS + "langchain",
        DIALECT,
        _UNKNOWN,
        _JS + "langchain 0.27.0: input and output only, as each provider counts them",
        quirks=(CACHED_UNSAID, CACHE_UNSAID, unbilled_tokens("cohere")),
    ),
    Emitter(
        _JS,
        DIALECT,
        _UNKNOWN,
        _JS + "{llamaindex,together} 0.27.0 and others: input and output only",
        quirks=(CACHED_UNSAID, CACHE_UNSAID, unbilled_tokens("cohere")),
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
        "modality_unsaid": "a realtime call does not say which of its tokens are audio: kept, not priced",
    },
)
