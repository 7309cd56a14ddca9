"""Nesting: which spans of one trace saw the same call, and which of them stands for it. Pure; order is unknown here.

1. Calls with equal response id are one call where one is an ancestor of the other, or their figures are equal; with an
   id of a provider's unique shape, also where no two of them contradict each other. Figures that are doubted (partial,
   or of an emitter known to get them wrong) contradict nothing.
2. A call and its nearest ancestor call with equal figures and compatible model, whose response ids do not contradict,
   are one call if that ancestor has exactly one such descendant. With two or more it is a roll-up of them.
3. Of the spans of one call the one that says most stands (`SpanFact.order`), the others are nested.

Siblings never merge without an equal response id; unknown figures equal nothing. Ancestry exists through known spans
only: where the span between two is missing, only an equal id says that they are one call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from receiver.sealer.facts import FactKind, SpanFact
from receiver.sealer.names import same_model
from receiver.sealer.payers import ANCESTORS_MAX
from receiver.sealer.response_ids import is_unique

NO_CALL: Final = bytes(8)
"""In place of a span id: the trace has the response id, but no call of it that stands."""
SEVERAL: Final = b"\xff" * 8
"""In place of a span id: more than one call of the trace carries the response id, so it says nothing."""


class Nesting(msgspec.Struct, frozen=True, gc=False):
    """What the calls of one trace come to."""

    reasons: dict[bytes, str]
    """Why a call is not billed: response_id, equal_figures, roll_up."""
    standing: dict[str, bytes]
    """Unique response id → the span that stands for its call, or `SEVERAL`."""


def unique_id(fact: SpanFact) -> str | None:
    """Return the response id by which a call is known in other traces too; None where there is none.

    An answer from a cache of one's own repeats the id of the call that filled the cache, and is none itself.
    """
    return fact.response_id if not fact.is_cache_hit and is_unique(fact.response_id) else None


def nesting(spans: Mapping[bytes, SpanFact]) -> Nesting:
    """Say which calls are another span's call, with the reason, and who stands for each response id."""
    calls = {span_id: fact for span_id, fact in spans.items() if fact.kind == FactKind.CALL}
    if len(calls) < 2:
        return Nesting({}, _standing([[fact] for fact in calls.values()], {}))
    groups = _Groups(calls)
    ancestors = {span_id: [one for one in ancestors_of(fact, spans) if one in calls] for span_id, fact in calls.items()}
    _join_by_response_id(calls, ancestors, groups)
    roll_ups = _join_by_figures(calls, ancestors, groups)
    members = [[calls[one] for one in group] for group in groups.members()]
    reasons: dict[bytes, str] = {}
    for group in members:
        reasons |= _reasons(group, roll_ups)
    return Nesting(reasons, _standing(members, reasons))


def ancestors_of(fact: SpanFact, spans: Mapping[bytes, SpanFact]) -> Iterator[bytes]:
    """Yield the known ancestors, nearest first, however the parent links were forged."""
    seen = {fact.span_id}
    parent = fact.parent_span_id
    while parent and parent in spans and parent not in seen and len(seen) <= ANCESTORS_MAX:
        seen.add(parent)
        yield parent
        parent = spans[parent].parent_span_id


def _reasons(group: list[SpanFact], roll_ups: set[bytes]) -> dict[bytes, str]:
    if any(fact.span_id in roll_ups for fact in group):
        # What is one call with a roll-up is rolled up as well: its inner calls are billed.
        return {fact.span_id: "roll_up" for fact in group}
    winner = max(group, key=lambda fact: fact.order)
    reasons: dict[bytes, str] = {}
    for loser in group:
        if loser is not winner:
            same_id = loser.response_id is not None and loser.response_id == winner.response_id
            reasons[loser.span_id] = "response_id" if same_id else "equal_figures"
    return reasons


