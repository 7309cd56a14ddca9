"""Consistent probability sampling: which spans are kept, and which threshold they then carry. Pure.

https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/

Everything is a number of 56 bits. The randomness R of a trace is `rv` of its tracestate, else the last 7 bytes of the
trace id. A ratio becomes a rejection threshold T = (1 − ratio) × 2^56, and a span is kept when R ≥ T. So all spans of a
trace are decided alike, and what a smaller ratio keeps, a larger one keeps too.

A kept span says how many it stands for: `th` of its tracestate is the highest threshold it has passed.

    th on arrival            th on leaving
    absent                   ours; still absent at ratio 1, where nothing was rejected
    valid, ≤ R               the greater of the two: a later sampler cannot lower it
    valid, > R; or invalid   removed: the span cannot have passed it, so what it stands for is unknown
    tracestate malformed     untouched; R is the trace id's

None of these rows changes the decision: where th ≤ R, R ≥ max(th, T) says the same as R ≥ T.

Must not: know of requests, or of how a span is encoded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

from receiver.trace_path.tracestate import TraceState, parse

RANDOMNESS_BITS: Final = 56
# Rejects every randomness there is. "Never" is no probability in the specification; it is never written.
THRESHOLD_NEVER: Final = 1 << RANDOMNESS_BITS
RATIO_MIN: Final = 2.0**-RANDOMNESS_BITS
# What the specification recommends, and what the Collector's sampler does.
PRECISION_DIGITS: Final = 4

_HEX_DIGITS: Final = RANDOMNESS_BITS // 4
_THRESHOLD_TEXT: Final = re.compile(rb"[0-9a-f]{1,14}")
_RANDOMNESS_TEXT: Final = re.compile(rb"[0-9a-f]{14}")


@dataclass(frozen=True, slots=True)
class Sampler:
    """Keeps spans whose trace's randomness reaches one threshold."""

    threshold: int
    text: bytes
    """The threshold as `th` has it; empty at ratio 0 and 1, where there is none to write."""

    @classmethod
    def of_ratio(cls, ratio: float) -> Self:
        """Return the sampler that keeps this share of traces.

        Raises:
            ValueError: not a ratio.
        """
        threshold = threshold_of_ratio(ratio)
        return cls(threshold, encode_threshold(threshold) if 0 < threshold < THRESHOLD_NEVER else b"")

    def trace_state(self, *, trace_id: bytes, trace_state: bytes) -> bytes | None:
        """Return the tracestate with which a span is kept (equal, where nothing changes), or None: not kept."""
        if not trace_state:  # most spans have none; what follows would say the same, ten times slower
            return self._alone if self._keeps(randomness_of_trace_id(trace_id)) else None
        state = parse(trace_state)
        if state is None:
            return trace_state if self._keeps(randomness_of_trace_id(trace_id)) else None
        randomness = _explicit_randomness(state)
        if randomness is None:
            randomness = randomness_of_trace_id(trace_id)
        return self._carried(state, randomness) if self._keeps(randomness) else None

    def kept_state(self, *, trace_id: bytes, trace_state: bytes, is_certain: bool) -> bytes:
        """Return the tracestate of a span that a rule keeps, whatever its randomness.

        `is_certain`: the span itself satisfies the rule. It stands for as many as it did; a `th` it cannot have passed
        goes, as always. Else it is kept for another span's sake, and what it stands for is unknown: its `th` goes.
        """
        state = parse(trace_state) if trace_state else None
        if state is None:
            return trace_state
        arrived = state.sub_key(b"th")
        if arrived is None:
            return trace_state
        randomness = _explicit_randomness(state)
        if randomness is None:
            randomness = randomness_of_trace_id(trace_id)
        threshold = decode_threshold(arrived)
        if is_certain and threshold is not None and threshold <= randomness:
            return trace_state
        return state.without_threshold()

    @property
    def _alone(self) -> bytes:
        return b"ot=th:" + self.text if self.text else b""

    def _keeps(self, randomness: int) -> bool:
        return randomness >= self.threshold

    def _carried(self, state: TraceState, randomness: int) -> bytes:
        arrived = state.sub_key(b"th")
        if arrived is None:
            return state.with_threshold(self.text) if self.text else state.raw
        threshold = decode_threshold(arrived)
        if threshold is None or threshold > randomness:
            return state.without_threshold()
        if threshold >= self.threshold:
            return state.raw
        return state.with_threshold(self.text)


def threshold_of_ratio(ratio: float, *, precision_digits: int = PRECISION_DIGITS) -> int:
    """Return the rejection threshold of a ratio, rounded to some hexadecimal digits after its leading `f`s.

    Raises:
        ValueError: not a ratio.
    """
    if ratio == 0:
        return THRESHOLD_NEVER
    if not RATIO_MIN <= ratio <= 1:
        raise ValueError(f"sampling ratio: expected 0, or 2^-56 to 1, found {ratio!r}; 0.1 forwards one trace in ten")
    exact = THRESHOLD_NEVER - round(ratio * THRESHOLD_NEVER)
    text = f"{exact:0{_HEX_DIGITS}x}"
    leading = len(text) - len(text.lstrip("f"))
    dropped_bits = 4 * max(0, _HEX_DIGITS - leading - precision_digits)
    half = (1 << dropped_bits) >> 1
    return (exact + half) >> dropped_bits << dropped_bits


def encode_threshold(threshold: int) -> bytes:
    """Return a threshold as `th` has it: 14 hexadecimal digits without the trailing zeros."""
    assert 0 <= threshold < THRESHOLD_NEVER
    return f"{threshold:0{_HEX_DIGITS}x}".rstrip("0").encode() or b"0"


def decode_threshold(text: bytes) -> int | None:
    """Read a `th`; None when it is invalid."""
    if not _THRESHOLD_TEXT.fullmatch(text):
        return None
    return int(text.ljust(_HEX_DIGITS, b"0"), 16)


def decode_randomness(text: bytes) -> int | None:
    """Read an `rv`; None when it is invalid."""
    return int(text, 16) if _RANDOMNESS_TEXT.fullmatch(text) else None


def randomness_of_trace_id(trace_id: bytes) -> int:
    """Return the randomness in a trace id (https://www.w3.org/TR/trace-context-2/#randomness-of-trace-id)."""
    return int.from_bytes(trace_id[-7:], "big")


def _explicit_randomness(state: TraceState) -> int | None:
    text = state.sub_key(b"rv")
    return None if text is None else decode_randomness(text)
