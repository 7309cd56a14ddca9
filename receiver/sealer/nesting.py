"""Nesting: which spans of one trace saw the same call, and which of them stands for it. Pure; order is unknown here.

1. Calls with equal response id are one call where one is an ancestor of the other, or their figures are equal; with an
   id of a provider's unique shape, also where no two of them contradict each other. Figures that are doubted (partial,
   or of an emitter known to get them wrong) contradict nothing.
2. A call and its nearest ancestor call with equal figures and compatible model, whose response ids do not contradict,
   are one call if that ancestor has exactly one such descendant.
3. Calls that two emitters told side by side, the one within the other's time, are one call (`siblings`).
4. What has two or more such descendants under rule 2 is one call with them if they proved to be one among themselves,
   else a roll-up of them.
5. Of the spans of one call the one that says most stands (`SpanFact.order`), the others are nested.

One emitter's siblings never merge without an equal response id; unknown figures equal nothing. Ancestry exists through
known spans only: where the span between two is missing, only an equal id says that they are one call.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

import msgspec

from receiver.sealer.facts import FactKind, SpanFact
from receiver.sealer.groups import Groups
from receiver.sealer.likeness import Figures, alike, figures_agree, figures_of
from receiver.sealer.payers import ANCESTORS_MAX
from receiver.sealer.response_ids import is_unique
from receiver.sealer.siblings import siblings

NO_CALL: Final = bytes(8)
"""In place of a span id: the trace has the response id, but no call of it that stands."""
SEVERAL: Final = b"\xff" * 8
"""In place of a span id: more than one call of the trace carries the response id, so it says nothing."""


class Nesting(msgspec.Struct, frozen=True, gc=False):
    """What the calls of one trace come to."""

    reasons: dict[bytes, str]
    """Why a call is not billed: response_id, equal_figures, side_by_side, roll_up."""
    standing: dict[str, bytes]
    """Unique response id → the span that stands for its call, or `SEVERAL`."""
    beside: dict[bytes, list[SpanFact]]
    """Span that stands → those of its call that are no ancestors of it."""


def unique_id(fact: SpanFact) -> str | None:
    """Return the response id by which a call is known in other traces too; None where there is none.

    An answer from a cache of one's own repeats the id of the call that filled the cache, and is none itself.
    """
    return fact.response_id if not fact.is_cache_hit and is_unique(fact.response_id) else None


def nesting(spans: Mapping[bytes, SpanFact]) -> Nesting:
    """Say which calls are another span's call, with the reason, and who stands for each response id."""
    calls = {span_id: fact for span_id, fact in spans.items() if fact.kind == FactKind.CALL}
    if len(calls) < 2:
        return Nesting({}, _standing([[fact] for fact in calls.values()], {}), {})
    groups = Groups(calls)
    ancestors = {span_id: [one for one in ancestors_of(fact, spans) if one in calls] for span_id, fact in calls.items()}
    _join_by_response_id(calls, ancestors, groups)
    several = _join_by_figures(calls, ancestors, groups)
    _join_siblings(calls, spans, groups, left_out=several.keys())
    roll_ups = _join_settled(several, groups)
    members = [[calls[one] for one in group] for group in groups.members()]
    reasons: dict[bytes, str] = {}
    beside: dict[bytes, list[SpanFact]] = {}
    for group in members:
        if any(fact.span_id in roll_ups for fact in group):
            # What is one call with a roll-up is rolled up as well: its inner calls are billed.
            reasons |= {fact.span_id: "roll_up" for fact in group}
        elif len(group) > 1:
            winner = max(group, key=lambda fact: fact.order)
            losers = [fact for fact in group if fact is not winner]
            reasons |= {fact.span_id: _reason(fact, winner, ancestors) for fact in losers}
            above = ancestors[winner.span_id]
            beside[winner.span_id] = [fact for fact in losers if fact.span_id not in above]
    return Nesting(reasons, _standing(members, reasons), beside)


def ancestors_of(fact: SpanFact, spans: Mapping[bytes, SpanFact]) -> Iterator[bytes]:
    """Yield the known ancestors, nearest first, however the parent links were forged."""
    seen = {fact.span_id}
    parent = fact.parent_span_id
    while parent and parent in spans and parent not in seen and len(seen) <= ANCESTORS_MAX:
        seen.add(parent)
        yield parent
        parent = spans[parent].parent_span_id


def _reason(loser: SpanFact, winner: SpanFact, ancestors: Mapping[bytes, list[bytes]]) -> str:
    if loser.response_id is not None and loser.response_id == winner.response_id:
        return "response_id"
    related = loser.span_id in ancestors[winner.span_id] or winner.span_id in ancestors[loser.span_id]
    return "equal_figures" if related else "side_by_side"


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
    calls: Mapping[bytes, SpanFact], ancestors: Mapping[bytes, list[bytes]], groups: Groups
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
    by_figures: dict[Figures, bytes] = {}
    for fact in same:
        yield from ((fact.span_id, above) for above in ancestors[fact.span_id] if above in ids)
        figures = figures_of(fact)
        if figures is not None:
            yield fact.span_id, by_figures.setdefault(figures, fact.span_id)


def _join_by_figures(
    calls: Mapping[bytes, SpanFact], ancestors: Mapping[bytes, list[bytes]], groups: Groups
) -> dict[bytes, list[bytes]]:
    """Join ancestors with their one matching descendant; return those with several, and these."""
    matching: dict[bytes, list[bytes]] = {}
    for span_id, fact in calls.items():
        above = next((one for one in ancestors[span_id] if alike(calls[one], fact)), None)
        if above is not None:
            matching.setdefault(above, []).append(span_id)
    # Decided for all before any is joined: what the response ids have settled must not depend on the order here.
    open_matches = {
        above: below for above, below in matching.items() if groups.of(above) not in {groups.of(one) for one in below}
    }
    for above, below in open_matches.items():
        if len(below) == 1:
            groups.join(above, below[0])
    return {above: below for above, below in open_matches.items() if len(below) > 1}


def _join_siblings(
    calls: Mapping[bytes, SpanFact], spans: Mapping[bytes, SpanFact], groups: Groups, *, left_out: Collection[bytes]
) -> None:
    """Join what stands side by side, but for what has several calls below it."""
    if len({fact.emitter for fact in calls.values()}) < 2:
        return
    unclear = {groups.of(one) for one in left_out}
    nodes = [[calls[one] for one in group] for group in groups.members() if groups.of(group[0]) not in unclear]
    for one, other in siblings(nodes, spans):
        groups.join(one, other)


def _join_settled(several: Mapping[bytes, list[bytes]], groups: Groups) -> set[bytes]:
    """Join ancestors whose descendants proved to be one call; return those that roll up several."""
    unclear = dict(several)
    while settled := [above for above, below in unclear.items() if len({groups.of(one) for one in below}) == 1]:
        for above in settled:
            groups.join(above, unclear.pop(above)[0])
    return set(unclear)
