"""What dialects say of single spans: names old and new, counts of every spelling, who sold, what is no call."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.vocabulary import UsageStatus
from receiver.dialects import FAMILIES, read
from receiver.dialects.conventions import CALL_OPERATIONS, USAGE_KEYS
from receiver.dialects.openinference import USAGE_KEYS as OPENINFERENCE_USAGE_KEYS
from receiver.dialects.reading import Reading, SpanKind, SpanView, UnreadableSpanError

OFFICIAL = "opentelemetry.instrumentation.genai.openai"
BEDROCK = "opentelemetry.instrumentation.genai.bedrock"
BOTOCORE = "opentelemetry.instrumentation.botocore.bedrock-runtime"
TRACELOOP_ANTHROPIC = "opentelemetry.instrumentation.anthropic"
TRACELOOP_GEMINI = "opentelemetry.instrumentation.google_generativeai"
TRACELOOP_OPENAI = "opentelemetry.instrumentation.openai.v1"
OPENINFERENCE = "openinference.instrumentation.openai"
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.response.model": "gpt-4o"}
INPUT, OUTPUT = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"
CACHE_READ, CACHE_WRITE = "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_write.input_tokens"


def view(attributes: dict[str, Any], *, scope: str = OFFICIAL, status: int = 0) -> SpanView:
    """Return a client span with these attributes."""
    return SpanView("chat gpt-4o", 3, scope, "", attributes, {}, status)


def reading(attributes: dict[str, Any], *, scope: str = OFFICIAL, status: int = 0) -> Reading:
    """Read a span that must be recognised."""
    found = read(view(attributes, scope=scope, status=status))
    assert found is not None
    return found


def chat(**more: Any) -> dict[str, Any]:
    """Return a chat call's attributes; keywords are names under `gen_ai.usage.`."""
    return CHAT | {f"gen_ai.usage.{name}": value for name, value in more.items()}


# ---------------------------------------------------------------- names


def test_names_before_input_and_output_tokens() -> None:
    """`prompt_tokens` and `completion_tokens` are what input and output were called up to conventions 1.26."""
    found = reading(chat(prompt_tokens=100, completion_tokens=10))
    assert (found.usage, found.usage_status) == ({"input_tokens": 100, "output_tokens": 10}, UsageStatus.REPORTED)


def test_both_generations_of_names_are_not_added() -> None:
    """An emitter that writes old and new names says the same thing twice."""
    found = reading(chat(prompt_tokens=100, input_tokens=100, completion_tokens=10, output_tokens=10))
    assert found.usage == {"input_tokens": 100, "output_tokens": 10}


def test_system_was_the_providers_name() -> None:
    """`gen_ai.system` is read where `gen_ai.provider.name` is missing, in every spelling."""
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.system": "Anthropic", INPUT: 1, OUTPUT: 1}
    assert reading(attributes).provider == "anthropic"


def test_a_call_without_operation_is_inferred_and_says_so() -> None:
    """Before there were operations, a provider with usage made a call."""
    found = reading({"gen_ai.system": "openai", INPUT: 1, OUTPUT: 1})
    assert (found.kind, found.operation, found.usage_flags) == (SpanKind.CALL, "chat", ("operation_inferred",))


def test_request_type_of_old_openllmetry() -> None:
    """`llm.request.type` was OpenLLMetry's operation."""
    attributes = {"llm.request.type": "completion", "gen_ai.system": "OpenAI", "gen_ai.usage.prompt_tokens": 7}
    found = reading(attributes, scope=TRACELOOP_OPENAI)
    assert (found.kind, found.operation, found.usage["input_tokens"]) == (SpanKind.CALL, "text_completion", 7)


def test_a_conversation_id_alone_is_nothing() -> None:
    """The id is copied through the context to spans that have nothing else to do with models."""
    assert read(view({"gen_ai.conversation.id": "c1"})) is None


def test_a_span_without_any_mark_is_nothing() -> None:
    """Other people's spans are not read."""
    assert read(view({"http.request.method": "GET"}, scope="http")) is None


