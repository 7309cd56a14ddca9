"""The outcome: which spans of a trace are calls, and who pays. Each case is one that breaks without its rule."""

from __future__ import annotations

import itertools
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger.schema import SpanClass
from receiver.sealer.facts import FactKind, SpanFact, TraceFact
from receiver.sealer.outcome import SpanOutcome, single_outcome, trace_outcome

USAGE, NESTED, AGGREGATE = SpanClass.USAGE, SpanClass.NESTED, SpanClass.AGGREGATE


def call(
    name: str,
    parent: str = "",
    figures: tuple[int | None, int | None] = (100, 10),
    response_id: str | None = None,
    model: str | None = "gpt-4o",
    weight: int = 0,
    kind: FactKind = FactKind.CALL,
    customer: str | None = None,
) -> SpanFact:
    """A span as the outcome sees it; names stand for ids."""
    return SpanFact(
        span_id=name.encode(),
        parent_span_id=parent.encode(),
        content_hash=name.encode().ljust(16),
        kind=kind,
        input_tokens=figures[0],
        output_tokens=figures[1],
        model=model,
        response_id=response_id,
        weight=weight,
        customer_id=customer,
        customer_source="span" if customer else None,
    )


def classes(*facts: SpanFact) -> dict[str, SpanClass]:
    """The classes by name, checked to be the same in every order of arrival."""
    first = trace_outcome(facts, [])
    for shuffled in itertools.islice(itertools.permutations(facts), 24):
        assert trace_outcome(shuffled, []) == first
    return {span_id.decode(): outcome.span_class for span_id, outcome in first.spans.items()}


def test_lone_call_is_billed() -> None:
    """A call alone in its trace is usage."""
    assert classes(call("a")) == {"a": USAGE}


def test_single_outcome_agrees_with_the_general_one() -> None:
    """The quick way for spans alone in their trace is not another rule."""
    for kind in FactKind:
        fact = call("a", kind=kind, customer="acme")
        assert single_outcome(fact) == trace_outcome([fact], []).spans[b"a"]


def test_outer_and_inner_span_with_one_response_id_are_one_call() -> None:
    """The span that says more is billed, whichever is inside."""
    assert classes(
        call("outer", response_id="resp_1", weight=5), call("inner", "outer", response_id="resp_1", weight=3)
    ) == {"outer": USAGE, "inner": NESTED}
    assert classes(
        call("outer", response_id="resp_1", weight=3), call("inner", "outer", response_id="resp_1", weight=5)
    ) == {"outer": NESTED, "inner": USAGE}


def test_response_id_joins_although_figures_differ_along_ancestry() -> None:
    """A stream's outer span may count differently; the id says it is the same call."""
    assert classes(
        call("outer", figures=(100, 11), response_id="resp_1"),
        call("inner", "outer", figures=(100, 10), response_id="resp_1", weight=1),
    ) == {"outer": NESTED, "inner": USAGE}


def test_missing_middle_still_joins_by_response_id() -> None:
    """When the span between them never came, equal id and figures suffice."""
    assert classes(
        call("outer", response_id="resp_1", weight=1), call("inner", "never-came", response_id="resp_1")
    ) == {"outer": USAGE, "inner": NESTED}


def test_parent_with_equal_figures_is_the_same_call() -> None:
    """Without ids, a parent with the same model and figures is the same call."""
    assert classes(call("outer"), call("inner", "outer", weight=1)) == {"outer": NESTED, "inner": USAGE}


def test_equal_figures_join_through_an_aggregate_between() -> None:
    """A workflow span between the two does not hide that they are one call."""
    assert classes(call("outer"), call("step", "outer", kind=FactKind.AGGREGATE), call("inner", "step", weight=1)) == {
        "outer": NESTED,
        "step": AGGREGATE,
        "inner": USAGE,
    }


def test_framework_span_over_two_equal_calls_is_a_roll_up() -> None:
    """Framework span (100, 10) over two SDK calls (100, 10): both calls stay, the framework span does not count."""
    assert classes(call("framework", weight=9), call("one", "framework"), call("two", "framework")) == {
        "framework": NESTED,
        "one": USAGE,
        "two": USAGE,
    }


def test_three_levels_of_one_call_are_billed_once() -> None:
    """However many layers see a call, one is billed."""
    assert classes(call("a"), call("b", "a", weight=2), call("c", "b", weight=1)) == {
        "a": NESTED,
        "b": USAGE,
        "c": NESTED,
    }


def test_roll_up_above_a_roll_up_is_not_billed_either() -> None:
    """Two layers over two calls: neither layer counts."""
    assert classes(call("a"), call("b", "a"), call("one", "b"), call("two", "b")) == {
        "a": NESTED,
        "b": NESTED,
        "one": USAGE,
        "two": USAGE,
    }


