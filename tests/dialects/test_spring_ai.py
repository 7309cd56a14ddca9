"""Spring AI's spans, as Micrometer writes them under Spring Boot's scope: every number a text."""

from __future__ import annotations

import pytest

from ledger.vocabulary import UsageStatus
from receiver.dialects.reading import UnreadableSpanError
from tests.dialects.spans import is_call, maybe_read, read_of

SCOPE = "org.springframework.boot"
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.system": "anthropic",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.request.temperature": "0.8",
    "gen_ai.response.model": "claude-sonnet-4-5-20250929",
    "gen_ai.response.id": "msg_1",
    "gen_ai.response.finish_reasons": '["end_turn"]',
    "gen_ai.usage.input_tokens": "4",
    "gen_ai.usage.output_tokens": "50",
    "gen_ai.usage.total_tokens": "54",
    "gen_ai.usage.cache_read.input_tokens": "1000",
    "gen_ai.usage.cache_creation.input_tokens": "300",
}


def test_numbers_are_texts_and_input_lacks_the_cache() -> None:
    """Anthropic's prompt tokens are copied: what was cached is added."""
    found = read_of(SCOPE, CHAT, version="4.0.1")
    assert is_call(found)
    assert (found.usage["input_tokens"], found.usage["cache_write_tokens"]) == (1304, 300)
    assert found.usage_flags[0].startswith("exclusive_input:")


def test_input_larger_than_the_cache_is_still_without_it() -> None:
    """Who wrote it decides, not how the figures happen to compare."""
    found = read_of(SCOPE, CHAT | {"gen_ai.usage.input_tokens": "5000", "gen_ai.usage.total_tokens": "5050"})
    assert (found.usage["input_tokens"], found.usage_flags[0]) == (6300, "exclusive_input:emitter")


def test_openai_is_inclusive() -> None:
    """Its prompt tokens hold the cached ones."""
    openai = {"gen_ai.system": "openai", "gen_ai.response.model": "gpt-4o", "gen_ai.usage.input_tokens": "2000"}
    assert read_of(SCOPE, CHAT | openai).usage["input_tokens"] == 2000


def test_an_embedding() -> None:
    """Input alone is all of it."""
    embedding = {
        "gen_ai.operation.name": "embedding",
        "gen_ai.system": "openai",
        "gen_ai.request.model": "text-embedding-3-small",
        "gen_ai.usage.input_tokens": "8",
    }
    found = read_of(SCOPE, embedding)
    assert (found.operation, found.usage_status) == ("embeddings", UsageStatus.REPORTED)


def test_advisors_are_aggregates() -> None:
    """The operation `framework` has no usage."""
    framework = {"gen_ai.operation.name": "framework", "gen_ai.system": "spring_ai", "spring.ai.kind": "advisor"}
    assert not is_call(read_of(SCOPE, framework, kind=1))


def test_other_spans_of_the_application_are_nothing() -> None:
    """Spring Boot writes all of them under this scope."""
    assert maybe_read(SCOPE, {"http.request.method": "GET", "uri": "/"}) is None


@pytest.mark.parametrize("figure", ["many", "-4", "1.5", "1_000", "٣", "9" * 400])
def test_hostile_texts(figure: str) -> None:
    """A text that is no count is refused."""
    with pytest.raises(UnreadableSpanError):
        read_of(SCOPE, CHAT | {"gen_ai.usage.input_tokens": figure})
