"""OpenInference's instrumentors, Python's and JavaScript's: what each of them means by its counts, by version.

A table and the quirks that only its rows have. Must not: read a span by itself.
"""

from __future__ import annotations

from typing import Final

from receiver.dialects.bedrock import CACHED_UNSAID
from receiver.dialects.emitter import Emitter, Quirk
from receiver.dialects.figures import read_count
from receiver.dialects.quirks import (
    CACHE_UNSAID,
    OMITS_CACHE_WRITES,
    SELLER_BEFORE_MODEL,
    cached_apart,
    doubt,
    name_aggregate,
    sold_by,
    thoughts_from_total,
    unbilled_tokens,
)
from receiver.dialects.reading import Reading, SpanKind, SpanView
from receiver.dialects.usage import InputMeaning

DIALECT: Final = "openinference"
_SCOPE: Final = "openinference.instrumentation"
_JS: Final = "@arizeai/openinference-instrumentation-"
_PACKAGE: Final = "openinference-instrumentation-"
_INCLUSIVE, _EXCLUSIVE, _UNKNOWN = InputMeaning.INCLUSIVE, InputMeaning.EXCLUSIVE, InputMeaning.UNKNOWN
_TOTAL: Final = ("llm.token_count.total",)


def _cached_twice(span: SpanView, reading: Reading) -> None:
    units = reading.usage
    total, cached = read_count(span.attributes, _TOTAL), units.get("cache_read_tokens", 0)
    if total and cached and total == units.get("input_tokens", 0) + units.get("output_tokens", 0) - cached:
        units["input_tokens"] -= cached
        reading.usage_flags += ("cached_counted_twice",)


def _interactions(span: SpanView, reading: Reading) -> None:
    if span.name.endswith("InteractionsResource.get"):
        name_aggregate(reading, "fetch_response")
    elif span.name.endswith("InteractionsResource.create") and reading.usage.get("cache_read_tokens"):
        # Its total is raised to the sum where the two disagree, so that nothing on the span tells.
        doubt(reading, "input_meaning_disputed")


def _whole_run(_: SpanView, reading: Reading) -> None:
    if reading.operation == "agent" and reading.usage:
        reading.kind = SpanKind.CALL
        reading.operation = "invoke_agent"
        doubt(reading, "several_calls")


def _nova_streams(_: SpanView, reading: Reading) -> None:
    units = reading.usage
    cached = units.get("cache_read_tokens") or units.get("cache_write_tokens")
    settled = any(flag.startswith("exclusive_input:") for flag in reading.usage_flags)
    if cached and not settled and "nova" in (reading.response_model or reading.request_model or "").lower():
        doubt(reading, "input_meaning_disputed")


_CACHED_TWICE: Final = Quirk("adds cached tokens to an input that holds them; taken off, by the total", _cached_twice)
_INTERACTIONS: Final = Quirk(
    "Interactions API: adds cached tokens to input and to the total, not priced", _interactions
)
_WHOLE_RUN: Final = Quirk("single calls: the AGENT span of a run is all there is, with its cost", _whole_run)
_SERVER_TOOLS: Final = Quirk(
    "web searches and passes of compaction: they stand in `metadata` among the application's own words, which evidence "
    "does not keep, so they are not read"
)
_NOVA_STREAMS: Final = Quirk("Nova: streams leave cached tokens out of input, answers do not", _nova_streams)
_THOUGHTS: Final = thoughts_from_total(_TOTAL)
_LANGCHAIN: Final = (unbilled_tokens("cohere"), OMITS_CACHE_WRITES)


def _python(
    name: str,
    meaning: InputMeaning,
    source: str,
    *quirks: Quirk,
    since: str | None = None,
    before: str | None = None,
) -> Emitter:
    return Emitter(f"{_SCOPE}.{name}", DIALECT, meaning, _PACKAGE + source, since, before, quirks)


def _javascript(name: str, meaning: InputMeaning, source: str, *quirks: Quirk) -> Emitter:
    return Emitter(_JS + name, DIALECT, meaning, _JS + source, quirks=quirks)


