"""The GenAI conventions: every generation of names, what is a call, how it ended, and what nobody would believe."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.vocabulary import PriceStatus, UsageStatus
from receiver.dialects import read
from receiver.dialects.conventions import CALL_OPERATIONS
from receiver.dialects.reading import SpanKind, SpanView, UnreadableSpanError
from tests.dialects.spans import chat_by, flags_of, is_call, maybe_read, read_of
from tests.pricing.calls import Call, price_one

OFFICIAL = "opentelemetry.instrumentation.genai.openai"
SOMEBODY = "somebody.else"
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.response.model": "gpt-4o"}
INPUT, OUTPUT = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"
READ, WRITE = "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_write.input_tokens"


def chat(**figures: Any) -> dict[str, Any]:
    """Return a chat call's attributes; keywords are names under `gen_ai.usage.`."""
    return CHAT | {f"gen_ai.usage.{name.replace('__', '.')}": value for name, value in figures.items()}


def read_one(attributes: dict[str, Any]) -> object:
    """Read a span without the wire, where the wire could not carry it."""
    return read(SpanView("chat", 3, OFFICIAL, "", attributes, {}, 0))


# ---------------------------------------------------------------- names of every generation


@pytest.mark.parametrize(
    ("generation", "names"),
    [
        ("1.26", ("gen_ai.usage.prompt_tokens", "gen_ai.usage.completion_tokens")),
        ("1.28", (INPUT, OUTPUT)),
        ("before the conventions", ("llm.usage.prompt_tokens", "llm.usage.completion_tokens")),
    ],
)
def test_totals_of_every_generation(generation: str, names: tuple[str, str]) -> None:
    """Input and output are read under the names they had."""
    found = read_of(OFFICIAL, CHAT | dict(zip(names, (100, 10), strict=True)))
    assert (found.usage, found.usage_status) == ({"input_tokens": 100, "output_tokens": 10}, UsageStatus.REPORTED)


@pytest.mark.parametrize(
    ("key", "unit"),
    [
        ("gen_ai.usage.cache_read.input_tokens", "cache_read_tokens"),
        ("gen_ai.usage.cache_read_input_tokens", "cache_read_tokens"),
        ("gen_ai.usage.cache_write.input_tokens", "cache_write_tokens"),
        ("gen_ai.usage.cache_creation.input_tokens", "cache_write_tokens"),
        ("gen_ai.usage.cache_creation_input_tokens", "cache_write_tokens"),
        ("gen_ai.usage.cache_write_input_tokens", "cache_write_tokens"),
        ("gen_ai.usage.reasoning.output_tokens", "reasoning_tokens"),
        ("gen_ai.usage.reasoning_tokens", "reasoning_tokens"),
        ("llm.usage.reasoning_tokens", "reasoning_tokens"),
        ("gen_ai.usage.audio.input_tokens", "input_audio_tokens"),
        ("gen_ai.usage.image.input_tokens", "input_image_tokens"),
        ("gen_ai.usage.video.input_tokens", "input_video_tokens"),
        ("gen_ai.usage.audio.output_tokens", "output_audio_tokens"),
        ("gen_ai.usage.image.output_tokens", "output_image_tokens"),
        ("gen_ai.usage.audio.cache_read.input_tokens", "cache_audio_read_tokens"),
        ("gen_ai.usage.image.cache_read.input_tokens", "cache_image_read_tokens"),
    ],
)
def test_details_of_every_generation(key: str, unit: str) -> None:
    """Each name of a part of the total gives the one unit that it stands for, and changes no total."""
    found = read_of(OFFICIAL, chat(input_tokens=100, output_tokens=10) | {key: 7})
    assert found.usage == {"input_tokens": 100, "output_tokens": 10, unit: 7}


def test_two_generations_on_one_span_are_not_added() -> None:
    """An emitter that writes old and new names says the same thing twice."""
    found = read_of(OFFICIAL, chat(prompt_tokens=100, input_tokens=100, completion_tokens=10, output_tokens=10))
    assert (found.usage, flags_of(found)) == ({"input_tokens": 100, "output_tokens": 10}, ())


