"""Likeness: what two spans of one call must have in common, and when what they say contradicts. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable

from receiver.sealer.facts import SpanFact
from receiver.sealer.names import same_model

Figures = tuple[int | None, int | None]
"""Input and output tokens."""


def figures_of(fact: SpanFact) -> Figures | None:
    """Return what two spans of one call must agree on; None when nothing is known or nothing was used."""
    if not fact.input_tokens and not fact.output_tokens:
        return None
    return fact.input_tokens, fact.output_tokens


def figures_agree(facts: Iterable[SpanFact]) -> bool:
    """Say whether no two of these tell different figures; what one does not tell contradicts nothing."""
    known = [figures for figures in map(figures_of, facts) if figures is not None]
    return all(len({one[place] for one in known} - {None}) <= 1 for place in (0, 1))


def alike(one: SpanFact, other: SpanFact) -> bool:
    """Say whether two spans can be one call: equal figures, a model that can be the same, and no two response ids."""
    figures = figures_of(one)
    if figures is None or figures != figures_of(other):
        return False
    if one.response_id and other.response_id and one.response_id != other.response_id:
        return False
    return same_model(one.model, other.model)
