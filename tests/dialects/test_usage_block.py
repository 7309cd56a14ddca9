"""Usage blocks: what the providers' own blocks come to, however they are carried, against genai-prices' reading."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given
from hypothesis import strategies as st

from receiver.dialects.carried import BLOCK_CHARS_MAX
from receiver.dialects.reading import UnreadableSpanError
from receiver.dialects.usage_block import Block, read_block
from receiver.dialects.usage_shapes import SHAPES
from tests.corpus.recorded import INSTRUMENTATIONS, recordings

# Provider and API of the library → blocks as that API answers.
BLOCKS: list[tuple[str, str, dict[str, Any]]] = [
    ("openai", "chat", {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}),
    (
        "openai",
        "chat",
        {
            "prompt_tokens": 2006,
            "completion_tokens": 300,
            "total_tokens": 2306,
            "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 12, "cache_write_tokens": 64},
            "completion_tokens_details": {
                "reasoning_tokens": 128,
                "audio_tokens": 9,
                "accepted_prediction_tokens": 1,
                "rejected_prediction_tokens": 2,
            },
        },
    ),
    (
        "openai",
        "responses",
        {
            "input_tokens": 328,
            "input_tokens_details": {"cached_tokens": 256, "cache_write_tokens": 3},
            "output_tokens": 52,
            "output_tokens_details": {"reasoning_tokens": 32},
            "total_tokens": 380,
        },
    ),
    (
        "openai",
        "realtime",
        {
            "total_tokens": 253,
            "input_tokens": 132,
            "output_tokens": 121,
            "input_token_details": {
                "text_tokens": 119,
                "audio_tokens": 13,
                "image_tokens": 0,
                "cached_tokens": 64,
                "cached_tokens_details": {"text_tokens": 64, "audio_tokens": 0, "image_tokens": 0},
            },
            "output_token_details": {"text_tokens": 30, "audio_tokens": 91},
        },
    ),
    ("openai", "embeddings", {"prompt_tokens": 8, "total_tokens": 8}),
    (
        "openai",
        "images",
        {
            "input_tokens": 50,
            "output_tokens": 4160,
            "total_tokens": 4210,
            "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
        },
    ),
    ("openai", "live", {"seconds": 9}),
    (
        "anthropic",
        "default",
        {
            "input_tokens": 4,
            "cache_creation_input_tokens": 300,
            "cache_read_input_tokens": 1000,
            "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
            "output_tokens": 50,
            "output_tokens_details": {"thinking_tokens": 30},
            "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 0},
            "service_tier": "standard",
        },
    ),
    (
        "aws",
        "default",
        {
            "inputTokens": 4,
            "outputTokens": 50,
            "totalTokens": 1354,
            "cacheReadInputTokens": 1000,
            "cacheWriteInputTokens": 300,
            "cacheDetails": [{"inputTokens": 100, "ttl": "5m"}, {"inputTokens": 200, "ttl": "1h"}],
        },
    ),
    (
        "google",
        "default",
        {
            "promptTokenCount": 1500,
            "candidatesTokenCount": 40,
            "thoughtsTokenCount": 200,
            "toolUsePromptTokenCount": 70,
            "cachedContentTokenCount": 1024,
            "totalTokenCount": 1810,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 1200},
                {"modality": "AUDIO", "tokenCount": 100},
                {"modality": "DOCUMENT", "tokenCount": 150},
                {"modality": "VIDEO", "tokenCount": 50},
            ],
            "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 1024}],
            "toolUsePromptTokensDetails": [{"modality": "TEXT", "tokenCount": 70}],
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 40}],
        },
    ),
    ("cohere", "default", {"billed_units": {"input_tokens": 377, "output_tokens": 12}, "tokens": {}}),
    ("mistral", "default", {"prompt_tokens": 11, "completion_tokens": 5, "prompt_audio_seconds": 3}),
    ("x-ai", "chat", {
        "prompt_tokens": 37, "completion_tokens": 10, "total_tokens": 347,
        "prompt_tokens_details": {"cached_tokens": 6}, "completion_tokens_details": {"reasoning_tokens": 300},
    }),
    ("perplexity", "default", {
        "prompt_tokens": 33, "completion_tokens": 7, "total_tokens": 40, "citation_tokens": 50, "num_search_queries": 3,
    }),
]  # fmt: skip


def library_units(provider: str, flavor: str, block: dict[str, Any]) -> dict[str, int]:
    """Return what genai-prices makes of an answer with this block."""
    answer: dict[str, Any] = {"model": "m", "usage": block, "usageMetadata": block, "response": {"usage": block}}
    _, usage = get_snapshot().find_provider(None, provider, None).extract_usage(answer, api_flavor=flavor)
    library = {name: count for name, count in vars(usage).items() if count is not None}
    renamed = {("reasoning_tokens" if name == "output_reasoning_tokens" else name): n for name, n in library.items()}
    return {name: count for name, count in renamed.items() if count}


def read(carried: object) -> Block:
    """Read a block that has to be one."""
    block = read_block(carried)
    assert block is not None
    return block


def said(block: Block) -> dict[str, int]:
    """Return the counts above 0: the library leaves some zeros out."""
    return {name: count for name, count in block.units.items() if count}


@pytest.mark.parametrize(
    ("provider", "flavor", "block"), BLOCKS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_providers_block_is_what_the_price_library_reads(provider: str, flavor: str, block: dict[str, Any]) -> None:
    """Unit for unit, the block of each API comes to what genai-prices extracts from it."""
    assert said(read(block)) == library_units(provider, flavor, block)


@pytest.mark.parametrize(
    ("provider", "flavor", "block"), BLOCKS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_block_is_the_same_however_it_is_carried(provider: str, flavor: str, block: dict[str, Any]) -> None:
    """A mapping, JSON, a Python dict's text, and a whole answer around it give the same units."""
    units = read(block).units
    for carried in (json.dumps(block), str(block), repr({**block, "note": 'a "quoted" word'}), {"usage": block}):
        assert read(carried).units == units, carried