def test_two_generations_that_disagree_are_not_priced() -> None:
    """One of the two figures is wrong, and nobody knows which: the newer name's is kept, and doubted."""
    found = read_of(OFFICIAL, chat(prompt_tokens=900, input_tokens=100, output_tokens=10))
    assert (found.usage["input_tokens"], found.usage_status) == (100, UsageStatus.PARTIAL)
    assert flags_of(found) == ("names_disagree",)


def test_cache_writes_under_two_names_are_one_count() -> None:
    """`cache_write` and `cache_creation` are aliases: the first is taken, nothing is added."""
    both = {WRITE: 40, "gen_ai.usage.cache_creation.input_tokens": 40}
    found = read_of(OFFICIAL, chat(input_tokens=100, output_tokens=1) | both)
    assert (found.usage["cache_write_tokens"], found.usage["input_tokens"]) == (40, 100)


def test_system_was_the_providers_name() -> None:
    """`gen_ai.system` is read where `gen_ai.provider.name` is missing, in every spelling."""
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.system": "Anthropic", INPUT: 1, OUTPUT: 1}
    assert read_of(OFFICIAL, attributes).provider == "anthropic"


@pytest.mark.parametrize(
    "key", ["openai.response.service_tier", "gen_ai.openai.response.service_tier", "gen_ai.response.service_tier"]
)
def test_the_service_tier_that_was_given(key: str) -> None:
    """It counts before the one that was asked for."""
    found = read_of(OFFICIAL, chat(input_tokens=1, output_tokens=1) | {key: "flex", "openai.request.service_tier": "x"})
    assert (found.service_tier, flags_of(found)) == ("flex", ())


@pytest.mark.parametrize("key", ["openai.request.service_tier", "gen_ai.openai.request.service_tier"])
def test_the_service_tier_that_was_asked_for(key: str) -> None:
    """Where the answer says none, the one asked for is read, and said to be no more than that."""
    found = read_of(OFFICIAL, chat(input_tokens=1, output_tokens=1) | {key: "priority"})
    assert (found.service_tier, flags_of(found)) == ("priority", ("service_tier_requested",))


# ---------------------------------------------------------------- what is a call


@pytest.mark.parametrize("operation", sorted(CALL_OPERATIONS))
def test_operations_that_are_calls(operation: str) -> None:
    """Inferences, embeddings and rerankings are billed."""
    assert is_call(read_of(OFFICIAL, chat(input_tokens=1, output_tokens=1) | {"gen_ai.operation.name": operation}))


@pytest.mark.parametrize(
    "operation",
    ["invoke_agent", "invoke_workflow", "create_agent", "execute_tool", "plan", "retrieval", "fetch_response",
     "count_tokens", "create_memory", "search_memory", "agent_step", "realtime", "something_new"],
)  # fmt: skip
def test_other_operations_are_aggregates(operation: str) -> None:
    """What is no inference rolls up other spans, whatever usage it repeats; polling and counting cost nothing."""
    found = read_of(OFFICIAL, chat(input_tokens=100, output_tokens=10) | {"gen_ai.operation.name": operation})
    assert (found.kind, found.operation) == (SpanKind.AGGREGATE, operation)


def test_a_call_without_operation_is_inferred_and_says_so() -> None:
    """Before there were operations, a provider with usage made a call."""
    found = read_of(OFFICIAL, {"gen_ai.system": "openai", INPUT: 1, OUTPUT: 1})
    assert (found.kind, found.operation, flags_of(found)) == (SpanKind.CALL, "chat", ("operation_inferred",))


def test_a_conversation_id_alone_is_nothing() -> None:
    """The id is copied through the context to spans that have nothing else to do with models."""
    assert maybe_read(OFFICIAL, {"gen_ai.conversation.id": "c1"}) is None


def test_a_span_without_any_mark_is_nothing() -> None:
    """Other people's spans are not read."""
    assert maybe_read("http", {"http.request.method": "GET"}) is None


