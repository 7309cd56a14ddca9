"""A naive ledger: what spans come to by the text of the rules, with sets and loops, for tests to hold ours against.

Written from the rules, not from the program, and shares nothing with it. It knows only what the property tests send:
chat calls of two models with both figures or none, agents, spans that are no calls, and calls that cannot be believed,
of emitters that are known or not.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from zlib import crc32

from tests.otlp import SpanText

# US dollars a million tokens, in and out: https://openai.com/api/pricing
PRICES: Final = {"gpt-4o-2024-08-06": ("2.5", "10"), "gpt-4o-mini-2024-07-18": ("0.15", "0.6")}
UNIQUE_IDS: Final = ("chatcmpl-CnMM0oFYQitzT43PYAvCrmNt6GIKs", "msg_017MhNmn5nUm4C53tXC7Yh2y")
PROXY_MARK: Final = "metadata.user_api_key_hash"
TRACES_MAX: Final = 4
UNKNOWN_SCOPE: Final = "rivers.answers"
CONFLICT: Final = "(several)"
"""In place of a payer: several were named."""
Key = tuple[int, int]


@dataclass(slots=True)
class NaiveLedger:
    """What the rules say of some spans."""

    classes: dict[Key, str] = field(default_factory=dict)
    payers: dict[Key, str | None] = field(default_factory=dict)
    costs: dict[Key, Decimal] = field(default_factory=dict)

    @property
    def calls(self) -> dict[Key, str | None]:
        """The calls that are billed, and who pays."""
        return {key: self.payers[key] for key, one in self.classes.items() if one == "usage"}

    @property
    def counts(self) -> Counter[str]:
        """How many spans ended in each class."""
        return Counter(self.classes.values())

    def cost_by_customer(self) -> dict[str | None, Decimal]:
        """The sum of price × usage of the billed calls."""
        sums: dict[str | None, Decimal] = {}
        for key, payer in self.calls.items():
            sums[payer] = sums.get(payer, Decimal(0)) + self.costs[key]
        return sums


def naive_ledger(spans: Iterable[SpanText], *, count_source: str) -> NaiveLedger:
    """Apply the rules to spans; each (trace, span) comes with one content."""
    by_trace: dict[int, list[SpanText]] = {}
    for span in spans:
        by_trace.setdefault(span.trace, []).append(span)
    ledger = NaiveLedger()
    sightings: dict[str, list[tuple[SpanText, bool]]] = {}
    for trace in by_trace.values():
        _count_trace(trace, ledger, sightings)
    for response_id, seen in sightings.items():
        traces = {span.trace for span in itertools.chain.from_iterable(by_trace.values()) if _id(span) == response_id}
        if len(traces) <= TRACES_MAX:
            _count_copies(seen, ledger, count_source)
    return ledger


def _count_trace(trace: list[SpanText], ledger: NaiveLedger, sightings: dict[str, list[tuple[SpanText, bool]]]) -> None:
    kept = [span for span in trace if _kind(span) != "not_genai"]
    calls = [span for span in kept if _kind(span) == "call"]
    known = {span.span: span for span in kept}
    groups, roll_ups = _one_calls(calls, known)
    for span in trace:
        key, kind = (span.trace, span.span), _kind(span)
        if kind == "not_genai":
            continue
        ledger.classes[key] = "usage" if kind == "call" else kind
        ledger.payers[key] = _payer(span, trace)
        ledger.costs[key] = _cost(span)
    for group in groups:
        if any(span.span in roll_ups for span in group):
            ledger.classes.update({(span.trace, span.span): "nested" for span in group})
            continue
        best = max(group, key=_says)
        for span in group:
            if span is not best:
                ledger.classes[span.trace, span.span] = "nested"
        named = {_customer(span) for span in group if span not in _ancestors(best, known)} - {None}
        if _customer(best) is None and named:
            ledger.payers[best.trace, best.span] = CONFLICT if len(named) > 1 else named.pop()
        ids = {_id(span) for span in group} & set(UNIQUE_IDS)
        for one in ids:
            # A call of two ids contradicts itself, and so does a trace in which two calls have one id.
            sightings.setdefault(str(one), []).append((best, len(ids) > 1))


def _one_calls(calls: list[SpanText], known: dict[int, SpanText]) -> tuple[list[list[SpanText]], set[int]]:
    """Return the spans of each one call, and the spans that are roll-ups."""
    above = {span.span: [one for one in _ancestors(span, known) if _kind(one) == "call"] for span in calls}
    pairs: set[tuple[int, int]] = set()
    for one, other in itertools.combinations(calls, 2):
        if _id(one) is None or _id(one) != _id(other):
            continue
        same = [span for span in calls if _id(span) == _id(one)]
        agree = len({_tokens(span) for span in same} - {None}) <= 1
        related = one in above[other.span] or other in above[one.span]
        equal = _tokens(one) is not None and _tokens(one) == _tokens(other)
        if related or equal or (_id(one) in UNIQUE_IDS and agree):
            pairs.add((one.span, other.span))
    settled = _closed(calls, pairs)
    below: dict[int, list[int]] = {}
    for inner in calls:
        match = next((outer for outer in above[inner.span] if _match(outer, inner)), None)
        if match is not None:
            below.setdefault(match.span, []).append(inner.span)
    below = {
        outer: inners for outer, inners in below.items() if all(settled[outer] is not settled[one] for one in inners)
    }
    pairs |= {(outer, inners[0]) for outer, inners in below.items() if len(inners) == 1}
    several = {outer: inners for outer, inners in below.items() if len(inners) > 1}
    settled = _closed(calls, pairs)
    nodes = [node for node in {id(one): one for one in settled.values()}.values() if not node & several.keys()]
    pairs |= _siblings([[known[one] for one in node] for node in nodes], known)
    for _ in calls:  # a roll-up may hang on another's
        settled = _closed(calls, pairs)
        pairs |= {(outer, inners[0]) for outer, inners in several.items() if len({id(settled[i]) for i in inners}) == 1}
    groups = {id(group): group for group in _closed(calls, pairs).values()}
    joined = {outer for outer, inners in several.items() if (outer, inners[0]) in pairs}
    return [[known[one] for one in sorted(group)] for group in groups.values()], several.keys() - joined


def _siblings(nodes: list[list[SpanText]], known: dict[int, SpanText]) -> set[tuple[int, int]]:
    """Return pairs of spans that are one call, as two emitters told it side by side."""
    by_figures: dict[Any, list[list[SpanText]]] = {}
    for node in nodes:
        figures = _tokens(max(node, key=_says))
        if figures is not None:
            same = sorted((span for span in node if _tokens(span) == figures), key=_begin)
            # Of a node's other spans only the emitter and the id count.
            by_figures.setdefault(figures, []).append([*same, *(span for span in node if span not in same)])
    pairs: set[tuple[int, int]] = set()
    for figures, alike in by_figures.items():
        alike.sort(key=lambda node: _begin(node[0]))
        emitters = list(dict.fromkeys(one for node in alike for one in sorted({_emitter(span) for span in node})))
        made: list[list[list[SpanText]]] = []
        for emitter in emitters:
            layer = [node for node in alike if min(map(emitters.index, map(_emitter, node))) == emitters.index(emitter)]
            made.sort(key=lambda group: max(_last(node, figures) for node in group))
            places = _best_places(layer, made, known)
            for node, place in zip(layer, places, strict=True):
                if place is None:
                    made.append([node])
                else:
                    made[place].append(node)
        pairs |= {(group[0][0].span, node[0].span) for group in made for node in group}
    return pairs


def _best_places(
    layer: list[list[SpanText]], made: list[list[list[SpanText]]], known: dict[int, SpanText]
) -> list[int | None]:
    """Try all ways: as many as can be, the first ones first, and with what ended first."""
    fits = [[all(_beside(node, other, known) for other in group) for group in made] for node in layer]
    choices = [[None, *(place for place, fit in enumerate(row) if fit)] for row in fits]
    ways = [
        way
        for way in itertools.product(*choices)
        if len(taken := [place for place in way if place is not None]) == len(set(taken))
    ]
    return list(
        max(
            ways,
            key=lambda way: (
                sum(place is not None for place in way),
                [place is not None for place in way],
                [-(place or 0) for place in way],
            ),
        )
    )


def _beside(one: list[SpanText], other: list[SpanText], known: dict[int, SpanText]) -> bool:
    both = [*one, *other]
    if {_emitter(span) for span in one} & {_emitter(span) for span in other} or len(
        {_model(span) for span in both}
    ) > 1:
        return False
    ids = [{_id(span) for span in node} - {None} for node in (one, other)]
    if all(ids) and len(ids[0] | ids[1]) > 1:
        return False
    return any(_encloses(first, second, known) or _encloses(second, first, known) for first in one for second in other)


def _encloses(outer: SpanText, inner: SpanText, known: dict[int, SpanText]) -> bool:
    """Whether the inner one is within the outer one's time, and hangs where the outer one's emitter begins."""
    if 0 in (_emitter(outer), _emitter(inner)) or not _match(outer, inner):
        return False
    if outer.start_ns > inner.start_ns or _end(inner) > _end(outer):
        return False
    places = [outer.parent]
    for one in _ancestors(outer, known):
        if _kind(one) != "aggregate" or _emitter(one) != _emitter(outer):
            break
        places.append(one.parent)
    for one in [inner, *_ancestors(inner, known)]:
        within = one is inner or (_emitter(one) != _emitter(outer) and outer.start_ns <= one.start_ns <= _end(outer))
        if not within:
            return False
        if one.parent in places:
            return True
    return False


def _emitter(span: SpanText) -> int:
    """The scope as a number; 0 where nobody knows it, or the span cannot be believed."""
    return 0 if span.scope == UNKNOWN_SCOPE or _kind(span) == "quarantined" else crc32(span.scope.encode())


def _begin(span: SpanText) -> tuple[int, int, int]:
    return span.start_ns, -_end(span), span.span


def _last(node: list[SpanText], figures: Any) -> tuple[int, int]:
    return max(_end(span) for span in node if _tokens(span) == figures), node[0].span


def _end(span: SpanText) -> int:
    return span.start_ns + span.duration_ns


def _closed(calls: list[SpanText], pairs: set[tuple[int, int]]) -> dict[int, set[int]]:
    """Return for each span all that are one call with it, over however many pairs."""
    groups = {span.span: {span.span} for span in calls}
    for one, other in pairs:
        if groups[one] is not groups[other]:
            joined = groups[one] | groups[other]
            groups.update(dict.fromkeys(joined, joined))
    return groups


def _match(outer: SpanText, inner: SpanText) -> bool:
    if _tokens(outer) is None or _tokens(outer) != _tokens(inner) or _model(outer) != _model(inner):
        return False
    return _id(outer) is None or _id(inner) is None or _id(outer) == _id(inner)


def _count_copies(seen: list[tuple[SpanText, bool]], ledger: NaiveLedger, count_source: str) -> None:
    spans = [span for span, _ in seen]
    alone = len({span.trace for span in spans}) == len(spans)
    agree = len({_tokens(span) for span in spans} - {None}) <= 1 and len({_model(span) for span in spans}) == 1
    if len(spans) < 2 or not alone or not agree or any(contradicts for _, contradicts in seen):
        return
    stays = max(spans, key=lambda span: (_tokens(span) is not None, _side(span) == count_source, _says(span)))
    own = (stays.trace, stays.span)
    named = {ledger.payers[span.trace, span.span] for span in spans if span is not stays} - {None, CONFLICT}
    if ledger.payers[own] is None and len(named) == 1:
        ledger.payers[own] = named.pop()
    for span in spans:
        if span is not stays:
            ledger.classes[span.trace, span.span] = "duplicate"


def _payer(span: SpanText, trace: list[SpanText]) -> str | None:
    """The span itself, its nearest known ancestor, else the only one its trace names: by agents and calls first."""
    if _customer(span) is not None:
        return _customer(span)
    for one in _ancestors(span, {one.span: one for one in trace}):
        if _names_customer(one):
            return _customer(one)
    said = [(_kind(one) == "not_genai", _customer(one)) for one in trace if _names_customer(one)]
    best = {name for is_other, name in said if is_other == min(first for first, _ in said)}
    if len(best) > 1:
        return CONFLICT
    return best.pop() if best else None


def _names_customer(span: SpanText) -> bool:
    # What cannot be believed is not believed about customers either.
    return _customer(span) is not None and _kind(span) != "quarantined"


def _ancestors(span: SpanText, known: dict[int, SpanText]) -> Iterable[SpanText]:
    seen = {span.span}
    parent = span.parent
    while parent in known and parent not in seen:
        seen.add(parent)
        yield known[parent]
        parent = known[parent].parent


def _kind(span: SpanText) -> str:
    operation = span.attributes.get("gen_ai.operation.name")
    if operation is None:
        return "not_genai"
    if span.attributes.get("gen_ai.usage.input_tokens") == -1:
        return "quarantined"
    return "call" if operation == "chat" else "aggregate"


def _says(span: SpanText) -> tuple[bool, bool, int]:
    return _tokens(span) is not None, _id(span) is not None, span.start_ns + span.duration_ns


def _tokens(span: SpanText) -> tuple[int, int] | None:
    given, taken = (span.attributes.get(f"gen_ai.usage.{name}_tokens") for name in ("input", "output"))
    return None if given is None or taken is None else (given, taken)


def _cost(span: SpanText) -> Decimal:
    tokens = _tokens(span)
    if tokens is None or _kind(span) != "call":
        return Decimal(0)
    prices = PRICES[_model(span)]
    return sum((count * Decimal(price) / 1_000_000 for count, price in zip(tokens, prices, strict=True)), Decimal(0))


def _id(span: SpanText) -> Any:
    return span.attributes.get("gen_ai.response.id")


def _model(span: SpanText) -> str:
    return str(span.attributes["gen_ai.response.model"])


def _side(span: SpanText) -> str:
    return "gateway" if PROXY_MARK in span.attributes else "application"


def _customer(span: SpanText) -> str | None:
    return span.attributes.get("customer.id")
