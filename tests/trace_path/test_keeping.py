"""Keep rules: what is forwarded whatever the ratio says, and what it then stands for."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from receiver.trace_path.keeping import KeepRules, KeptTraces
from receiver.trace_path.rewrite import Keeper, sample_request
from receiver.trace_path.sampling import Sampler, decode_threshold
from spanledger.settings import SettingsError, load_settings
from tests.otlp import key_values

NEVER = Sampler.of_ratio(0)
SECOND = 10**9


def span(
    trace: int, number: int = 1, *, state: str = "", took: float = 1, error: bool = False, **attributes: Any
) -> Span:
    """A span; attribute names have `__` for dots."""
    return Span(
        trace_id=trace.to_bytes(16, "big"),
        span_id=number.to_bytes(8, "big"),
        trace_state=state,
        start_time_unix_nano=SECOND,
        end_time_unix_nano=SECOND + int(took * SECOND),
        status=Status(code=Status.STATUS_CODE_ERROR if error else Status.STATUS_CODE_UNSET),
        attributes=key_values({name.replace("__", "."): value for name, value in attributes.items()}),
    )


def request(*spans: Span) -> bytes:
    """A request of them."""
    message = ExportTraceServiceRequest()
    message.resource_spans.add().scope_spans.add().spans.extend(spans)
    return message.SerializeToString()


def forwarded(keeper: Keeper | None, *spans: Span, sampler: Sampler = NEVER) -> list[Span]:
    """What leaves of a request."""
    left = ExportTraceServiceRequest.FromString(sample_request(request(*spans), sampler=sampler, keeper=keeper).request)
    return [one for part in left.resource_spans for scope in part.scope_spans for one in scope.spans]


def keeper(*rules: str, traces_max: int = 10) -> Keeper:
    """A keeper of these rules."""
    return Keeper(KeepRules.parse(rules, customer_keys=("customer.id",)), KeptTraces(traces_max=traces_max))


@pytest.mark.parametrize(
    ("rule", "kept", "other"),
    [
        ("errors", span(1, error=True), span(1)),
        ("errors", span(1, error__type="timeout"), span(1)),
        ("slower_than:1500ms", span(1, took=1.6), span(1, took=1.5)),
        ("slower_than:2m", span(1, took=121), span(1, took=120)),
        ("tokens_above:100", span(1, gen_ai__usage__input_tokens=90, gen_ai__usage__output_tokens=11), span(1)),
        ("tokens_above:100", span(1, llm__token_count__prompt="101"), span(1, llm__token_count__prompt=100)),
        ("customer:acme", span(1, customer__id="acme"), span(1, customer__id="globex")),
    ],
)
def test_a_rule_keeps_what_satisfies_it(rule: str, kept: Span, other: Span) -> None:
    """At ratio 0, where nothing else is forwarded."""
    assert forwarded(keeper(rule), kept) == [kept]
    assert forwarded(keeper(rule), other) == []


def test_a_trace_once_kept_stays_kept() -> None:
    """Spans of the same request, whichever comes first, and of later ones; other traces are not."""
    watching = keeper("errors")
    first, failed, later = span(1, 1), span(1, 2, error=True), span(1, 3)
    assert forwarded(watching, first, failed, span(2)) == [first, failed]
    assert forwarded(watching, later, span(2)) == [later]


def test_kept_traces_are_bounded() -> None:
    """The one that was kept longest ago is forgotten; the ratio decides its spans again."""
    watching = keeper("errors", traces_max=2)
    for trace in (1, 2, 3):
        forwarded(watching, span(trace, error=True))
    assert forwarded(watching, span(1)) == []
    assert forwarded(watching, span(3)) == [span(3)]


def test_what_a_kept_span_stands_for() -> None:
    """By its own merit: as many as before, `th` untouched. For a sibling's sake, or where it is false: `th` goes."""
    high = (1 << 120) - 1  # its randomness is the greatest
    watching = keeper("errors")
    own, sibling = span(high, 1, state="ot=th:8", error=True), span(high, 2, state="ot=th:8,a=b")
    left = forwarded(watching, own, sibling)
    assert [one.trace_state for one in left] == ["ot=th:8", "a=b"]
    (false,) = forwarded(keeper("errors"), span(1 << 60, state="ot=th:8", error=True))
    assert "th" not in false.trace_state


@given(st.integers(0, 2**32), st.floats(0.05, 1))
def test_adjusted_counts_stay_right(seed: int, ratio: float) -> None:
    """Failed spans are all there and each stands for itself; of the others, the sum of what they stand for is unbiased.

    Traces have one span each, so no sibling is kept for another's sake.
    """
    chance = Random(seed)
    traces = [chance.getrandbits(128) | 1 for _ in range(400)]
    sampler = Sampler.of_ratio(ratio)
    spans = [span(trace, error=number % 10 == 0) for number, trace in enumerate(traces)]
    left = forwarded(keeper("errors"), *spans, sampler=sampler)
    failed = [one for one in left if one.status.code == Status.STATUS_CODE_ERROR]
    assert len(failed) == 40
    assert {one.trace_state for one in failed} == {""}
    share = 1 - sampler.threshold / 2**56
    others = [one for one in left if one.status.code != Status.STATUS_CODE_ERROR]
    assert all(_stands_for(one) == pytest.approx(1 / share) for one in others)
    # Six standard deviations of a binomial.
    assert abs(len(others) - 360 * share) <= 6 * (360 * share * (1 - share)) ** 0.5 + 1e-9


def _stands_for(one: Span) -> float:
    threshold = decode_threshold(one.trace_state.removeprefix("ot=th:").encode()) if one.trace_state else 0
    assert threshold is not None
    return 1 / (1 - threshold / 2**56)


def test_wrong_rules_are_all_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what is allowed; a right list is read as a variable."""
    monkeypatch.setenv("SPANLEDGER_TRACE_KEEP_RULES", "errors, slower_than:soon, tokens_over:5, customer:")
    with pytest.raises(
        SettingsError, match=r"'slower_than:soon', 'tokens_over:5', 'customer:': expected one of errors"
    ):
        load_settings()
    monkeypatch.setenv("SPANLEDGER_TRACE_KEEP_RULES", "errors,slower_than:30s")
    monkeypatch.setenv("SPANLEDGER_TRACE_BACKEND", "127.0.0.1:4327")
    path = load_settings().receiver().trace_path
    assert path is not None
    assert path.keep_rules == ("errors", "slower_than:30s")


def test_nonsense_is_left_to_the_sampler() -> None:
    """What is no span satisfies no rule."""
    assert not KeepRules.parse(["errors"], customer_keys=()).keep(b"\xff\xff\xff")