# ---------------------------------------------------------------- an unknown scope


def test_an_unknown_scope_is_read_by_the_convention() -> None:
    """Without evidence against it, input holds the cached tokens."""
    found = read_of(SOMEBODY, chat(input_tokens=900, output_tokens=50) | {READ: 500})
    assert (found.usage["input_tokens"], flags_of(found)) == (900, ("unknown_scope",))


def test_more_cached_than_read_is_exclusive() -> None:
    """Cached tokens cannot be more than all tokens, so they are not among them."""
    found = read_of(SOMEBODY, chat(input_tokens=4, output_tokens=50) | {READ: 1000})
    assert (found.usage["input_tokens"], flags_of(found)) == (1004, ("unknown_scope", "exclusive_input:details"))


def test_the_total_tells_that_input_is_exclusive() -> None:
    """Where input, output and cached tokens add up to the span's own total, cached ones are not in input."""
    found = read_of(SOMEBODY, chat(input_tokens=900, output_tokens=50, total_tokens=1450) | {READ: 500})
    assert (found.usage["input_tokens"], flags_of(found)) == (1400, ("unknown_scope", "exclusive_input:total"))


def test_the_total_tells_that_output_is_exclusive() -> None:
    """Where the total is larger by exactly the reasoning, reasoning is not in output; xAI counts like this."""
    figures = chat(input_tokens=100, output_tokens=20, total_tokens=420) | {"gen_ai.usage.reasoning_tokens": 300}
    found = read_of(SOMEBODY, figures)
    assert (found.usage["output_tokens"], found.usage_status) == (320, UsageStatus.REPORTED)
    assert flags_of(found) == ("unknown_scope", "exclusive_output:total")


@pytest.mark.parametrize("total", [99, 111, 5000])
def test_a_total_that_contradicts_is_not_priced(total: int) -> None:
    """Something is missing or counted twice, and nothing tells what."""
    found = read_of(OFFICIAL, chat(input_tokens=100, output_tokens=10, total_tokens=total))
    assert (found.usage, found.usage_status) == ({"input_tokens": 100, "output_tokens": 10}, UsageStatus.PARTIAL)
    assert flags_of(found) == ("total_contradicts",)


# ---------------------------------------------------------------- how much is said


@pytest.mark.parametrize("count", [12, 12.0, "12", "12.0", " 12 "])
def test_counts_are_read_in_every_spelling(count: object) -> None:
    """Emitters write integers, floats and text."""
    assert read_of(OFFICIAL, chat(input_tokens=count, output_tokens=1)).usage["input_tokens"] == 12


@pytest.mark.parametrize(
    "count",
    [-1, 1.5, "-3", "many", True, False, float("nan"), float("inf"), "nan", 10**11, 2**63, -(2**63), 10**400, "1e400",
     [1], {"a": 1}, b"1"],
)  # fmt: skip
def test_what_is_no_count_is_refused(count: object) -> None:
    """A figure that cannot be believed is never billed by guess."""
    with pytest.raises(UnreadableSpanError):
        read_one(chat(input_tokens=count, output_tokens=1))


@pytest.mark.parametrize(
    "figures",
    [
        {"input_tokens": 10, "output_tokens": 5, "cache_read__input_tokens": 100},
        {"input_tokens": 100, "output_tokens": 5, "cache_read__input_tokens": 60, "cache_write__input_tokens": 60},
        {"input_tokens": 10, "output_tokens": 5, "reasoning__output_tokens": 6},
        {"input_tokens": 10, "output_tokens": 5, "audio__input_tokens": 11},
    ],
    ids=["cached tokens above input", "reads and writes above input", "reasoning above output", "audio above input"],
)
def test_details_above_their_total_are_kept_and_not_priced(figures: dict[str, int]) -> None:
    """An emitter that is known to be inclusive contradicts itself: its figures are facts, and no cost is made."""
    found = read_of("opentelemetry.instrumentation.genai.openai", chat(**figures))
    assert found.usage_status == UsageStatus.REPORTED
    priced = price_one(Call("openai", "gpt-4o-2024-08-06", found.usage))
    assert (priced.price_status, priced.cost) == (PriceStatus.INVALID_USAGE, None)


