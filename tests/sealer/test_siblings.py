"""Siblings: a call that several emitters told side by side is one; separate calls stay so. By cases, and by a model."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.schema import CountSource, SpanClass
from receiver.attribution import Attribution
from receiver.sealer.candidate import Candidate, interpret
from receiver.sealer.decode import Decoder
from receiver.sealer.matching import matching
from receiver.sealer.outcome import SpanOutcome, trace_outcome
from tests.naive import CONFLICT, UNKNOWN_SCOPE, naive_ledger
from tests.otlp import LANGCHAIN_SCOPE, OPENAI_SCOPE, SpanText, request
from tests.sealer.test_properties import CUSTOMERS, GATEWAY, span_text

EXAMPLES: Final = int(os.environ.get("SPANLEDGER_TEST_EXAMPLES", "8")) * 25
FRAMEWORK, SDK, SECOND_SDK = LANGCHAIN_SCOPE, OPENAI_SCOPE, "opentelemetry.instrumentation.openai_v2"
UNIQUE: Final = "chatcmpl-CnMM0oFYQitzT43PYAvCrmNt6GIKs"
OTHER: Final = "chatcmpl-A1b2C3d4E5f6G7h8I9j0K1l2M3n4O"
MINI, GPT_4O = "gpt-4o-mini-2024-07-18", "gpt-4o-2024-08-06"
ROOT: Final = 9


def outcome(spans: Sequence[SpanText]) -> dict[int, SpanOutcome]:
    """What the spans of one trace come to, by the program's own reading of them."""
    found = [interpret(span, ingest_scope="", attribution=Attribution()) for span in Decoder().spans(request(*spans))]
    outcomes = trace_outcome([one.fact for one in found if isinstance(one, Candidate)], []).spans
    return {int.from_bytes(span_id): one for span_id, one in outcomes.items()}


def told(span: int, scope: str, during: tuple[int, int], parent: int | None = ROOT, **more: Any) -> SpanText:
    """A call as one emitter tells it, from and to so many milliseconds after noon."""
    said: dict[str, Any] = {"tokens": (100, 10), "response_id": None, "customer": None, "model": GPT_4O, **more}
    start, end = during
    made = span_text(0, span, parent, said.pop("kind", "chat"), scope=scope, start=start, duration=0, **said)
    return replace(made, trace=1, duration_ns=(end - start) * 1_000_000)


def chain(span: int, scope: str, during: tuple[int, int], parent: int | None = ROOT) -> SpanText:
    """A framework's chain or agent: no call."""
    return told(span, scope, during, parent, kind="invoke_agent", tokens=(None, None))


def billed(*spans: SpanText) -> list[int]:
    """The calls that are billed, checked to be the same in every order of arrival, and those of the naive model."""
    first = outcome(spans)
    for shuffled in itertools.islice(itertools.permutations(spans), 24):
        assert outcome(shuffled) == first
    calls = sorted(span for span, one in first.items() if one.span_class == SpanClass.USAGE)
    assert calls == sorted(span for _, span in naive_ledger(spans, count_source=CountSource.APPLICATION.value).calls)
    return calls


def test_framework_that_is_not_current_and_sdk_beside_it_are_one_call() -> None:
    """LangChain's callbacks and the SDK tell one call below one parent: who knows the answer's id is billed."""
    spans = [told(1, FRAMEWORK, (0, 100)), told(2, SDK, (5, 95), response_id=UNIQUE)]
    assert billed(*spans) == [2]
    assert outcome(spans)[1].reason == "side_by_side"


def test_times_may_be_the_same() -> None:
    """Within means within or equal: clocks are coarse."""
    assert len(billed(told(1, FRAMEWORK, (0, 100)), told(2, SDK, (0, 100), response_id=UNIQUE))) == 1


def test_siblings_at_the_root_of_a_trace_are_one_call() -> None:
    """Neither has a parent, but they are of one trace: that says as much as one parent does."""
    assert len(billed(told(1, FRAMEWORK, (0, 100), None), told(2, SDK, (5, 95), None))) == 1


def test_three_emitters_side_by_side_are_one_call() -> None:
    """A framework and two instrumentations of the SDK, none of which encloses another."""
    assert len(billed(told(1, FRAMEWORK, (0, 100)), told(2, SDK, (5, 95)), told(3, SECOND_SDK, (6, 94)))) == 1


def test_sdk_that_traces_itself_below_its_instrumentation_beside_a_framework_is_one_call() -> None:
    """Three deep: the framework's span stands beside an instrumentation's, which encloses the SDK's own."""
    assert len(billed(told(1, FRAMEWORK, (0, 100)), told(2, SDK, (5, 95)), told(3, SECOND_SDK, (6, 94), 2))) == 1


