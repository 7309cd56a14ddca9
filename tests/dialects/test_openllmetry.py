"""OpenLLMetry: each package's rule on a span as that package writes it, by version."""

from __future__ import annotations

import pytest

from ledger.vocabulary import BillingMode, UsageStatus
from receiver.dialects.reading import SpanKind
from tests.dialects.spans import Case, cases, chat_by, hold, read_of

OTEL = "opentelemetry.instrumentation."
JS = "@traceloop/instrumentation-"
PARTIAL = UsageStatus.PARTIAL
PROFILE = "bedrock_profile_unsaid"
SHORT = {"input_tokens": 1023, "output_tokens": 5}
LONG = {"input_tokens": 1024, "output_tokens": 5}
STREAM, NO_STREAM = {"gen_ai.is_streaming": True}, {"gen_ai.is_streaming": False}
CACHED = {"input_tokens": 4, "output_tokens": 50, "cache_read__input_tokens": 1000}
WHOLE = {"input_tokens": 1004, "output_tokens": 50, "cache_read_tokens": 1000}
EXCLUSIVE = ("exclusive_input:emitter",)


def old(system: str, model: str, kind: str = "chat", **figures: int) -> dict[str, object]:
    """Return a call's attributes as packages before 0.5x write them."""
    return {
        "llm.request.type": kind,
        "gen_ai.system": system,
        "gen_ai.request.model": model,
        **{f"gen_ai.usage.{name}": count for name, count in figures.items()},
    }


def claude(**figures: int) -> dict[str, object]:
    """Return an Anthropic call's attributes, as answered."""
    return chat_by("anthropic", "claude-sonnet-4-5", **figures) | {
        "gen_ai.response.model": "claude-sonnet-4-5-20250929"
    }


