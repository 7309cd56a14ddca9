"""LangSmith: LangChain's runs as its SDK exports them by OpenTelemetry.

Counts are LangChain's usage metadata, which is inclusive; its details stand in two attributes as the text of a Python
dict, where the run's output has them at the top, and otherwise only within the output itself (`gen_ai.completion`), of
which the receiver keeps the usage alone. Where that has the provider's own block and the answer's id, both are taken.
A chain repeats what its parts used and is an aggregate. `gen_ai.system` is guessed from the model's name and not
believed: who sold the call says `ls_provider`, where LangChain has it.

Source: langsmith 0.15.1 _internal/otel/_otel_exporter.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from receiver.dialects import conventions
from receiver.dialects.carried import mapping_of, word_of
from receiver.dialects.emitter import Emitter
from receiver.dialects.family import Family
from receiver.dialects.figures import read_text
from receiver.dialects.quirks import cache_unsaid, name_aggregate, name_call
from receiver.dialects.reading import AttributeValue, Reading, SpanView
from receiver.dialects.sellers import seller
from receiver.dialects.side_channels import take_block
from receiver.dialects.usage import InputMeaning
from receiver.dialects.usage_block import read_block

DIALECT: Final = "langsmith"
COMPLETION: Final = "gen_ai.completion"
_DETAILS: Final = ("gen_ai.usage.input_token_details", "gen_ai.usage.output_token_details")
# Run types → operation of the calls; every other type is an aggregate.
CALLS: Final = {"llm": "chat", "embedding": "embeddings"}
# LangChain's `ls_provider` → seller, where the two names differ.
_SELLERS: Final = {
    "amazon_bedrock": "aws.bedrock",
    "google_genai": "gcp.gemini",
    "google_vertexai": "gcp.vertex_ai",
    "google_anthropic_vertex": "gcp.vertex_ai",
    "azure": "azure.ai.openai",
    "mistralai": "mistral_ai",
    "together": "together_ai",
    "xai": "x_ai",
}


def read_langsmith(span: SpanView, emitter: Emitter) -> Reading | None:
    """Read a run; None for a span that is none.

    Raises:
        UnreadableSpanError: a figure that is no count.
    """
    attributes = span.attributes
    reading = conventions.read(span, emitter)
    kind = read_text(attributes, ("langsmith.span.kind",))
    if reading is None or kind is None:
        return reading
    operation = CALLS.get(kind.lower())
    if operation is None:
        name_aggregate(reading, kind.lower())
    elif operation != reading.operation or "operation_inferred" in reading.usage_flags:
        name_call(reading, operation)
    named = read_text(attributes, ("langsmith.metadata.ls_provider",))
    if named is None:
        reading.provider = None
        reading.usage_flags += ("seller_unsaid",)
    else:
        reading.provider = seller(_SELLERS.get(named.lower(), named), attributes)
    reading.user_id = reading.user_id or read_text(attributes, ("langsmith.metadata.user_id",))
    reading.session_id = reading.session_id or read_text(
        attributes, ("langsmith.metadata.session_id", "langsmith.metadata.thread_id")
    )
    if operation is not None:
        _take_details(reading, attributes)
        cache_unsaid(span, reading)
    return reading


def _take_details(reading: Reading, attributes: Mapping[str, AttributeValue]) -> None:
    """Read the details, from their attributes or from what is kept of the output."""
    completion = mapping_of(attributes.get(COMPLETION))
    if completion is not None:
        reading.response_model = reading.response_model or word_of(completion.get("model_name"))
        reading.service_tier = reading.service_tier or word_of(completion.get("service_tier"))
        reading.response_id = reading.response_id or word_of(completion.get("response_id"))
        block = read_block(completion.get("usage")) or read_block(completion.get("usage_metadata"))
        if block is not None:
            take_block(reading, block, COMPLETION)
            return
    inputs, outputs = (mapping_of(attributes.get(key)) for key in _DETAILS)
    if inputs is None and outputs is None:
        return
    block = read_block(
        {
            "input_tokens": reading.usage.get("input_tokens"),
            "output_tokens": reading.usage.get("output_tokens"),
            "input_token_details": inputs or {},
            "output_token_details": outputs or {},
        }
    )
    if block is not None:
        for unit, count in block.units.items():
            reading.usage.setdefault(unit, count)


EMITTERS: Final = (
    Emitter(
        "langsmith",
        DIALECT,
        InputMeaning.INCLUSIVE,
        "langsmith 0.15.1 _internal/otel/_otel_exporter.py; LangChain's usage metadata is inclusive",
    ),
)
FAMILY: Final = Family(
    name=DIALECT,
    title="LangSmith",
    emitters=EMITTERS,
    read=read_langsmith,
    keys=("langsmith.span.kind",),
    otherwise=EMITTERS[0],
    text=f"""\
`gen_ai.system` is guessed from the model's name and not believed; `langsmith.metadata.ls_provider` is. Details of the
usage are read from `{_DETAILS[0]}` and `{_DETAILS[1]}`, or from the usage within
`{COMPLETION}`, of which nothing else is kept; a longer prompt whose details stand nowhere is not priced.

Kinds that are calls: {", ".join(f"`{name}`" for name in CALLS)}. Every other kind is an aggregate.""",
)
