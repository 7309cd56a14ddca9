"""Sampled before: spans that were sampled on their way here say so, and the others of their kind are lost to billing.

A span whose tracestate has `th` above 0 stands for 2^56 / (2^56 − th) spans, of which the others never came. What is
counted here is told in the receiver's figures, in `spanledger audit` and in the log: no bill can be right then. It is
an estimate, of deliveries since the receiver started; samplers that leave no `th` are not seen by it.

Must not: keep anything from being received, or look into a payload without a tracestate of OpenTelemetry's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

import structlog

from receiver import wire
from receiver.trace_path.sampling import THRESHOLD_NEVER, decode_threshold
from receiver.trace_path.tracestate import parse

_log = structlog.get_logger("receiver")
# The vendor key of OpenTelemetry's own tracestate entry; what contains it by chance is parsed for nothing.
_SIGN: Final = b"ot="
_SAID_EVERY_S: Final = 600.0


class SampledBefore:
    """Counts such spans. Called by one thread."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.spans = 0
        """Spans that came with a threshold above 0."""
        self.missing = 0.0
        """How many others they stand for, which never came."""
        self._clock = clock
        self._said_at: float | None = None

    def look(self, payload: bytes) -> None:
        """Count those of a request's candidates; whatever goes wrong here is nobody's concern."""
        if _SIGN not in payload:
            return
        found = list(_thresholds(payload))
        if not found:
            return
        self.spans += len(found)
        self.missing += sum(THRESHOLD_NEVER / (THRESHOLD_NEVER - threshold) - 1 for threshold in found)
        now = self._clock()
        if self._said_at is None or now - self._said_at >= _SAID_EVERY_S:
            self._said_at = now
            _log.warning(
                "spans were sampled before they came: the others are lost to billing",
                spans=self.spans,
                missing_estimate=round(self.missing),
                todo="OTEL_TRACES_SAMPLER=always_on in the SDK, and no sampler before the exporter to spanledger",
            )

    def figures(self) -> dict[str, float]:
        """Return what the receiver says of it."""
        return {"sampled_before_spans": self.spans, "sampled_before_missing_estimate": round(self.missing)}


def _thresholds(payload: bytes) -> Iterator[int]:
    try:
        message = wire.ExportRequest.FromString(payload)
    except wire.DecodeError:
        return
    for resource_spans in message.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for raw in scope_spans.spans:
                if _SIGN in raw and (threshold := _threshold(raw)):
                    yield threshold


def _threshold(raw: bytes) -> int | None:
    try:
        state = parse(wire.SpanContext.FromString(raw).trace_state)
    except wire.DecodeError:
        return None
    said = None if state is None else state.sub_key(b"th")
    return None if said is None else decode_threshold(said)