def test_absent_usage_is_absent() -> None:
    """What a span does not say is not 0."""
    found = read_of(OFFICIAL, CHAT)
    assert (found.usage, found.usage_status) == ({}, UsageStatus.ABSENT)


def test_input_without_output_is_partial() -> None:
    """A chat call that says only what it read has said half."""
    assert read_of(OFFICIAL, chat(input_tokens=5)).usage_status == UsageStatus.PARTIAL


@pytest.mark.parametrize("operation", ["embeddings", "rerank"])
def test_what_has_no_output(operation: str) -> None:
    """Embeddings and rerankings are complete without output tokens."""
    found = read_of(OFFICIAL, chat(input_tokens=5) | {"gen_ai.operation.name": operation})
    assert (found.usage, found.usage_status) == ({"input_tokens": 5}, UsageStatus.REPORTED)


def test_zeros_stand_for_usage_not_found() -> None:
    """No call reads nothing and says nothing: zeros in both places are an emitter's default."""
    found = read_of(OFFICIAL, chat(input_tokens=0, output_tokens=0))
    assert (found.usage_status, flags_of(found)) == (UsageStatus.PARTIAL, ("zero_usage",))


def test_zeros_of_a_failed_call_are_no_usage() -> None:
    """A call that failed used nothing that its emitter knows of: that is absent, not half."""
    found = read_of(OFFICIAL, chat(input_tokens=0, output_tokens=0) | {"error.type": "Timeout"}, status=2)
    assert (found.usage, found.usage_status, found.error_type) == ({}, UsageStatus.ABSENT, "Timeout")


def test_a_failed_call_says_why() -> None:
    """The error's type is kept; a status alone is an error too."""
    assert read_of(OFFICIAL, CHAT | {"error.type": "RateLimitError"}, status=2).error_type == "RateLimitError"
    assert read_of(OFFICIAL, CHAT, status=2).error_type == "error"


@pytest.mark.parametrize(
    ("reasons", "flags"),
    [
        (["stop"], ()),
        (["tool_calls"], ()),
        ('["stop"]', ()),
        (["length"], ("cut_short",)),
        (["max_tokens", "stop"], ("cut_short",)),
        (["FinishReason.MAX_TOKENS"], ("cut_short",)),
        ('["length"]', ("cut_short",)),
        (["content_filter"], ("refused",)),
        (["refusal"], ("refused",)),
        (["SAFETY"], ("refused",)),
        ([7], ()),
    ],
)
def test_how_an_answer_ended(reasons: Any, flags: tuple[str, ...]) -> None:
    """An answer that was cut or withheld is billed as it is, and says so."""
    found = read_of(OFFICIAL, chat(input_tokens=1, output_tokens=1) | {"gen_ai.response.finish_reasons": reasons})
    assert (flags_of(found), found.usage_status) == (flags, UsageStatus.REPORTED)


# ---------------------------------------------------------------- the cache's lifetime


@pytest.mark.parametrize(
    ("provider", "model", "flags"),
    [
        ("anthropic", "claude-sonnet-4-5", ("cache_ttl_unsaid",)),
        ("gcp.vertex_ai", "claude-sonnet-4-5@20250929", ("cache_ttl_unsaid",)),
        ("openai", "gpt-5.6", ()),
    ],
)
def test_for_how_long_the_cache_holds(provider: str, model: str, flags: tuple[str, ...]) -> None:
    """Anthropic's cache has two prices by lifetime, which no convention says; others have one."""
    figures = chat_by(provider, model, input_tokens=100, output_tokens=1, cache_write__input_tokens=50)
    found = read_of("opentelemetry.instrumentation.genai.anthropic", figures)
    assert (flags_of(found), found.usage_status) == (flags, UsageStatus.REPORTED)
