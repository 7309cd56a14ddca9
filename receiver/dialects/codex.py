"""Codex: one span a model request, `handle_responses`, with the conventions' names and inclusive counts, but no model.

The model stands on the turn around the requests (`session_task.turn`), which sums them, repeats them under
`codex.turn.token_usage.*` and is an aggregate. The scope is the name of the program (`codex_cli_rs`, `codex_exec` …).
Every event of a response makes a `handle_responses`; only the last one has figures, and only that is a call. Spans that
were made from its log (`event.kind` is `response.completed`) have counts of their own names, as text; there
`tool_token_count` is the total.

Source: @openai/codex 0.169.0; codex-rs core/src/session/turn.rs, core/src/tasks/mod.rs, otel/src/events.
"""

from __future__ import annotations

from typing import Final

from receiver.dialects import conventions
from receiver.dialects.emitter import Emitter
from receiver.dialects.family import Family
from receiver.dialects.figures import read_count, read_text
from receiver.dialects.reading import Reading, SpanKind, SpanView
from receiver.dialects.usage import InputMeaning, Usage, UsageKeys, read_usage

DIALECT: Final = "codex"
_TURN: Final = "codex.turn.token_usage."
TURN_KEYS: Final = UsageKeys(
    input=(_TURN + "input_tokens",),
    output=(_TURN + "output_tokens",),
    total=(_TURN + "total_tokens",),
    cache_read=(_TURN + "cached_input_tokens",),
    cache_write=(_TURN + "cache_write_input_tokens",),
    details=(("reasoning_tokens", (_TURN + "reasoning_output_tokens",)),),
)
LOG_KEYS: Final = UsageKeys(
    input=("input_token_count",),
    output=("output_token_count",),
    total=("tool_token_count",),
    cache_read=("cached_token_count",),
    cache_write=("cache_write_token_count",),
    details=(("reasoning_tokens", ("reasoning_token_count",)),),
)
_REASONING: Final = ("codex.usage.reasoning_output_tokens",)
_MODEL: Final = ("gen_ai.response.model", "gen_ai.request.model", "model")


def read_codex(span: SpanView, emitter: Emitter) -> Reading | None:
    """Read a request or a turn; None for one of Codex's many other spans.

    Raises:
        UnreadableSpanError: a figure that is no count.
    """
    attributes = span.attributes
    usage = read_usage(attributes, conventions.USAGE_KEYS, meaning=InputMeaning.INCLUSIVE, has_output=True)
    if usage.units:
        reasoning = read_count(attributes, _REASONING)
        if reasoning is not None:
            usage.units.setdefault("reasoning_tokens", reasoning)
        return _reading(span, emitter, usage, SpanKind.CALL)
    if attributes.get("event.kind") == "response.completed":
        usage = read_usage(attributes, LOG_KEYS, meaning=InputMeaning.INCLUSIVE, has_output=True)
        return _reading(span, emitter, usage, SpanKind.CALL)
    usage = read_usage(attributes, TURN_KEYS, meaning=InputMeaning.INCLUSIVE, has_output=True)
    return _reading(span, emitter, usage, SpanKind.AGGREGATE) if usage.units else None


def _reading(span: SpanView, emitter: Emitter, usage: Usage, kind: SpanKind) -> Reading:
    attributes = span.attributes
    return Reading(
        kind,
        emitter.dialect,
        operation="chat" if kind is SpanKind.CALL else "turn",
        provider="openai" if kind is SpanKind.CALL else None,
        response_model=read_text(attributes, _MODEL),
        response_id=read_text(attributes, ("gen_ai.response.id",)),
        error_type=read_text(attributes, ("error.type",)) or ("error" if span.status_code == 2 else None),
        user_id=read_text(attributes, ("user.account_id", "user.email")),
        session_id=read_text(attributes, ("conversation.id", "thread.id")),
        usage=usage.units,
        usage_status=usage.status,
        usage_flags=usage.flags,
    )


EMITTERS: Final = (
    Emitter("codex", DIALECT, InputMeaning.INCLUSIVE, "@openai/codex 0.169.0; codex-rs core/src/session/turn.rs"),
)
FAMILY: Final = Family(
    name=DIALECT,
    title="Codex",
    emitters=EMITTERS,
    read=read_codex,
    text="""\
`handle_responses` with usage is the call; its model is not on it, so that it is listed as one of unknown model.
`session_task.turn`, which has the model, sums the requests of a turn and is an aggregate.""",
    names=TURN_KEYS,
)
