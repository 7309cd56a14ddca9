"""OpenTelemetry's own instrumentations: each row's rule on a span as that emitter writes it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ledger.vocabulary import UsageStatus
from receiver.dialects.reading import SpanKind
from tests.dialects.spans import Case, cases, chat_by, hold, read_of

OTEL = "opentelemetry.instrumentation."
PARTIAL = UsageStatus.PARTIAL
SONNET = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"


def bedrock(model: str, figures: Mapping[str, int], method: str = "Converse") -> dict[str, object]:
    """Return a call's attributes by botocore's method."""
    return chat_by("aws.bedrock", model, **figures) | {"rpc.method": method}


def system(provider: str, model: str, **figures: int) -> dict[str, object]:
    """Return a call's attributes under the names before 1.37."""
    attributes = chat_by(provider, model, **figures)
    return {("gen_ai.system" if key == "gen_ai.provider.name" else key): value for key, value in attributes.items()}


CACHED = {"input_tokens": 4, "output_tokens": 50, "cache_read__input_tokens": 1000, "cache_write__input_tokens": 200}
WHOLE = {"input_tokens": 1204, "output_tokens": 50, "cache_read_tokens": 1000, "cache_write_tokens": 200}
SHORT = {"input_tokens": 1023, "output_tokens": 5}
LONG = {"input_tokens": 1024, "output_tokens": 5}


@cases(
    Case(
        "genai-bedrock copies inputTokens, which leaves cached tokens out",
        OTEL + "genai.bedrock",
        bedrock(SONNET, CACHED),
        WHOLE,
        ("exclusive_input:emitter", "cache_ttl_unsaid"),
        version="1.3b0",
    ),
    Case(
        "genai-bedrock without a version is what was read",
        OTEL + "genai.bedrock",
        bedrock(SONNET, CACHED),
        WHOLE,
        ("exclusive_input:emitter", "cache_ttl_unsaid"),
    ),
    Case(
        "a newer genai-bedrock may have changed: cached tokens above input still tell",
        OTEL + "genai.bedrock",
        bedrock(SONNET, CACHED),
        WHOLE,
        ("exclusive_input:details", "cache_ttl_unsaid"),
        version="1.4b0",
    ),
    Case(
        "a newer genai-bedrock may have changed: where nothing tells, it is not priced",
        OTEL + "genai.bedrock",
        bedrock(SONNET, {"input_tokens": 1204, "output_tokens": 50, "cache_read__input_tokens": 1000}),
        {"input_tokens": 1204, "output_tokens": 50, "cache_read_tokens": 1000},
        ("input_meaning_disputed",),
        PARTIAL,
        version="1.5b0",
    ),
    Case(
        "botocore's Converse has cached tokens beside input",
        OTEL + "botocore.bedrock-runtime",
        bedrock(SONNET, CACHED),
        WHOLE,
        ("exclusive_input:emitter", "cache_ttl_unsaid"),
        version="0.66b2",
    ),
    Case(
        "botocore's Converse without cached tokens used none",
        OTEL + "botocore.bedrock-runtime",
        bedrock(SONNET, SHORT),
        SHORT,
        version="0.66b2",
    ),
    Case(
        "botocore's InvokeModel never has Claude's cached tokens",
        OTEL + "botocore.bedrock-runtime",
        bedrock(SONNET, SHORT, "InvokeModel"),
        SHORT,
        ("cached_tokens_unsaid",),
        PARTIAL,
        version="0.66b2",
    ),
    Case(
        "an older botocore has no cached tokens at all",
        OTEL + "botocore.bedrock-runtime",
        bedrock(SONNET, SHORT),
        SHORT,
        ("cached_tokens_unsaid",),
        PARTIAL,
        version="0.60b1",
    ),
    Case(
        "models that Bedrock does not cache need no doubt",
        OTEL + "botocore.bedrock-runtime",
        bedrock("meta.llama3-70b-instruct-v1:0", SHORT, "InvokeModel"),
        SHORT,
        version="0.66b2",
    ),
    Case(
        "botocore estimates Mistral's tokens by the length of texts",
        OTEL + "botocore.bedrock-runtime",
        bedrock("mistral.mistral-7b-instruct-v0:2", SHORT, "InvokeModel"),
        SHORT,
        ("estimated_tokens",),
        PARTIAL,
        version="0.66b2",
    ),
    Case(
        "openai-v2 has no cached tokens of chats: long prompts may have been cheaper",
        OTEL + "openai_v2",
        system("openai", "gpt-4o", **LONG),
        LONG,
        ("cache_read_unsaid",),
    ),
    Case("a short prompt is never cached", OTEL + "openai_v2", system("openai", "gpt-4o", **SHORT), SHORT),
    Case(
        "openai-v2 has them of the Responses API",
        OTEL + "openai_v2",
        system("openai", "gpt-4o", cache_read__input_tokens=0, **LONG),
        LONG | {"cache_read_tokens": 0},
    ),
    Case("genai-openai leaves out what is 0", OTEL + "genai.openai", chat_by("openai", "gpt-4o", **LONG), LONG),
    Case(
        "an older google-genai has no thoughts",
        OTEL + "google_genai",
        system("gemini", "gemini-2.5-pro", **SHORT),
        SHORT,
        ("thoughts_unsaid",),
        PARTIAL,
        version="0.7b0",
    ),
    Case(
        "google-genai counts thoughts in output",
        OTEL + "google_genai",
        chat_by("gcp.gemini", "gemini-2.5-pro", reasoning__output_tokens=3, **SHORT)
        | {"gen_ai.operation.name": "generate_content"},
        SHORT | {"reasoning_tokens": 3},
        version="1.3b0",
    ),
    Case(
        "google-genai's Interactions leave thoughts beside output",
        OTEL + "google_genai",
        chat_by("gemini", "gemini-2.5-pro", reasoning__output_tokens=30, **SHORT)
        | {"gen_ai.operation.name": "interactions.create"},
        SHORT | {"output_tokens": 35, "reasoning_tokens": 30},
        ("thoughts_added",),
        version="1.3b0",
    ),
    Case(
        "the contrib vertexai package has neither thoughts nor cached tokens",
        OTEL + "vertexai",
        system("vertex_ai", "gemini-2.5-pro", **SHORT),
        SHORT,
        ("thoughts_unsaid",),
        PARTIAL,
    ),
    Case(
        "JavaScript's openai package says input and output only",
        "@opentelemetry/instrumentation-openai",
        system("openai", "gpt-4o", **LONG),
        LONG,
        ("cache_read_unsaid",),
        version="0.21.0",
    ),
    Case(
        "JavaScript's aws-sdk package has no cached tokens, which input leaves out",
        "@opentelemetry/instrumentation-aws-sdk",
        system("aws.bedrock", SONNET, **SHORT),
        SHORT,
        ("cached_tokens_unsaid",),
        PARTIAL,
        version="0.78.0",
    ),
    Case(
        "Java's openai instrumentation says input and output only",
        "io.opentelemetry.openai-java-1.1",
        chat_by("openai", "gpt-4o", **LONG),
        LONG,
        ("cache_read_unsaid",),
        version="2.30.0-alpha",
    ),
    Case(
        "Java's aws-sdk instrumentation has no cached tokens, which input leaves out",
        "io.opentelemetry.aws-sdk-2.2",
        system("aws.bedrock", SONNET, **SHORT),
        SHORT,
        ("cached_tokens_unsaid",),
        PARTIAL,
    ),
    Case(
        "OpenAI's .NET SDK with older names says input and output only",
        "OpenAI.ChatClient",
        system("openai", "gpt-4o", **LONG),
        LONG,
        ("cache_read_unsaid",),
    ),
    Case(
        "OpenAI's .NET SDK with the latest names says all",
        "OpenAI.ChatClient",
        chat_by("openai", "gpt-4o", **LONG),
        LONG,
    ),
    Case(
        "LangChain passes on Cohere's tokens, not the billed ones",
        OTEL + "genai.langchain",
        chat_by("cohere", "command-r", **SHORT),
        SHORT,
        ("unbilled_tokens",),
        PARTIAL,
    ),
    Case(
        "LangChain's Bedrock adapter changed its meaning",
        OTEL + "genai.langchain",
        chat_by("aws.bedrock", SONNET, cache_read__input_tokens=10, **SHORT),
        SHORT | {"cache_read_tokens": 10},
        ("input_meaning_disputed",),
        PARTIAL,
    ),
)
def test_an_emitters_rule(case: Case) -> None:
    """The case's sentence."""
    assert hold(case).dialect == "otel_genai"


