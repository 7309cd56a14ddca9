"""MLflow's spans, as mlflow 3.17.2 exports them, in its own names and in the conventions'."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from ledger.vocabulary import Flag, UsageStatus
from tests.dialects.spans import flags_of, is_call, maybe_read, read_of

SCOPE = "mlflow.anthropic.autolog"
USAGE = {
    "input_tokens": 1304,
    "output_tokens": 50,
    "total_tokens": 1354,
    "cache_read_input_tokens": 1000,
    "cache_creation_input_tokens": 300,
    "cache_creation_input_tokens_above_1hr": 200,
}
CHAT = {
    "mlflow.spanType": '"CHAT_MODEL"',
    "mlflow.llm.model": '"claude-sonnet-4-5-20250929"',
    "mlflow.llm.provider": '"anthropic"',
    "mlflow.chat.tokenUsage": json.dumps(USAGE),
    "mlflow.llm.cost": json.dumps({"input_cost": 0.01, "output_cost": 0.002, "total_cost": 0.012}),
    "mlflow.spanInputs": '{"messages": []}',
}


def test_its_usage_is_inclusive() -> None:
    """Cached tokens are in the input already; of the writes the longer ones are known apart."""
    found = read_of(SCOPE, CHAT)
    assert is_call(found)
    assert found.usage == {
        "input_tokens": 1304,
        "output_tokens": 50,
        "cache_read_tokens": 1000,
        "cache_write_tokens": 300,
        "cache_write_1h_tokens": 200,
    }
    assert (found.provider, found.response_model) == ("anthropic", "claude-sonnet-4-5-20250929")
    assert Flag.CACHE_TTL_UNSAID in found.usage_flags


def test_its_cost_is_a_claim_unless_it_is_nothing() -> None:
    """MLflow's own reckoning."""
    assert read_of(SCOPE, CHAT).reported_cost == Decimal("0.012")
    assert read_of(SCOPE, CHAT | {"mlflow.llm.cost": '{"total_cost": 0.0}'}).reported_cost is None


@pytest.mark.parametrize("kind", ["AGENT", "CHAIN", "TOOL", "RETRIEVER", "UNKNOWN"])
def test_other_types(kind: str) -> None:
    """With usage they are aggregates, without it nothing."""
    assert not is_call(read_of(SCOPE, CHAT | {"mlflow.spanType": f'"{kind}"'}))
    assert maybe_read(SCOPE, {"mlflow.spanType": f'"{kind}"'}) is None


def test_exported_in_the_conventions_names() -> None:
    """Input and output alone: a longer prompt may have been cached, which is said."""
    plain = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 2006,
        "gen_ai.usage.output_tokens": 300,
    }
    assert flags_of(read_of(SCOPE, plain)) == ("cache_read_unsaid",)
    assert flags_of(read_of(SCOPE, plain | {"gen_ai.usage.input_tokens": 20})) == ()


@pytest.mark.parametrize("usage", ["{", "null", "[]", '"LLM"'])
def test_usage_that_is_none(usage: str) -> None:
    """Absent is absent."""
    assert read_of(SCOPE, CHAT | {"mlflow.chat.tokenUsage": usage}).usage_status == UsageStatus.ABSENT
