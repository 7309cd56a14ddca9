"""What spanledger needs of a span: the samples that a filter must let through, the attributes that must stay.

Made of the receiver's own lists, so that a new dialect is needed here from its first day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from receiver.attribution import DEFAULT_CUSTOMER_ATTRIBUTES
from receiver.dialects import (
    CONTENT_KEYS,
    CONTENT_PREFIXES,
    EVIDENCE_KEYS,
    EVIDENCE_PREFIXES,
    MARKERS,
    SCOPE_MARKERS,
    SIDE_CHANNELS,
)
from spanledger.collector_check.ottl import Sample

_NAME: Final = "chat gpt-5"  # what most instrumentations call a span; none is bound to
_SCOPE: Final = "app"  # whose scope an application's own instrumentation has
_OTHER_NAMES: Final = (
    "embeddings e5",
    "ChatCompletion",
    "ai.generateText.doGenerate",
    "litellm_request",
    "messages.create",
)
# Spans of these scopes may have plain keys only; the last column is a key that they do have.
_PLAIN_KEYS: Final = {"openinference.instrumentation": "openinference.span.kind"}
_PLAIN_KEY: Final = "input_tokens"
# Kept as evidence, but no figure, no price and no payer follows from them: people delete them for privacy.
_NO_MONEY: Final = ("user.", "enduser.id", "session.id", "error.type", "agent.name")
_FIGURES: Final = (
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "gen_ai.request.model",
    "gen_ai.response.model",
    "gen_ai.response.id",
    "gen_ai.provider.name",
    "gen_ai.operation.name",
    "llm.token_count.prompt",
    "llm.token_count.completion",
    "llm.model_name",
    "openinference.span.kind",
    "ai.usage.promptTokens",
    "ai.model.id",
)


def needed_spans(customer_keys: Sequence[str]) -> tuple[Sample, ...]:
    """Return samples of every span that must arrive, each with only what makes it needed."""
    return (
        *(Sample(f"a span with {_key(mark)}", (_key(mark),), _NAME, _SCOPE) for mark in MARKERS),
        *(Sample(f"a span of a call named {name!r}", ("gen_ai.x",), name, _SCOPE) for name in _OTHER_NAMES),
        *(_of_scope(mark.decode()) for mark in SCOPE_MARKERS),
        *(
            Sample(f"a span that says who pays ({key})", (key,), _NAME, _SCOPE)
            for key in (*DEFAULT_CUSTOMER_ATTRIBUTES, *customer_keys)
        ),
    )


def opened(sample: Sample) -> Sample:
    """Return the sample as a span that may have other attributes, and any name and scope where its own say nothing."""
    return replace(sample, open=True, name=None, scope=None if sample.scope == _SCOPE else sample.scope)


def is_read(key: str, customer_keys: Sequence[str]) -> bool:
    """Return whether usage, price or payer may follow from an attribute."""
    if key in {*DEFAULT_CUSTOMER_ATTRIBUTES, *customer_keys, *EVIDENCE_KEYS, *SIDE_CHANNELS}:
        return True
    if key in CONTENT_KEYS or key.startswith((*CONTENT_PREFIXES, *_NO_MONEY)):
        return False
    return key.startswith(EVIDENCE_PREFIXES)


def read_keys(customer_keys: Sequence[str]) -> tuple[str, ...]:
    """Return the attributes by which a pattern is tried: the usual figures, and every key that is read by its name."""
    return (*_FIGURES, *DEFAULT_CUSTOMER_ATTRIBUTES, *customer_keys, *EVIDENCE_KEYS, *SIDE_CHANNELS)


def _key(mark: bytes) -> str:
    text = mark.decode()
    namespace = text if text.endswith(".") else f"{text}."
    return f"{namespace}x" if namespace in {text, *EVIDENCE_PREFIXES} else text


def _of_scope(scope: str) -> Sample:
    key = _PLAIN_KEYS.get(scope, _PLAIN_KEY)
    return Sample(f"a span of the scope {scope} with {key}", (key,), _NAME, scope)
