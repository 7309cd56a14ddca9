"""Money really charged: calls of which the seller said what it took, beside what the ledger makes of them.

OpenRouter's answers have the charge in `usage.cost`. The facts of such answers that their recorders published (model,
counts, time, charge) are the table below; the spans are what OpenTelemetry's own instrumentation of the OpenAI SDK
writes of them, which has everything but the charge. A price list is no bill: routes, searches and price changes make
differences, and they are shown.

Must not: decide whether a call is right; that is its price by the list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, NamedTuple

from tests.accuracy.replay import Replayed
from tests.corpus.recorded import CorpusSpan, Recording, Truth

NAME: Final = "openrouter-charged"
_NEAR: Final = Decimal("0.01")


class Answer(NamedTuple):
    """What an answer said: requested model, answering model, when, counts, and the charge in USD."""

    requested: str
    model: str
    day: str
    prompt: int
    cached: int
    completion: int
    reasoning: int
    searches: int
    charge: str


ANSWERS: Final = (
    Answer("openai/gpt-5-mini", "openai/gpt-5-mini", "2026-02-02", 17, 0, 1763, 832, 0, "0.00353025"),
    Answer("x-ai/grok-4", "x-ai/grok-4", "2026-02-02", 687, 679, 192, 121, 0, "0.00341325"),
    Answer("moonshotai/kimi-k2.5", "moonshotai/kimi-k2.5", "2026-01-27", 20, 0, 48, 42, 0, "0.000156"),
    Answer("qwen/qwen3-235b-a22b", "qwen/qwen3-235b-a22b", "2026-01-27", 22, 3, 275, 274, 0, "0.00024651"),
    Answer("anthropic/claude-sonnet-4.6", "anthropic/claude-4.6-sonnet-20260217", "2026-03-08",
           566, 0, 27, 0, 0, "0.002103"),
    Answer("anthropic/claude-sonnet-4.6", "anthropic/claude-4.6-sonnet-20260217", "2026-04-25",
           716, 0, 29, 0, 0, "0.002583"),
    Answer("anthropic/claude-sonnet-4.5", "anthropic/claude-4.5-sonnet-20250929", "2026-05-23",
           14, 0, 4, 0, 0, "0.000102"),
    Answer("z-ai/glm-4.6", "z-ai/glm-4.6", "2026-05-13", 16, 0, 2, 0, 0, "0.00001004"),
    Answer("openai/gpt-4.1-mini", "openai/gpt-4.1-mini", "2026-08-11", 8174, 0, 30, 0, 1, "0.0133176"),
    Answer("openai/gpt-4o-mini-search-preview", "openai/gpt-4o-mini-search-preview", "2026-03-24",
           6883, 0, 230, 0, 1, "0.02867045"),
    Answer("qwen/qwen3-coder-30b-a3b-instruct", "qwen/qwen3-coder-30b-a3b-instruct", "2026-04-05",
           4088, 0, 1851, 0, 0, "0.00078593"),
    Answer("meta-llama/llama-3-8b-instruct", "meta-llama/llama-3-8b-instruct", "2026-03-18",
           2375, 0, 601, 0, 0, "0.00009529"),
    Answer("tngtech/deepseek-r1t2-chimera", "tngtech/deepseek-r1t2-chimera", "2026-04-11",
           664, 0, 890, 420, 0, "0.0011782"),
    Answer("amazon/nova-micro-v1", "amazon/nova-micro-v1", "2026-03-27", 774, 0, 397, 0, 0, "0.00008267"),
    Answer("amazon/nova-micro-v1", "amazon/nova-micro-v1", "2026-04-15", 2340, 0, 202, 0, 0, "0.00011018"),
    Answer("tencent/hunyuan-a13b-instruct", "tencent/hunyuan-a13b-instruct", "2026-02-20",
           12071, 0, 1336, 0, 0, "0.00245146"),
    Answer("deepseek/deepseek-v3.1-terminus", "deepseek/deepseek-v3.1-terminus", "2026-03-31",
           10427, 0, 264, 0, 0, "0.0033789"),
    Answer("mistralai/mistral-saba", "mistralai/mistral-saba", "2026-03-10", 1906, 0, 229, 0, 0, "0.0005186"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Charge:
    """One call: what was charged, and what the ledger says it cost."""

    answer: Answer
    cost: Decimal | None

    @property
    def charged(self) -> Decimal:
        """What the seller took, in USD."""
        return Decimal(self.answer.charge)

    @property
    def is_near(self) -> bool:
        """Whether the ledger's cost is within 1 % of the charge."""
        return self.cost is not None and abs(self.cost - self.charged) <= _NEAR * self.charged


def recordings() -> tuple[Recording, ...]:
    """Return the answers as recordings, each at its own time."""
    return tuple(_recording(number, answer) for number, answer in enumerate(ANSWERS))


def charges(replayed: Replayed) -> tuple[Charge, ...]:
    """Put charge and ledger side by side."""
    costs = {row.trace: row.cost for row in replayed.rows}
    return tuple(Charge(answer, costs[number + 1]) for number, answer in enumerate(ANSWERS))


def summary(compared: Sequence[Charge]) -> str:
    """Return the share of calls within 1 % of their charge, and the others one by one, as Markdown."""
    near = sum(one.is_near for one in compared)
    share = 100 * near // len(compared)
    return "\n".join(
        [
            f"OpenRouter said of {len(compared)} calls what it took; {near} ({share} %) are within 1 % of that.\n",
            "| model | day | charged, USD | ours | |",
            "| --- | --- | ---: | ---: | --- |",
            *(_line(one) for one in compared if not one.is_near),
        ]
    )


def _line(one: Charge) -> str:
    found = "not known" if one.cost is None else f"{one.cost.normalize():f}"
    searches = "with a web search" if one.answer.searches else ""
    return f"| {one.answer.model} | {one.answer.day} | {one.charged:f} | {found} | {searches} |"


def _recording(number: int, answer: Answer) -> Recording:
    usage = {
        "prompt_tokens": answer.prompt,
        "completion_tokens": answer.completion,
        "total_tokens": answer.prompt + answer.completion,
        "prompt_tokens_details": {"cached_tokens": answer.cached},
        "completion_tokens_details": {"reasoning_tokens": answer.reasoning},
    }
    truth = Truth(
        model=answer.model,
        response_id=None,
        usage=usage,
        address="https://openrouter.ai",
        invoked_model=None,
        tier=None,
        streamed=False,
    )
    span = CorpusSpan(
        name=f"chat {answer.requested}",
        kind="CLIENT",
        status="UNSET",
        parent=None,
        scope="opentelemetry.instrumentation.genai.openai",
        scope_version="1.3b0",
        attributes=_attributes(answer),
        removed=(),
    )
    at = datetime.fromisoformat(answer.day).replace(hour=12, tzinfo=UTC)
    return Recording(number=number, spans=(span,), truths=(truth,), at=at)


def _attributes(answer: Answer) -> dict[str, str | int]:
    """Return what the instrumentation writes: details only where they are not 0."""
    details = {
        "gen_ai.usage.cache_read.input_tokens": answer.cached,
        "gen_ai.usage.reasoning.output_tokens": answer.reasoning,
    }
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": answer.requested,
        "gen_ai.response.model": answer.model,
        "server.address": "openrouter.ai",
        "gen_ai.usage.input_tokens": answer.prompt,
        "gen_ai.usage.output_tokens": answer.completion,
        **{key: count for key, count in details.items() if count},
    }
