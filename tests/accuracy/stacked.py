"""Stacked instrumentations: one call told by three spans of one trace. Built from recordings of the same response.

As happens where a framework, an SDK and a tracing product each instrument it. The outer span is OpenInference's, the
middle one OpenLLMetry's, the inner one the official instrumentation's, or the other way round. Whichever knows what
moves the price is billed, once. Must not: judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from tests.corpus.recorded import Recording, Truth, recordings

_LAYERS: Final = ("openinference", "openllmetry", "official")
ORDERS: Final[Mapping[str, Sequence[str]]] = {"stacked": _LAYERS, "stacked-reversed": _LAYERS[::-1]}


def stacked(name: str) -> tuple[Recording, ...]:
    """Return a recording per response that all three tell of in one span each, outermost first."""
    layers = [_by_response(recordings(layer)) for layer in ORDERS[name]]
    common = [truth for truth in layers[0] if all(truth in layer for layer in layers)]
    return tuple(_stack(number, [layer[key] for layer in layers]) for number, key in enumerate(common))


def _by_response(told: Iterable[Recording]) -> dict[str, Recording]:
    """Return the recordings of one span and one response that no other recording has too, by response id."""
    alone = [one for one in told if len(one.spans) == len(one.truths) == 1 and one.truths[0].response_id]
    often = Counter(_id(one.truths[0]) for one in alone)
    return {_id(one.truths[0]): one for one in alone if often[_id(one.truths[0])] == 1}


def _id(truth: Truth) -> str:
    assert truth.response_id
    return truth.response_id


def _stack(number: int, layers: Sequence[Recording]) -> Recording:
    spans = [replace(layer.spans[0], parent=depth - 1 if depth else None) for depth, layer in enumerate(layers)]
    return Recording(number=number, spans=tuple(spans), truths=layers[0].truths)
