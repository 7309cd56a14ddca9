"""Usage blocks: a provider's own `usage`, as an emitter carries it along, turned into inclusive units.

A block is what the provider's API answered: a mapping, JSON text, or the text of a Python `dict`. Its shape tells whose
it is; the table below says for each shape where its figures stand and which of them are parts of others:

    cohere      `billed_units`: what is charged, not what was read
    google      prompt without the results of server tools, candidates without thoughts: both are added
    bedrock     `inputTokens` without cached tokens, which are added; unless its own total says that they are in
    chat        OpenAI's chat completions, embeddings and all that imitate them: totals are inclusive
    anthropic   `input_tokens` without cached tokens, which are added; cache writes by how long they are kept
    tokens      OpenAI's responses, realtime and images, LangChain's usage metadata: totals are inclusive
    pages       Mistral's OCR
    seconds     OpenAI's live audio

Must not: guess. What is none of these shapes is no block; a figure that is no count makes the span unreadable; a block
whose parts are larger than their whole is returned as it is, and says so.

Sources: the providers' API references, and the extraction tables of genai-prices 0.2.3, to which tests compare.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import msgspec

from receiver.dialects.figures import COUNT_MAX, parse_cost, parse_count

# A block is a few hundred bytes; the longest seen, with every modality and five iterations, has 2,400.
BLOCK_CHARS_MAX: Final = 65_536
# `literal_eval` takes 20 times as long as a JSON decoder, and memory to match: only for what a block can be.
_LITERAL_CHARS_MAX: Final = 8_192
_INTEGER_BITS_MAX: Final = 4_000
# A tier, a place, a model: longer is none.
_WORD_CHARS_MAX: Final = 64
# Where a whole answer is carried instead of its block.
_ROOTS: Final = ("usage", "usageMetadata", "usage_metadata", "usage_info", "meta", "response")
_ROOTS_DEEP_MAX: Final = 3
_JSON: Final = msgspec.json.Decoder()

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


@dataclass(slots=True)
class Block:
    """What a block says, in the ledger's units, totals inclusive of their details."""

    shape: str
    units: dict[str, int]
    flags: tuple[str, ...] = ()
    service_tier: str | None = None
    cost: Decimal | None = None
    """What the seller says it charged, in USD (OpenRouter)."""
    is_whole: bool = True
    """Whether the figures are all that was charged: false where other models worked beside the one that answered."""


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


_SUMMED: Final = ("input_tokens", "output_tokens")
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
_MODALITIES: Final = {
    "TEXT": "text", "AUDIO": "audio", "IMAGE": "image", "DOCUMENT": "image", "VIDEO": "video",
}  # fmt: skip
# How long Bedrock keeps a write → unit.
_TTL_UNITS: Final = {"5m": "cache_write_5m_tokens", "1h": "cache_write_1h_tokens"}
# Iterations of Anthropic's that the model of the answer ran; any other is another model's.
_OWN_ITERATIONS: Final = frozenset({"message", "compaction"})


def read_block(carried: object, *, cached_apart: bool | None = None) -> Block | None:
    """Read a usage block, or an answer that holds one; None when it is none.

    `cached_apart` says whether cached tokens are outside of input, where the emitter is known to have changed that.

    Raises:
        UnreadableSpanError: it is one, but a figure is no count.
    """
    found = _found(mapping_of(carried))
    if found is None:
        return None
    shape, usage = found
    units = _figures(shape, usage)
    _add_lists(shape, usage, units)
    _add_writes(units)
    total = _count(usage, shape.total)
    apart = shape.cached_apart if cached_apart is None else cached_apart
    if shape.name == "bedrock" and total == units.get("input_tokens", 0) + units.get("output_tokens", 0):
        apart = False
    cached = units.get(_READ, 0) + units.get(_WRITE, 0)
    if apart and "input_tokens" in units:
        units["input_tokens"] += cached
    flags = _complete_output(shape, units, total)
    if "input_tokens" in units and cached > units["input_tokens"]:
        flags += ("details_exceed_total",)
    block = Block(shape.name, units, flags, service_tier=word_of(usage.get("service_tier")))
    if shape.name == "anthropic":
        _iterations(block, usage.get("iterations"))
        _place(block, usage)
    if shape.name == "google" and total is not None and total > sum(units.get(one, 0) for one in _SUMMED):
        # Some member was dropped on the way: thinking, or what tools put into the prompt.
        block.is_whole = False
        block.flags += ("total_contradicts",)
    block.cost = _cost(usage)
    return block


