"""Usage blocks: a provider's own `usage`, as an emitter carries it along, turned into inclusive units.

A block is what the provider's API answered: a mapping, JSON text, or the text of a Python `dict` (`carried`). Its shape
tells whose it is; the table in `usage_shapes` says where its figures stand, and which of them are parts of others.

Must not: guess. What is none of these shapes is no block; a figure that is no count makes the span unreadable; a block
whose parts are larger than their whole is returned as it is, and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from receiver.dialects.carried import mapping_of, word_of
from receiver.dialects.figures import COUNT_MAX, parse_cost, parse_count
from receiver.dialects.usage_shapes import SHAPES, Shape

# Where a whole answer is carried instead of its block.
_ROOTS: Final = ("usage", "usageMetadata", "usage_metadata", "usage_info", "meta", "response")
_ROOTS_DEEP_MAX: Final = 3
_SUMMED: Final = ("input_tokens", "output_tokens")
_READ, _WRITE = "cache_read_tokens", "cache_write_tokens"
_MODALITIES: Final = {
    "TEXT": "text", "AUDIO": "audio", "IMAGE": "image", "DOCUMENT": "image", "VIDEO": "video",
}  # fmt: skip
# How long Bedrock keeps a write → unit.
_TTL_UNITS: Final = {"5m": "cache_write_5m_tokens", "1h": "cache_write_1h_tokens"}
# Iterations of Anthropic's that the model of the answer ran; any other is another model's.
_OWN_ITERATIONS: Final = frozenset({"message", "compaction"})


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