def _standing(groups: Iterable[list[SpanFact]], reasons: Mapping[bytes, str]) -> dict[str, bytes]:
    standing: dict[str, bytes] = {}
    for group in groups:
        winner = next((fact for fact in group if fact.span_id not in reasons), None)
        if winner is None or winner.is_cache_hit:
            continue
        ids = {one for one in map(unique_id, group) if one is not None}
        for response_id in ids:
            # A call of two ids is no call of either to other traces.
            known = len(ids) > 1 or response_id in standing
            standing[response_id] = SEVERAL if known else winner.span_id
    return standing


def _join_by_response_id(
    calls: Mapping[bytes, SpanFact], ancestors: Mapping[bytes, list[bytes]], groups: _Groups
) -> None:
    by_id: dict[str, list[SpanFact]] = {}
    for fact in calls.values():
        if fact.response_id:
            by_id.setdefault(fact.response_id, []).append(fact)
    for response_id, same in by_id.items():
        if len(same) > 1:
            for one, other in _pairs_of_one_id(response_id, same, ancestors):
                groups.join(one, other)


def _pairs_of_one_id(
    response_id: str, same: list[SpanFact], ancestors: Mapping[bytes, list[bytes]]
) -> Iterator[tuple[bytes, bytes]]:
    if is_unique(response_id) and figures_agree(fact for fact in same if fact.has_whole_figures):
        yield from ((fact.span_id, same[0].span_id) for fact in same[1:])
        return
    ids = {fact.span_id for fact in same}
    by_figures: dict[tuple[int | None, int | None], bytes] = {}
    for fact in same:
        yield from ((fact.span_id, above) for above in ancestors[fact.span_id] if above in ids)
        figures = figures_of(fact)
        if figures is not None:
            yield fact.span_id, by_figures.setdefault(figures, fact.span_id)


def _join_by_figures(
    calls: Mapping[bytes, SpanFact], ancestors: Mapping[bytes, list[bytes]], groups: _Groups
) -> set[bytes]:
    """Join ancestors with their one matching descendant; return those with several."""
    matching: dict[bytes, list[bytes]] = {}
    for span_id, fact in calls.items():
        above = next((one for one in ancestors[span_id] if _same_call(calls[one], fact)), None)
        if above is not None:
            matching.setdefault(above, []).append(span_id)
    # Decided for all before any is joined: what the response ids have settled must not depend on the order here.
    open_matches = {
        above: below for above, below in matching.items() if not any(groups.are_joined(above, one) for one in below)
    }
    roll_ups: set[bytes] = set()
    for above, below in open_matches.items():
        if len(below) == 1:
            groups.join(above, below[0])
        else:
            roll_ups.add(above)
    return roll_ups


def _same_call(outer: SpanFact, inner: SpanFact) -> bool:
    figures = figures_of(outer)
    if figures is None or figures != figures_of(inner):
        return False
    if outer.response_id and inner.response_id and outer.response_id != inner.response_id:
        return False
    return same_model(outer.model, inner.model)


def figures_of(fact: SpanFact) -> tuple[int | None, int | None] | None:
    """Return what two spans of one call must agree on; None when nothing is known or nothing was used."""
    if not fact.input_tokens and not fact.output_tokens:
        return None
    return fact.input_tokens, fact.output_tokens


def figures_agree(facts: Iterable[SpanFact]) -> bool:
    """Say whether no two of these tell different figures; what one does not tell contradicts nothing."""
    known = [figures for figures in map(figures_of, facts) if figures is not None]
    return all(len({one[place] for one in known} - {None}) <= 1 for place in (0, 1))


class _Groups:
    """Spans of one call: a union of sets."""

    def __init__(self, calls: Iterable[bytes]) -> None:
        self._parent = {one: one for one in calls}

    def _root(self, one: bytes) -> bytes:
        while self._parent[one] != one:
            self._parent[one] = self._parent[self._parent[one]]
            one = self._parent[one]
        return one

    def join(self, one: bytes, other: bytes) -> None:
        self._parent[self._root(one)] = self._root(other)

    def are_joined(self, one: bytes, other: bytes) -> bool:
        return self._root(one) == self._root(other)

    def members(self) -> Iterable[list[bytes]]:
        groups: dict[bytes, list[bytes]] = {}
        for one in self._parent:
            groups.setdefault(self._root(one), []).append(one)
        return groups.values()
