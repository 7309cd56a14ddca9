"""OpenInference: each instrumentor's rule on a span as it writes it, by version; Python's and JavaScript's."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ledger.vocabulary import UsageStatus
from receiver.dialects.reading import SpanKind
from tests.dialects.spans import Case, cases, chat_by, hold, read_of

PY = "openinference.instrumentation."
JS = "@arizeai/openinference-instrumentation-"
PARTIAL = UsageStatus.PARTIAL
SHORT = {"input_tokens": 1023, "output_tokens": 5}
LONG = {"input_tokens": 1024, "output_tokens": 5}
WHOLE = {"input_tokens": 1204, "output_tokens": 50, "cache_read_tokens": 1000, "cache_write_tokens": 200}
TTL = "cache_ttl_unsaid"


def llm(
    provider: str,
    model: str,
    prompt: int,
    completion: int,
    total: int | None = None,
    read: int | None = None,
    write: int | None = None,
    reasoning: int | None = None,
) -> dict[str, object]:
    """Return an LLM span's attributes."""
    figures = {
        "prompt": prompt,
        "completion": completion,
        "total": total,
        "prompt_details.cache_read": read,
        "prompt_details.cache_write": write,
        "completion_details.reasoning": reasoning,
    }
    return {
        "openinference.span.kind": "LLM",
        "llm.provider": provider,
        "llm.model_name": model,
        **{f"llm.token_count.{name}": count for name, count in figures.items() if count is not None},
    }


CLAUDE = "claude-sonnet-4-5-20250929"
GEMINI = "gemini-2.5-pro"


