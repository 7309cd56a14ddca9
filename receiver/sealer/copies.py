"""Copies: one call seen in several traces, by application and gateway. A pure function of what each trace says.

Every trace that carries a response id of a unique shape puts forward the span that stands for it there. They are one
call if none contradicts another in figures, model or seller; then one of them is counted and the others are set aside
as `duplicate_call`. Where one contradicts, the id is not unique: each is a call of its own. An id that came in more
than `TRACES_MAX` traces is dead for ever, whatever they said: a constant must not link a million traces.

Which one stays: the one that knows the figures, then one that knows more of the seller than the door it knocked at,
then the one on the side that `count_source` names, then the one that says most. Who pays: what stays says it; where it
names nobody, its copies, if they name exactly one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from ledger.schema import CountSource, SpanClass
from receiver.sealer.facts import SpanFact
from receiver.sealer.likeness import figures_agree
from receiver.sealer.names import is_door, model_key, seller_key
from receiver.sealer.payers import CUSTOMER_FROM_COPY, NOBODY, Payer

# The application, its gateway, a gateway behind that, and one to spare.
TRACES_MAX: Final = 4
DUPLICATE_CALL: Final = "duplicate_call"


class Sighting(msgspec.Struct, frozen=True, gc=False):
    """The span that stands for a response id in one trace, and who pays for it by that trace alone."""

    trace_id: bytes
    fact: SpanFact
    payer: Payer


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What a sighting counts as, beside the others."""

    span_class: SpanClass
    reason: str | None
    payer: Payer


def verdicts(sightings: Sequence[Sighting], *, count_source: CountSource) -> list[Verdict]:
    """Return for each sighting of one response id what it counts as."""
    if len(sightings) < 2 or not _agree([one.fact for one in sightings]):
        return [Verdict(SpanClass.USAGE, None, one.payer) for one in sightings]
    stays = max(sightings, key=lambda one: _rank(one, count_source))
    payer = _payer(stays, [one for one in sightings if one is not stays])
    return [
        Verdict(SpanClass.USAGE, None, payer)
        if one is stays
        else Verdict(SpanClass.DUPLICATE, DUPLICATE_CALL, one.payer)
        for one in sightings
    ]


def _agree(facts: Sequence[SpanFact]) -> bool:
    """Whether no two contradict each other; what one does not say contradicts nothing."""
    names = ([model_key(fact.model) for fact in facts], [seller_key(fact.provider) for fact in facts])
    return figures_agree(facts) and all(len(set(values) - {None}) <= 1 for values in names)


def _rank(one: Sighting, count_source: CountSource) -> tuple[int, bool, bool, tuple[int, int, bytes], bytes]:
    fact = one.fact
    known = bool(fact.input_tokens) + bool(fact.output_tokens)
    side = CountSource.GATEWAY if fact.is_gateway else CountSource.APPLICATION
    return known, not is_door(fact.provider), side == count_source, fact.order, one.trace_id


def _payer(stays: Sighting, copies: Sequence[Sighting]) -> Payer:
    if stays.payer != NOBODY:
        return stays.payer
    named = {one.payer[0] for one in copies} - {None}
    return (named.pop(), CUSTOMER_FROM_COPY) if len(named) == 1 else NOBODY
