"""LiteLLM: its SDK and its proxy, both generations of its OpenTelemetry integration (V1, and V2 by `LITELLM_OTEL_V2`).

Counts are inclusive. V1 says what kind of call it was in `llm.request.type`, V2 in `litellm.call_type`; both in
LiteLLM's own words, of which many are no model calls (files, moderation, polling of responses). Spans of the proxy are
a gateway's view of calls that applications may have traced too. A hit in LiteLLM's own cache repeats the usage of the
answer that it repeats: it cost nothing.

The reported cost is LiteLLM's total without the margin that its operator adds for others: what the call cost whoever
runs it, with discounts. LiteLLM writes 0 for models whose price it does not know, so 0 is a claim only for cache hits.

Where a stream brings no usage, LiteLLM counts with a tokeniser and does not say so (measured: 8 and 1 tokens for 2,006
and 300).

Source: litellm 1.110.2, integrations/opentelemetry.py (V1) and integrations/otel/mappers/genai.py (V2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from ledger.vocabulary import Flag
from receiver.dialects import conventions, langfuse, openinference
from receiver.dialects.emitter import Emitter, Quirk
from receiver.dialects.family import Family
from receiver.dialects.figures import is_true, parse_cost, read_text
from receiver.dialects.quirks import doubt, name_aggregate, name_call
from receiver.dialects.reading import AttributeValue, Reading, SpanKind, SpanView
from receiver.dialects.sellers import seller
from receiver.dialects.side_channels import claim_cost, prefer_block
from receiver.dialects.usage import InputMeaning

DIALECT: Final = "litellm"
# Call types, without the `a` of their asynchronous twins → operation. The rest are no model calls.
CALL_TYPES: Final = {
    "completion": "chat",
    "completion_with_retries": "chat",
    "responses": "chat",
    "anthropic_messages": "chat",
    "chat": "chat",
    "text_completion": "text_completion",
    "generate_content": "generate_content",
    "generate_content_stream": "generate_content",
    "embedding": "embeddings",
    "rerank": "rerank",
    "image_generation": "image_generation",
    "image_edit": "image_generation",
    "image_variation": "image_generation",
    "speech": "speech",
    "transcription": "transcription",
    "ocr": "ocr",
    "realtime": "realtime",
    "pass_through_endpoint": "chat",
    "llm_passthrough_route": "chat",
}
# A proxy puts these on its spans; the SDK has none of them.
_OF_A_PROXY: Final = (
    "metadata.user_api_key_hash",
    "litellm.api_key.hash",
    "metadata.user_api_key_request_route",
    "litellm.request.route",
)
_API_KEY: Final = ("litellm.api_key.hash", "metadata.user_api_key_hash")
_USER: Final = (
    "metadata.user_api_key_user_id",
    "litellm.metadata.user_api_key_user_id",
    "metadata.user_api_key_end_user_id",
    "litellm.metadata.user_api_key_end_user_id",
    "litellm.end_user.id",
    "llm.user",
)
# Total, and the margin in it: V2's names, then V1's.
_COSTS: Final = (
    ("litellm.cost.total", "litellm.cost.margin_total_amount"),
    ("gen_ai.cost.total_cost", "gen_ai.cost.margin_total_amount"),
)


def read_litellm(span: SpanView, emitter: Emitter) -> Reading | None:
    """Read a span of LiteLLM's; None for those of its own machinery, and for the copy of a request in raw."""
    attributes = span.attributes
    call_type = read_text(attributes, ("litellm.call_type", "llm.request.type"))
    operation = _operation(call_type) if call_type is not None else None
    if operation is not None and "gen_ai.operation.name" not in attributes:
        span = msgspec.structs.replace(span, attributes={**attributes, "gen_ai.operation.name": operation})
    reading = conventions.read(span, emitter)
    if reading is None:
        return _of_a_preset(span)
    if operation is not None:
        if reading.operation != operation or reading.kind is not SpanKind.CALL:
            name_call(reading, operation)
    elif call_type is not None:
        name_aggregate(reading, call_type)
    provider_model = read_text(attributes, ("litellm.provider.model",))
    if provider_model is not None:
        _take_model(reading, provider_model)
    if any(read_text(attributes, (key,)) for key in _OF_A_PROXY):
        reading.usage_flags += (Flag.GATEWAY.value,)
    reading.api_key_id = read_text(attributes, _API_KEY)
    reading.user_id = read_text(attributes, _USER) or reading.user_id
    is_hit = is_true(attributes.get("litellm.cache_hit"))
    if is_hit:
        reading.usage_flags += (Flag.LOCAL_CACHE_HIT.value,)
    _claim(reading, attributes, is_hit=is_hit)
    prefer_block(reading, attributes.get("metadata.usage_object"), "metadata.usage_object", cached_apart=False)
    if any(is_true(attributes.get(key)) for key in _STREAMING):
        _doubt_estimate(reading)
    return reading


