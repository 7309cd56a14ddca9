"""Langfuse's observations, as langfuse 5.0.4 writes them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from ledger.vocabulary import UsageStatus
from receiver.dialects.reading import UnreadableSpanError
from tests.dialects.spans import is_call, maybe_read, read_of

GENERATION = {
    "langfuse.observation.type": "generation",
    "langfuse.observation.model.name": "gpt-4o-2024-08-06",
    "langfuse.trace.name": "answer",
    "user.id": "u1",
    "session.id": "s1",
}


def generation(usage: Any = None, cost: Any = None, **more: Any) -> Any:
    """Read a generation with these details."""
    details = {"langfuse.observation.usage_details": json.dumps(usage)} if usage is not None else {}
    costs = {"langfuse.observation.cost_details": json.dumps(cost)} if cost is not None else {}
    return read_of("langfuse-sdk", GENERATION | details | costs | more, version="5.0.4")


def test_the_openai_wrapper_carries_the_block() -> None:
    """The provider's own names: an inclusive block."""
    found = generation(
        {
            "prompt_tokens": 2006,
            "completion_tokens": 300,
            "total_tokens": 2306,
            "prompt_tokens_details": {"cached_tokens": 1920},
            "completion_tokens_details": {"reasoning_tokens": 128},
        }
    )
    assert is_call(found)
    assert found.usage == {
        "input_tokens": 2006,
        "output_tokens": 300,
        "cache_read_tokens": 1920,
        "reasoning_tokens": 128,
    }
    assert (found.response_model, found.user_id, found.session_id) == ("gpt-4o-2024-08-06", "u1", "s1")


def test_anthropics_block_leaves_the_cache_out() -> None:
    """Its names are Anthropic's: what was cached is added."""
    found = generation({"input_tokens": 4, "output_tokens": 5, "cache_read_input_tokens": 100})
    assert found.usage["input_tokens"] == 104


def test_buckets_do_not_overlap() -> None:
    """LangChain's handler takes the details out of `input` and `output`: they are added up again."""
    found = generation(
        {
            "input": 4,
            "output": 20,
            "total": 1354,
            "input_cache_read": 1000,
            "input_cache_creation": 0,
            "input_ephemeral_5m_input_tokens": 100,
            "input_ephemeral_1h_input_tokens": 200,
            "output_reasoning": 30,
        }
    )
    assert found.usage == {
        "input_tokens": 1304,
        "output_tokens": 50,
        "cache_read_tokens": 1000,
        "cache_write_tokens": 300,
        "cache_write_5m_tokens": 100,
        "cache_write_1h_tokens": 200,
        "reasoning_tokens": 30,
    }
    assert {"exclusive_input:buckets", "exclusive_output:buckets"} <= set(found.usage_flags)


def test_buckets_that_overlap_by_their_own_total() -> None:
    """A program that filled them itself: the total is input and output alone."""
    found = generation({"input": 100, "output": 10, "total": 110, "input_cached_tokens": 60})
    assert (found.usage["input_tokens"], found.usage["cache_read_tokens"]) == (100, 60)


def test_plain_buckets() -> None:
    """Without details there is nothing to decide."""
    flags = ("seller_unsaid", "usage_from:langfuse.observation.usage_details")
    assert generation({"input": 100, "output": 10}).usage_flags == flags


def test_an_embedding_has_input_alone() -> None:
    """Its usage is complete with that."""
    found = generation({"input": 8}, **{"langfuse.observation.type": "embedding"})
    assert (found.operation, found.usage_status) == ("embeddings", UsageStatus.REPORTED)


def test_the_cost_it_carries() -> None:
    """OpenRouter's charge comes this way; a 0 is no claim."""
    found = generation({"input": 1, "output": 1}, {"total": 0.0012})
    assert found.reported_cost == Decimal("0.0012")
    assert found.reported_cost_source == "langfuse.observation.cost_details"
    assert generation({"input": 1, "output": 1}, {"total": 0}).reported_cost is None


@pytest.mark.parametrize("observed", ["span", "agent", "tool", "chain", "retriever", "evaluator", "guardrail", "event"])
def test_other_types_are_aggregates(observed: str) -> None:
    """Only generations and embeddings are calls."""
    found = generation({"input": 1}, **{"langfuse.observation.type": observed})
    assert (is_call(found), found.operation) == (False, observed)


def test_a_generation_without_usage() -> None:
    """Absent is absent."""
    assert generation().usage_status == UsageStatus.ABSENT


def test_a_failed_generation() -> None:
    """Langfuse says it by a level."""
    assert generation(**{"langfuse.observation.level": "ERROR"}).error_type == "error"


def test_trace_attributes_alone_are_nothing() -> None:
    """Its processor puts names and users on everybody's spans."""
    assert maybe_read("langfuse-sdk", {"langfuse.trace.name": "answer", "user.id": "u1"}) is None


@pytest.mark.parametrize("usage", ["{", "5", "[]", '{"in": 4}', '{"input": null}'])
def test_details_that_are_none(usage: str) -> None:
    """No figures, and no guess."""
    found = read_of("langfuse-sdk", GENERATION | {"langfuse.observation.usage_details": usage})
    assert found.usage_status == UsageStatus.ABSENT


def test_a_hostile_bucket() -> None:
    """A bucket that is no count is refused."""
    with pytest.raises(UnreadableSpanError):
        generation({"input": -4, "output": 5})
