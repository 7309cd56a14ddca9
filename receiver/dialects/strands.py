"""Strands Agents: the conventions' names, old and new ones side by side, and totals over an agent's whole life.

Versions up to 1.53 write Bedrock's input as it is, without cached tokens; later ones add them. The scope has no
version, so that the span's own total decides: input, output and cached tokens make it up, or input and output alone do.
`invoke_agent` has the sums of everything that its agent object ever did, and is an aggregate like the event loop's
cycles. Its provider, `strands-agents`, is the library itself.

Source: strands-agents 1.62.0 telemetry/tracer.py, telemetry/metrics.py, models/{anthropic,bedrock}.py.
"""

from __future__ import annotations

from typing import Final

from receiver.dialects import conventions
from receiver.dialects.emitter import Emitter
from receiver.dialects.family import Family
from receiver.dialects.reading import Reading, SpanKind, SpanView
from receiver.dialects.usage import InputMeaning

DIALECT: Final = "strands"
_LIBRARY: Final = "strands-agents"
# Beginnings of model ids that only Bedrock has: regions' and vendors' names, and resource names.
_OF_BEDROCK: Final = (
    "us.", "eu.", "apac.", "ap.", "jp.", "au.", "global.", "us-gov.", "anthropic.", "amazon.", "meta.", "mistral.",
    "cohere.", "ai21.", "deepseek.", "qwen.", "openai.", "stability.", "writer.", "arn:aws",
)  # fmt: skip


def read_strands(span: SpanView, emitter: Emitter) -> Reading | None:
    """Read a span of Strands'; None for one that says nothing of models.

    Raises:
        UnreadableSpanError: a figure that is no count.
    """
    reading = conventions.read(span, emitter)
    if reading is None:
        return None
    if reading.provider == _LIBRARY:
        model = reading.request_model or ""
        reading.provider = "aws.bedrock" if model.startswith(_OF_BEDROCK) else None
        if reading.provider is None and reading.kind is SpanKind.CALL:
            reading.usage_flags += ("seller_unsaid",)
    return reading


EMITTERS: Final = (
    Emitter(
        "strands",
        DIALECT,
        InputMeaning.UNKNOWN,
        "strands-agents 1.62.0 telemetry/metrics.py adds cached tokens, 1.53 did not; the span's total tells",
    ),
)
FAMILY: Final = Family(
    name=DIALECT,
    title="Strands Agents",
    emitters=EMITTERS,
    read=read_strands,
    text="""\
`invoke_agent` (sums over the agent object's life) and `execute_event_loop_cycle` are aggregates. The provider
`strands-agents` is the library's own name: only Bedrock's model ids tell their seller.""",
)
