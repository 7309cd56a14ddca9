"""Langfuse's SDKs: `langfuse.observation.type` says what a span is, `langfuse.observation.usage_details` what it used.

The details are JSON: the provider's own usage block, or Langfuse's buckets, which do not overlap: `input` is what no
other `input_…` bucket holds. Which of the two it is shows by their names; where a total stands beside buckets, the sum
shows whether they overlap after all.

Source: langfuse 5.0.4 _client/attributes.py, openai.py, langchain/CallbackHandler.py; @langfuse/tracing 5.11.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from receiver.dialects.carried import mapping_of
from receiver.dialects.emitter import Emitter
from receiver.dialects.family import Family
from receiver.dialects.figures import parse_count, read_text
from receiver.dialects.reading import Reading, SpanKind, SpanView
from receiver.dialects.sellers import seller
from receiver.dialects.side_channels import claim_cost, prefer_block, take_block
from receiver.dialects.usage import InputMeaning
from receiver.dialects.usage_block import Block

DIALECT: Final = "langfuse"
TYPE_KEY: Final = "langfuse.observation.type"
_USAGE: Final = "langfuse.observation.usage_details"
_COST: Final = "langfuse.observation.cost_details"
# Type → operation of the calls; every other type is an aggregate.
CALLS: Final = {"generation": "chat", "embedding": "embeddings"}
# Buckets within input and within output → unit; None for those that are no unit of their own.
INPUT_BUCKETS: Final[Mapping[str, str | None]] = {
    "input": None,
    "input_cached_tokens": "cache_read_tokens",
    "input_cache_read": "cache_read_tokens",
    "input_cache_read_input_tokens": "cache_read_tokens",
    "cache_read_input_tokens": "cache_read_tokens",
    "input_cache_creation": "cache_write_tokens",
    "input_cache_write_tokens": "cache_write_tokens",
    "input_cache_creation_input_tokens": "cache_write_tokens",
    "cache_creation_input_tokens": "cache_write_tokens",
    "input_ephemeral_5m_input_tokens": "cache_write_5m_tokens",
    "input_ephemeral_1h_input_tokens": "cache_write_1h_tokens",
    "input_audio": "input_audio_tokens",
    "input_audio_tokens": "input_audio_tokens",
    "input_image_tokens": "input_image_tokens",
    "input_text_tokens": None,
}
OUTPUT_BUCKETS: Final[Mapping[str, str | None]] = {
    "output": None,
    "output_reasoning": "reasoning_tokens",
    "output_reasoning_tokens": "reasoning_tokens",
    "output_audio": "output_audio_tokens",
    "output_audio_tokens": "output_audio_tokens",
    "output_accepted_prediction_tokens": None,
    "output_rejected_prediction_tokens": None,
    "output_text_tokens": None,
}


def read_langfuse(span: SpanView, _: Emitter) -> Reading | None:
    """Read an observation; None for a span that is none.

    Raises:
        UnreadableSpanError: a figure that is no count.
    """
    attributes = span.attributes
    observed = read_text(attributes, (TYPE_KEY,))
    if observed is None:
        return None
    operation = CALLS.get(observed.lower())
    reading = Reading(
        SpanKind.CALL if operation else SpanKind.AGGREGATE,
        DIALECT,
        operation=operation or observed.lower(),
        provider=seller(read_text(attributes, ("gen_ai.provider.name", "gen_ai.system")), attributes),
        response_model=read_text(attributes, ("langfuse.observation.model.name", "gen_ai.response.model")),
        response_id=read_text(attributes, ("gen_ai.response.id",)),
        error_type=read_text(attributes, ("error.type",)) or ("error" if _failed(span) else None),
        agent_name=read_text(attributes, ("langfuse.trace.name",)),
        user_id=read_text(attributes, ("user.id", "langfuse.user.id")),
        session_id=read_text(attributes, ("session.id", "langfuse.session.id")),
    )
    if operation is not None and reading.provider is None:
        reading.usage_flags += ("seller_unsaid",)
    carried = mapping_of(attributes.get(_USAGE))
    if carried is not None and not carried.keys().isdisjoint(("input", "output")):
        take_block(reading, _buckets(carried), _USAGE)
    else:
        prefer_block(reading, attributes.get(_USAGE), _USAGE)
    costs = mapping_of(attributes.get(_COST))
    if costs is not None:
        claim_cost(reading, costs.get("total"), _COST, zero_is_unknown=True)
    return reading


def _failed(span: SpanView) -> bool:
    return span.status_code == 2 or span.attributes.get("langfuse.observation.level") == "ERROR"


def _buckets(carried: Mapping[str, Any]) -> Block:
    """Read buckets into inclusive totals."""
    counts = {
        name: parse_count(f"{_USAGE}.{name}", count)
        for name, count in carried.items()
        if count is not None and (name in INPUT_BUCKETS or name in OUTPUT_BUCKETS or name == "total")
    }
    total = counts.pop("total", None)
    units: dict[str, int] = {}
    flags: tuple[str, ...] = ()
    sums: dict[str, int] = {}
    for whole, buckets in (("input", INPUT_BUCKETS), ("output", OUTPUT_BUCKETS)):
        parts = {name: count for name, count in counts.items() if name in buckets}
        for name, count in parts.items():
            unit = buckets[name]
            if unit is not None:
                units[unit] = units.get(unit, 0) + count
        if whole in parts:
            sums[whole] = sum(parts.values())
    # Buckets that a program filled itself may overlap: then the total is input and output alone.
    plain = counts.get("input", 0) + counts.get("output", 0)
    overlap = total is not None and total == plain and total != sum(sums.values())
    for whole, apart in sums.items():
        units[f"{whole}_tokens"] = counts[whole] if overlap else apart
        if apart != counts[whole] and not overlap:
            flags += (f"exclusive_{whole}:buckets",)
    writes = units.get("cache_write_5m_tokens", 0) + units.get("cache_write_1h_tokens", 0)
    if writes:
        units["cache_write_tokens"] = units.get("cache_write_tokens", 0) + writes
    return Block("buckets", units, flags)


OTHERWISE: Final = Emitter(
    "langfuse",
    DIALECT,
    InputMeaning.UNKNOWN,
    "langfuse 5.0.4, @langfuse/tracing 5.11.1: scope langfuse-sdk; a provider's usage block, or buckets that do not "
    "overlap",
)
FAMILY: Final = Family(
    name=DIALECT,
    title="Langfuse",
    emitters=(OTHERWISE,),
    read=read_langfuse,
    keys=(TYPE_KEY,),
    otherwise=OTHERWISE,
    text=f"""\
Figures stand in `{_USAGE}`: a provider's usage block, or Langfuse's buckets, which are added up. The
reported cost is the total of `{_COST}`; its 0 is no claim. A call's seller is not said.

Types that are calls: {", ".join(f"`{name}`" for name in CALLS)}. Every other type is an aggregate.""",
    flags={"exclusive_output:…": "output left parts out that stand beside it; they were added, for the reason named"},
)