@cases(
    Case(
        "the first names of all: prompt and completion tokens, and a total under llm.usage",
        OTEL + "openai.v1",
        old("OpenAI", "gpt-4", prompt_tokens=7, completion_tokens=3) | {"llm.usage.total_tokens": 10},
        {"input_tokens": 7, "output_tokens": 3},
        version="0.33.12",
    ),
    Case(
        "the openai package before 0.39 has no cached tokens",
        OTEL + "openai.v1",
        old("OpenAI", "gpt-4o", prompt_tokens=1024, completion_tokens=5),
        LONG,
        ("cache_read_unsaid", "cache_write_unsaid"),
        version="0.38.12",
    ),
    Case(
        "streams of the openai package before 0.44 may have been counted by tiktoken",
        OTEL + "openai.v1",
        old("OpenAI", "gpt-4o", prompt_tokens=9, completion_tokens=5) | {"llm.is_streaming": True},
        {"input_tokens": 9, "output_tokens": 5},
        ("estimated_tokens",),
        PARTIAL,
        version="0.40.14",
    ),
    Case(
        "streams of the openai package since 0.44 carry the provider's figures",
        OTEL + "openai.v1",
        chat_by("openai", "gpt-4o", **SHORT) | STREAM,
        SHORT,
        version="0.62.4",
    ),
    Case(
        "the openai package never tells of cache writes, which long prompts can cause",
        OTEL + "openai.v1",
        chat_by("openai", "gpt-4o", cache_read__input_tokens=0, **LONG),
        LONG | {"cache_read_tokens": 0},
        ("cache_write_unsaid",),
        version="0.62.4",
    ),
    Case(
        "a realtime answer does not say which of its tokens are audio",
        OTEL + "openai.v1",
        chat_by("openai", "gpt-realtime", **SHORT),
        SHORT,
        ("modality_unsaid",),
        PARTIAL,
        version="0.62.4",
        name="openai.realtime",
    ),
    Case(
        "the anthropic package's answers are inclusive",
        OTEL + "anthropic",
        claude(input_tokens=1004, output_tokens=50, cache_read__input_tokens=1000) | NO_STREAM,
        WHOLE,
        version="0.62.4",
    ),
    Case(
        "the anthropic package adds cumulative counts of streams",
        OTEL + "anthropic",
        claude(**SHORT) | STREAM,
        SHORT,
        ("stream_usage_unreliable",),
        PARTIAL,
        version="0.62.4",
    ),
    Case(
        "streams had another mark before 0.55",
        OTEL + "anthropic",
        claude(**SHORT) | {"llm.is_streaming": True},
        SHORT,
        ("stream_usage_unreliable",),
        PARTIAL,
        version="0.50.1",
    ),
    Case(
        "the anthropic SDK's stream helper leaves no mark",
        OTEL + "anthropic",
        claude(**SHORT),
        SHORT,
        ("stream_not_ruled_out",),
        PARTIAL,
        version="0.62.4",
    ),
    Case(
        "a newer anthropic package is not believed before it was read",
        OTEL + "anthropic",
        claude(**SHORT) | STREAM,
        SHORT,
        ("stream_usage_unreliable",),
        PARTIAL,
        version="1.0.0",
    ),
    Case(
        "the bedrock package copies inputTokens",
        OTEL + "bedrock",
        chat_by("AWS", "claude-sonnet-4-5-20250929-v1:0", **CACHED),
        WHOLE,
        (*EXCLUSIVE, "model_restored"),
        version="0.62.4",
    ),
    Case(
        "the bedrock package before 0.62 has no cached tokens",
        OTEL + "bedrock",
        chat_by("AWS", "claude-sonnet-4-5-20250929-v1:0", **SHORT),
        SHORT,
        ("model_restored", "cached_tokens_unsaid"),
        PARTIAL,
        version="0.61.0",
    ),
    Case(
        "a newer bedrock package may have changed: where nothing tells, it is not priced",
        OTEL + "bedrock",
        chat_by("aws.bedrock", "claude-x", cache_read__input_tokens=10, **SHORT),
        SHORT | {"cache_read_tokens": 10},
        ("input_meaning_disputed", "model_restored"),
        PARTIAL,
        version="0.63.0",
    ),
    Case(
        "an id that kept its vendor lost a profile: global or not is unsaid",
        OTEL + "bedrock",
        chat_by("aws.bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0", **SHORT),
        SHORT,
        (PROFILE,),
        version="0.62.4",
    ),
    Case(
        "Gemini's thoughts are missing from output, not from the total",
        OTEL + "google_generativeai",
        chat_by("gcp.gen_ai", "gemini-2.5-pro", input_tokens=10, output_tokens=20, total_tokens=130),
        {"input_tokens": 10, "output_tokens": 120, "reasoning_tokens": 100},
        ("thoughts_from_total",),
        version="0.62.4",
    ),
    Case(
        "the vertexai package too",
        OTEL + "vertexai",
        old("Google", "gemini-2.5-pro", input_tokens=10, output_tokens=20) | {"llm.usage.total_tokens": 130},
        {"input_tokens": 10, "output_tokens": 120, "reasoning_tokens": 100},
        ("thoughts_from_total",),
        version="0.62.4",
    ),
    Case(
        "the cohere package reads the billed units",
        OTEL + "cohere",
        old("Cohere", "command-r", prompt_tokens=377, completion_tokens=90),
        {"input_tokens": 377, "output_tokens": 90},
        version="0.62.4",
    ),
    Case(
        "the cohere package has no searches of a reranking: its zeros are no usage",
        OTEL + "cohere",
        old("Cohere", "rerank-v3.5", "rerank", prompt_tokens=0, completion_tokens=0),
        {"input_tokens": 0, "output_tokens": 0},
        ("zero_usage",),
        PARTIAL,
        version="0.62.4",
    ),
    Case(
        "LangChain passes on Cohere's tokens, not the billed ones",
        OTEL + "langchain",
        chat_by("cohere", "command-r", **SHORT),
        SHORT,
        ("unbilled_tokens",),
        PARTIAL,
        version="0.62.4",
    ),
    Case(
        "LangChain's cache writes by lifetime are lost here",
        OTEL + "langchain",
        chat_by("anthropic", "claude-sonnet-4-5", **LONG),
        LONG,
        ("cache_write_unsaid",),
        version="0.62.4",
    ),
    Case(
        "the llamaindex package copies Anthropic's figures",
        OTEL + "llamaindex",
        chat_by("anthropic", "claude-sonnet-4-5", **CACHED),
        WHOLE,
        ("exclusive_input:details",),
        version="0.62.4",
    ),
    Case(
        "also where the cache is smaller than the rest",
        OTEL + "llamaindex",
        chat_by("anthropic", "claude-sonnet-4-5", cache_read__input_tokens=10, **SHORT),
        {"input_tokens": 1033, "output_tokens": 5, "cache_read_tokens": 10},
        EXCLUSIVE,
        version="0.62.4",
    ),
    Case(
        "the mistralai package copies prompt_tokens",
        OTEL + "mistralai",
        old("MistralAI", "mistral-large", input_tokens=30, output_tokens=5) | {"llm.usage.total_tokens": 35},
        {"input_tokens": 30, "output_tokens": 5},
        version="0.62.4",
    ),
    Case(
        "the groq package has cached tokens",
        OTEL + "groq",
        chat_by("groq", "openai/gpt-oss-120b", cache_read__input_tokens=10, **LONG),
        LONG | {"cache_read_tokens": 10},
        version="0.62.4",
    ),
    Case(
        "the together package has none",
        OTEL + "together",
        old("TogetherAI", "deepseek-ai/DeepSeek-V3", input_tokens=1024, output_tokens=5),
        LONG,
        ("cache_read_unsaid",),
        version="0.62.4",
    ),
    Case(
        "the watsonx package sums a stream's input over its chunks",
        OTEL + "watsonx",
        old("Watsonx", "ibm/granite", "completion", input_tokens=90, output_tokens=5),
        {"input_tokens": 90, "output_tokens": 5},
        ("stream_usage_unreliable",),
        PARTIAL,
        version="0.62.4",
        name="watsonx.generate_text_stream",
    ),
    Case(
        "crewai's own call spans say input and output only",
        OTEL + "crewai",
        chat_by("openai", "gpt-4o", **LONG),
        LONG,
        ("cache_read_unsaid",),
        version="0.62.4",
    ),
    Case(
        "JavaScript's anthropic package copies input_tokens, its total is of the same",
        JS + "anthropic",
        chat_by("anthropic", "claude-sonnet-4-5", total_tokens=54, **CACHED),
        WHOLE,
        EXCLUSIVE,
        version="0.27.0",
    ),
    Case(
        "JavaScript's openai package has no cached tokens",
        JS + "openai",
        chat_by("openai", "gpt-4o", **LONG),
        LONG,
        ("cache_read_unsaid",),
        version="0.27.0",
    ),
    Case(
        "JavaScript's bedrock package has no cached tokens, which input leaves out",
        JS + "bedrock",
        chat_by("aws.bedrock", "nova-lite-v1:0", **SHORT),
        SHORT,
        ("model_restored", "cached_tokens_unsaid"),
        PARTIAL,
        version="0.27.0",
    ),
    Case(
        "JavaScript's Gemini package leaves thoughts out, and says how many",
        JS + "google-generativeai",
        chat_by(
            "gcp.gen_ai", "gemini-2.5-pro", input_tokens=10, output_tokens=20, total_tokens=130, reasoning_tokens=100
        ),
        {"input_tokens": 10, "output_tokens": 120, "reasoning_tokens": 100},
        ("thoughts_from_total",),
        version="0.27.0",
    ),
    Case(
        "JavaScript's langchain package passes on Claude's input without its cached tokens",
        JS + "langchain",
        chat_by("anthropic", "claude-sonnet-4-5", **SHORT),
        SHORT,
        ("cached_tokens_unsaid",),
        PARTIAL,
        version="0.27.0",
    ),
    Case(
        "JavaScript's cohere package reads chats' tokens, not the billed ones",
        JS + "cohere",
        old("Cohere", "command-r", prompt_tokens=577, completion_tokens=90),
        {"input_tokens": 577, "output_tokens": 90},
        ("unbilled_tokens",),
        PARTIAL,
        version="0.27.0",
    ),
)
def test_a_packages_rule(case: Case) -> None:
    """The case's sentence."""
    assert hold(case).dialect == "openllmetry"


