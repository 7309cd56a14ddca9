"""Codex's spans, as version 0.169.0 writes them."""

from __future__ import annotations

import pytest

from ledger.vocabulary import UsageStatus
from receiver.dialects.reading import UnreadableSpanError
from tests.dialects.spans import is_call, maybe_read, read_of

REQUEST = {
    "otel.name": "completed",
    "codex.request.reasoning_effort": "medium",
    "gen_ai.usage.input_tokens": 12_000,
    "gen_ai.usage.cache_read.input_tokens": 8_000,
    "gen_ai.usage.cache_write.input_tokens": 500,
    "gen_ai.usage.output_tokens": 900,
    "codex.usage.reasoning_output_tokens": 250,
    "codex.usage.total_tokens": 12_900,
}
TURN = {
    "thread.id": "t1",
    "turn.id": "1",
    "model": "gpt-5.6",
    "codex.turn.token_usage.input_tokens": 24_000,
    "codex.turn.token_usage.cached_input_tokens": 16_000,
    "codex.turn.token_usage.non_cached_input_tokens": 8_000,
    "codex.turn.token_usage.output_tokens": 1_800,
    "codex.turn.token_usage.reasoning_output_tokens": 500,
    "codex.turn.token_usage.total_tokens": 25_800,
}


@pytest.mark.parametrize("scope", ["codex_cli_rs", "codex_exec", "codex-app-server"])
def test_a_request_is_the_call_and_has_no_model(scope: str) -> None:
    """Counts are inclusive; the model is only on the turn."""
    found = read_of(scope, REQUEST, name="handle_responses", version="0.169.0", kind=1)
    assert is_call(found)
    assert found.usage == {
        "input_tokens": 12_000,
        "output_tokens": 900,
        "cache_read_tokens": 8_000,
        "cache_write_tokens": 500,
        "reasoning_tokens": 250,
    }
    assert (found.provider, found.response_model, found.request_model) == ("openai", None, None)


def test_other_events_of_a_response_are_nothing() -> None:
    """Every event makes a span of that name; only the last has figures."""
    assert maybe_read("codex_cli_rs", {"from": "output_text_delta"}, name="handle_responses") is None


def test_a_turn_is_an_aggregate() -> None:
    """It sums its requests, and says the model."""
    found = read_of("codex_cli_rs", TURN, name="session_task.turn", kind=1)
    assert (is_call(found), found.response_model, found.session_id) == (False, "gpt-5.6", "t1")
    assert (found.usage["input_tokens"], found.usage["cache_read_tokens"]) == (24_000, 16_000)


def test_a_span_made_of_its_log() -> None:
    """Counts are texts, and `tool_token_count` is the total."""
    log = {
        "event.name": "codex.sse_event",
        "event.kind": "response.completed",
        "model": "gpt-5.6",
        "conversation.id": "c1",
        "user.account_id": "a1",
        "input_token_count": "12000",
        "output_token_count": "900",
        "cached_token_count": 8000,
        "reasoning_token_count": 250,
        "tool_token_count": "12900",
    }
    found = read_of("codex_otel.log", log, name="codex.sse_event", kind=1)
    assert (is_call(found), found.response_model, found.usage_status) == (True, "gpt-5.6", UsageStatus.REPORTED)
    assert found.usage == {
        "input_tokens": 12_000,
        "output_tokens": 900,
        "cache_read_tokens": 8_000,
        "reasoning_tokens": 250,
    }


def test_a_hostile_figure() -> None:
    """A text that is no count is refused."""
    with pytest.raises(UnreadableSpanError):
        read_of("codex_cli_rs", REQUEST | {"gen_ai.usage.input_tokens": "12_000"}, name="handle_responses")
