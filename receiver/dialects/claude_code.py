"""Claude Code: spans `claude_code.llm_request`, with bare names, and in newer versions the conventions' beside them.

The bare names are Anthropic's figures: input without cached tokens, which are added. The conventions' are inclusive and
are preferred. The response id is the id of the request. Neither the seller (Anthropic, Bedrock, Vertex) nor the plan
is on a span: model ids of Bedrock's and Vertex's own are recognised.

Source: @anthropic-ai/claude-code 2.1.331.
"""

from __future__ import annotations

from typing import Final

from receiver.dialects import conventions
from receiver.dialects.emitter import Emitter
from receiver.dialects.family import Family
from receiver.dialects.figures import read_text
from receiver.dialects.reading import Reading, SpanKind, SpanView
from receiver.dialects.usage import InputMeaning, UsageKeys, read_usage

DIALECT: Final = "claude_code"
CALL: Final = "claude_code.llm_request"
BARE_KEYS: Final = UsageKeys(
    input=("input_tokens",),
    output=("output_tokens",),
    total=(),
    cache_read=("cache_read_tokens",),
    cache_write=("cache_creation_tokens",),
    details=(),
)


def read_claude_code(span: SpanView, emitter: Emitter) -> Reading | None:
    """Read a model request, or a turn or tool around it.

    Raises:
        UnreadableSpanError: a figure that is no count.
    """
    attributes = span.attributes
    if not span.name.startswith("claude_code."):
        return conventions.read(span, emitter)
    is_call = span.name == CALL
    usage = read_usage(attributes, conventions.USAGE_KEYS, meaning=InputMeaning.INCLUSIVE, has_output=True)
    if not usage.units:
        usage = read_usage(attributes, BARE_KEYS, meaning=InputMeaning.EXCLUSIVE, has_output=True)
    model = read_text(attributes, ("gen_ai.request.model", "model"))
    answered = read_text(attributes, ("gen_ai.response.model",))
    failed = span.status_code == 2 or str(attributes.get("success")).lower() == "false"
    reading = Reading(
        SpanKind.CALL if is_call else SpanKind.AGGREGATE,
        DIALECT,
        operation="chat" if is_call else span.name.removeprefix("claude_code."),
        provider=_seller(answered or model) if is_call else None,
        request_model=model,
        response_model=answered,
        response_id=read_text(attributes, ("gen_ai.response.id", "request_id")),
        error_type=read_text(attributes, ("error.type", "error_class")) or ("error" if failed else None),
        agent_name=read_text(attributes, ("agent_id",)),
        user_id=read_text(attributes, ("user.id", "user.account_uuid")),
        session_id=read_text(attributes, ("session.id",)),
        usage=usage.units,
        usage_status=usage.status,
        usage_flags=usage.flags,
    )
    speed = read_text(attributes, ("speed",))
    if speed is not None and speed not in {"normal", "standard"}:
        reading.usage_flags += (f"speed:{speed[:32]}",)
    return reading


def _seller(model: str | None) -> str | None:
    if model is None or (model.startswith("claude") and "@" not in model):
        return "anthropic"
    if "@" in model:
        return "gcp.vertex_ai"
    return "aws.bedrock" if "anthropic." in model else "anthropic"


EMITTERS: Final = (
    Emitter(
        "com.anthropic.claude_code",
        DIALECT,
        InputMeaning.INCLUSIVE,
        "@anthropic-ai/claude-code 2.1.331: bare names without cached tokens, the conventions' with them",
    ),
)
FAMILY: Final = Family(
    name=DIALECT,
    title="Claude Code",
    emitters=EMITTERS,
    read=read_claude_code,
    text=f"""\
`{CALL}` is the call; interactions and tools are aggregates. Bare names (`input_tokens` …) leave cached tokens
out, which are added. For how long a cache write is kept, and whether a subscription pays, is not said.""",
    names=BARE_KEYS,
)
