"""Vercel's AI SDK, versions 4 to 6: scope `ai`, names of its own beside a few of the conventions'.

A root (`ai.generateText`, `ai.streamText`, `ai.embed` …) sums its steps and is an aggregate; each call to a model is a
child whose operation ends in `.doGenerate`, `.doStream`, `.doEmbed` or `.doRerank`. Versions 4 and 5 pass on what each
provider says (Anthropic's input lacks cached tokens), 6 and later make it inclusive, under the same names. Which one a
span is shows by the details that only 6 writes; and `ai.response.providerMetadata`, where it holds the provider's own
usage block, wins.

Source: ai 4.3.19, 5.0.277, 6.0.326 dist/index.js; @ai-sdk/anthropic 2.0.112, 3.0.140, 4.0.105; @ai-sdk/otel 1.0.173
legacy-open-telemetry.ts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from receiver.dialects.carried import mapping_of, word_of
from receiver.dialects.emitter import Emitter, Quirk
from receiver.dialects.family import Family
from receiver.dialects.figures import parse_count, read_text
from receiver.dialects.finish import has_block
from receiver.dialects.quirks import cache_unsaid, thoughts_unsaid, tool_prompts_unsaid
from receiver.dialects.reading import AttributeValue, Reading, SpanKind, SpanView
from receiver.dialects.sellers import seller
from receiver.dialects.side_channels import claim_cost, prefer_block
from receiver.dialects.usage import InputMeaning, UsageKeys, read_usage

DIALECT: Final = "vercel_ai"
METADATA: Final = "ai.response.providerMetadata"
USAGE_KEYS: Final = UsageKeys(
    input=("ai.usage.inputTokens", "ai.usage.promptTokens", "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens",
           "ai.usage.tokens", "ai.usage.input_tokens"),
    output=("ai.usage.outputTokens", "ai.usage.completionTokens", "gen_ai.usage.output_tokens",
            "gen_ai.usage.completion_tokens", "ai.usage.output_tokens"),
    total=("ai.usage.totalTokens",),
    cache_read=("ai.usage.inputTokenDetails.cacheReadTokens", "ai.usage.cachedInputTokens"),
    cache_write=("ai.usage.inputTokenDetails.cacheWriteTokens",),
    details=(("reasoning_tokens", ("ai.usage.outputTokenDetails.reasoningTokens", "ai.usage.reasoningTokens")),),
)  # fmt: skip
# What an operation's id ends in → the call's operation. Every other id is an aggregate.
CALLS: Final = {
    ".doGenerate": "chat",
    ".doStream": "chat",
    ".doEmbed": "embeddings",
    ".doRerank": "rerank",
}
# Operations without a child, whose one span is the call.
_ALONE: Final = {
    "ai.generateSpeech": "speech",
    "ai.transcribe": "transcription",
    "ai.streamTranscribe": "transcription",
}
# Beginnings of the SDK's names for providers → seller, the longer of two first.
PROVIDERS: Final = (
    # Names that version 7 has made the conventions' own already.
    ("gcp.vertex", "gcp.vertex_ai"),
    ("gcp.", "gcp.gemini"),
    ("aws.", "aws.bedrock"),
    ("google.vertex", "gcp.vertex_ai"),
    ("google-vertex", "gcp.vertex_ai"),
    ("vertex", "gcp.vertex_ai"),
    ("google", "gcp.gemini"),
    ("amazon-bedrock", "aws.bedrock"),
    ("bedrock", "aws.bedrock"),
    ("azure", "azure.ai.openai"),
    ("mistral", "mistral_ai"),
    ("xai", "x_ai"),
    ("togetherai", "together_ai"),
)
# Sellers whose input versions 4 and 5 pass on without cached tokens.
_CACHED_APART: Final = frozenset({"anthropic", "aws.bedrock"})
_GOOGLES: Final = frozenset({"gcp.gemini", "gcp.vertex_ai"})
_TOOL_PROMPTS: Final = "toolUsePromptTokenCount"
_OF_TOTAL: Final = ("totalTokenCount", "promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
_SIGN_OF_6: Final = "ai.usage.inputTokenDetails.noCacheTokens"


def read_vercel(span: SpanView, emitter: Emitter) -> Reading | None:
    """Read a span of versions 4 to 6; None for one that is none of the SDK's.

    Raises:
        UnreadableSpanError: a figure that is no count.
    """
    attributes = span.attributes
    identity = read_text(attributes, ("ai.operationId",))
    if identity is None:
        return None
    operation = _ALONE.get(identity) or CALLS.get("." + identity.rpartition(".")[2])
    named = read_text(attributes, ("ai.model.provider", "gen_ai.system"))
    provider = seller_of(named, attributes)
    usage = read_usage(
        attributes,
        USAGE_KEYS,
        meaning=_meaning(attributes, provider),
        has_output=operation not in {"embeddings", "rerank"},
    )
    reading = Reading(
        SpanKind.CALL if operation else SpanKind.AGGREGATE,
        emitter.dialect,
        operation=operation or identity,
        provider=provider,
        request_model=read_text(attributes, ("gen_ai.request.model", "ai.model.id")),
        response_model=read_text(attributes, ("gen_ai.response.model", "ai.response.model")),
        response_id=read_text(attributes, ("gen_ai.response.id", "ai.response.id")),
        error_type=read_text(attributes, ("error.type",)) or ("error" if span.status_code == 2 else None),
        agent_name=read_text(attributes, ("ai.telemetry.functionId",)),
        user_id=read_text(attributes, ("ai.telemetry.metadata.userId", "user.id")),
        session_id=read_text(attributes, ("ai.telemetry.metadata.sessionId", "session.id")),
        usage=usage.units,
        usage_status=usage.status,
        usage_flags=usage.flags,
    )
    if operation is not None:
        read_metadata(reading, attributes, is_inclusive=_SIGN_OF_6 in attributes)
        emitter.amend(span, reading)
    return reading


def seller_of(named: str | None, attributes: Mapping[str, AttributeValue]) -> str | None:
    """Return the seller behind the SDK's name for a provider, such as `openai.responses` or `google.vertex.chat`."""
    if named is None:
        return None
    lowered = named.lower()
    known = next((to for beginning, to in PROVIDERS if lowered.startswith(beginning)), None)
    return seller(known or lowered.partition(".")[0], attributes)


