"""Google's Agent Development Kit: `call_llm`, and in newer versions `generate_content` within it.

Counts are inclusive: the prompt with the results of server tools, candidates with thoughts. `call_llm` has no
operation; it carries the model's answer in `gcp.vertex.agent.llm_response`, of which the receiver keeps the usage
alone, and which wins. Its provider, `gcp.vertex.agent`, is the kit itself: who sold the call shows by its model, if at
all. Both spans of one call have the same figures and are counted once.

Source: google-adk 2.13.0 telemetry/tracing.py, telemetry/_token_usage.py.
"""

from __future__ import annotations

from typing import Final

from receiver.dialects import conventions
from receiver.dialects.carried import mapping_of, word_of
from receiver.dialects.emitter import Emitter
from receiver.dialects.family import Family
from receiver.dialects.figures import read_text
from receiver.dialects.quirks import name_aggregate, name_call
from receiver.dialects.reading import Reading, SpanKind, SpanView
from receiver.dialects.sellers import seller
from receiver.dialects.side_channels import take_block
from receiver.dialects.usage import InputMeaning
from receiver.dialects.usage_block import read_block

DIALECT: Final = "google_adk"
RESPONSE: Final = "gcp.vertex.agent.llm_response"
_KIT: Final = "gcp.vertex.agent"
_CALL: Final = "call_llm"


def read_google_adk(span: SpanView, emitter: Emitter) -> Reading | None:
    """Read a span of the kit's; None for one that says nothing of models.

    Raises:
        UnreadableSpanError: a figure that is no count.
    """
    attributes = span.attributes
    reading = conventions.read(span, emitter)
    if reading is None:
        return None
    if "operation_inferred" in reading.usage_flags:
        if span.name == _CALL:
            name_call(reading, "generate_content")
        else:
            name_aggregate(reading, span.name)
    reading.session_id = reading.session_id or read_text(attributes, ("gcp.vertex.agent.session_id",))
    if reading.provider == _KIT:
        reading.provider = _seller(reading.request_model)
    if reading.kind is SpanKind.CALL:
        _take_response(span, reading)
    return reading


def _seller(model: str | None) -> str | None:
    """Return who sells the model: LiteLLM's prefix says so; Gemini is Google's, by either door."""
    if model is None:
        return None
    name, separator, _ = model.partition("/")
    if separator and name not in {"models", "projects", "publishers"}:
        return seller(name, {})
    if model.startswith("projects/"):
        return "gcp.vertex_ai"
    return "gcp.gemini" if "gemini" in model else None


def _take_response(span: SpanView, reading: Reading) -> None:
    answered = mapping_of(span.attributes.get(RESPONSE))
    if not answered:
        return
    reading.response_model = reading.response_model or word_of(answered.get("model_version"))
    block = read_block(answered.get("usage_metadata"))
    if block is not None and block.units:
        take_block(reading, block, RESPONSE)


EMITTERS: Final = (
    Emitter(
        _KIT,
        DIALECT,
        InputMeaning.INCLUSIVE,
        "google-adk 2.13.0 telemetry/_token_usage.py: prompt and tool results, candidates and thoughts",
    ),
)
FAMILY: Final = Family(
    name=DIALECT,
    title="Google ADK",
    emitters=EMITTERS,
    read=read_google_adk,
    keys=("gcp.vertex.agent.event_id",),
    otherwise=EMITTERS[0],
    text=f"""\
The usage within `{RESPONSE}` wins; nothing else of it is kept. `call_llm` and `generate_content` of
one call are counted once. The provider `{_KIT}` is the kit's own name: the seller is worked out from the model.""",
)
