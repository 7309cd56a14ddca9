"""Families: GenAI spans as different emitters write them, to measure what reading each of them costs.

Figures, ids and models vary as in `load`; the attributes are those that the emitter writes without message content.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

_MODELS: Final = ("gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18", "gpt-4.1-2025-04-14", "o3-mini-2025-01-31")


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes spans, and what stands on one."""

    name: str
    scope: str
    version: str
    attributes: Callable[[random.Random], dict[str, Any]]
    span_name: str = "chat gpt-4o"


def official(chance: random.Random) -> dict[str, Any]:
    """OpenTelemetry's own instrumentation of the OpenAI SDK."""
    model = chance.choice(_MODELS)
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": model,
        "gen_ai.response.model": model,
        "gen_ai.response.id": f"chatcmpl-{chance.getrandbits(96):024x}",
        "gen_ai.response.finish_reasons": "stop",
        "gen_ai.usage.input_tokens": chance.randrange(5000),
        "gen_ai.usage.output_tokens": chance.randrange(800),
        "server.address": "api.openai.com",
        "openai.response.service_tier": "default",
        "customer.id": _customer(chance),
    }


def _openllmetry(chance: random.Random) -> dict[str, Any]:
    model, given, taken = chance.choice(_MODELS), chance.randrange(5000), chance.randrange(800)
    return {
        "gen_ai.provider.name": "openai",
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": model,
        "gen_ai.response.model": model,
        "gen_ai.response.id": f"chatcmpl-{chance.getrandbits(96):024x}",
        "gen_ai.openai.api_base": "https://api.openai.com/v1/",
        "gen_ai.usage.input_tokens": given,
        "gen_ai.usage.output_tokens": taken,
        "gen_ai.usage.total_tokens": given + taken,
        "gen_ai.usage.cache_read.input_tokens": 0,
        "traceloop.workflow.name": "answer",
        "traceloop.association.properties.customer_id": _customer(chance),
    }


def _openinference(chance: random.Random) -> dict[str, Any]:
    given, taken = chance.randrange(5000), chance.randrange(800)
    return {
        "openinference.span.kind": "LLM",
        "llm.provider": "openai",
        "llm.system": "openai",
        "llm.model_name": chance.choice(_MODELS),
        "llm.token_count.prompt": given,
        "llm.token_count.completion": taken,
        "llm.token_count.total": given + taken,
        "llm.token_count.prompt_details.cache_read": 0,
        "llm.token_count.completion_details.reasoning": 0,
        "session.id": f"{chance.getrandbits(64):x}",
        "customer.id": _customer(chance),
    }


def _pydantic_ai(chance: random.Random) -> dict[str, Any]:
    given, taken = chance.randrange(5000), chance.randrange(800)
    return official(chance) | {
        "gen_ai.usage.input_tokens": given,
        "gen_ai.usage.output_tokens": taken,
        "gen_ai.usage.details.reasoning_tokens": 0,
        "gen_ai.agent.name": "support",
        "operation.cost": str(given / 400_000 + taken / 100_000),
    }


def _with_block(chance: random.Random) -> dict[str, Any]:
    """Logfire carries the provider's own usage block as JSON."""
    given, taken = chance.randrange(5000), chance.randrange(800)
    block = {
        "prompt_tokens": given,
        "completion_tokens": taken,
        "total_tokens": given + taken,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }
    return official(chance) | {
        "gen_ai.usage.input_tokens": given,
        "gen_ai.usage.output_tokens": taken,
        "gen_ai.usage.raw": json.dumps(block),
    }


def _customer(chance: random.Random) -> str:
    return f"customer-{chance.randrange(200)}"


OFFICIAL: Final = Writer("OpenTelemetry", "opentelemetry.instrumentation.genai.openai", "1.3b0", official)
WRITERS: Final = (
    OFFICIAL,
    Writer("OpenLLMetry", "opentelemetry.instrumentation.openai.v1", "0.62.4", _openllmetry, "openai.chat"),
    Writer("OpenInference", "openinference.instrumentation.openai", "0.1.66", _openinference, "ChatCompletion"),
    Writer("Pydantic AI", "pydantic-ai", "2.68.0", _pydantic_ai),
    Writer("Logfire, with a usage block", "logfire.openai", "6.0.0", _with_block),
)
