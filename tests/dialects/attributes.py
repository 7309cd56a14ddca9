"""Attributes as an attacker draws them: names that the dialects' source mentions, values of every kind. For properties.

Must not: know what a name means; families that are added are attacked as soon as they are registered.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

from hypothesis import strategies as st

import receiver.dialects
from receiver.dialects import FAMILIES

_SOURCE: Final = "\n".join(path.read_text() for path in sorted(Path(receiver.dialects.__file__).parent.glob("*.py")))
KEYS: Final = tuple(sorted({*re.findall(r'"([A-Za-z_][A-Za-z0-9_.]*[A-Za-z0-9_])"', _SOURCE)}))
"""Every word that could be an attribute's name: all that can be read, and some that cannot."""
SCOPES: Final = tuple(sorted({emitter.scope for family in FAMILIES for emitter in family.emitters} | {"", "somebody"}))

NUMBERS: Final = st.one_of(
    st.integers(0, 3000),
    st.sampled_from([0, 1, -1, 2**31, 2**53, 2**63 - 1, -(2**63), 10**10, 10**10 + 1, 0.5, 1e300, float("nan")]),
    st.floats(),
    st.integers(0, 3000).map(str),
    st.sampled_from(["1_000", "١٠٠", "0x10", "1e3", "-5", "NaN", " 7 ", "9" * 5000, "", "lots"]),
)
TEXTS: Final = st.one_of(
    st.sampled_from(
        ["chat", "LLM", "embeddings", "AGENT", "invoke_agent", "openai", "anthropic", "aws.bedrock", "langchain",
         "gpt-4o", "claude-sonnet-4-6", "us.anthropic.claude-sonnet-4-6", "priority", "batch", "generation", "\x00"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)  # fmt: skip
_BLOCK_KEYS: Final = st.sampled_from(
    [key for key in KEYS if "token" in key.lower() or "cost" in key.lower()]
    + ["usage", "input", "output", "total", "cost", "service_tier", "type", "ttl", "modality", "openai", "anthropic"]
)
_BLOCKS: Final = st.recursive(
    st.one_of(NUMBERS, TEXTS, st.none(), st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_BLOCK_KEYS, inner, max_size=5)),
    max_leaves=12,
)
_JSON_TEXTS: Final = st.one_of(
    _BLOCKS.map(json.dumps),
    _BLOCKS.map(repr),
    _BLOCKS.map(json.dumps).map(lambda text: text.replace("openai", "\\ud800").replace("1", "1e400", 1)),
    st.sampled_from(["{", "[" * 2000, "{'a':" * 500, "null", "[]", '"\\udfff"', "{'a': 10**10**10}"]),
)
VALUES: Final = st.one_of(
    NUMBERS, TEXTS, _JSON_TEXTS, _BLOCKS.filter(lambda value: value is not None), st.booleans(), st.binary(max_size=5)
)
ATTRIBUTES: Final = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=14)
"""Any names with any values."""
CALLS: Final = st.fixed_dictionaries(
    {},
    optional={
        "gen_ai.operation.name": st.sampled_from(["chat", "embeddings", "invoke_agent"]),
        "gen_ai.provider.name": TEXTS,
        "gen_ai.request.model": TEXTS,
        "gen_ai.response.model": TEXTS,
        "openinference.span.kind": st.sampled_from(["LLM", "EMBEDDING", "AGENT"]),
        "gen_ai.usage.input_tokens": NUMBERS,
        "gen_ai.usage.output_tokens": NUMBERS,
        "llm.token_count.prompt": NUMBERS,
        "llm.token_count.completion": NUMBERS,
    },
)
"""What makes a span a call, with figures of any kind."""
