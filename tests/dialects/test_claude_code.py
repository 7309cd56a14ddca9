"""Claude Code's spans, as version 2.1.331 and earlier ones write them."""

from __future__ import annotations

import pytest

from ledger.vocabulary import Flag, UsageStatus
from receiver.dialects.reading import UnreadableSpanError
from tests.dialects.spans import flags_of, is_call, read_of

SCOPE = "com.anthropic.claude_code.tracing"
NAME = "claude_code.llm_request"
OLD = {
    "span.type": "llm_request",
    "model": "claude-haiku-4-5-20251001",
    "gen_ai.system": "anthropic",
    "gen_ai.request.model": "claude-haiku-4-5-20251001",
    "speed": "normal",
    "session.id": "s1",
    "user.id": "u1",
    "input_tokens": 2,
    "output_tokens": 4,
    "cache_read_tokens": 9179,
    "cache_creation_tokens": 13356,
    "request_id": "req_1",
    "success": True,
    "duration_ms": 812,
}
NEW = OLD | {
    "gen_ai.operation.name": "chat",
    "gen_ai.response.id": "req_1",
    "gen_ai.response.model": "claude-haiku-4-5-20251001",
    "gen_ai.usage.input_tokens": 22537,
    "gen_ai.usage.output_tokens": 4,
    "gen_ai.usage.cache_read.input_tokens": 9179,
    "gen_ai.usage.cache_write.input_tokens": 13356,
}
USAGE = {"input_tokens": 22537, "output_tokens": 4, "cache_read_tokens": 9179, "cache_write_tokens": 13356}


def test_bare_names_leave_the_cache_out() -> None:
    """They are Anthropic's figures: what was cached is added."""
    found = read_of(SCOPE, OLD, name=NAME, version="1.0.0", kind=1)
    assert is_call(found)
    assert (found.usage, found.usage_status) == (USAGE, UsageStatus.REPORTED)
    assert flags_of(found) == ("exclusive_input:emitter", Flag.CACHE_TTL_UNSAID)
    assert (found.provider, found.response_id, found.session_id, found.user_id) == ("anthropic", "req_1", "s1", "u1")


def test_the_conventions_names_hold_it() -> None:
    """Newer versions write both; nothing is added then."""
    found = read_of(SCOPE, NEW, name=NAME, version="1.0.0", kind=1)
    assert (found.usage, flags_of(found)) == (USAGE, (Flag.CACHE_TTL_UNSAID,))


@pytest.mark.parametrize("name", ["claude_code.interaction", "claude_code.tool", "claude_code.tool.execution"])
def test_what_surrounds_requests_is_an_aggregate(name: str) -> None:
    """Turns and tools are kept, never billed."""
    assert not is_call(read_of(SCOPE, {"span.type": "tool", "session.id": "s1"}, name=name, kind=1))


@pytest.mark.parametrize(
    ("model", "seller"),
    [
        ("claude-sonnet-4-5", "anthropic"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "aws.bedrock"),
        ("claude-sonnet-4-5@20250929", "gcp.vertex_ai"),
    ],
)
def test_bedrocks_and_vertexs_ids_are_their_own(model: str, seller: str) -> None:
    """`gen_ai.system` says `anthropic` whoever sold it."""
    assert read_of(SCOPE, OLD | {"gen_ai.request.model": model}, name=NAME).provider == seller


def test_a_fast_answer_is_said() -> None:
    """It has its own price."""
    assert "speed:fast" in read_of(SCOPE, NEW | {"speed": "fast"}, name=NAME).usage_flags


def test_a_failed_request() -> None:
    """`success` says it, and there is no usage."""
    failed = {"gen_ai.request.model": "claude-sonnet-4-5", "success": False, "error_class": "overloaded"}
    found = read_of(SCOPE, failed, name=NAME)
    assert (found.error_type, found.usage_status) == ("overloaded", UsageStatus.ABSENT)


@pytest.mark.parametrize("figure", [-2, "two", 2.5, True])
def test_hostile_figures(figure: object) -> None:
    """A bare figure that is no count is refused like any other."""
    with pytest.raises(UnreadableSpanError):
        read_of(SCOPE, OLD | {"input_tokens": figure}, name=NAME)
