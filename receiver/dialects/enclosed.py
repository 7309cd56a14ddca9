"""Enclosed usage: attributes that hold what was said beside what was used, cut down to what was used.

Some emitters carry the provider's whole answer, or an output, in one JSON text, with its usage block in it. The block
is worth keeping and the rest must not be: `usage_within` returns a JSON text of the figures alone, and nothing of a
text that it cannot read. It keeps numbers and short words (`TEXT`, `priority`), at places that are named here.

    gcp.vertex.agent.llm_response   Google ADK: the model's answer
    gen_ai.completion               LangSmith: a run's output
    ai.response.providerMetadata    Vercel AI SDK: what each provider's adapter adds
    response_data                   Logfire: the answer, before there was `gen_ai.usage.raw`

Idempotent: what is cut down already stays as it is. Pure. Must not: read an attribute that is not listed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

# Longer answers are rare, and reading one takes a millisecond or more.
ENCLOSING_BYTES_MAX: Final = 1 << 20
# A modality, a tier, the name of a model: nothing that anybody said.
_WORD_CHARS_MAX: Final = 64
_FIGURES_DEEP_MAX: Final = 4
_FIGURES_WIDE_MAX: Final = 64


class _Answer(msgspec.Struct, omit_defaults=True):
    """Google ADK's `LlmResponse`."""

    usage_metadata: Any = None
    model_version: Any = None


class _ResponseMetadata(msgspec.Struct):
    """What LangChain passes on of the provider's answer; its usage block has one of two names."""

    id: Any = None
    model_name: Any = None
    service_tier: Any = None
    usage: Any = None
    token_usage: Any = None


class _Message(msgspec.Struct):
    """LangChain's message, plain or serialised."""

    usage_metadata: Any = None
    response_metadata: _ResponseMetadata | None = None
    kwargs: _Message | None = None


class _Generation(msgspec.Struct):
    message: _Message | None = None


class _Response(msgspec.Struct):
    usage: Any = None


_answer: Final = msgspec.json.Decoder(_Answer)
_response: Final = msgspec.json.Decoder(_Response)
_parts: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_message: Final = msgspec.json.Decoder(_Message)
_flat: Final = msgspec.json.Decoder(list[_Generation])
_nested: Final = msgspec.json.Decoder(list[list[_Generation]])
# Names of a whole usage block: words in its place are none.
_BLOCKS: Final = frozenset({"usage", "usageMetadata", "usage_metadata"})
# What Vercel's adapters say of usage and price.
_OF_PROVIDER: Final = (
    "usage", "usageMetadata", "cacheCreationInputTokens", "cacheReadInputTokens", "serviceTier", "cost",
)  # fmt: skip


def usage_within(key: str, text: bytes) -> bytes | None:
    """Return the figures that an enclosing attribute's JSON holds, as JSON; None when it holds none."""
    if len(text) > ENCLOSING_BYTES_MAX:
        return None
    try:
        found = ENCLOSING[key](text)
    except (msgspec.MsgspecError, RecursionError):
        return None
    return msgspec.json.encode(found) if found else None


def _of_answer(text: bytes) -> dict[str, Any]:
    answer = _answer.decode(text)
    return _kept({"usage_metadata": answer.usage_metadata, "model_version": answer.model_version})


def _of_response(text: bytes) -> dict[str, Any]:
    return _kept({"usage": _response.decode(text).usage})


def _of_run(text: bytes) -> dict[str, Any]:
    parts = _parts.decode(text)
    if b'"usage_metadata"' not in text:
        return {}
    for message in _messages(parts, text):
        inner = message.kwargs or message
        if isinstance(inner.usage_metadata, dict):
            said = inner.response_metadata or _ResponseMetadata()
            return _kept(
                {
                    "usage_metadata": inner.usage_metadata,
                    "usage": said.usage or said.token_usage or _part(parts, "usage"),
                    "response_id": said.id or _part(parts, "response_id"),
                    "model_name": said.model_name or _part(parts, "model_name"),
                    "service_tier": said.service_tier or _part(parts, "service_tier"),
                }
            )
    return {}


def _messages(parts: Mapping[str, msgspec.Raw], text: bytes) -> list[_Message]:
    """Return the messages of a run's output, in the order in which the emitter itself looks for their usage."""
    messages = [_message.decode(text)]
    for key, part in parts.items():
        raw = bytes(part)
        if b'"usage_metadata"' not in raw:
            continue
        try:
            if raw[:1] == b"{":
                messages.append(_message.decode(raw))
            elif key == "generations":
                messages.extend(one.message for one in _generations(raw) if one.message is not None)
        except msgspec.MsgspecError:
            continue
    return messages


def _generations(raw: bytes) -> list[_Generation]:
    try:
        return [one for prompt in _nested.decode(raw) for one in prompt]
    except msgspec.MsgspecError:
        return _flat.decode(raw)


def _part(parts: Mapping[str, msgspec.Raw], key: str) -> object:
    return msgspec.json.decode(parts[key]) if key in parts else None


def _of_metadata(text: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for provider, raw in _parts.decode(text).items():
        if bytes(raw)[:1] != b"{":
            continue
        said = _parts.decode(raw)
        kept = _kept({name: msgspec.json.decode(said[name]) for name in _OF_PROVIDER if name in said})
        if kept and len(provider) <= _WORD_CHARS_MAX:
            found[provider] = kept
    return found


def _kept(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures and short words of a mapping, and of what is in it."""
    kept = {
        name: _figures(value, _FIGURES_DEEP_MAX)
        for name, value in said.items()
        if name not in _BLOCKS or isinstance(value, dict)
    }
    return {name: value for name, value in kept.items() if value is not None}


def _figures(value: Any, deep: int) -> Any:
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value if len(value) <= _WORD_CHARS_MAX else None
    if not deep or not isinstance(value, dict | list) or len(value) > _FIGURES_WIDE_MAX:
        return None
    if isinstance(value, list):
        return [kept for one in value if (kept := _figures(one, deep - 1)) is not None]
    inner = {name: _figures(one, deep - 1) for name, one in value.items() if len(name) <= _WORD_CHARS_MAX}
    return {name: kept for name, kept in inner.items() if kept is not None}


ENCLOSING: Final[Mapping[str, Callable[[bytes], dict[str, Any]]]] = {
    "gcp.vertex.agent.llm_response": _of_answer,
    "gen_ai.completion": _of_run,
    "ai.response.providerMetadata": _of_metadata,
    "response_data": _of_response,
}