def test_who_is_meant_by_a_scope_that_two_packages_share() -> None:
    """Traceloop's packages have a version, OpenTelemetry's under the same names have none."""
    figures = chat_by("openai", "gpt-4o", **SHORT)
    assert read_of(OTEL + "openai_agents", figures, version="0.62.4").dialect == "openllmetry"
    assert read_of(OTEL + "openai_agents", figures).dialect == "otel_genai"
    assert read_of(OTEL + "vertexai", figures, version="0.62.4").dialect == "openllmetry"
    assert read_of(OTEL + "vertexai", figures, version="2.1b0").dialect == "otel_genai"


def test_a_contrib_vertexai_span_was_sold_by_vertex() -> None:
    """Whatever its provider's name says."""
    assert read_of(OTEL + "vertexai", system("google", "gemini-2.5-pro", **SHORT)).provider == "gcp.vertex_ai"


@pytest.mark.parametrize("operation", ["invoke_agent", "fetch_response", "retrieval"])
def test_remote_agents_and_fetches_are_aggregates(operation: str) -> None:
    """A remote agent's usage is not known call by call; fetching an answer asks no model."""
    attributes = chat_by("aws.bedrock", SONNET, **SHORT) | {"gen_ai.operation.name": operation}
    assert read_of(OTEL + "genai.bedrock", attributes).kind == SpanKind.AGGREGATE
