"""Siblings: spans of one call that stand beside each other, since an emitter above does not say that it is above. Pure.

Some instrumentations of frameworks make their spans from callbacks and never make them current. What the SDK below
tells of the same call then hangs beside theirs, where it would have hung without them. Two spans are *beside each
other* if

* two emitters wrote them, both known: one emitter's two spans are two calls, and an application may well have told
  two calls of its own under two names;
* the one lies within the other's time, its start and its end;
* the inner one hangs where the spans of the outer one's emitter begin: at the outer one's parent, or at the parent of
  that emitter's aggregates above it; or below that place, if all spans between began within the outer one's time and
  are another emitter's;
* they are alike: equal figures, which are known; a model that can be the same; no two response ids.

Then they are one call, each with at most one of each other emitter: of two outer and two inner ones come two calls, of
one outer and two inner ones two as well. As many are matched as can be; of several ways that one holds in which those
that began first have partners, and the partners that ended first. What is one call by id or ancestry already (a *node*)
stays one; two nodes can be one call only if no emitter has a span in both, and three only if every two of them can.

Must not: know why the spans of a node are one call, or which of them stands.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from receiver.sealer.facts import UNKNOWN_EMITTER, FactKind, SpanFact
from receiver.sealer.likeness import Figures, alike, figures_of
from receiver.sealer.matching import matching
from receiver.sealer.names import model_key
from receiver.sealer.payers import ANCESTORS_MAX

# Of spans with equal figures in one trace, so many that began last before one are looked at: more than any moment of a
# trace has calls with equal figures. Bounds the work on made-up traces.
_LOOKED_AT_MAX: Final = 512


class _Node(msgspec.Struct, frozen=True, gc=False, eq=False):
    """Spans that are one call already."""

    figures: Figures
    spans: tuple[SpanFact, ...]
    """Those with these figures, the first one first."""
    emitters: frozenset[int]
    response_ids: frozenset[str]
    models: frozenset[str]

    @property
    def begin(self) -> tuple[int, int, bytes]:
        """The order in which they are looked at."""
        first = self.spans[0]
        return first.start_us, -first.end_us, first.span_id

    @property
    def end(self) -> tuple[int, bytes]:
        """The order in which they are taken as partners."""
        return max(fact.end_us for fact in self.spans), self.spans[0].span_id

    def contradicts(self, other: _Node) -> bool:
        """Say whether the two cannot be one call, wherever they stand."""
        if not self.emitters.isdisjoint(other.emitters):
            return True
        said = ((self.response_ids, other.response_ids), (self.models, other.models))
        return any(one and another and len(one | another) > 1 for one, another in said)


def siblings(nodes: Iterable[Sequence[SpanFact]], spans: Mapping[bytes, SpanFact]) -> Iterator[tuple[bytes, bytes]]:
    """Yield pairs of spans, of two nodes each, that are one call; `spans` are all that are known of the trace."""
    alike_nodes: dict[Figures, list[_Node]] = {}
    for members in nodes:
        node = _node(members)
        if node is not None:
            alike_nodes.setdefault(node.figures, []).append(node)
    for several in alike_nodes.values():
        if len(several) > 1 and len({node.emitters for node in several}) > 1:
            for group in _matched(sorted(several, key=lambda node: node.begin), spans):
                yield from ((group[0].spans[0].span_id, node.spans[0].span_id) for node in group[1:])


def _node(members: Sequence[SpanFact]) -> _Node | None:
    """Return a node with the figures of the span that says most; None where it knows none."""
    figures = figures_of(max(members, key=lambda fact: fact.order))
    if figures is None:
        return None
    same = [fact for fact in members if figures_of(fact) == figures]
    same.sort(key=lambda fact: (fact.start_us, -fact.end_us, fact.span_id))
    return _Node(
        figures,
        tuple(same),
        emitters=frozenset(fact.emitter for fact in members),
        response_ids=frozenset(fact.response_id for fact in members if fact.response_id),
        models=frozenset(key for fact in members if (key := model_key(fact.model)) is not None),
    )


def _matched(nodes: Sequence[_Node], spans: Mapping[bytes, SpanFact]) -> list[list[_Node]]:
    """Return the nodes in groups of one call: emitter by emitter, each beside the groups that there are so far."""
    beside = _beside(nodes, spans)
    rank: dict[int, int] = {}
    for node in nodes:
        for emitter in sorted(node.emitters):
            rank.setdefault(emitter, len(rank))
    layers: dict[int, list[_Node]] = {}
    for node in nodes:
        layers.setdefault(min(rank[emitter] for emitter in node.emitters), []).append(node)
    groups: list[list[_Node]] = []
    for _, layer in sorted(layers.items()):
        groups.sort(key=lambda group: max(node.end for node in group))
        group_of = {node: place for place, group in enumerate(groups) for node in group}
        choices = [_choices(node, groups, group_of, beside) for node in layer]
        for node, place in zip(layer, matching(choices), strict=True):
            if place is None:
                groups.append([node])
            else:
                groups[place].append(node)
    return groups


def _choices(
    node: _Node, groups: Sequence[Sequence[_Node]], group_of: Mapping[_Node, int], beside: Mapping[_Node, set[_Node]]
) -> list[int]:
    """Return the groups that a node can be one call with, best first."""
    near = beside.get(node, set())
    places = {group_of[other] for other in near if other in group_of}
    return sorted(place for place in places if near.issuperset(groups[place]))


def _beside(nodes: Sequence[_Node], spans: Mapping[bytes, SpanFact]) -> dict[_Node, set[_Node]]:
    """Return for each node those that stand beside it."""
    said = [(fact, node) for node in nodes for fact in node.spans if fact.duration_us >= 0]
    said.sort(key=lambda one: (one[0].start_us, -one[0].end_us, one[0].span_id))
    starts = [fact.start_us for fact, _ in said]
    longest = max((fact.duration_us for fact, _ in said), default=0)
    beside: dict[_Node, set[_Node]] = {}
    for inner, node in said:
        # What encloses it began no later, and no longer ago than the longest takes.
        last = bisect_right(starts, inner.start_us)
        first = max(bisect_left(starts, inner.end_us - longest), last - _LOOKED_AT_MAX)
        for outer, other in said[first:last]:
            if not node.contradicts(other) and _is_beside(outer, inner, spans):
                beside.setdefault(node, set()).add(other)
                beside.setdefault(other, set()).add(node)
    return beside


def _is_beside(outer: SpanFact, inner: SpanFact, spans: Mapping[bytes, SpanFact]) -> bool:
    if UNKNOWN_EMITTER in {outer.emitter, inner.emitter} or inner.end_us > outer.end_us or not alike(outer, inner):
        return False
    places = _places(outer, spans)
    parent = inner.parent_span_id
    for _ in range(ANCESTORS_MAX):
        if parent in places:
            return True
        above = spans.get(parent)
        if above is None or above.emitter == outer.emitter or not outer.start_us <= above.start_us <= outer.end_us:
            return False
        parent = above.parent_span_id
    return False


def _places(outer: SpanFact, spans: Mapping[bytes, SpanFact]) -> set[bytes]:
    """Return the places where spans hang that do not know of this emitter's."""
    places = {outer.parent_span_id}
    above = spans.get(outer.parent_span_id)
    while above is not None and above.kind == FactKind.AGGREGATE and above.emitter == outer.emitter:
        if above.parent_span_id in places or len(places) > ANCESTORS_MAX:
            break
        places.add(above.parent_span_id)
        above = spans.get(above.parent_span_id)
    return places