@cases(
    Case(
        "the openai instrumentor copies prompt_tokens",
        PY + "openai",
        llm("openai", "gpt-4o", 1024, 5, 1029, 1000),
        LONG | {"cache_read_tokens": 1000},
    ),
    Case(
        "anthropic sums to inclusive",
        PY + "anthropic",
        llm("anthropic", CLAUDE, 1204, 50, 1254, 1000, 200),
        WHOLE,
        (TTL,),
        version="3.1.0",
    ),
    Case(
        "anthropic before 0.1.15 has no cached tokens",
        PY + "anthropic",
        llm("anthropic", CLAUDE, 1023, 5),
        SHORT,
        ("cached_tokens_unsaid",),
        PARTIAL,
        version="0.1.13",
    ),
    Case(
        "bedrock's Converse is inclusive by now",
        PY + "bedrock",
        llm("aws", "anthropic.claude-x", 1204, 50, 1254, 1000, 200),
        WHOLE,
        (TTL,),
        version="0.1.61",
    ),
    Case(
        "bedrock 0.1.36 copied inputTokens, beside a total that tells",
        PY + "bedrock",
        llm("aws", "anthropic.claude-x", 4, 50, 1254, 1000, 200),
        WHOLE,
        ("exclusive_input:total", TTL),
        version="0.1.36",
    ),
    Case(
        "bedrock 0.1.34 left cached tokens out, and its total does not",
        PY + "bedrock",
        llm("aws", "anthropic.claude-x", 4, 50, 1254),
        {"input_tokens": 4, "output_tokens": 50},
        ("total_contradicts",),
        PARTIAL,
        version="0.1.34",
    ),
    Case(
        "bedrock before 0.1.26 has no cached tokens",
        PY + "bedrock",
        llm("aws", "claude-x-v1:0", 1023, 5),
        SHORT,
        ("cached_tokens_unsaid",),
        PARTIAL,
        version="0.1.22",
    ),
    Case(
        "bedrock's Nova streams leave cached tokens out, its answers do not",
        PY + "bedrock",
        llm("aws", "amazon.nova-pro-v1:0", 1023, 5, 1028, 10),
        SHORT | {"cache_read_tokens": 10},
        ("input_meaning_disputed",),
        PARTIAL,
        version="0.1.61",
    ),
    Case(
        "google-genai counts tool use in and thoughts",
        PY + "google_genai",
        llm("google", GEMINI, 1024, 105, 1129, 10, reasoning=100),
        {"input_tokens": 1024, "output_tokens": 105, "cache_read_tokens": 10, "reasoning_tokens": 100},
        version="1.4.14",
    ),
    Case(
        "google-genai 0.1.12 added cached tokens to a prompt that holds them",
        PY + "google_genai",
        llm("google", GEMINI, 1524, 5, 1029, 500),
        LONG | {"cache_read_tokens": 500},
        ("cached_counted_twice",),
        version="0.1.12",
    ),
    Case(
        "google-genai before 0.1.12 left thoughts out, not of the total",
        PY + "google_genai",
        llm("google", GEMINI, 10, 20, 130),
        {"input_tokens": 10, "output_tokens": 120, "reasoning_tokens": 100},
        ("thoughts_from_total",),
        version="0.1.10",
    ),
    Case(
        "google-genai's Interactions add cached tokens to both",
        PY + "google_genai",
        llm("google", GEMINI, 1524, 5, 1529, 500),
        {"input_tokens": 1524, "output_tokens": 5, "cache_read_tokens": 500},
        ("input_meaning_disputed",),
        PARTIAL,
        version="1.4.14",
        name="InteractionsResource.create",
    ),
    Case(
        "vertexai leaves thoughts out, not of the total",
        PY + "vertexai",
        llm("google", GEMINI, 10, 20, 130),
        {"input_tokens": 10, "output_tokens": 120, "reasoning_tokens": 100},
        ("thoughts_from_total",),
    ),
    Case(
        "langchain made Bedrock's figures inclusive by their total",
        PY + "langchain",
        llm("aws", "anthropic.claude-x", 1204, 50, 1254, 1000, 200),
        WHOLE,
        (TTL,),
    ),
    Case(
        "langchain passes on Cohere's tokens, not the billed ones",
        PY + "langchain",
        llm("cohere", "command-r", 1023, 5, 1028),
        SHORT,
        ("unbilled_tokens",),
        PARTIAL,
    ),
    Case(
        "langchain's cache writes by lifetime are lost",
        PY + "langchain",
        llm("anthropic", CLAUDE, 1024, 5, 1029),
        LONG,
        ("cache_write_unsaid",),
    ),
    Case(
        "llama-index looks for OpenAI's cached tokens under a wrong name",
        PY + "llama_index",
        llm("openai", "gpt-4o", 1024, 5, 1029),
        LONG,
        ("cache_read_unsaid",),
    ),
    Case(
        "litellm passes on inclusive figures",
        PY + "litellm",
        llm("anthropic", CLAUDE, 1204, 50, 1254, 1000, 200),
        WHOLE,
        (TTL,),
    ),
    Case(
        "groq copies prompt_tokens",
        PY + "groq",
        llm("groq", "openai/gpt-oss-20b", 1024, 5, 1029, 10),
        LONG | {"cache_read_tokens": 10},
    ),
    Case(
        "mistralai has no cached tokens",
        PY + "mistralai",
        llm("mistralai", "mistral-large", 1024, 5, 1029),
        LONG,
        ("cache_read_unsaid",),
    ),
    Case(
        "agno passes on Anthropic's input without its cached tokens",
        PY + "agno",
        llm("Anthropic", CLAUDE, 1023, 5, None, 10),
        {"input_tokens": 1033, "output_tokens": 5, "cache_read_tokens": 10},
        ("exclusive_input:emitter",),
    ),
    Case(
        "agno passes on OpenAI's input, which holds them",
        PY + "agno",
        llm("OpenAI", "gpt-4o", 1023, 5, None, 10),
        SHORT | {"cache_read_tokens": 10},
    ),
    Case(
        "smolagents says input and output only",
        PY + "smolagents",
        llm("openai", "gpt-4o", 1024, 5, 1029),
        LONG,
        ("cache_read_unsaid",),
    ),
    Case(
        "portkey passes on Claude's input without its cached tokens",
        PY + "portkey",
        llm("anthropic", CLAUDE, 1023, 5, 1028),
        SHORT,
        ("cached_tokens_unsaid",),
        PARTIAL,
    ),
    Case(
        "openai-agents' chat completions have no cached tokens",
        PY + "openai_agents",
        llm("openai", "gpt-4o", 1024, 5),
        LONG,
        ("cache_read_unsaid",),
    ),
    Case(
        "openai-agents' Responses have",
        PY + "openai_agents",
        llm("openai", "gpt-4o", 1024, 5, 1029, 0),
        LONG | {"cache_read_tokens": 0},
    ),
    Case(
        "JavaScript's openai instrumentor never tells of cache writes",
        JS + "openai",
        llm("openai", "gpt-4o", 1024, 5, 1029, 0),
        LONG | {"cache_read_tokens": 0},
        ("cache_write_unsaid",),
    ),
    Case(
        "JavaScript's anthropic instrumentor sums to inclusive",
        JS + "anthropic",
        llm("anthropic", CLAUDE, 1204, 50, 1254, 1000, 200),
        WHOLE,
        (TTL,),
    ),
    Case(
        "JavaScript's bedrock instrumentor copies Claude's input_tokens",
        JS + "bedrock",
        llm("aws", "anthropic.claude-x", 4, 50, None, 1000, 200),
        WHOLE,
        ("exclusive_input:emitter", TTL),
    ),
    Case(
        "its Converse has cached tokens in the total alone",
        JS + "bedrock",
        llm("aws", "anthropic.claude-x", 4, 50, 1254),
        {"input_tokens": 4, "output_tokens": 50},
        ("total_contradicts",),
        PARTIAL,
    ),
    Case(
        "an unknown instrumentor is read by evidence",
        PY + "something_new",
        llm("anthropic", CLAUDE, 4, 50, None, 1000, 200),
        WHOLE,
        ("exclusive_input:details", TTL),
    ),
    Case(
        "zeros are an emitter's default",
        PY + "openai",
        llm("openai", "gpt-4o", 0, 0),
        {"input_tokens": 0, "output_tokens": 0},
        ("zero_usage",),
        PARTIAL,
    ),
)
def test_an_instrumentors_rule(case: Case) -> None:
    """The case's sentence."""
    assert hold(case).dialect == "openinference"


