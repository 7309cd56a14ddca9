"""Bedrock: its model ids as emitters shorten them, and what copies of its figures leave out.

A Bedrock id is `[profile.]vendor.model`: `global.anthropic.claude-…`, `us.amazon.nova-lite-v1:0`, `mistral.…`. Some
emitters cut it. What they cut decides about the price in two ways: without its vendor a model is on no list
(`nova-lite-v1:0`), and without its profile a regional call looks like a global one, which costs less.

Sources: opentelemetry-instrumentation-bedrock 0.62.4 and -openai 0.62.4 (Traceloop) `_cross_region_check`;
https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from ledger.vocabulary import Flag
from receiver.dialects.emitter import Quirk
from receiver.dialects.figures import read_text
from receiver.dialects.finish import is_claude
from receiver.dialects.quirks import doubt
from receiver.dialects.reading import Reading, SpanView

_BEDROCK: Final = "aws.bedrock"
# How the names of models on Bedrock begin → vendor, as its ids write it.
_VENDORS: Final = (
    (re.compile(r"claude"), "anthropic"),
    (re.compile(r"nova-|titan-|rerank-v1"), "amazon"),
    (re.compile(r"llama"), "meta"),
    (re.compile(r"mistral|mixtral|ministral|magistral|pixtral|voxtral|devstral"), "mistral"),
    (re.compile(r"command|embed-|rerank-v3"), "cohere"),
    (re.compile(r"jamba|j2-"), "ai21"),
    (re.compile(r"gpt-oss"), "openai"),
    (re.compile(r"qwen"), "qwen"),
    (re.compile(r"r1-v|v3-v|v3\.\d"), "deepseek"),
)
_NAMES: Final = frozenset({*(vendor for _, vendor in _VENDORS), "stability", "writer", "twelvelabs", "luma"})
# They write the vendor as the provider: opentelemetry-instrumentation-bedrock before 0.42.
_WRITTEN_AS_PROVIDER: Final = frozenset({"ai21", "amazon", "anthropic", "cohere", "meta", "mistral"})


def _restore(span: SpanView, reading: Reading) -> None:
    model = reading.request_model
    if reading.provider != _BEDROCK or not model:
        return
    written = (read_text(span.attributes, ("gen_ai.system",)) or "").lower()
    restored = _restored(model, written if written in _WRITTEN_AS_PROVIDER else None)
    if restored is not None:
        reading.request_model = restored
        reading.usage_flags += ("model_restored",)
    elif model.partition(".")[0] in _NAMES and "." in model:
        # Of an id that begins with a profile they know, and of one without, nothing of the vendor is left: this one
        # had a profile they do not know, such as `global` or `jp`.
        reading.usage_flags += (Flag.PROFILE_UNSAID.value,)


@lru_cache(maxsize=4096)
def _restored(model: str, vendor: str | None) -> str | None:
    if "." in model.partition(":")[0] and not re.match(r"v3\.\d", model):
        return None
    if model.startswith("arn:"):
        return None
    if vendor is None:
        vendor = next((name for beginning, name in _VENDORS if beginning.match(model)), None)
    return f"{vendor}.{model}" if vendor else None


def _cached_unsaid(_: SpanView, reading: Reading) -> None:
    units = reading.usage
    if "cache_read_tokens" in units or "cache_write_tokens" in units:
        return
    model = (reading.response_model or reading.request_model or "").lower()
    if is_claude(reading) or "nova" in model:
        doubt(reading, "cached_tokens_unsaid")


def _invoke_cached_unsaid(span: SpanView, reading: Reading) -> None:
    if _is_invoke(span):
        _cached_unsaid(span, reading)


def _estimated(span: SpanView, reading: Reading) -> None:
    model = (reading.request_model or "").lower()
    if _is_invoke(span) and ("cohere.command" in model or "mistral" in model):
        doubt(reading, "estimated_tokens")


def _is_invoke(span: SpanView) -> bool:
    method = span.attributes.get("rpc.method")
    return method is None or (isinstance(method, str) and "InvokeModel" in method)


SHORTENS_IDS: Final = Quirk("the vendor of a model, restored; the inference profile", _restore)
CACHED_UNSAID: Final = Quirk(
    "cached tokens, in input or beside it: Claude's and Nova's calls are not priced", _cached_unsaid
)
INVOKE_CACHED_UNSAID: Final = Quirk(
    "cached tokens of InvokeModel, in input or beside it: Claude's and Nova's calls are not priced",
    _invoke_cached_unsaid,
)
INVOKE_ESTIMATES: Final = Quirk(
    "InvokeModel of Cohere's and Mistral's models: a local estimate, not priced", _estimated
)
