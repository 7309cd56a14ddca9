"""Gemini's API: generateContent, whole and streamed, and embeddings.

Shapes: https://ai.google.dev/api/generate-content and https://ai.google.dev/api/embeddings. Thinking is counted beside
the candidates, results of Google's own tools beside the prompt. A stream says the usage so far in every part.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.live.provider.charges import Answer, Charge, json_events
from tests.live.scenarios import Scenario

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class _Figures:
    prompt: int
    candidates: int
    cached: int = 0
    thoughts: int = 0
    tool_use: int = 0


_FIGURES: Final = {
    Scenario.PLAIN: _Figures(137, 29),
    Scenario.STREAM: _Figures(151, 31),
    Scenario.CACHED: _Figures(2312, 41, cached=1920),
    Scenario.TOOLS: _Figures(181, 23),
    Scenario.THINKING: _Figures(143, 83, thoughts=384),
    Scenario.SEARCH: _Figures(173, 61, tool_use=941),
    Scenario.LOCAL: _Figures(167, 47),
}
_SECOND_TURN: Final = _Figures(229, 19)


def generate(request: Mapping[str, Any], scenario: Scenario, *, model: str, streamed: bool) -> Answer:
    """Answer POST /v1beta/models/{model}:generateContent, or :streamGenerateContent."""
    if scenario is Scenario.ERROR:
        error = {"code": 429, "message": "Resource has been exhausted.", "status": "RESOURCE_EXHAUSTED"}
        return Answer(429, {"error": error})
    parts = [part for content in request["contents"] for part in content["parts"]]
    second_turn = any("functionResponse" in part for part in parts)
    figures = _SECOND_TURN if second_turn else _FIGURES[scenario]
    calls_tool = scenario is Scenario.TOOLS and not second_turn
    usage = _usage(figures)
    envelope = {"modelVersion": model, "responseId": f"{_unique()}"}
    charge = Charge(scenario, "google", "default", model, envelope["responseId"], {"usageMetadata": usage})
    if calls_tool:
        texts: list[dict[str, Any]] = [{"functionCall": {"name": _tool_name(request), "args": {"river": "Oder"}}}]
    else:
        texts = [{"text": "The "}, {"text": "Oder."}]
    if not streamed:
        body = {"candidates": [_candidate(texts, "STOP")], "usageMetadata": usage, **envelope}
        return Answer(200, body, charge=charge)
    so_far = _usage(_Figures(figures.prompt, 2, cached=figures.cached))
    begin = [{"candidates": [_candidate([text], None)], "usageMetadata": so_far, **envelope} for text in texts[:-1]]
    end = {"candidates": [_candidate(texts[-1:], "STOP")], "usageMetadata": usage, **envelope}
    return Answer(200, events=tuple(json_events([*begin, end], named=False)), charge=charge)


def embed(request: Mapping[str, Any], scenario: Scenario, *, model: str) -> Answer:
    """Answer POST /v1beta/models/{model}:batchEmbedContents: no usage is said, and tokens are charged."""
    vectors = [{"values": [0.25, -0.5, 0.125]} for _ in request["requests"]]
    usage = {"promptTokenCount": 19 * len(vectors), "totalTokenCount": 19 * len(vectors)}
    charge = Charge(scenario, "google", "default", model, None, {"usageMetadata": usage}, told=False)
    return Answer(200, {"embeddings": vectors}, charge=charge)


def _usage(figures: _Figures) -> dict[str, Any]:
    total = figures.prompt + figures.candidates + figures.thoughts + figures.tool_use
    usage: dict[str, Any] = {
        "promptTokenCount": figures.prompt,
        "candidatesTokenCount": figures.candidates,
        "totalTokenCount": total,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": figures.prompt}],
    }
    # What there is none of is left out.
    optional = {
        "cachedContentTokenCount": figures.cached,
        "thoughtsTokenCount": figures.thoughts,
        "toolUsePromptTokenCount": figures.tool_use,
    }
    return usage | {name: count for name, count in optional.items() if count}


def _candidate(parts: list[dict[str, Any]], finish_reason: str | None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    return candidate | ({"finishReason": finish_reason} if finish_reason else {})


def _tool_name(request: Mapping[str, Any]) -> str:
    declared = [one["name"] for tool in request.get("tools") or [] for one in tool.get("functionDeclarations") or []]
    return declared[0] if declared else "length_km"


def _unique() -> str:
    return f"{time.time_ns():x}{next(_numbers):08x}"