@pytest.mark.parametrize(
    ("request_type", "operation"),
    [("chat", "chat"), ("completion", "text_completion"), ("embedding", "embeddings"), ("rerank", "rerank")],
)
def test_request_types_were_operations(request_type: str, operation: str) -> None:
    """`llm.request.type` was OpenLLMetry's operation."""
    found = read_of(OTEL + "openai.v1", old("OpenAI", "m", request_type, prompt_tokens=7), version="0.33.12")
    assert (found.kind, found.operation) == (SpanKind.CALL, operation)


@pytest.mark.parametrize("kind", ["workflow", "task", "agent", "tool"])
def test_what_surrounds_calls_is_an_aggregate(kind: str) -> None:
    """`traceloop.span.kind` is written on it."""
    found = read_of("traceloop.tracer", {"traceloop.span.kind": kind, "traceloop.entity.name": "x"})
    assert (found.kind, found.operation) == (SpanKind.AGGREGATE, kind)


def test_an_agents_usage_is_its_calls() -> None:
    """CrewAI writes the sum on the agent's span."""
    attributes = chat_by("crewai", "gpt-4o", **SHORT) | {"gen_ai.operation.name": "invoke_agent"}
    assert read_of(OTEL + "crewai", attributes | {"traceloop.span.kind": "agent"}).kind == SpanKind.AGGREGATE


