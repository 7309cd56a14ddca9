"""Shapes: where the usage blocks of providers have their figures. A table.

    cohere      `billed_units`: what is charged, not what was read
    google      prompt without the results of server tools, candidates without thoughts: both are added
    bedrock     `inputTokens` without cached tokens, which are added; unless its own total says that they are in
    chat        OpenAI's chat completions, embeddings and all that imitate them: totals are inclusive
    anthropic   `input_tokens` without cached tokens, which are added; cache writes by how long they are kept
    tokens      OpenAI's responses, realtime and images, LangChain's usage metadata: totals are inclusive
    pages       Mistral's OCR
    seconds     OpenAI's live audio

Sources: the providers' API references, and the extraction tables of genai-prices 0.2.3, to which tests compare.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

Row = tuple[str, tuple[str, ...]]
"""A unit, and dotted paths to its figure: the first that is there counts. Rows of one unit are added."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Where one kind of block has its figures."""

    name: str
    signs: frozenset[str]
    """Any one of these keys makes a block of this shape."""
    rows: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]
    places: Mapping[str, tuple[tuple[int, int, tuple[str, ...]], ...]]
    """First name of a path → row, the path's place in it, and the names that follow."""
    total: tuple[str, ...] = ()
    cached_apart: bool = False
    """Cached tokens are not in the block's input."""
    modalities: tuple[tuple[tuple[str, ...], str], ...] = ()
    """Lists by modality, and the pattern of their units."""


def _shape(
    name: str,
    signs: Iterable[str],
    rows: Iterable[Row],
    *,
    total: Sequence[str] = (),
    cached_apart: bool = False,
    modalities: Sequence[tuple[tuple[str, ...], str]] = (),
) -> Shape:
    split = tuple((unit, tuple(tuple(path.split(".")) for path in paths)) for unit, paths in rows)
    places: dict[str, tuple[tuple[int, int, tuple[str, ...]], ...]] = {}
    for row, (_, paths) in enumerate(split):
        for place, path in enumerate(paths):
            places[path[0]] = (*places.get(path[0], ()), (row, place, path[1:]))
    return Shape(name, frozenset(signs), split, places, tuple(total), cached_apart, tuple(modalities))


