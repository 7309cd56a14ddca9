"""Counted once: whatever is re-sent, in whatever order, split however, the ledger says the same."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.otlp import SpanText, call
from tests.pipeline import Pipeline


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """An empty ledger."""
    with Pipeline(tmp_path) as made:
        yield made


def test_exact_repeats_are_duplicates(pipeline: Pipeline) -> None:
    """Ten deliveries of a span are one call, over restarts and without an index too."""
    span = call(attributes={"customer.id": "acme"})
    for round_number in range(10):
        pipeline.take(span)
        if round_number % 3 == 0:
            pipeline.restart_sealer()
        if round_number == 6:
            pipeline.restart_sealer()
            shutil.rmtree(pipeline.data.index)
    assert pipeline.audit() == {"commit": 10, "received": 10, "usage": 1, "duplicate": 9, "calls_in_ledger": 1}


def test_repeat_within_one_request_is_a_duplicate(pipeline: Pipeline) -> None:
    """The same span twice in one request is one call."""
    span = call()
    pipeline.take(span, span)
    assert pipeline.audit() == {"commit": 1, "received": 2, "usage": 1, "duplicate": 1, "calls_in_ledger": 1}


def test_outer_span_that_comes_later_takes_nothing_twice(pipeline: Pipeline) -> None:
    """Inner first, outer days later: the sum of entries is one call's at every commit."""
    inner = call(trace=1, span=2, parent=3, attributes={"gen_ai.response.id": "chatcmpl-abc"})
    outer = call(trace=1, span=3, attributes={"gen_ai.response.id": "chatcmpl-abc", "customer.id": "acme"})
    pipeline.take(inner)
    alone = pipeline.value("SELECT sum(cost) FROM entries")
    pipeline.take(outer)
    assert pipeline.value("SELECT sum(cost) FROM entries") == alone
    assert pipeline.rows("SELECT customer_id, call_count FROM calls") == [{"customer_id": "acme", "call_count": 1}]
    assert pipeline.audit()["nested"] == 1


def test_reversal_takes_back_the_old_customer(pipeline: Pipeline) -> None:
    """A sum by customer is right at every commit: the reversal carries who paid before."""
    pipeline.take(call(trace=1, span=2, parent=3))
    pipeline.take(SpanText(trace=1, span=3, scope="http", attributes={"customer.id": "acme"}))
    by_customer = pipeline.rows("SELECT customer_id, sum(cost) AS cost FROM entries GROUP BY 1 ORDER BY 1 NULLS FIRST")
    assert by_customer == [
        {"customer_id": None, "cost": Decimal(0)},
        {"customer_id": "acme", "cost": Decimal("0.00035")},
    ]
    types = pipeline.rows("SELECT entry_type, revision, reason FROM entries ORDER BY revision")
    assert types == [
        {"entry_type": "usage", "revision": 0, "reason": None},
        {"entry_type": "reversal", "revision": 1, "reason": "customer"},
        {"entry_type": "restatement", "revision": 2, "reason": "customer"},
    ]


def test_reversal_negates_every_figure_and_keeps_nulls(pipeline: Pipeline) -> None:
    """Whatever column is summed, a reversed call is nothing; what was not known stays not known."""
    details = {"gen_ai.usage.cache_read.input_tokens": 40, "gen_ai.usage.image.output_tokens": 3}
    pipeline.take(call(trace=1, span=2, parent=3, attributes=details))
    pipeline.take(SpanText(trace=1, span=3, scope="http", attributes={"customer.id": "acme"}))
    (reversal,) = pipeline.rows("SELECT * FROM entries WHERE entry_type = 'reversal'")
    (usage,) = pipeline.rows("SELECT * FROM entries WHERE entry_type = 'usage'")
    assert reversal["cache_read_tokens"] == -40
    assert reversal["other_usage"] == {"output_image_tokens": -3}
    assert reversal["cost"] == (-usage["cost"] if usage["cost"] is not None else None)
    assert (reversal["web_searches"], reversal["span_attributes"]) == (None, None)
    assert reversal["call_count"] == -1


def test_restatement_keeps_its_price(pipeline: Pipeline) -> None:
    """A change of payer moves no amount: readings and prices are pinned."""
    pipeline.take(call(trace=1, span=2, parent=3))
    before = pipeline.rows("SELECT cost, price_version FROM calls")
    pipeline.take(SpanText(trace=1, span=3, scope="http", attributes={"customer.id": "acme"}))
    assert pipeline.rows("SELECT cost, price_version FROM calls") == before


def test_nested_span_that_becomes_a_call_is_priced(pipeline: Pipeline) -> None:
    """A roll-up was hiding nothing: when its other child comes, both children are calls."""
    framework = call(trace=1, span=1, tokens=(100, 10), attributes={"gen_ai.response.model": None})
    pipeline.take(framework, call(trace=1, span=2, parent=1))
    assert pipeline.audit()["usage"] == 1
    pipeline.take(call(trace=1, span=3, parent=1))
    audit = pipeline.audit()
    assert (audit["usage"], audit["nested"]) == (2, 1)
    assert {row["cost"] for row in pipeline.rows("SELECT cost FROM calls")} == {Decimal("0.00035")}


def test_agent_is_shown_and_never_billed(pipeline: Pipeline) -> None:
    """Roll-ups of agents are aggregates."""
    agent = call(trace=1, span=1, tokens=(300, 30), attributes={"gen_ai.operation.name": "invoke_agent"})
    pipeline.take(agent, call(trace=1, span=2, parent=1), call(trace=1, span=3, parent=1))
    assert pipeline.rows("SELECT span_class FROM set_aside") == [{"span_class": "aggregate"}]
    assert pipeline.value("SELECT sum(input_tokens) FROM entries") == 200


def test_index_rebuilt_from_the_ledger_is_the_same(pipeline: Pipeline) -> None:
    """Nothing in the index is knowledge of its own."""
    pipeline.take(call(trace=1, span=2, parent=3), call(tokens=(-1, 1)), call(trace=9, span=9))
    pipeline.take(SpanText(trace=1, span=3, scope="http", attributes={"customer.id": "acme"}))
    pipeline.take(call(trace=9, span=9, tokens=(100, 11)), call(trace=1, span=4, parent=2))
    pipeline.take(call(trace=1, span=5, attributes={"gen_ai.operation.name": "invoke_agent"}))
    before = sorted(pipeline.sealer.index.items())
    pipeline.restart_sealer()
    shutil.rmtree(pipeline.data.index)
    assert sorted(pipeline.sealer.index.items()) == before


def test_what_was_said_and_taken_back_is_unknown_again(pipeline: Pipeline) -> None:
    """A figure that no standing call says is null in `costs_daily`, whatever came first: 0 would be a claim."""
    cached = call(trace=1, span=2, parent=3, attributes={"gen_ai.usage.cache_read.input_tokens": 40})
    pipeline.take(cached, call())
    before = pipeline.value("SELECT cache_read_tokens FROM costs_daily")
    pipeline.take(SpanText(trace=1, span=3, scope="http", attributes={"customer.id": "acme"}))
    rows = pipeline.rows("SELECT customer_id, calls, cache_read_tokens FROM costs_daily ORDER BY 1 NULLS FIRST")
    assert before == 40
    assert rows == [
        {"customer_id": None, "calls": 1, "cache_read_tokens": None},
        {"customer_id": "acme", "calls": 1, "cache_read_tokens": 40},
    ]