def test_a_realtime_session_is_an_aggregate() -> None:
    """Its answers are the calls."""
    found = read_of(OTEL + "openai.v1", chat_by("openai", "gpt-realtime"), name="openai.session", version="0.62.4")
    assert (found.kind, found.operation) == (SpanKind.AGGREGATE, "realtime_session")


@pytest.mark.parametrize(
    ("cut", "whole"),
    [
        ("nova-lite-v1:0", "amazon.nova-lite-v1:0"),
        ("titan-embed-text-v2:0", "amazon.titan-embed-text-v2:0"),
        ("llama3-70b-instruct-v1:0", "meta.llama3-70b-instruct-v1:0"),
        ("mistral-large-2407-v1:0", "mistral.mistral-large-2407-v1:0"),
        ("command-r-v1:0", "cohere.command-r-v1:0"),
        ("gpt-oss-120b-1:0", "openai.gpt-oss-120b-1:0"),
        ("r1-v1:0", "deepseek.r1-v1:0"),
        ("claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
    ],
)
def test_a_bedrock_id_gets_its_vendor_back(cut: str, whole: str) -> None:
    """Without it a model is on no list."""
    found = read_of(OTEL + "bedrock", chat_by("aws.bedrock", cut, **SHORT), version="0.62.4")
    assert (found.request_model, found.usage_flags[0]) == (whole, "model_restored")


@pytest.mark.parametrize("model", ["my-own-model", "arn:aws:bedrock:us-east-1:1:custom-model-deployment/x"])
def test_what_is_no_known_name_stays_as_it_is(model: str) -> None:
    """An imported model has no vendor."""
    found = read_of(OTEL + "bedrock", chat_by("aws.bedrock", model, **SHORT), version="0.62.4")
    assert (found.request_model, found.usage_flags) == (model, ())


def test_before_042_the_vendor_was_written_as_the_provider() -> None:
    """Bedrock sold it nevertheless, and the vendor is what its id lacks."""
    found = read_of(
        OTEL + "bedrock", old("meta", "llama9-v1:0", prompt_tokens=5, completion_tokens=5), version="0.40.8"
    )
    assert (found.provider, found.request_model) == ("aws.bedrock", "meta.llama9-v1:0")


def test_a_resellers_model_keeps_its_whole_name() -> None:
    """The openai package cuts the response's model at its last slash; what was asked for still has it."""
    attributes = chat_by("openai", "openai/gpt-oss-120b", **SHORT) | {
        "gen_ai.response.model": "gpt-oss-120b",
        "gen_ai.openai.api_base": "https://api.groq.com/openai/v1/",
    }
    found = read_of(OTEL + "openai.v1", attributes, version="0.62.4")
    assert (found.provider, found.response_model) == ("groq", "openai/gpt-oss-120b")


@pytest.mark.parametrize(
    ("cut", "whole", "flags"),
    [
        ("gpt-4o", "openai/gpt-4o", ("model_restored",)),
        ("claude-sonnet-4.5", "anthropic/claude-sonnet-4.5", ("model_restored",)),
        ("gemini-2.5-pro:free", "google/gemini-2.5-pro:free", ("model_restored",)),
        ("hermes-3-llama-3.1-405b", "hermes-3-llama-3.1-405b", ()),
    ],
)
def test_openrouters_names_get_their_vendor_back(cut: str, whole: str, flags: tuple[str, ...]) -> None:
    """The openai package cuts it off what was asked for, too; only where the name tells it is it put back."""
    attributes = chat_by("openrouter", cut, **SHORT) | {"gen_ai.response.model": cut}
    found = read_of(OTEL + "openai.v1", attributes, version="0.62.4")
    assert (found.request_model, found.response_model, found.usage_flags) == (whole, whole, flags)


def test_a_model_in_this_process_is_ones_own() -> None:
    """Transformers names a model's architecture as its provider."""
    found = read_of(OTEL + "transformers", old("mistral", "mistralai/Mistral-7B", "completion"), version="0.62.4")
    assert (found.provider, found.billing_mode) == ("self_hosted", BillingMode.SELF_HOSTED)
