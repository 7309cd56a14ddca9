"""Keeping: rules beside the ratio, by which a trace is forwarded whatever its randomness. No I/O.

    errors             a span whose status is an error, or that says error.type
    slower_than:30s    a span that took longer (ms, s or m)
    tokens_above:50000 a span that tells of more tokens, input and output
    customer:acme      a span that names this customer

What a rule keeps is kept with certainty, so its `th` stays as it arrived: it stands for as many as before. A trace once
kept stays kept, for spans that come later too; those did not pass the sampler, so what they stand for is unknown, and
their `th` goes (`sampling` says what that means). Of kept traces the last `TRACES_MAX` are remembered; spans of older
ones are decided by the ratio again.

Must not: know of the sampler, or how a request is made.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

TRACES_MAX: Final = 100_000
"""Trace ids remembered: some 15 MB."""
_FORMS: Final = "errors, slower_than:30s, tokens_above:50000, customer:NAME"
_DURATION: Final = re.compile(r"([0-9]{1,9})(ms|s|m)")
_NS: Final = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9}
_COUNT: Final = re.compile(r"[0-9]{1,12}")
# Where emitters tell of tokens: the conventions' names old and new, and OpenInference's.
_INPUT: Final = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt")
_OUTPUT: Final = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion")


@dataclass(frozen=True, slots=True)
class KeepRules:
    """What a span must be like to have its trace kept."""

    errors: bool = False
    slower_than_ns: int | None = None
    tokens_above: int | None = None
    customers: frozenset[str] = frozenset()
    customer_keys: tuple[str, ...] = ()

    @classmethod
    def parse(cls, rules: Iterable[str], *, customer_keys: Sequence[str]) -> Self:
        """Read rules as settings write them.

        Raises:
            ValueError: some are none; all of them are named.
        """
        said: dict[str, Any] = {}
        customers: set[str] = set()
        wrong: list[str] = []
        for rule in rules:
            kind, _, value = rule.partition(":")
            duration, count = _DURATION.fullmatch(value), _COUNT.fullmatch(value)
            if rule == "errors":
                said["errors"] = True
            elif kind == "slower_than" and duration:
                said["slower_than_ns"] = int(duration[1]) * _NS[duration[2]]
            elif kind == "tokens_above" and count:
                said["tokens_above"] = int(value)
            elif kind == "customer" and value:
                customers.add(value)
            else:
                wrong.append(rule)
        if wrong:
            raise ValueError(f"{', '.join(map(repr, wrong))}: expected one of {_FORMS}")
        return cls(**said, customers=frozenset(customers), customer_keys=tuple(customer_keys) if customers else ())

    def __bool__(self) -> bool:
        return self.errors or self.slower_than_ns is not None or self.tokens_above is not None or bool(self.customers)

    def keep(self, raw: bytes) -> bool:
        """Say whether a span satisfies a rule; one that cannot be read does not."""
        try:
            span = Span.FromString(raw)
        except Exception:  # noqa: BLE001 - whatever is wrong with it, it is for the sampler to decide
            return False
        if self.errors and span.status.code == Status.STATUS_CODE_ERROR:
            return True
        took = span.end_time_unix_nano - span.start_time_unix_nano
        if self.slower_than_ns is not None and took > self.slower_than_ns:
            return True
        return self._by_attributes({one.key: one.value for one in span.attributes})

    def _by_attributes(self, attributes: dict[str, Any]) -> bool:
        if self.errors and "error.type" in attributes:
            return True
        if self.tokens_above is not None:
            tokens = sum(_count(attributes, names) for names in (_INPUT, _OUTPUT))
            if tokens > self.tokens_above:
                return True
        return any(key in attributes and attributes[key].string_value in self.customers for key in self.customer_keys)


class KeptTraces:
    """The traces that a rule has kept lately."""

    def __init__(self, *, traces_max: int = TRACES_MAX) -> None:
        self._traces_max = traces_max
        self._kept: OrderedDict[bytes, None] = OrderedDict()

    def add(self, trace_id: bytes) -> None:
        """Remember a trace, and forget the one that a rule kept longest ago if there are too many."""
        self._kept[trace_id] = None
        self._kept.move_to_end(trace_id)
        if len(self._kept) > self._traces_max:
            self._kept.popitem(last=False)

    def __contains__(self, trace_id: bytes) -> bool:
        return trace_id in self._kept

    def __len__(self) -> int:
        return len(self._kept)


def _count(attributes: dict[str, Any], names: Iterable[str]) -> int:
    for name in names:
        value = attributes.get(name)
        if value is None:
            continue
        kind = value.WhichOneof("value")
        if kind == "int_value":
            return max(0, int(value.int_value))
        if kind == "string_value" and _COUNT.fullmatch(value.string_value):
            return int(value.string_value)
        if kind == "double_value" and 0 <= value.double_value < 2**53:
            return int(value.double_value)
    return 0