def read_metadata(reading: Reading, attributes: Mapping[str, AttributeValue], *, is_inclusive: bool) -> None:
    """Take from the metadata that the SDK carries per provider what the span's figures do not say.

    A usage block wins. Older adapters say only what was read from the cache and written to it: `is_inclusive` says
    whether the span's own input has that already.
    """
    carried = mapping_of(attributes.get(METADATA))
    if carried is None:
        return
    for name, said in carried.items():
        if not isinstance(said, Mapping):
            continue
        if name in {"anthropic", "vertex", "google"}:
            block = said.get("usage") or said.get("usageMetadata")
            if isinstance(block, Mapping):
                prefer_block(reading, _with_tool_prompts(block), METADATA)
            else:
                _add_cache(reading, said, is_inclusive=is_inclusive)
        elif name == "bedrock":
            _add_cache(reading, said.get("usage"), is_inclusive=is_inclusive)
        elif name == "openrouter" and isinstance(used := said.get("usage"), Mapping):
            claim_cost(reading, used.get("cost"), f"{METADATA}.openrouter.usage.cost")
        elif name == "gateway":
            claim_cost(reading, said.get("cost"), f"{METADATA}.gateway.cost", zero_is_unknown=True)
        reading.service_tier = reading.service_tier or word_of(said.get("serviceTier"))


def _with_tool_prompts(block: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return Google's block with what its tools put into the prompt, which version 5 drops: the total has it."""
    if "totalTokenCount" not in block or _TOOL_PROMPTS in block:
        return block
    total, *parts = (parse_count(f"{METADATA}.{name}", block.get(name) or 0) for name in _OF_TOTAL)
    dropped = total - sum(parts)
    return {**block, _TOOL_PROMPTS: dropped} if dropped > 0 else block


def _add_cache(reading: Reading, said: object, *, is_inclusive: bool) -> None:
    """Add the cache's counts that only the metadata has, to input that lacks them."""
    if not isinstance(said, Mapping):
        return
    units = reading.usage
    names = (
        ("cache_write_tokens", ("cacheCreationInputTokens", "cacheWriteInputTokens")),
        ("cache_read_tokens", ("cacheReadInputTokens",)),
    )
    for unit, aliases in names:
        value = next((said[alias] for alias in aliases if said.get(alias) is not None), None)
        if value is None or unit in units:
            continue
        count = parse_count(f"{METADATA}.{unit}", value)
        units[unit] = count
        if count and not is_inclusive and "input_tokens" in units:
            units["input_tokens"] += count
            if "exclusive_input:emitter" not in reading.usage_flags:
                reading.usage_flags += ("exclusive_input:emitter",)
    details = said.get("cacheDetails")
    for entry in details if isinstance(details, list) else ():
        if isinstance(entry, Mapping) and entry.get("ttl") in {"5m", "1h"}:
            units[f"cache_write_{entry['ttl']}_tokens"] = parse_count(METADATA, entry.get("inputTokens") or 0)


def _meaning(attributes: Mapping[str, AttributeValue], provider: str | None) -> InputMeaning:
    if _SIGN_OF_6 in attributes:
        return InputMeaning.INCLUSIVE
    return InputMeaning.EXCLUSIVE if provider in _CACHED_APART else InputMeaning.INCLUSIVE


def _cache_unsaid(span: SpanView, reading: Reading) -> None:
    """Where no block was carried; Anthropic's adapter carries what was read from the cache in its own metadata."""
    if reading.provider not in _CACHED_APART and not has_block(reading):
        cache_unsaid(span, reading)


def _gemini_unsaid(span: SpanView, reading: Reading) -> None:
    if reading.provider in _GOOGLES and not has_block(reading) and _SIGN_OF_6 not in span.attributes:
        thoughts_unsaid(span, reading)
        tool_prompts_unsaid(span, reading)


EMITTERS: Final = (
    Emitter(
        "ai",
        DIALECT,
        InputMeaning.UNKNOWN,
        "ai 4.3.19, 5.0.277 (Anthropic and Bedrock: no), 6.0.326 (yes); told apart by ai.usage.inputTokenDetails; "
        "before 6 only streams tell what was read from OpenAI's cache",
        is_whole_name=True,
        quirks=(
            Quirk("before 6, what was read from OpenAI's cache: of longer prompts the cost is bounded", _cache_unsaid),
            Quirk("before 5, Gemini's thinking (its calls are not priced) and its tools' prompts", _gemini_unsaid),
        ),
    ),
)
FAMILY: Final = Family(
    name=DIALECT,
    title="Vercel AI SDK 4 to 6",
    emitters=EMITTERS,
    read=read_vercel,
    keys=("ai.operationId",),
    otherwise=EMITTERS[0],
    text=f"""\
A span is a call when `ai.operationId` ends in {", ".join(f"`{name}`" for name in CALLS)}, or is `ai.generateSpeech` or
`ai.transcribe`; the others sum their steps and are aggregates. A usage block in `{METADATA}` wins;
what OpenRouter or Vercel's gateway say there that they charged is the reported cost.""",
    names=USAGE_KEYS,
)
