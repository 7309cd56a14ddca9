"""Microsoft: Microsoft.Extensions.AI (.NET), Agent Framework (Python, .NET), Semantic Kernel (both), AutoGen.

All use the conventions' names and pass each provider's input on as its adapter has it, so that Claude's lacks cached
tokens where no adapter added them. Semantic Kernel says no details at all, Agent Framework only with the newest
conventions switched on, Microsoft.Extensions.AI never what was written to a cache. `orchestrate_tools`, `invoke_agent`
and the like are aggregates. .NET counts in 32 bits: a larger count comes as a negative one, and is refused.

Source: agent-framework-core 1.23.0 observability.py, agent-framework-anthropic 1.0.0b261022; semantic-kernel 1.45.0
utils/telemetry/model_diagnostics; autogen-core 0.7.5 _telemetry; Microsoft.Extensions.AI OpenTelemetryChatClient.cs.
"""

from __future__ import annotations

from typing import Final

from ledger.vocabulary import Flag
from receiver.dialects import conventions
from receiver.dialects.emitter import Emitter, Quirk
from receiver.dialects.family import Family
from receiver.dialects.figures import read_count
from receiver.dialects.quirks import CACHE_UNSAID, cached_apart, doubt, is_claude
from receiver.dialects.reading import Reading, SpanKind, SpanView
from receiver.dialects.usage import InputMeaning

DIALECT: Final = "microsoft"
_REALTIME: Final = (
    ("input_audio_tokens", "gen_ai.usage.input_audio_tokens"),
    ("output_audio_tokens", "gen_ai.usage.output_audio_tokens"),
)


def _read_audio(span: SpanView, reading: Reading) -> None:
    for unit, key in _REALTIME:
        if unit not in reading.usage and (count := read_count(span.attributes, (key,))) is not None:
            reading.usage[unit] = count


def _claude_writes_unsaid(_: SpanView, reading: Reading) -> None:
    if reading.kind is SpanKind.CALL and is_claude(reading) and reading.usage.get("cache_read_tokens"):
        reading.usage_flags += (Flag.CACHE_WRITE_UNSAID.value,)


def _claude_cache_unsaid(_: SpanView, reading: Reading) -> None:
    """Without its details Claude's input may lack what was cached, and nothing on the span tells."""
    if is_claude(reading) and "cache_read_tokens" not in reading.usage:
        doubt(reading, "cache_unsaid")


_AUDIO: Final = Quirk("audio of realtime calls under names of its own is read", _read_audio)
_NO_WRITES: Final = Quirk("cache writes", _claude_writes_unsaid)
_NO_CACHE: Final = Quirk("what of Claude's input was cached, unless switched on: not priced", _claude_cache_unsaid)
_APART: Final = cached_apart("anthropic")
_MEAI: Final = "Microsoft.Extensions.AI OpenTelemetryChatClient.cs"
_SEMANTIC_KERNEL: Final = (
    "semantic-kernel 1.45.0 utils/telemetry/model_diagnostics/decorators.py: input and output alone"
)

EMITTERS: Final = (
    Emitter(
        "Experimental.Microsoft.Extensions.AI",
        DIALECT,
        InputMeaning.UNKNOWN,
        _MEAI,
        quirks=(_AUDIO, _NO_WRITES),
    ),
    Emitter("Microsoft.Extensions.AI", DIALECT, InputMeaning.UNKNOWN, _MEAI, quirks=(_AUDIO, _NO_WRITES)),
    Emitter(
        "Experimental.Microsoft.Agents.AI",
        DIALECT,
        InputMeaning.UNKNOWN,
        "Microsoft.Agents.AI: Microsoft.Extensions.AI's client around the agent's",
        quirks=(_AUDIO, _NO_WRITES),
    ),
    Emitter(
        "agent_framework",
        DIALECT,
        InputMeaning.UNKNOWN,
        "agent-framework-core 1.23.0 observability.py; agent-framework-anthropic copies input without cache",
        quirks=(_APART, _NO_CACHE),
    ),
    Emitter(
        "Microsoft.SemanticKernel", DIALECT, InputMeaning.UNKNOWN, _SEMANTIC_KERNEL, quirks=(_NO_CACHE, CACHE_UNSAID)
    ),
    Emitter("semantic_kernel.", DIALECT, InputMeaning.UNKNOWN, _SEMANTIC_KERNEL, quirks=(_NO_CACHE, CACHE_UNSAID)),
    Emitter(
        "autogen",
        DIALECT,
        InputMeaning.UNKNOWN,
        "autogen-core 0.7.5 _telemetry/_genai.py: create_agent, invoke_agent, execute_tool; no usage",
    ),
)
FAMILY: Final = Family(
    name=DIALECT,
    title="Microsoft",
    emitters=EMITTERS,
    read=conventions.read,
    text="`orchestrate_tools`, `invoke_agent`, `create_agent` and `execute_tool` are aggregates.",
)