# ---------------------------------------------------------------- cache


def test_cache_writes_under_two_names_are_one_count() -> None:
    """`cache_write` and `cache_creation` are aliases: the first is taken, nothing is added."""
    both = {CACHE_WRITE: 40, "gen_ai.usage.cache_creation.input_tokens": 40}
    found = reading(chat(input_tokens=100, output_tokens=1) | both)
    assert (found.usage["cache_write_tokens"], found.usage["input_tokens"]) == (40, 100)


@pytest.mark.parametrize("scope", [BEDROCK, BOTOCORE, "opentelemetry.instrumentation.bedrock"])
def test_bedrock_leaves_cached_tokens_out(scope: str) -> None:
    """Three emitters copy Bedrock's `inputTokens`, which has no cached ones; the total is made, and flagged."""
    found = reading(chat(input_tokens=4, output_tokens=50) | {CACHE_READ: 1000, CACHE_WRITE: 200}, scope=scope)
    assert (found.usage["input_tokens"], found.usage_flags) == (1204, ("exclusive_input:emitter",))


def test_more_cached_than_read_is_exclusive_for_an_unknown_scope() -> None:
    """Cached tokens cannot be more than all tokens, so they are not among them."""
    found = reading(chat(input_tokens=4, output_tokens=50) | {CACHE_READ: 1000}, scope="somebody.else")
    assert (found.usage["input_tokens"], found.usage_flags) == (1004, ("unknown_scope", "exclusive_input:details"))


def test_the_total_tells_that_input_is_exclusive() -> None:
    """Where input, output and cached tokens add up to the span's own total, cached ones are not in input."""
    figures = chat(input_tokens=900, output_tokens=50, total_tokens=1450) | {CACHE_READ: 500}
    found = reading(figures, scope="somebody.else")
    assert (found.usage["input_tokens"], found.usage_flags) == (1400, ("unknown_scope", "exclusive_input:total"))


def test_an_unknown_scope_is_read_by_the_convention() -> None:
    """Without evidence against it, input holds the cached tokens."""
    found = reading(chat(input_tokens=900, output_tokens=50) | {CACHE_READ: 500}, scope="somebody.else")
    assert (found.usage["input_tokens"], found.usage_flags) == (900, ("unknown_scope",))


# ---------------------------------------------------------------- counts


@pytest.mark.parametrize("count", [12, 12.0, "12", "12.0", " 12 "])
def test_counts_are_read_in_every_spelling(count: object) -> None:
    """Emitters write integers, floats and text."""
    assert reading(chat(input_tokens=count, output_tokens=1)).usage["input_tokens"] == 12


@pytest.mark.parametrize(
    "count",
    [
        -1,
        1.5,
        "-3",
        "many",
        True,
        False,
        float("nan"),
        float("inf"),
        "nan",
        10**11,
        10**400,
        "1e400",
        [1],
        {"a": 1},
        b"1",
    ],
)
def test_what_is_no_count_is_refused(count: object) -> None:
    """A figure that cannot be believed is never billed by guess."""
    with pytest.raises(UnreadableSpanError):
        read(view(chat(input_tokens=count, output_tokens=1)))


def test_absent_usage_is_absent() -> None:
    """What a span does not say is not 0."""
    found = reading(CHAT)
    assert (found.usage, found.usage_status) == ({}, UsageStatus.ABSENT)


def test_input_without_output_is_partial() -> None:
    """A chat call that says only what it read has said half."""
    assert reading(chat(input_tokens=5)).usage_status == UsageStatus.PARTIAL


def test_an_embedding_has_no_output() -> None:
    """Embeddings are complete without output tokens."""
    found = reading(chat(input_tokens=5) | {"gen_ai.operation.name": "embeddings"})
    assert (found.usage, found.usage_status) == ({"input_tokens": 5}, UsageStatus.REPORTED)


def test_zeros_stand_for_usage_not_found() -> None:
    """No call reads nothing and says nothing: zeros in both places are an emitter's default."""
    found = reading(chat(input_tokens=0, output_tokens=0))
    assert (found.usage_status, found.usage_flags) == (UsageStatus.PARTIAL, ("zero_usage",))