# What answers at an address of the corpus → provider and API of the library, by a sign of the block's.
_LIBRARY = (
    ("api.anthropic.com", "input_tokens", "anthropic", "default"),
    ("api.openai.com", "completion_tokens", "openai", "chat"),
    ("api.openai.com", "prompt_tokens", "openai", "embeddings"),
    ("api.openai.com", "input_tokens", "openai", "responses"),
    ("generativelanguage.googleapis.com", "promptTokenCount", "google", "default"),
    (".amazonaws.com", "inputTokens", "aws", "default"),
)


@pytest.mark.parametrize("instrumentation", INSTRUMENTATIONS)
def test_recorded_blocks_are_what_the_price_library_reads(instrumentation: str) -> None:
    """Every usage block of the corpus whose seller the library knows, it reads alike."""
    compared = 0
    for recording in recordings(instrumentation):
        for truth in recording.truths:
            known = next((one[2:] for one in _LIBRARY if one[0] in truth.address and one[1] in truth.usage), None)
            if known is None or "iterations" in truth.usage:
                continue
            assert said(read(truth.usage)) == library_units(*known, truth.usage), truth.usage
            compared += 1
    assert compared


def test_snake_case_of_googles_sdk() -> None:
    """The Python SDK's names, as Google ADK writes them, are the API's."""
    found = read({"prompt_token_count": 10, "candidates_token_count": 3, "thoughts_token_count": 4,
                  "prompt_tokens_details": [{"modality": "MediaModality.AUDIO", "token_count": 6}]})  # fmt: skip
    assert found.units == {
        "input_tokens": 10, "output_tokens": 7, "reasoning_tokens": 4, "input_audio_tokens": 6,
    }  # fmt: skip


def test_an_answer_of_googles_without_candidates_has_no_output() -> None:
    """A blocked answer's total is its prompt: the output is 0, not unknown."""
    assert read({"promptTokenCount": 10, "totalTokenCount": 10}).units == {"input_tokens": 10, "output_tokens": 0}
    assert "output_tokens" not in read({"promptTokenCount": 10, "totalTokenCount": 14}).units


