"""What the ledger does not know is listed: unexplained aggregates, possible duplicates, calls without a customer."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from billing.warehouse import doubts
from billing.warehouse.warehouse import Warehouse
from tests.naive import UNKNOWN_SCOPE
from tests.otlp import LANGCHAIN_SCOPE, OPENAI_SCOPE, START_NS, SpanText, call
from tests.pipeline import Pipeline

MS = 1_000_000


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """An empty ledger."""
    with Pipeline(tmp_path) as made:
        yield made


def agent(tokens: tuple[Any, Any] = (300, 30), operation: str = "invoke_agent", **more: Any) -> SpanText:
    """An agent's span with the sum of what happened below it."""
    return call(tokens=tokens, attributes={"gen_ai.operation.name": operation}, **more)


def unexplained(pipeline: Pipeline) -> list[int]:
    """The spans that tell of spend nobody was billed for."""
    return [int(row["span_id"], 16) for row in pipeline.rows("SELECT span_id FROM unexplained ORDER BY span_id")]


def test_remote_agent_is_possible_unbilled_spend(pipeline: Pipeline) -> None:
    """An agent with figures and no call below it: shown in the audit with its tokens, in no cost."""
    pipeline.take(agent(trace=1, span=1), call(trace=2, span=2))
    audit = pipeline.audit()
    assert (audit["unexplained"], audit["unexplained_input_tokens"], audit["unexplained_output_tokens"]) == (1, 300, 30)
    assert pipeline.value("SELECT sum(input_tokens) FROM entries") == 100


@pytest.mark.parametrize("order", list(permutations([0, 1, 2])))
def test_agent_above_a_call_is_explained(tmp_path: Path, order: tuple[int, ...]) -> None:
    """A billed call below, through whatever aggregates, explains an agent; in every order of arrival."""
    spans = [
        agent(trace=1, span=1),
        agent(trace=1, span=2, parent=1, tokens=(None, None)),
        call(trace=1, span=3, parent=2),
    ]
    with Pipeline(tmp_path) as pipeline:
        for place in order:
            pipeline.take(spans[place])
        assert unexplained(pipeline) == []


def test_agent_above_a_nested_or_copied_call_is_explained(pipeline: Pipeline) -> None:
    """A call that another span counts is still what the agent spent."""
    unique = {"gen_ai.response.id": "chatcmpl-CnMM0oFYQitzT43PYAvCrmNt6GIKs"}
    pipeline.take(agent(trace=1, span=1), call(trace=1, span=2, parent=1, attributes=unique))
    pipeline.take(agent(trace=2, span=3), call(trace=2, span=4, parent=3, attributes=unique))
    assert unexplained(pipeline) == []


def test_of_aggregates_above_one_another_the_innermost_counts(pipeline: Pipeline) -> None:
    """A workflow over an agent, both with the same figures: listed once."""
    pipeline.take(agent(trace=1, span=1, operation="invoke_workflow"), agent(trace=1, span=2, parent=1))
    assert unexplained(pipeline) == [2]


def test_tool_without_figures_is_no_spend(pipeline: Pipeline) -> None:
    """A tool that called no model tells of nothing; an agent that called none does, even without figures."""
    pipeline.take(agent(trace=1, span=1, operation="execute_tool", tokens=(None, None)))
    pipeline.take(agent(trace=2, span=2, tokens=(None, None)))
    assert unexplained(pipeline) == [2]


def test_unexplained_is_the_same_after_the_index_was_rebuilt(pipeline: Pipeline) -> None:
    """A call that comes after a rebuild explains its agent, and writes one row for that."""
    pipeline.take(agent(trace=1, span=1))
    pipeline.restart_sealer()
    shutil.rmtree(pipeline.data.index)
    pipeline.take(call(trace=1, span=2, parent=1))
    assert unexplained(pipeline) == []
    assert pipeline.audit()["aggregate"] == 1


def duplicates(pipeline: Pipeline) -> list[tuple[int, int, str]]:
    """(inner, outer, why) of the calls that may be one."""
    rows = pipeline.rows("SELECT span_id, outer_span_id, why FROM possible_duplicates ORDER BY ALL")
    return [(int(row["span_id"], 16), int(row["outer_span_id"], 16), row["why"]) for row in rows]