def test_zeros_of_openinference_are_doubted_too() -> None:
    """The rule holds for every family of names."""
    zeros = {"openinference.span.kind": "LLM", "llm.token_count.prompt": 0, "llm.token_count.completion": 0}
    found = reading(zeros, scope=OPENINFERENCE)
    assert (found.usage_status, found.usage_flags) == (UsageStatus.PARTIAL, ("zero_usage",))


# ---------------------------------------------------------------- emitters


def test_geminis_thoughts_are_recovered_from_the_total() -> None:
    """OpenLLMetry's Gemini spans leave thinking out of output, but not out of the total."""
    found = reading(chat(input_tokens=10, output_tokens=20, total_tokens=130), scope=TRACELOOP_GEMINI)
    assert found.usage == {"input_tokens": 10, "output_tokens": 120, "reasoning_tokens": 100}
    assert found.usage_flags == ("thoughts_from_total",)


@pytest.mark.parametrize(
    ("streaming", "flags"),
    [(True, ("stream_usage_unreliable",)), (False, ()), (None, ("stream_not_ruled_out",))],
)
def test_openllmetrys_anthropic_streams_are_doubted(streaming: bool | None, flags: tuple[str, ...]) -> None:  # noqa: FBT001 -- a case
    """Streamed figures are wrong there, and its stream helper does not say that it streams."""
    said = {} if streaming is None else {"gen_ai.is_streaming": streaming}
    found = reading(chat(input_tokens=10, output_tokens=20) | said, scope=TRACELOOP_ANTHROPIC)
    assert found.usage_flags == flags
    assert found.usage_status == (UsageStatus.PARTIAL if flags else UsageStatus.REPORTED)


@pytest.mark.parametrize(("tokens", "flags"), [(1023, ()), (1024, ("cache_write_unsaid",))])
def test_openllmetrys_openai_spans_never_tell_of_cache_writes(tokens: int, flags: tuple[str, ...]) -> None:
    """Where the prompt was long enough to be cached, the reading says that it does not know."""
    found = reading(chat(input_tokens=tokens, output_tokens=20), scope=TRACELOOP_OPENAI)
    assert (found.usage_flags, found.usage_status) == (flags, UsageStatus.REPORTED)


def test_coheres_tokens_are_not_the_billed_ones() -> None:
    """OpenLLMetry reports Cohere's `tokens`; the invoice has `billed_units`."""
    attributes = chat(input_tokens=577, output_tokens=90) | {"gen_ai.provider.name": "Cohere"}
    found = reading(attributes, scope="opentelemetry.instrumentation.langchain")
    assert (found.usage_status, found.usage_flags) == (UsageStatus.PARTIAL, ("unbilled_tokens",))


def test_openinference_with_genai_names_is_not_added() -> None:
    """OpenInference can write both families on one span; its own is read."""
    own = {"openinference.span.kind": "LLM", "llm.token_count.prompt": 100, "llm.token_count.completion": 10}
    found = reading(own | chat(input_tokens=100, output_tokens=10), scope=OPENINFERENCE)
    assert (found.usage, found.dialect) == ({"input_tokens": 100, "output_tokens": 10}, "openinference")


# ---------------------------------------------------------------- aggregates


@pytest.mark.parametrize("operation", ["invoke_agent", "invoke_workflow", "create_agent", "execute_tool", "plan"])
def test_other_operations_are_aggregates(operation: str) -> None:
    """What is no inference rolls up other spans, whatever usage it repeats."""
    found = reading(chat(input_tokens=100, output_tokens=10) | {"gen_ai.operation.name": operation})
    assert (found.kind, found.operation) == (SpanKind.AGGREGATE, operation)