def test_sdk_below_an_instrumentation_that_knows_no_figures_is_found() -> None:
    """A stream whose instrumentation missed the usage: the framework and the SDK's own span are one call."""
    blind = told(2, SDK, (5, 20), tokens=(None, None))
    calls = billed(told(1, FRAMEWORK, (0, 100)), blind, told(3, SECOND_SDK, (6, 94), 2, response_id=UNIQUE))
    assert calls == [2, 3]


def test_sdk_hangs_where_the_framework_s_spans_begin() -> None:
    """A chain of chains, none of them current: the SDK's span hangs where the outermost one does."""
    chains = [chain(1, FRAMEWORK, (0, 300)), chain(2, FRAMEWORK, (1, 290), 1)]
    first = [told(3, FRAMEWORK, (10, 100), 2), told(4, SDK, (15, 95))]
    second = [told(5, FRAMEWORK, (110, 200), 2), told(6, SDK, (115, 195))]
    assert len(billed(*chains, *first, *second)) == 2


def test_framework_above_both_is_the_same_call() -> None:
    """Of two siblings that prove to be one call, what stands above both is no roll-up of two."""
    spans = [told(1, GATEWAY, (0, 200)), told(2, FRAMEWORK, (5, 100), 1), told(3, SDK, (6, 99), 1, response_id=UNIQUE)]
    assert billed(*spans) == [3]
    assert {outcome(spans)[span].reason for span in (1, 2)} == {"equal_figures", "side_by_side"}


def test_two_outer_and_two_inner_ones_are_two_calls() -> None:
    """Asked at once, answered alike: as many calls as one emitter tells."""
    outer = [told(1, FRAMEWORK, (0, 100)), told(2, FRAMEWORK, (1, 110))]
    assert len(billed(*outer, told(3, SDK, (5, 95)), told(4, SDK, (6, 96)))) == 2


def test_calls_that_overlap_in_turn_do_not_become_a_chain() -> None:
    """The second pair lies within the first one's inner span: still two calls, not one of four spans."""
    first = [told(1, FRAMEWORK, (0, 100)), told(2, SDK, (5, 95))]
    assert len(billed(*first, told(3, FRAMEWORK, (20, 80)), told(4, SDK, (25, 75)))) == 2


def test_partners_make_room_for_one_another() -> None:
    """Who could be told by two framework spans leaves the one to whom only that is left."""
    outer = [told(1, FRAMEWORK, (0, 100)), told(2, FRAMEWORK, (0, 60))]
    assert len(billed(*outer, told(3, SDK, (10, 50)), told(4, SDK, (20, 90)))) == 2
    assert len(billed(*outer, told(3, SDK, (10, 50)), told(4, SDK, (20, 55)))) == 2


def test_one_outer_over_two_inner_ones_is_two_calls() -> None:
    """A retry within one framework span, both answers of one size: both were charged."""
    assert len(billed(told(1, FRAMEWORK, (0, 100)), told(2, SDK, (5, 40)), told(3, SDK, (50, 95)))) == 2


def test_two_emitters_one_after_the_other_within_a_framework_s_span_are_two_calls() -> None:
    """What a framework's span encloses twice, by two emitters, at two times, cannot be one call."""
    assert len(billed(told(1, FRAMEWORK, (0, 100)), told(2, SDK, (5, 40)), told(3, SECOND_SDK, (50, 95)))) == 2


def test_equal_siblings_of_one_emitter_are_two_calls() -> None:
    """Whatever their times: one emitter tells a call once."""
    assert len(billed(told(1, SDK, (0, 100)), told(2, SDK, (5, 95)))) == 2


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        pytest.param({}, {"during": (5, 101)}, id="ends later"),
        pytest.param({}, {"during": (-1, 90)}, id="began before"),
        pytest.param({}, {"tokens": (100, 11)}, id="other figures"),
        pytest.param({"tokens": (None, None)}, {"tokens": (None, None)}, id="unknown figures"),
        pytest.param({}, {"model": MINI}, id="another model"),
        pytest.param({"response_id": OTHER}, {"response_id": UNIQUE}, id="two answers"),
        pytest.param({}, {"parent": 8}, id="elsewhere in the trace"),
        pytest.param({}, {"parent": None}, id="at the root"),
        pytest.param({"scope": UNKNOWN_SCOPE}, {}, id="an unknown emitter"),
        pytest.param({}, {"scope": UNKNOWN_SCOPE}, id="below an unknown emitter"),
    ],
)
def test_what_keeps_siblings_apart(outer: dict[str, Any], inner: dict[str, Any]) -> None:
    """Each condition alone keeps two spans two calls."""
    spans = [
        told(1, **{"scope": FRAMEWORK, "during": (0, 100), **outer}),
        told(2, **{"scope": SDK, "during": (5, 95), **inner}),
    ]
    assert billed(*spans) == [1, 2]