OTHERWISE: Final = Emitter(
    _SCOPE,
    DIALECT,
    _UNKNOWN,
    "every other instrumentor, and other emitters' spans that a processor rewrote: by evidence",
)
EMITTERS: Final = (
    _python("openai", _INCLUSIVE, "openai 0.1.66 _response_attributes_extractor.py: copies prompt_tokens"),
    _python(
        "openai_agents",
        _INCLUSIVE,
        "openai-agents 2.6.0 _processor.py: cached tokens only of the Responses API",
        CACHE_UNSAID,
    ),
    _python(
        "anthropic",
        _EXCLUSIVE,
        "anthropic 0.1.13: copies input_tokens, has no cached tokens",
        CACHED_UNSAID,
        before="0.1.15",
    ),
    _python("anthropic", _INCLUSIVE, "anthropic 3.1.0 _utils.py: sums to inclusive", _SERVER_TOOLS, since="0.1.15"),
    _python(
        "bedrock",
        _EXCLUSIVE,
        "bedrock 0.1.24: copies inputTokens, has no cached tokens",
        CACHED_UNSAID,
        before="0.1.26",
    ),
    _python(
        "bedrock",
        _UNKNOWN,
        "bedrock 0.1.36: InvokeModel is inclusive, Converse copies inputTokens; its total tells",
        _NOVA_STREAMS,
        since="0.1.26",
        before="0.1.44",
    ),
    _python(
        "bedrock",
        _INCLUSIVE,
        "bedrock 0.1.61 _converse_attributes.py, utils/anthropic/_attributes.py: sum to inclusive",
        _NOVA_STREAMS,
        since="0.1.44",
    ),
    _python(
        "google_genai",
        _INCLUSIVE,
        "google-genai 0.1.10: prompt and candidates only; total has the thoughts",
        _THOUGHTS,
        CACHE_UNSAID,
        before="0.1.12",
    ),
    _python(
        "google_genai",
        _INCLUSIVE,
        "google-genai 0.1.12 _utils.py: adds cached tokens to the prompt, which holds them",
        _CACHED_TWICE,
        since="0.1.12",
        before="1.0",
    ),
    _python(
        "google_genai",
        _INCLUSIVE,
        "google-genai 1.4.14 _utils.py, interactions_attributes.py: prompt with tool use, candidates with thoughts",
        _INTERACTIONS,
        since="1.0",
    ),
    _python(
        "vertexai",
        _INCLUSIVE,
        "vertexai 0.1.29 _wrapper.py: prompt and candidates only; total has the thoughts",
        sold_by("gcp.vertex_ai"),
        _THOUGHTS,
        CACHE_UNSAID,
    ),
    _python(
        "langchain",
        _UNKNOWN,
        "langchain 0.1.80 _tracer.py: LangChain's usage_metadata, Bedrock's made inclusive by its total",
        *_LANGCHAIN,
    ),
    _python(
        "llama_index",
        _UNKNOWN,
        "llama-index 4.6.1 _callback.py: sums Anthropic's to inclusive; looks for OpenAI's cached tokens under a wrong "
        "name",
        CACHE_UNSAID,
        unbilled_tokens("cohere"),
    ),
    _python(
        "litellm",
        _INCLUSIVE,
        "litellm 0.1.51 __init__.py: LiteLLM's usage, which is inclusive",
        OMITS_CACHE_WRITES,
        SELLER_BEFORE_MODEL,
    ),
    _python("groq", _INCLUSIVE, "groq 0.1.33 _response_attributes_extractor.py: copies prompt_tokens"),
    _python("mistralai", _INCLUSIVE, "mistralai 2.2.2: input, output and total only", CACHE_UNSAID),
    _python("portkey", _UNKNOWN, "portkey 0.1.22: input, output and total only", CACHED_UNSAID, CACHE_UNSAID),
    _python(
        "haystack", _UNKNOWN, "haystack 0.1.46 _wrappers.py: input, output and total only", CACHED_UNSAID, CACHE_UNSAID
    ),
    _python(
        "agno",
        _UNKNOWN,
        "agno 1.0.15: Agno's metrics, as each provider counts",
        cached_apart("anthropic", "aws.bedrock"),
    ),
    _python("smolagents", _UNKNOWN, "smolagents 0.1.43: input, output and total only", CACHED_UNSAID, CACHE_UNSAID),
    _python("crewai", _INCLUSIVE, "crewai 1.1.21 _event_listener.py: sums a call's parts", OMITS_CACHE_WRITES),
    _python(
        "autogen",
        _UNKNOWN,
        "autogen-agentchat 0.1.22, autogen 0.1.15: input, output and total only",
        CACHED_UNSAID,
        CACHE_UNSAID,
    ),
    _python(
        "beeai", _UNKNOWN, "beeai 0.1.30: input, output and total only; a cost of its own", CACHED_UNSAID, CACHE_UNSAID
    ),
    _python(
        "google_adk",
        _INCLUSIVE,
        "google-adk 1.0.5 _wrappers.py: prompt with tool use, candidates with thoughts",
        CACHE_UNSAID,
    ),
    _python("pipecat", _UNKNOWN, "pipecat 2.0.9 _attributes.py: Pipecat's metrics", OMITS_CACHE_WRITES),
    _python("dspy", _UNKNOWN, "dspy 0.1.48", Quirk("any usage")),
    _python(
        "claude_agent_sdk", _EXCLUSIVE, "claude-agent-sdk 0.1.12: copies input_tokens", _WHOLE_RUN, before="0.1.13"
    ),
    _python(
        "claude_agent_sdk",
        _INCLUSIVE,
        "claude-agent-sdk 0.1.22 _wrappers.py: sums to inclusive",
        _WHOLE_RUN,
        since="0.1.13",
    ),
    OTHERWISE,
    _javascript(
        "openai", _INCLUSIVE, "openai 4.2.7: copies prompt_tokens; cache writes are left out", OMITS_CACHE_WRITES
    ),
    _javascript("anthropic", _INCLUSIVE, "anthropic 0.2.8: sums to inclusive"),
    _javascript(
        "bedrock", _EXCLUSIVE, "bedrock 0.5.1: copies input_tokens; Converse has no cached tokens, its total has"
    ),
    _javascript(
        "langchain", _UNKNOWN, "langchain 4.1.1 utils.js: LangChain's usage_metadata, else its estimates", *_LANGCHAIN
    ),
    _javascript(
        "claude-agent-sdk", _EXCLUSIVE, "claude-agent-sdk 0.3.1: copies input_tokens, has no cached tokens", _WHOLE_RUN
    ),
    _javascript("openai-agents", _INCLUSIVE, "openai-agents 0.2.15 processor.js: copies input_tokens", CACHE_UNSAID),
    _javascript("", _UNKNOWN, "{beeai,mcp,…}: by evidence"),
)
