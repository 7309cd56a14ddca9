"""MLflow's own tracing: `mlflow.spanType` says what a span is, `mlflow.chat.tokenUsage` what it used.

Its values are JSON, also where they are words (`"LLM"`). The usage is inclusive, with cache writes by how long they are
kept. Exported with the conventions' names instead (`genai_semconv`), a span has input and output alone.

Source: mlflow 3.17.2 tracing/constant.py, anthropic/autolog.py, tracing/export/genai_semconv/translator.py.
"""

from __future__ import annotations

from typing import Final

from receiver.dialects import conventions
from receiver.dialects.carried import mapping_of
from receiver.dialects.emitter import Emitter
from receiver.dialects.family import Family
from receiver.dialects.figures import read_text
from receiver.dialects.quirks import cache_unsaid
from receiver.dialects.reading import Reading, SpanKind, SpanView
from receiver.dialects.sellers import seller
from receiver.dialects.side_channels import claim_cost, prefer_block
from receiver.dialects.usage import InputMeaning

DIALECT: Final = "mlflow"
TYPE_KEY: Final = "mlflow.spanType"
_USAGE: Final = "mlflow.chat.tokenUsage"
_COST: Final = "mlflow.llm.cost"
# Span type → operation of the calls; every other type is an aggregate.
CALLS: Final = {"LLM": "chat", "CHAT_MODEL": "chat", "EMBEDDING": "embeddings", "RERANKER": "rerank"}


def read_mlflow(span: SpanView, emitter: Emitter) -> Reading | None:
    """Read a span of MLflow's; None for one that says nothing of models.

    Raises:
        UnreadableSpanError: a figure that is no count.
    """
    attributes = span.attributes
    kind = _word(span, TYPE_KEY)
    if kind is None:
        reading = conventions.read(span, emitter)
        if reading is not None and reading.kind is SpanKind.CALL:
            cache_unsaid(span, reading)
        return reading
    operation = CALLS.get(kind.upper())
    if operation is None and _USAGE not in attributes:
        return None
    reading = Reading(
        SpanKind.CALL if operation else SpanKind.AGGREGATE,
        DIALECT,
        operation=operation or kind.lower(),
        provider=seller(_word(span, "mlflow.llm.provider"), attributes),
        response_model=_word(span, "mlflow.llm.model"),
        error_type=read_text(attributes, ("error.type",)) or ("error" if span.status_code == 2 else None),
        user_id=_word(span, "user.id"),
        session_id=_word(span, "session.id"),
    )
    prefer_block(reading, attributes.get(_USAGE), _USAGE, cached_apart=False)
    costs = mapping_of(attributes.get(_COST))
    if costs is not None:
        claim_cost(reading, costs.get("total_cost"), _COST, zero_is_unknown=True)
    return reading


def _word(span: SpanView, key: str) -> str | None:
    value = read_text(span.attributes, (key,))
    return value.strip('"') or None if value else None


EMITTERS: Final = (
    Emitter(
        "mlflow",
        DIALECT,
        InputMeaning.INCLUSIVE,
        "mlflow 3.17.2: cached tokens are added where a provider leaves them out",
    ),
)
FAMILY: Final = Family(
    name=DIALECT,
    title="MLflow",
    emitters=EMITTERS,
    read=read_mlflow,
    keys=(TYPE_KEY,),
    otherwise=EMITTERS[0],
    text=f"""\
The usage stands in `{_USAGE}`, the reported cost in `{_COST}` (MLflow's own reckoning; its 0 is no claim).
Exported with the conventions' names, what was cached is not said.

Types that are calls: {", ".join(f"`{name}`" for name in CALLS)}. Other types are aggregates where they have usage.""",
)