_READ, _WRITE = "cache_read_tokens", "cache_write_tokens"
# In order: the first whose sign is there. Anthropic's are asked before OpenAI's, which share its totals.
SHAPES: Final = (
    _shape(
        "cohere",
        ("billed_units",),
        (
            ("input_tokens", ("billed_units.input_tokens",)),
            ("output_tokens", ("billed_units.output_tokens",)),
            ("input_image_tokens", ("billed_units.image_tokens",)),
            ("rerank_searches", ("billed_units.search_units",)),
            (_READ, ("cached_tokens",)),
        ),
    ),
    _shape(
        "google",
        ("promptTokenCount", "prompt_token_count", "candidatesTokenCount", "candidates_token_count",
         "totalTokenCount", "total_token_count"),
        (
            ("input_tokens", ("promptTokenCount", "prompt_token_count")),
            ("input_tokens", ("toolUsePromptTokenCount", "tool_use_prompt_token_count")),
            ("input_tool_tokens", ("toolUsePromptTokenCount", "tool_use_prompt_token_count")),
            ("output_tokens", ("candidatesTokenCount", "candidates_token_count", "responseTokenCount",
                               "response_token_count")),
            ("output_tokens", ("thoughtsTokenCount", "thoughts_token_count")),
            ("reasoning_tokens", ("thoughtsTokenCount", "thoughts_token_count")),
            (_READ, ("cachedContentTokenCount", "cached_content_token_count")),
            # Google's SDK has no such member; ADK's adapter to Anthropic adds it, with an inclusive prompt count.
            (_WRITE, ("cache_creation_input_tokens",)),
        ),
        total=("totalTokenCount", "total_token_count"),
        modalities=(
            (("promptTokensDetails", "prompt_tokens_details"), "input_{}_tokens"),
            (("toolUsePromptTokensDetails", "tool_use_prompt_tokens_details"), "input_{}_tokens"),
            (("toolUsePromptTokensDetails", "tool_use_prompt_tokens_details"), "input_{}_tool_tokens"),
            (("cacheTokensDetails", "cache_tokens_details"), "cache_{}_read_tokens"),
            (("candidatesTokensDetails", "candidates_tokens_details", "responseTokensDetails",
              "response_tokens_details"), "output_{}_tokens"),
        ),
    ),
    _shape(
        "bedrock",
        ("inputTokens", "outputTokens"),
        (
            ("input_tokens", ("inputTokens",)),
            ("output_tokens", ("outputTokens",)),
            (_READ, ("cacheReadInputTokens", "cacheReadInputTokenCount")),
            (_WRITE, ("cacheWriteInputTokens", "cacheWriteInputTokenCount")),
        ),
        total=("totalTokens",),
        cached_apart=True,
    ),
    _shape(
        "chat",
        ("prompt_tokens", "completion_tokens"),
        (
            ("input_tokens", ("prompt_tokens",)),
            ("output_tokens", ("completion_tokens",)),
            (_READ, ("prompt_tokens_details.cached_tokens", "cache_read_input_tokens", "prompt_cache_hit_tokens",
                     "cached_tokens", "cached_prompt_text_tokens")),
            (_WRITE, ("prompt_tokens_details.cache_write_tokens", "prompt_tokens_details.cache_creation_tokens",
                      "cache_creation_input_tokens")),
            ("cache_write_5m_tokens", ("prompt_tokens_details.cache_creation_token_details.ephemeral_5m_input_tokens",
                                       "cache_creation.ephemeral_5m_input_tokens")),
            ("cache_write_1h_tokens", ("prompt_tokens_details.cache_creation_token_details.ephemeral_1h_input_tokens",
                                       "cache_creation.ephemeral_1h_input_tokens")),
            ("input_audio_tokens", ("prompt_tokens_details.audio_tokens",)),
            ("input_image_tokens", ("prompt_tokens_details.image_tokens",)),
            ("output_audio_tokens", ("completion_tokens_details.audio_tokens",)),
            ("output_image_tokens", ("completion_tokens_details.image_tokens",)),
            ("reasoning_tokens", ("completion_tokens_details.reasoning_tokens", "reasoning_tokens")),
            ("output_citation_tokens", ("citation_tokens",)),
            ("web_searches", ("server_tool_use.web_search_requests", "num_search_queries")),
        ),
        total=("total_tokens",),
    ),
    _shape(
        "anthropic",
        ("cache_creation_input_tokens", "cache_read_input_tokens", "cache_creation", "server_tool_use", "iterations",
         "inference_geo"),
        (
            ("input_tokens", ("input_tokens",)),
            ("output_tokens", ("output_tokens",)),
            (_READ, ("cache_read_input_tokens",)),
            (_WRITE, ("cache_creation_input_tokens",)),
            ("cache_write_5m_tokens", ("cache_creation.ephemeral_5m_input_tokens",)),
            ("cache_write_1h_tokens", ("cache_creation.ephemeral_1h_input_tokens",
                                       "cache_creation_input_tokens_above_1hr")),
            ("reasoning_tokens", ("output_tokens_details.thinking_tokens",)),
            ("web_searches", ("server_tool_use.web_search_requests",)),
        ),
        total=("total_tokens",),
        cached_apart=True,
    ),
    _shape(
        "tokens",
        ("input_tokens", "output_tokens"),
        (
            ("input_tokens", ("input_tokens",)),
            ("output_tokens", ("output_tokens",)),
            (_READ, ("input_tokens_details.cached_tokens", "input_token_details.cached_tokens",
                     "input_token_details.cache_read", "input_tokens_details.cache_read_input_tokens")),
            (_WRITE, ("input_tokens_details.cache_write_tokens", "input_token_details.cache_creation")),
            ("cache_write_5m_tokens", ("input_token_details.ephemeral_5m_input_tokens",)),
            ("cache_write_1h_tokens", ("input_token_details.ephemeral_1h_input_tokens",)),
            ("cache_text_read_tokens", ("input_token_details.cached_tokens_details.text_tokens",)),
            ("cache_audio_read_tokens", ("input_token_details.cached_tokens_details.audio_tokens",)),
            ("cache_image_read_tokens", ("input_token_details.cached_tokens_details.image_tokens",)),
            ("input_text_tokens", ("input_tokens_details.text_tokens", "input_token_details.text_tokens")),
            ("input_audio_tokens", ("input_token_details.audio_tokens", "input_tokens_details.audio_tokens",
                                    "input_token_details.audio")),
            ("input_image_tokens", ("input_tokens_details.image_tokens", "input_token_details.image_tokens")),
            ("output_text_tokens", ("output_tokens_details.text_tokens", "output_token_details.text_tokens")),
            ("output_audio_tokens", ("output_token_details.audio_tokens", "output_token_details.audio")),
            ("output_image_tokens", ("output_tokens_details.image_tokens",)),
            ("reasoning_tokens", ("output_tokens_details.reasoning_tokens", "output_token_details.reasoning")),
            ("web_searches", ("tool_calls_details.search_web.invocation",)),
        ),
        total=("total_tokens",),
    ),
    _shape("pages", ("pages_processed",), (("input_document_pages", ("pages_processed",)),)),
    _shape("seconds", ("seconds",), (("audio_seconds", ("seconds",)),)),
)  # fmt: skip