def word_of(value: object) -> str | None:
    """Return a short printable word; None for anything else, such as half a character or a text."""
    return value if isinstance(value, str) and 0 < len(value) <= _WORD_CHARS_MAX and value.isprintable() else None


def mapping_of(carried: object) -> Mapping[str, Any] | None:
    """Return a carried mapping, whether it is one or the text of one; None when it is neither."""
    if isinstance(carried, Mapping):
        return carried
    if not isinstance(carried, str) or not 2 < len(carried) <= BLOCK_CHARS_MAX:
        return None
    text = carried.strip()
    if not text.startswith("{"):
        return None
    decoded = _decoded(text)
    return decoded if isinstance(decoded, dict) else None


def _decoded(text: str) -> object:
    try:
        return _JSON.decode(text)
    except (msgspec.DecodeError, RecursionError):
        pass
    if len(text) > _LITERAL_CHARS_MAX:
        return None
    if '"' not in text and "\\" not in text:
        # What `str(dict)` writes for names and numbers is JSON but for its quotes and three words.
        likeness = text.replace("'", '"').replace("None", "null").replace("True", "true").replace("False", "false")
        try:
            return _JSON.decode(likeness)
        except (msgspec.DecodeError, RecursionError):
            pass
    try:
        return _storable(ast.literal_eval(text))
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def _storable(value: object) -> object:
    """Return a literal with every text fit for UTF-8: Python reads half of a surrogate pair where JSON refuses it.

    Texts that were cut in the middle of an emoji have such halves.

    Raises:
        ValueError: an integer is longer than any figure; Python would not even print it.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, int) and value.bit_length() > _INTEGER_BITS_MAX:
        raise ValueError("an integer of more than 4,000 bits")
    if isinstance(value, dict):
        return {_storable(key): _storable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(one) for one in value]
    return value


def _found(carried: Mapping[str, Any] | None) -> tuple[Shape, Mapping[str, Any]] | None:
    """Return the block and its shape: what was carried, or what stands at one of an answer's roots."""
    usage = carried
    for _ in range(_ROOTS_DEEP_MAX):
        if usage is None:
            return None
        for shape in SHAPES:
            if not shape.signs.isdisjoint(usage):
                return shape, usage
        usage = next((inner for root in _ROOTS if isinstance(inner := usage.get(root), Mapping)), None)
    return None


def _figures(shape: Shape, usage: Mapping[str, Any]) -> dict[str, int]:
    """Return the counts by unit: of each row the first path that is there, rows of one unit added."""
    places, rows = shape.places, shape.rows
    taken: dict[int, tuple[int, int]] = {}
    # Over the names that the block has, not over all that it may have: most have a few.
    for name in filter(places.__contains__, usage):
        said = usage[name]
        for row, place, rest in places[name]:
            if row in taken and taken[row][0] < place:
                continue
            count = _count_at(said, name, rest)
            if count is not None:
                taken[row] = (place, count)
    units: dict[str, int] = {}
    for row in sorted(taken):
        unit = rows[row][0]
        units[unit] = units.get(unit, 0) + taken[row][1]
    return units


def _count_at(said: Any, name: str, rest: tuple[str, ...]) -> int | None:
    for step in rest:
        if not isinstance(said, dict):
            return None
        said = said.get(step)
    if type(said) is int and 0 <= said <= COUNT_MAX:
        return said
    if said is None or said == "":
        return None
    return parse_count(".".join((name, *rest)), said)


def _count(usage: Mapping[str, Any], names: Iterable[str]) -> int | None:
    return next((count for name in names if (count := _count_at(usage.get(name), name, ())) is not None), None)