def test_genai_names_on_the_same_span_are_not_added() -> None:
    """OpenInference can write both families on one span; its own is read."""
    both = llm("openai", "gpt-4o", 100, 10) | chat_by("openai", "gpt-4o", input_tokens=100, output_tokens=10)
    found = read_of(PY + "openai", both)
    assert (found.usage, found.dialect) == ({"input_tokens": 100, "output_tokens": 10}, "openinference")


@pytest.mark.parametrize(
    "kind", ["CHAIN", "AGENT", "TOOL", "RETRIEVER", "GUARDRAIL", "EVALUATOR", "PROMPT", "UNKNOWN", "chain"]
)
def test_other_kinds_are_aggregates(kind: str) -> None:
    """Only models' spans are calls; what agents sum up is in their calls."""
    found = read_of(PY + "smolagents", {"openinference.span.kind": kind, "llm.token_count.prompt": 5})
    assert found.kind == SpanKind.AGGREGATE


@pytest.mark.parametrize("kind", ["EMBEDDING", "RERANKER"])
def test_embeddings_and_rerankings(kind: str) -> None:
    """They are complete without output, and name their model in their own way."""
    name = {"EMBEDDING": "embedding.model_name", "RERANKER": "reranker.model_name"}[kind]
    attributes = {"openinference.span.kind": kind, "llm.token_count.prompt": 5, name: "m"}
    found = read_of(PY + "openai", attributes)
    assert (found.response_model, found.usage, found.usage_status) == ("m", {"input_tokens": 5}, UsageStatus.REPORTED)


def test_a_decision_has_names_and_a_price_list_of_its_own() -> None:
    """OpenAI's Decisions API is counted apart from its language models."""
    attributes = {
        "openinference.span.kind": "DECISION",
        "decision.provider": "openai",
        "decision.model_name": "gpt-6-luna",
        "decision.token_count.input": 40,
    }
    found = read_of(PY + "openai", attributes)
    assert (found.operation, found.provider, found.response_model) == ("decision", "openai-decisions", "gpt-6-luna")
    assert (found.usage, found.usage_status) == ({"input_tokens": 40}, UsageStatus.REPORTED)


@pytest.mark.parametrize(
    ("scope", "version", "prompt", "flags"),
    [
        (PY + "claude_agent_sdk", "0.1.12", 4, ("exclusive_input:emitter", "several_calls")),
        (PY + "claude_agent_sdk", "0.1.22", 1204, ("several_calls",)),
        (PY + "claude_agent_sdk", "", 1204, ("several_calls",)),
    ],
)
def test_the_claude_agent_sdks_run_is_all_there_is(
    scope: str, version: str, prompt: int, flags: tuple[str, ...]
) -> None:
    """Its AGENT span is the only record of the spend: kept with its cost as claimed, and not priced as one call."""
    attributes = llm("anthropic", CLAUDE, prompt, 50, None, 1000, 200) | {
        "openinference.span.kind": "AGENT",
        "llm.cost.total": 0.25,
    }
    found = read_of(scope, attributes, version=version)
    assert (found.kind, found.operation, found.usage) == (SpanKind.CALL, "invoke_agent", WHOLE)
    assert (found.usage_status, found.usage_flags) == (PARTIAL, (*flags, TTL))
    assert (found.reported_cost, found.reported_cost_source) == (Decimal("0.25"), "llm.cost.total")


def test_a_claude_agents_step_without_usage_is_an_aggregate() -> None:
    """Subagents have no figures of their own."""
    found = read_of(PY + "claude_agent_sdk", {"openinference.span.kind": "AGENT", "llm.model_name": CLAUDE})
    assert found.kind == SpanKind.AGGREGATE


def test_an_interaction_that_is_fetched_is_no_call() -> None:
    """It repeats the usage of the one that made it."""
    found = read_of(PY + "google_genai", llm("google", GEMINI, 10, 5), name="AsyncInteractionsResource.get")
    assert (found.kind, found.operation) == (SpanKind.AGGREGATE, "fetch_response")


def test_a_run_of_vertexai_was_sold_by_vertex() -> None:
    """`google` is the name of two sellers."""
    assert read_of(PY + "vertexai", llm("google", GEMINI, 10, 5)).provider == "gcp.vertex_ai"


@pytest.mark.parametrize(
    "scope", ["opentelemetry.instrumentation.openai.v1", "opentelemetry.instrumentation.genai.openai"]
)
def test_spans_that_a_processor_rewrote(scope: str) -> None:
    """OpenInference's processors put its names in place of the emitter's own, and leave the scope as it was."""
    found = read_of(scope, llm("openai", "gpt-4o", 1024, 5, 1029, 1000))
    assert (found.dialect, found.usage) == ("openinference", LONG | {"cache_read_tokens": 1000})
