"""OpenAI's API: chat completions, responses and embeddings, whole and streamed.

Shapes: https://platform.openai.com/docs/api-reference (chat, chat-streaming, responses, responses-streaming,
embeddings).
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.live.provider.charges import Answer, Charge, json_events
from tests.live.scenarios import Scenario

_TEXT: Final = "The Oder."
_DONE: Final = b"data: [DONE]\n\n"
_SNAPSHOTS: Final = {
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
    "gpt-5-mini": "gpt-5-mini-2025-08-07",
}
_numbers = itertools.count(1)

# Scenario → input, cached, output, reasoning. No two scenarios cost the same, so that none passes for another.
_FIGURES: Final = {
    Scenario.PLAIN: (137, 0, 29, 0),
    Scenario.STREAM: (151, 0, 31, 0),
    Scenario.STREAM_HELPER: (153, 0, 33, 0),
    Scenario.STREAM_NO_USAGE: (163, 0, 37, 0),
    Scenario.CACHED: (2312, 1920, 41, 0),
    Scenario.TOOLS: (181, 0, 23, 0),
    Scenario.THINKING: (143, 0, 467, 384),
    Scenario.TIER: (157, 0, 43, 0),
    Scenario.RESPONSES: (2211, 1152, 53, 0),
    Scenario.RESPONSES_STREAM: (223, 0, 459, 320),
    Scenario.LOCAL: (167, 0, 47, 0),
}
_SECOND_TURN: Final = (229, 0, 19, 0)


def chat(request: Mapping[str, Any], scenario: Scenario) -> Answer:
    """Answer POST /v1/chat/completions."""
    if scenario is Scenario.ERROR:
        return _refusal()
    second_turn = any(message.get("role") == "tool" for message in request["messages"])
    streamed = bool(request.get("stream"))
    told = not streamed or bool((request.get("stream_options") or {}).get("include_usage"))
    usage = _chat_usage(_figures(scenario, second_turn=second_turn))
    envelope = {
        "id": f"chatcmpl-{_unique()}",
        "created": int(time.time()),
        "model": _snapshot(request["model"]),
        "service_tier": _tier(request),
        "system_fingerprint": "fp_5f3a1c2b7d",
    }
    charge = _charge("chat", scenario, envelope, usage, told=told)
    calls_tool = scenario is Scenario.TOOLS and not second_turn
    if streamed:
        return Answer(200, events=_chat_events(envelope, usage if told else None, calls_tool=calls_tool), charge=charge)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if calls_tool else _TEXT,
        "refusal": None,
        "annotations": [],
    }
    if calls_tool:
        message["tool_calls"] = [_tool_call(request)]
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": "tool_calls" if calls_tool else "stop",
    }
    body = {**envelope, "object": "chat.completion", "choices": [choice], "usage": usage}
    return Answer(200, body, charge=charge)


def embeddings(request: Mapping[str, Any], scenario: Scenario) -> Answer:
    """Answer POST /v1/embeddings."""
    texts = request["input"] if isinstance(request["input"], list) else [request["input"]]
    usage = {"prompt_tokens": 19 * len(texts), "total_tokens": 19 * len(texts)}
    vectors = [{"object": "embedding", "index": place, "embedding": [0.25, -0.5, 0.125]} for place in range(len(texts))]
    body = {"object": "list", "data": vectors, "model": request["model"], "usage": usage}
    return Answer(200, body, charge=Charge(scenario, "openai", "embeddings", request["model"], None, {"usage": usage}))


def responses(request: Mapping[str, Any], scenario: Scenario) -> Answer:
    """Answer POST /v1/responses."""
    if scenario is Scenario.ERROR:
        return _refusal()
    asked = request["input"] if isinstance(request["input"], list) else []
    second_turn = any(item.get("type") == "function_call_output" for item in asked)
    usage = _responses_usage(_figures(scenario, second_turn=second_turn))
    calls_tool = scenario is Scenario.TOOLS and not second_turn
    body = {
        "id": f"resp_{_unique()}{'0' * 24}",
        "object": "response",
        "created_at": int(time.time()),
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": request.get("instructions"),
        "metadata": {},
        "model": _snapshot(request["model"]),
        "output": [_function_call(request) if calls_tool else _output_message()],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": _tier(request),
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": request.get("tools") or [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage,
        "user": None,
    }
    charge = _charge("responses", scenario, body, usage, told=True)
    if not request.get("stream"):
        return Answer(200, body, charge=charge)
    return Answer(200, events=tuple(json_events(_response_events(body), named=True)), charge=charge)


def _refusal() -> Answer:
    error = {"message": "Rate limit reached.", "type": "requests", "param": None, "code": "rate_limit_exceeded"}
    return Answer(429, {"error": error})


def _figures(scenario: Scenario, *, second_turn: bool) -> tuple[int, int, int, int]:
    return _SECOND_TURN if second_turn else _FIGURES[scenario]


def _charge(
    flavor: str, scenario: Scenario, envelope: Mapping[str, Any], usage: Mapping[str, Any], *, told: bool
) -> Charge:
    return Charge(
        scenario, "openai", flavor, envelope["model"], envelope["id"], {"usage": usage}, envelope["service_tier"], told
    )


def _chat_usage(figures: tuple[int, int, int, int]) -> dict[str, Any]:
    given, cached, taken, reasoning = figures
    return {
        "prompt_tokens": given,
        "completion_tokens": taken,
        "total_tokens": given + taken,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _responses_usage(figures: tuple[int, int, int, int]) -> dict[str, Any]:
    given, cached, taken, reasoning = figures
    return {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": cached},
        "output_tokens": taken,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": given + taken,
    }


def _chat_events(
    envelope: Mapping[str, Any], usage: Mapping[str, Any] | None, *, calls_tool: bool
) -> tuple[bytes, ...]:
    head = {**envelope, "object": "chat.completion.chunk"}
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "", "refusal": None}]
    if calls_tool:
        deltas.append({"tool_calls": [{"index": 0, **_tool_call({})}]})
    else:
        deltas += [{"content": "The "}, {"content": "Oder."}]
    chunks = [{**head, "choices": [_choice(delta, None)]} for delta in deltas]
    chunks.append({**head, "choices": [_choice({}, "tool_calls" if calls_tool else "stop")]})
    if usage is not None:
        # Asked for, the usage comes alone in a chunk at the end, and is null in those before it.
        chunks = [{**chunk, "usage": None} for chunk in chunks]
        chunks.append({**head, "choices": [], "usage": usage})
    return (*json_events(chunks, named=False), _DONE)


def _choice(delta: Mapping[str, Any], finish_reason: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}


def _response_events(body: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    begun = {**body, "status": "in_progress", "output": [], "usage": None}
    (item,) = body["output"]
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "status": "in_progress"}},
    ]
    if item["type"] == "message":
        place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
        empty = {"type": "output_text", "text": "", "annotations": []}
        events += [
            {"type": "response.content_part.added", **place, "part": empty},
            {"type": "response.output_text.delta", **place, "delta": _TEXT, "logprobs": []},
            {"type": "response.output_text.done", **place, "text": _TEXT, "logprobs": []},
            {"type": "response.content_part.done", **place, "part": item["content"][0]},
        ]
    events += [
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": body},
    ]
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def _output_message() -> dict[str, Any]:
    text = {"type": "output_text", "text": _TEXT, "annotations": [], "logprobs": []}
    return {"type": "message", "id": f"msg_{_unique()}", "status": "completed", "role": "assistant", "content": [text]}


def _function_call(request: Mapping[str, Any]) -> dict[str, Any]:
    names = [tool["name"] for tool in request.get("tools") or [] if "name" in tool]
    return {
        "type": "function_call",
        "id": f"fc_{_unique()}",
        "call_id": f"call_{_unique()}",
        "name": names[0] if names else "length_km",
        "arguments": '{"river": "Oder"}',
        "status": "completed",
    }


def _tool_call(request: Mapping[str, Any]) -> dict[str, Any]:
    names = [tool["function"]["name"] for tool in request.get("tools") or []]
    function = {"name": names[0] if names else "length_km", "arguments": '{"river": "Oder"}'}
    return {"id": f"call_{_unique()}", "type": "function", "function": function}


def _snapshot(model: str) -> str:
    return _SNAPSHOTS.get(model, model)


def _tier(request: Mapping[str, Any]) -> str:
    asked = request.get("service_tier") or "auto"
    return "default" if asked == "auto" else asked


def _unique() -> str:
    return f"{time.time_ns():x}{next(_numbers):08x}"
