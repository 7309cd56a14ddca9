"""Anthropic's API: messages, whole and streamed.

Shapes: https://docs.claude.com/en/api/messages and https://docs.claude.com/en/docs/build-with-claude/streaming. In a
stream the usage comes twice: as known at the start, and, cumulative, at the end.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.live.provider.charges import Answer, Charge, json_events
from tests.live.scenarios import Scenario

_SNAPSHOTS: Final = {"claude-sonnet-4-5": "claude-sonnet-4-5-20250929"}
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class _Figures:
    given: int
    taken: int
    read: int = 0
    written_5m: int = 0
    written_1h: int = 0
    searches: int = 0


_FIGURES: Final = {
    Scenario.PLAIN: _Figures(137, 29),
    Scenario.STREAM: _Figures(151, 31),
    Scenario.STREAM_HELPER: _Figures(153, 33),
    Scenario.CACHED: _Figures(17, 41, read=2100, written_5m=1200),
    Scenario.CACHED_1H: _Figures(23, 39, read=1900, written_1h=1500),
    Scenario.TOOLS: _Figures(181, 23),
    Scenario.THINKING: _Figures(143, 467),
    Scenario.SEARCH: _Figures(8123, 97, searches=2),
    Scenario.LOCAL: _Figures(167, 47),
}
_SECOND_TURN: Final = _Figures(229, 19)


def messages(request: Mapping[str, Any], scenario: Scenario) -> Answer:
    """Answer POST /v1/messages."""
    if scenario is Scenario.ERROR:
        error = {"type": "rate_limit_error", "message": "This request would exceed your rate limit."}
        return Answer(429, {"type": "error", "error": error, "request_id": f"req_{_unique()}"})
    second_turn = _has_tool_result(request["messages"])
    figures = _SECOND_TURN if second_turn else _FIGURES[scenario]
    calls_tool = scenario is Scenario.TOOLS and not second_turn
    usage = _usage(figures)
    body = {
        "id": f"msg_01{_unique()}",
        "type": "message",
        "role": "assistant",
        "model": _SNAPSHOTS.get(request["model"], request["model"]),
        "content": _content(scenario, request, calls_tool=calls_tool),
        "stop_reason": "tool_use" if calls_tool else "end_turn",
        "stop_sequence": None,
        "usage": usage,
    }
    charge = Charge(scenario, "anthropic", "default", body["model"], body["id"], {"usage": usage})
    if not request.get("stream"):
        return Answer(200, body, charge=charge)
    return Answer(200, events=tuple(json_events(_events(body, figures), named=True)), charge=charge)


def _has_tool_result(asked: Sequence[Mapping[str, Any]]) -> bool:
    parts = [part for message in asked if isinstance(message["content"], list) for part in message["content"]]
    return any(part.get("type") == "tool_result" for part in parts)


def _usage(figures: _Figures) -> dict[str, Any]:
    return {
        "input_tokens": figures.given,
        "cache_creation_input_tokens": figures.written_5m + figures.written_1h,
        "cache_read_input_tokens": figures.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": figures.written_5m,
            "ephemeral_1h_input_tokens": figures.written_1h,
        },
        "output_tokens": figures.taken,
        "server_tool_use": {"web_search_requests": figures.searches} if figures.searches else None,
        "service_tier": "standard",
    }


def _content(scenario: Scenario, request: Mapping[str, Any], *, calls_tool: bool) -> list[dict[str, Any]]:
    if calls_tool:
        names = [tool["name"] for tool in request.get("tools") or []]
        name = names[0] if names else "length_km"
        return [{"type": "tool_use", "id": f"toolu_01{_unique()}", "name": name, "input": {"river": "Oder"}}]
    text = {"type": "text", "text": "The Oder."}
    if scenario is Scenario.THINKING:
        return [{"type": "thinking", "thinking": "A river, in short.", "signature": "c2lnbmF0dXJl"}, text]
    if scenario is Scenario.SEARCH:
        return [*itertools.chain.from_iterable(_search(query) for query in ("rivers", "rivers of Europe")), text]
    return [text]


def _search(query: str) -> tuple[dict[str, Any], dict[str, Any]]:
    use = {"type": "server_tool_use", "id": f"srvtoolu_01{_unique()}", "name": "web_search", "input": {"query": query}}
    found = {
        "type": "web_search_result",
        "url": "https://example.org/rivers",
        "title": "Rivers",
        "encrypted_content": "ZXhhbXBsZQ==",
        "page_age": None,
    }
    return use, {"type": "web_search_tool_result", "tool_use_id": use["id"], "content": [found]}


def _events(body: Mapping[str, Any], figures: _Figures) -> list[dict[str, Any]]:
    # Before the search nothing of what it will find is in the input; the end says the whole.
    at_start = {**body["usage"], "output_tokens": 3, "server_tool_use": None}
    if figures.searches:
        at_start["input_tokens"] = 211
    start = {**body, "content": [], "stop_reason": None, "usage": at_start}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for index, block in enumerate(body["content"]):
        empty, deltas = _pieces(block)
        events.append({"type": "content_block_start", "index": index, "content_block": empty})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    at_end = {key: value for key, value in body["usage"].items() if key not in {"cache_creation", "service_tier"}}
    ending = {"stop_reason": body["stop_reason"], "stop_sequence": None}
    return [*events, {"type": "message_delta", "delta": ending, "usage": at_end}, {"type": "message_stop"}]


def _pieces(block: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a content block as it begins, and what is added to it."""
    match block["type"]:
        case "text":
            return {**block, "text": ""}, [{"type": "text_delta", "text": block["text"]}]
        case "thinking":
            return {**block, "thinking": "", "signature": ""}, [
                {"type": "thinking_delta", "thinking": block["thinking"]},
                {"type": "signature_delta", "signature": block["signature"]},
            ]
        case "tool_use":
            return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": '{"river": "Oder"}'}]
        case "server_tool_use":
            return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": '{"query": "rivers"}'}]
        case _:
            return dict(block), []


def _unique() -> str:
    return f"{time.time_ns():x}{next(_numbers):08x}"