def _of_a_preset(span: SpanView) -> Reading | None:
    """Read a span that a preset of LiteLLM's wrote for another tool's eyes (Arize, Langfuse)."""
    if openinference.KIND_KEY in span.attributes:
        return openinference.read_openinference(span, openinference.OTHERWISE)
    if langfuse.TYPE_KEY in span.attributes:
        return langfuse.read_langfuse(span, langfuse.OTHERWISE)
    return None


def _operation(call_type: str) -> str | None:
    return CALL_TYPES.get(call_type) or (CALL_TYPES.get(call_type[1:]) if call_type.startswith("a") else None)


def _take_model(reading: Reading, provider_model: str) -> None:
    """Take the deployment's model, for what the caller asked for may be an alias of the proxy's.

    It may be written with LiteLLM's prefix for its seller: `azure/gpt-4o`, unlike `meta-llama/Llama-3`.
    """
    prefix, separator, model = provider_model.partition("/")
    if not separator or prefix not in _SELLERS:
        reading.request_model = provider_model
        return
    reading.request_model = model
    if reading.provider is None:
        reading.provider = seller(prefix, {})


def _doubt_estimate(reading: Reading) -> None:
    """Doubt a stream's figures that LiteLLM may have counted itself: those of a provider come with what was cached."""
    if reading.provider not in _WITH_USAGE_IN_STREAMS and "cache_read_tokens" not in reading.usage:
        doubt(reading, "usage_estimated")


# Sellers whose streams have usage unasked.
_WITH_USAGE_IN_STREAMS: Final = frozenset({
    "anthropic", "aws.bedrock", "gcp.gemini", "gcp.gen_ai", "gcp.vertex_ai", "cohere", "mistral_ai", "groq", "deepseek",
    "x_ai", "perplexity",
})  # fmt: skip
_STREAMING: Final = ("llm.is_streaming", "litellm.request.streaming")
# LiteLLM's prefixes for sellers whose own model names have no slash.
_SELLERS: Final = frozenset({
    "openai", "azure", "azure_ai", "anthropic", "bedrock", "vertex_ai", "vertex_ai_beta", "gemini", "cohere",
    "cohere_chat", "mistral", "deepseek", "groq", "perplexity", "xai", "watsonx", "ollama", "ollama_chat",
})  # fmt: skip


def _claim(reading: Reading, attributes: Mapping[str, AttributeValue], *, is_hit: bool) -> None:
    for total_key, margin_key in _COSTS:
        total = parse_cost(attributes.get(total_key))
        if total is None:
            continue
        margin = parse_cost(attributes.get(margin_key))
        if margin and margin <= total:
            claim_cost(reading, str(total - margin), f"{total_key} less its margin", zero_is_unknown=not is_hit)
        else:
            claim_cost(reading, str(total), total_key, zero_is_unknown=not is_hit)


EMITTERS: Final = (
    Emitter(
        "litellm",
        DIALECT,
        InputMeaning.INCLUSIVE,
        "litellm 1.110.2 integrations/opentelemetry.py, integrations/otel: usage in OpenAI's terms, whoever answered",
        quirks=(Quirk("streams without usage are counted by a tokeniser: not priced"),),
    ),
)
FAMILY: Final = Family(
    name=DIALECT,
    title="LiteLLM",
    emitters=EMITTERS,
    read=read_litellm,
    keys=("litellm.call_id", "litellm.call_type"),
    otherwise=EMITTERS[0],
    text="""\
`metadata.usage_object` is the provider's usage as LiteLLM has it, and wins. Spans of the proxy are flagged `gateway`.
A hit in LiteLLM's own cache (`litellm.cache_hit`) costs 0. The reported cost is LiteLLM's total less its operator's
margin; its 0 is no claim. `raw_gen_ai_request` is no second call.

Call types that are calls: """
    + ", ".join(f"`{name}`" for name in CALL_TYPES)
    + ", and their asynchronous twins.",
)