def outer_and_inner(*, parent: int, **inner: Any) -> list[SpanText]:
    """A call, and one with equal figures within its time."""
    return [
        call(trace=1, span=1, duration_ns=100 * MS),
        call(trace=1, span=3, parent=parent, start_ns=START_NS + MS, duration_ns=90 * MS, **inner),
    ]


@pytest.mark.parametrize("step", [1, -1])
def test_missing_middle_is_a_possible_duplicate(pipeline: Pipeline, step: int) -> None:
    """Equal figures, one within the other, the span between them never came: both billed, and reported."""
    spans = outer_and_inner(parent=2)
    for span in spans[::step]:
        pipeline.take(span)
    assert pipeline.audit()["usage"] == 2
    assert duplicates(pipeline) == [(3, 1, "missing_span")]


def test_middle_that_comes_at_last_settles_it(pipeline: Pipeline) -> None:
    """With the span between them they are one call, by a correction."""
    pipeline.take(*outer_and_inner(parent=2))
    pipeline.take(agent(trace=1, span=2, parent=1, tokens=(None, None), start_ns=START_NS, duration_ns=95 * MS))
    assert pipeline.audit()["usage"] == 1
    assert duplicates(pipeline) == []
    assert pipeline.value("SELECT sum(cost) FROM entries") == Decimal("0.00035")


@pytest.mark.parametrize(
    ("scope", "calls", "expected"), [(UNKNOWN_SCOPE, 2, 1), (OPENAI_SCOPE, 2, 0), (LANGCHAIN_SCOPE, 1, 0)]
)
def test_siblings_of_two_emitters_are_a_possible_duplicate(
    pipeline: Pipeline, scope: str, calls: int, expected: int
) -> None:
    """An emitter nobody knows may tell of the SDK's call; one emitter's are two calls, two known ones' are one."""
    outer, inner = outer_and_inner(parent=7)
    pipeline.take(replace(outer, parent=7, scope=scope), inner)
    assert pipeline.audit()["usage"] == calls
    assert duplicates(pipeline) == [(3, 1, "other_emitter")] * expected


def test_ancestor_under_another_name_is_a_possible_duplicate(pipeline: Pipeline) -> None:
    """A deployment's name cannot be known to be its model's."""
    pipeline.take(*outer_and_inner(parent=1, model="team-deployment"))
    assert duplicates(pipeline) == [(3, 1, "other_model")]


def test_equal_calls_one_after_the_other_are_no_duplicates(pipeline: Pipeline) -> None:
    """Separate calls of a loop, and calls that know their parent, are not suspected."""
    pipeline.take(
        call(trace=1, span=1, parent=9, duration_ns=MS),
        call(trace=1, span=2, parent=9, start_ns=START_NS + 2 * MS, duration_ns=MS),
    )
    pipeline.take(
        *[call(trace=2, span=span, parent=9, duration_ns=span * MS) for span in (4, 5)], agent(trace=2, span=9)
    )
    assert duplicates(pipeline) == []


def test_two_response_ids_are_two_calls(pipeline: Pipeline) -> None:
    """What both name a response of its own is not suspected."""
    first, second = outer_and_inner(parent=2, attributes={"gen_ai.response.id": "resp_b"})
    first = call(trace=1, span=1, duration_ns=100 * MS, attributes={"gen_ai.response.id": "resp_a"})
    pipeline.take(first, second)
    assert duplicates(pipeline) == []


def test_unattributed_calls_are_listed_with_their_share(pipeline: Pipeline) -> None:
    """By service, model and reason; several named customers are a reason of their own."""
    pipeline.take(*[call(attributes={"customer.id": "acme"}) for _ in range(6)], call(), call())
    conflict = [
        SpanText(trace=70, span=span, scope="http", attributes={"customer.id": f"c{span}"}) for span in (71, 72)
    ]
    pipeline.take(call(trace=70, span=73), *conflict)
    pipeline.take(call(model="nobody-sells-this"))
    warehouse = Warehouse(pipeline.data)
    rows = doubts.unattributed(warehouse)
    warehouse.close()
    assert [(row["why"], row["calls"], row["share_of_calls"], row["share_of_cost"]) for row in rows] == [
        ("none_named", 2, Decimal("0.2000"), Decimal("0.2222")),
        ("conflicting", 1, Decimal("0.1000"), Decimal("0.1111")),
        ("none_named", 1, Decimal("0.1000"), None),
    ]
