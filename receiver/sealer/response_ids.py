"""Response ids: which ones a provider makes unique, so that two spans which carry one saw the same call.

Only the shape is looked at. What has one of these shapes and is a constant all the same is found out by what it is seen
with: other figures, or more traces than one call has (`copies`).

Must not: know what else a span says.
"""

from __future__ import annotations

import re
from typing import Final

# Shape → whose it is, and where that was read. Recorded responses are those of tests/corpus.
_SHAPES: Final = {
    # OpenAI, Azure and who offers their API; 29 characters recorded. LiteLLM and vLLM write a UUID or its 32 digits.
    # Ollama's `chatcmpl-` and at most three digits is no shape here: it repeats after a thousand calls.
    r"chatcmpl-[A-Za-z0-9_-]{20,64}": "OpenAI chat completions (recorded), LiteLLM, vLLM, Groq",
    r"(?:cmpl|chat|embd|rerank)-[A-Za-z0-9_-]{20,64}": "OpenAI completions (recorded); vLLM's other routes",
    # 48 to 50 hexadecimal digits recorded; LiteLLM wraps them in base64, several hundred characters long.
    r"resp_[A-Za-z0-9_=-]{24,512}": "OpenAI Responses API (recorded)",
    r"msg_(?:bdrk_|vrtx_)?[A-Za-z0-9]{20,40}": "Anthropic (recorded), the same on Bedrock (recorded) and on Vertex AI",
    r"gen-[0-9]{9,11}-[A-Za-z0-9]{16,32}": "OpenRouter, https://openrouter.ai/docs/api-reference",
    r"gen-[A-Za-z0-9]{24,40}": "OpenRouter before 2024, without the time",
    # RFC 9562. Bedrock's request id, Cohere, DeepSeek, xAI, Perplexity, Fireworks.
    r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}": "UUID (recorded)",
    r"[0-9a-f]{32}": "Mistral, https://docs.mistral.ai/api: 32 hexadecimal digits",
    # Gemini's responseId: base64url of 16 or 17 bytes.
    r"(?=[A-Za-z0-9_-]*[0-9])(?=[A-Za-z0-9_-]*[A-Z])(?=[A-Za-z0-9_-]*[a-z])[A-Za-z0-9_-]{22,24}": (
        "Gemini responseId, https://ai.google.dev/api/generate-content"
    ),
}
_UNIQUE: Final = re.compile("|".join(_SHAPES))
# A random text of 20 characters has 12 distinct ones or more; `chatcmpl-xxxxxxxx…` and an all-zero UUID have few.
_DISTINCT_MIN: Final = 8


def is_unique(response_id: str | None) -> bool:
    """Say whether an id has a shape that its provider never gives twice."""
    if not response_id or _UNIQUE.fullmatch(response_id) is None:
        return False
    random = response_id.partition("-")[2] or response_id
    # Nearly always the end alone has as many.
    return len(set(random[-_DISTINCT_MIN * 2 :])) >= _DISTINCT_MIN or len(set(random)) >= _DISTINCT_MIN