def test_langchains_metadata_says_nothing_for_writes_whose_parts_it_knows() -> None:
    """`cache_creation` is 0 where the two durations are said: the whole is their sum."""
    details = {"cache_read": 5, "cache_creation": 0, "ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4}
    found = read({"input_tokens": 20, "output_tokens": 1, "total_tokens": 21, "input_token_details": details})
    assert (found.units["cache_write_tokens"], found.units["input_tokens"]) == (7, 20)


def test_bedrock_of_openai_models_counts_cached_tokens_in_input() -> None:
    """The block's own total tells: input and output make it up."""
    found = read({"inputTokens": 100, "outputTokens": 5, "totalTokens": 105, "cacheReadInputTokens": 60})
    assert found.units["input_tokens"] == 100


def test_compaction_is_charged_beside_the_totals() -> None:
    """Anthropic's totals leave compaction out; its iterations are summed."""
    one = {"input_tokens": 100, "output_tokens": 10, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 0}
    found = read({**one, "iterations": [{"type": "compaction", **one}, {"type": "message", **one}]})
    assert (found.units["input_tokens"], found.units["output_tokens"], found.is_whole) == (210, 20, True)
    assert "usage_of_iterations" in found.flags


def test_an_advisors_tokens_have_another_price() -> None:
    """Another model's work within the answer makes the usage less than the whole."""
    found = read(
        {"input_tokens": 1, "output_tokens": 1, "iterations": [{"type": "advisor_message", "input_tokens": 9}]}
    )
    assert (found.is_whole, found.flags) == (False, ("other_models_used",))


def test_place_and_speed_are_said() -> None:
    """What moves Anthropic's price apart from tokens is flagged, unless it is the standard."""
    block = {"input_tokens": 1, "output_tokens": 1, "cache_read_input_tokens": 0}
    assert read({**block, "inference_geo": "us", "speed": "fast"}).flags == ("inference_geo:us", "speed:fast")
    assert read({**block, "inference_geo": "not_available", "speed": "standard"}).flags == ()


def test_openrouters_charge() -> None:
    """`cost` is what was charged; with a key of one's own the upstream's part is added, or there is no claim."""
    block = {"prompt_tokens": 1, "completion_tokens": 1, "cost": 0.0012}
    assert read(block).cost == Decimal("0.0012")
    assert read({**block, "is_byok": True}).cost is None
    details = {"upstream_inference_cost": 0.01}
    assert read({**block, "is_byok": True, "cost_details": details}).cost == Decimal("0.0112")


@pytest.mark.parametrize(
    "carried",
    [None, "", "{}", "[]", "null", "hello", "{'a': 1}", "{", "{'prompt_tokens': __import__('os')}", 5, True, [1],
     "[" * 5000, "{'a':" * 3000, '{"a": ' * 3000, "{" + " " * BLOCK_CHARS_MAX + "}", {"usage": {"usage": {}}}],
)  # fmt: skip
def test_what_is_no_block(carried: object) -> None:
    """Anything else is none: no error, no guess."""
    assert read_block(carried) is None


@pytest.mark.parametrize("figure", [-1, 1.5, "many", True, 2**63, float("nan"), float("inf"), {}, []])
def test_a_figure_that_is_no_count_is_refused(figure: object) -> None:
    """A block with a broken figure is not half a block."""
    with pytest.raises(UnreadableSpanError):
        read_block({"prompt_tokens": figure, "completion_tokens": 1})


def test_more_cached_than_read_says_so() -> None:
    """Parts above their whole are kept and flagged: pricing refuses them."""
    found = read({"prompt_tokens": 10, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 11}})
    assert found.flags == ("details_exceed_total",)


_NAMES = sorted({step for shape in SHAPES for _, paths in shape.rows for path in paths for step in path})
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from([*_NAMES, "iterations", "cost", "usage", "promptTokensDetails"]), _VALUES))
def test_nothing_else_is_ever_raised(block: dict[str, Any]) -> None:
    """Whatever stands in a block, it is read, none, or refused by name; counts are counts."""
    try:
        found = read_block(block)
    except UnreadableSpanError:
        return
    assert found is None or all(type(count) is int and count >= 0 for count in found.units.values())