@pytest.mark.parametrize("kind", ["CHAIN", "AGENT", "TOOL", "RETRIEVER", "GUARDRAIL", "EVALUATOR", "UNKNOWN", "chain"])
def test_openinference_kinds_that_are_aggregates(kind: str) -> None:
    """Only LLM, EMBEDDING and RERANKER spans are calls."""
    found = reading({"openinference.span.kind": kind, "llm.token_count.prompt": 5}, scope=OPENINFERENCE)
    assert found.kind == SpanKind.AGGREGATE


@pytest.mark.parametrize("kind", ["workflow", "task", "agent", "tool"])
def test_openllmetrys_kinds_are_aggregates(kind: str) -> None:
    """`traceloop.span.kind` is written on what surrounds the calls."""
    found = reading({"traceloop.span.kind": kind, "traceloop.entity.name": "x"}, scope="traceloop.tracer")
    assert (found.kind, found.operation) == (SpanKind.AGGREGATE, kind)


# ---------------------------------------------------------------- who sold, what failed


@pytest.mark.parametrize(
    ("address", "provider"),
    [
        ({"server.address": "shop.openai.azure.com"}, "azure.ai.openai"),
        ({"server.address": "openrouter.ai"}, "openrouter"),
        ({"gen_ai.openai.api_base": "https://openrouter.ai/api/v1/"}, "openrouter"),
        ({"server.address": "api.openai.com"}, "openai"),
        ({"server.address": 7}, "openai"),
        ({}, "openai"),
    ],
)
def test_the_address_corrects_the_seller(address: dict[str, Any], provider: str) -> None:
    """The OpenAI SDK says `openai` to whomever it talks."""
    assert reading(CHAT | address).provider == provider


def test_a_named_seller_is_kept() -> None:
    """Only names that are also an API's shape are corrected."""
    assert reading(CHAT | {"gen_ai.provider.name": "groq", "server.address": "openrouter.ai"}).provider == "groq"


def test_a_failed_call_says_why() -> None:
    """The error's type is kept; a status alone is an error too."""
    assert reading(CHAT | {"error.type": "RateLimitError"}, status=2).error_type == "RateLimitError"
    assert reading(CHAT, status=2).error_type == "error"


# ---------------------------------------------------------------- anything


_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=8)
_VALUES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
_KEYS = sorted(
    {
        *(key for keys in (USAGE_KEYS, OPENINFERENCE_USAGE_KEYS) for key in (*keys.input, *keys.output, *keys.total)),
        *(key for keys in (USAGE_KEYS, OPENINFERENCE_USAGE_KEYS) for key in (*keys.cache_read, *keys.cache_write)),
        *(key for keys in (USAGE_KEYS, OPENINFERENCE_USAGE_KEYS) for _, aliases in keys.details for key in aliases),
        *CHAT,
        "error.type",
        "gen_ai.agent.name",
        "gen_ai.conversation.id",
        "gen_ai.is_streaming",
        "gen_ai.openai.api_base",
        "gen_ai.request.model",
        "gen_ai.response.id",
        "gen_ai.system",
        "llm.cost.total",
        "llm.model_name",
        "llm.provider",
        "llm.request.type",
        "openai.response.service_tier",
        "openinference.span.kind",
        "server.address",
        "traceloop.span.kind",
    }
)
_TELLING = st.sampled_from(
    [*CALL_OPERATIONS, "invoke_agent", "openai", "LLM", "CHAIN", "http://[", "://", "5", "1e309"]
)


@given(
    attributes=st.dictionaries(st.sampled_from(_KEYS) | st.text(max_size=10), _TELLING | _VALUES, max_size=12),
    scope=st.sampled_from([*(emitter.scope for family in FAMILIES for emitter in family.emitters), OPENINFERENCE, ""])
    | st.text(max_size=20),
    status=st.integers(0, 2),
)
def test_nothing_else_is_ever_raised(attributes: dict[str, Any], scope: str, status: int) -> None:
    """Whatever stands on a span, it is read, not a model call, or refused by name; figures are counts."""
    try:
        found = read(view(attributes, scope=scope, status=status))
    except UnreadableSpanError:
        return
    assert found is None or all(type(count) is int and count >= 0 for count in found.usage.values())