def test_equal_siblings_are_two_calls() -> None:
    """Two equal but separate calls are never merged."""
    assert classes(call("one", "root"), call("two", "root")) == {"one": USAGE, "two": USAGE}


def test_siblings_with_one_response_id_and_equal_figures_are_one_call() -> None:
    """Two instrumentations side by side see one response."""
    assert classes(call("one", "root", response_id="resp_1", weight=1), call("two", "root", response_id="resp_1")) == {
        "one": USAGE,
        "two": NESTED,
    }


def test_siblings_with_a_constant_id_and_other_figures_stay_apart() -> None:
    """A made-up constant id does not merge different calls."""
    assert classes(
        call("one", "root", (100, 10), response_id="chatcmpl-123"),
        call("two", "root", (200, 20), response_id="chatcmpl-123"),
    ) == {"one": USAGE, "two": USAGE}


def test_parent_and_child_with_different_response_ids_are_two_calls() -> None:
    """Equal figures do not outweigh two ids."""
    assert classes(call("outer", response_id="resp_1"), call("inner", "outer", response_id="resp_2")) == {
        "outer": USAGE,
        "inner": USAGE,
    }


def test_parent_and_child_of_different_models_are_two_calls() -> None:
    """Equal figures of another model are another call."""
    assert classes(call("outer", model="gpt-4o"), call("inner", "outer", model="claude")) == {
        "outer": USAGE,
        "inner": USAGE,
    }


def test_unknown_figures_equal_nothing() -> None:
    """Two spans without usage are not the same call for that."""
    assert classes(call("outer", figures=(None, None)), call("inner", "outer", figures=(None, None))) == {
        "outer": USAGE,
        "inner": USAGE,
    }


def test_forged_parent_links_end() -> None:
    """A circle of parents is walked once."""
    assert set(classes(call("a", "b"), call("b", "a"), call("c", "c")).values()) <= {USAGE, NESTED}


def test_circle_of_parents_with_a_branch_has_one_outcome() -> None:
    """Whichever span of a forged circle is looked at first, the same are billed."""
    assert classes(call("3", "4"), call("4", "3"), call("5", "3"))


def test_nearest_ancestor_pays() -> None:
    """A call without a customer is paid by the nearest span above that names one."""
    spans = [
        call("root", kind=FactKind.AGGREGATE, customer="far"),
        call("agent", "root", kind=FactKind.AGGREGATE, customer="near"),
        call("leaf", "agent"),
    ]
    assert trace_outcome(spans, []).spans[b"leaf"] == SpanOutcome(USAGE, None, "near", "trace")


def test_span_that_is_no_call_pays_for_its_trace() -> None:
    """A web request that names the customer pays for calls whose ancestry is not known."""
    said = [TraceFact(b"http", b"", "acme", 0)]
    assert trace_outcome([call("leaf", "unknown")], said).spans[b"leaf"].customer_id == "acme"


def test_two_customers_in_a_trace_pay_for_nothing() -> None:
    """Several values and no known ancestor: unattributed, never a guess."""
    said = [TraceFact(b"one", b"", "acme", 0), TraceFact(b"two", b"", "globex", 0)]
    assert trace_outcome([call("leaf", "unknown")], said).spans[b"leaf"].customer_id is None


def test_better_ranked_key_decides() -> None:
    """Of two keys in a trace the preferred one counts."""
    said = [TraceFact(b"one", b"", "acme", 0), TraceFact(b"two", b"", "globex", 3)]
    assert trace_outcome([call("leaf", "unknown")], said).spans[b"leaf"].customer_id == "acme"


@given(
    st.lists(
        st.tuples(
            st.integers(0, 7),
            st.integers(0, 8),
            st.sampled_from([(1, 1), (2, 2), (None, None)]),
            st.sampled_from([None, "r1", "r2"]),
            st.integers(0, 2),
            st.sampled_from(list(FactKind)),
            st.sampled_from([None, "acme", "globex"]),
        ),
        max_size=8,
        unique_by=lambda one: one[0],
    ),
    st.randoms(use_true_random=False),
)
def test_outcome_does_not_know_the_order(spans: list[Any], random: Random) -> None:
    """Any tree of spans, in any order, has one outcome."""
    facts = [
        call(str(own), str(parent), figures, response_id, weight=weight, kind=kind, customer=customer)
        for own, parent, figures, response_id, weight, kind, customer in spans
    ]
    expected = trace_outcome(facts, [])
    random.shuffle(facts)
    assert trace_outcome(facts, []) == expected
