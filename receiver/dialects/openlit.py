"""OpenLIT: the conventions' names, with each provider's figures as they are, and a cost of its own reckoning.

Anthropic's and Bedrock's input lacks cached tokens. Where a stream of OpenAI's brings no usage, OpenLIT counts with a
tokeniser of its own and does not say so; it shows by the cache's counts, which it writes, 0 included, only with real
usage. `gen_ai.usage.cost` is 0 for models whose price it does not know.

Source: openlit 1.45.0 instrumentation/{openai,anthropic,bedrock,google_ai_studio,vertexai}/utils.py, semcov.
"""

from __future__ import annotations

from typing import Final

from receiver.dialects import conventions
from receiver.dialects.emitter import Emitter, Quirk
from receiver.dialects.family import Family
from receiver.dialects.figures import is_true, read_count
from receiver.dialects.quirks import THOUGHTS_BESIDE, THOUGHTS_UNSAID, cached_apart, doubt
from receiver.dialects.reading import Reading, SpanKind, SpanView
from receiver.dialects.side_channels import claim_cost
from receiver.dialects.usage import InputMeaning

DIALECT: Final = "openlit"
_SCOPE: Final = "openlit.instrumentation."
_CACHE_READ: Final = "gen_ai.usage.cache_read.input_tokens"
# Names of versions before the conventions had any.
_OLD_DETAILS: Final = (
    ("reasoning_tokens", "gen_ai.usage.completion_tokens_details.reasoning_tokens"),
    ("output_audio_tokens", "gen_ai.usage.completion_tokens_details.audio_tokens"),
    ("cache_read_tokens", "gen_ai.usage.prompt_tokens_details.cached_tokens"),
    ("cache_write_tokens", "gen_ai.usage.prompt_tokens_details.cache_creation_tokens"),
)


def read_openlit(span: SpanView, emitter: Emitter) -> Reading | None:
    """Read a span of OpenLIT's; None for one that says nothing of models.

    Raises:
        UnreadableSpanError: a figure that is no count.
    """
    reading = conventions.read(span, emitter)
    if reading is not None and reading.kind is SpanKind.CALL:
        claim_cost(reading, span.attributes.get("gen_ai.usage.cost"), "gen_ai.usage.cost", zero_is_unknown=True)
    return reading


def _read_old_details(span: SpanView, reading: Reading) -> None:
    for unit, key in _OLD_DETAILS:
        if unit not in reading.usage and (count := read_count(span.attributes, (key,))) is not None:
            reading.usage[unit] = count


def _doubt_estimates(span: SpanView, reading: Reading) -> None:
    attributes = span.attributes
    if is_true(attributes.get("gen_ai.request.stream")) and _CACHE_READ not in attributes:
        doubt(reading, "usage_estimated")


_OLD_NAMES: Final = Quirk("details under names of its own, in older versions, are read", _read_old_details)
_ESTIMATES: Final = Quirk("streams without usage are counted by a tokeniser: not priced", _doubt_estimates)
_APART: Final = cached_apart("anthropic", "aws.bedrock")

EMITTERS: Final = (
    Emitter(
        _SCOPE + "openai",
        DIALECT,
        InputMeaning.INCLUSIVE,
        "openlit 1.45.0 instrumentation/openai/utils.py",
        quirks=(_OLD_NAMES, _ESTIMATES),
    ),
    Emitter(
        _SCOPE + "anthropic",
        DIALECT,
        InputMeaning.EXCLUSIVE,
        "openlit 1.45.0 instrumentation/anthropic/utils.py copies input_tokens",
    ),
    Emitter(
        _SCOPE + "bedrock",
        DIALECT,
        InputMeaning.EXCLUSIVE,
        "openlit 1.45.0 instrumentation/bedrock/utils.py copies inputTokens",
    ),
    Emitter(
        _SCOPE + "google_ai_studio",
        DIALECT,
        InputMeaning.INCLUSIVE,
        "openlit 1.45.0 instrumentation/google_ai_studio/utils.py: candidates, and thoughts beside them",
        quirks=(THOUGHTS_BESIDE,),
    ),
    Emitter(
        _SCOPE + "vertexai",
        DIALECT,
        InputMeaning.INCLUSIVE,
        "openlit 1.45.0 instrumentation/vertexai/utils.py: candidates alone",
        quirks=(THOUGHTS_UNSAID,),
    ),
    Emitter(
        "openlit.",
        DIALECT,
        InputMeaning.UNKNOWN,
        "openlit 1.45.0, its other packages: each provider's figures as they are, by evidence",
        quirks=(_OLD_NAMES, _APART),
    ),
)
FAMILY: Final = Family(
    name=DIALECT,
    title="OpenLIT",
    emitters=EMITTERS,
    read=read_openlit,
    text="`gen_ai.usage.cost` is the reported cost: OpenLIT's own reckoning; its 0 is no claim.",
)
