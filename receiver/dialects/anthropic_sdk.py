"""Anthropic's own SDK, which traces its calls itself: the conventions' names, inclusive, and Anthropic's beside them.

It says for how long cache writes are kept, and the tier that was given. It is on unless switched off, so that its spans
stand within those of whatever else traces the call.

Source: anthropic 2.13.0 _tracing.py.
"""

from __future__ import annotations

from typing import Final

from receiver.dialects import conventions
from receiver.dialects.emitter import Emitter, Quirk
from receiver.dialects.family import Family
from receiver.dialects.figures import read_count, read_text
from receiver.dialects.reading import Reading, SpanView
from receiver.dialects.usage import InputMeaning

_WRITES: Final = "anthropic.usage.cache_creation.ephemeral_"
_SPLIT: Final = (
    ("cache_write_5m_tokens", (_WRITES + "5m_input_tokens",)),
    ("cache_write_1h_tokens", (_WRITES + "1h_input_tokens",)),
)


def _read_own_names(span: SpanView, reading: Reading) -> None:
    for unit, keys in _SPLIT:
        if (count := read_count(span.attributes, keys)) is not None:
            reading.usage[unit] = count
    reading.service_tier = reading.service_tier or read_text(span.attributes, ("anthropic.response.service_tier",))


EMITTERS: Final = (
    Emitter(
        "com.anthropic.sdk",
        "anthropic_sdk",
        InputMeaning.INCLUSIVE,
        "anthropic 2.13.0 _tracing.py: input with the cached tokens, writes by how long they are kept, the tier",
        quirks=(Quirk("server tools, place and speed", _read_own_names),),
    ),
)
FAMILY: Final = Family(
    name="anthropic_sdk",
    title="Anthropic's SDK",
    emitters=EMITTERS,
    read=conventions.read,
    text="For how long cache writes are kept is read from `anthropic.usage.cache_creation.*`.",
)