def test_sdk_below_another_span_of_the_framework_is_another_call() -> None:
    """What hangs below a span of the framework's own shows that the framework makes its spans current."""
    spans = [told(1, FRAMEWORK, (0, 100)), chain(2, FRAMEWORK, (3, 97)), told(3, SDK, (5, 95), 2)]
    assert billed(*spans) == [1, 3]


def test_sdk_below_an_agent_that_ran_before_is_another_call() -> None:
    """The framework's call cannot have made a span that began before it did."""
    assert billed(chain(2, SDK, (0, 200)), told(1, FRAMEWORK, (5, 100)), told(3, SDK, (10, 95), 2)) == [1, 3]


def test_framework_with_a_call_below_it_takes_no_other_beside_it() -> None:
    """A framework's span whose SDK span hangs below it: the SDK's other call beside it is another."""
    assert len(billed(told(1, FRAMEWORK, (0, 100)), told(2, SDK, (5, 95), 1), told(3, SDK, (6, 94)))) == 2


def test_customer_that_the_sibling_names_pays() -> None:
    """The framework's span is told who pays, the SDK's is billed; another call in the trace names somebody else."""
    spans = [told(1, FRAMEWORK, (0, 100), customer="acme"), told(2, SDK, (5, 95), response_id=UNIQUE)]
    other = told(3, SDK, (200, 210), customer="globex")
    assert outcome([*spans, other])[2] == SpanOutcome(SpanClass.USAGE, None, "acme", "trace")


NAMES: Final = st.sampled_from([FRAMEWORK, FRAMEWORK, SDK, SDK, SECOND_SDK, GATEWAY, UNKNOWN_SCOPE])


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.lists(
        st.builds(
            told,
            span=st.integers(1, 7),
            scope=NAMES,
            during=st.tuples(st.integers(0, 6), st.integers(7, 10**6)),
            parent=st.sampled_from([ROOT, ROOT, ROOT, ROOT, None, 1, 2, 3]),
            kind=st.sampled_from(["chat", "chat", "chat", "chat", "invoke_agent"]),
            tokens=st.sampled_from([(5, 5), (5, 5), (5, 5), (5, 5), (9, 9), (None, None)]),
            response_id=st.sampled_from([None, None, None, "r1", UNIQUE]),
            customer=st.sampled_from(CUSTOMERS),
            model=st.sampled_from([GPT_4O, GPT_4O, GPT_4O, MINI]),
        ),
        max_size=7,
        # No two that end together: then the rules alone decide, no hash does.
        unique_by=(lambda one: one.span, lambda one: one.start_ns + one.duration_ns),
    ),
    st.randoms(use_true_random=False),
)
def test_outcome_is_what_the_rules_say(spans: list[SpanText], random: Random) -> None:
    """Classes and payers of the naive model, whatever came first."""
    naive = naive_ledger(spans, count_source=CountSource.APPLICATION.value)
    random.shuffle(spans)
    found = outcome(spans)
    assert {span: one.span_class.value for span, one in found.items()} == {
        span: one for (_, span), one in naive.classes.items()
    }
    payers = {span: one.customer_id or one.customer_source for span, one in found.items()}
    for (_, span), payer in naive.payers.items():
        assert payers[span] == ("conflicting" if payer == CONFLICT else payer)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(st.lists(st.integers(0, 4), unique=True).map(sorted), max_size=5))
def test_matching_is_the_best_of_all_ways(choices: list[list[int]]) -> None:
    """As many as can be, the first ones first, with the choices they like best: by trying all ways."""
    ways = [
        way
        for way in itertools.product(*[[None, *one] for one in choices])
        if len(taken := [one for one in way if one is not None]) == len(set(taken))
    ]
    given_by_trying = max(
        ways,
        key=lambda way: (
            sum(one is not None for one in way),
            [one is not None for one in way],
            [0 if one is None else -choices[place].index(one) for place, one in enumerate(way)],
        ),
    )
    assert matching(choices) == list(given_by_trying)


def test_matching_of_many_is_quick_and_gives_all_something() -> None:
    """A thousand who all like the same get a choice each: whoever likes less leaves room."""
    given_choices = matching([list(range(one % 7, 1000)) for one in range(1000)])
    assert sorted(one for one in given_choices if one is not None) == list(range(1000))