def _add_lists(shape: Shape, usage: Mapping[str, Any], units: dict[str, int]) -> None:
    """Add what stands in lists: Google's counts by modality, Bedrock's cache writes by how long they are kept."""
    for names, pattern in shape.modalities:
        for entry in _entries(usage, names):
            modality = _MODALITIES.get(str(entry.get("modality")).rpartition(".")[2].upper())
            count = _count(entry, ("tokenCount", "token_count"))
            if modality and count is not None:
                unit = pattern.format(modality)
                units[unit] = units.get(unit, 0) + count
    if shape.name == "bedrock":
        for entry in _entries(usage, ("cacheDetails",)):
            kept = _TTL_UNITS.get(str(entry.get("ttl")))
            count = _count(entry, ("inputTokens",))
            if kept and count is not None:
                units[kept] = units.get(kept, 0) + count


def _add_writes(units: dict[str, int]) -> None:
    """Make cache writes the whole of their split: LangChain says 0 for the whole where it knows the parts."""
    parts = units.get("cache_write_5m_tokens", 0) + units.get("cache_write_1h_tokens", 0)
    if parts > units.get(_WRITE, 0):
        units[_WRITE] = parts


def _entries(usage: Mapping[str, Any], names: Iterable[str]) -> Iterable[Mapping[str, Any]]:
    listed = next((found for name in names if isinstance(found := usage.get(name), list)), ())
    return (entry for entry in listed if isinstance(entry, Mapping))


def _complete_output(shape: Shape, units: dict[str, int], total: int | None) -> tuple[str, ...]:
    """Complete the output where the block's own total shows what it lacks."""
    said = units.get("input_tokens", 0)
    output = units.get("output_tokens")
    if shape.name == "google":
        # An answer without candidates (blocked, or cut before the first token) has no output to report.
        if output is None and total is not None and total == said:
            units["output_tokens"] = 0
        return ()
    if shape.name != "chat" or output is None:
        return ()
    reasoning, citations = units.get("reasoning_tokens", 0), units.get("output_citation_tokens", 0)
    beside = citations
    # xAI counts reasoning beside the completion; everybody else within it.
    if reasoning and total is not None and total == said + output + reasoning:
        beside += reasoning
    if not beside:
        return ()
    units["output_tokens"] = output + beside
    return ("output_apart:total",)


def _iterations(block: Block, iterations: object) -> None:
    """Count what Anthropic lists apart: compactions are charged beside the totals, advisors at another model's price.

    https://platform.claude.com/docs/en/build-with-claude/compaction: the totals leave compaction's iterations out.
    """
    if not isinstance(iterations, list):
        return
    listed = [one for one in iterations if isinstance(one, Mapping)]
    kinds = {str(one.get("type")) for one in listed}
    if "compaction" in kinds:
        shape = next(shape for shape in SHAPES if shape.name == "anthropic")
        sums: dict[str, int] = {}
        for one in listed:
            if str(one.get("type")) in _OWN_ITERATIONS:
                figures = _figures(shape, one)
                figures["input_tokens"] = (
                    figures.get("input_tokens", 0) + figures.get(_READ, 0) + figures.get(_WRITE, 0)
                )
                for unit, count in figures.items():
                    sums[unit] = sums.get(unit, 0) + count
        block.units.update(sums)
        block.flags += ("usage_of_iterations",)
    if kinds - _OWN_ITERATIONS:
        block.is_whole = False
        block.flags += ("other_models_used",)


def _place(block: Block, usage: Mapping[str, Any]) -> None:
    """Say what else moves Anthropic's price, where it is not the standard: the place and the speed."""
    for name, standard in (("inference_geo", ("global", "not_available")), ("speed", ("standard", "normal"))):
        said = word_of(usage.get(name))
        if said is not None and said not in standard:
            block.flags += (f"{name}:{said}",)


def _cost(usage: Mapping[str, Any]) -> Decimal | None:
    """Return OpenRouter's charge. With a key of one's own it is only its fee, and what the upstream took is apart."""
    cost = parse_cost(usage.get("cost"))
    if cost is None or not usage.get("is_byok"):
        return cost
    details = usage.get("cost_details")
    upstream = parse_cost(details.get("upstream_inference_cost")) if isinstance(details, Mapping) else None
    return None if upstream is None else cost + upstream
