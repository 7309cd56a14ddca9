"""`spanledger explain`: one trace told so that a finance person and an engineer can settle an argument with it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from receiver.sealer.jobs.job import JobKind
from tests.jobs.test_jobs import book_without, carried_out
from tests.otlp import SpanText, call
from tests.pipeline import Pipeline
from tests.test_command_line import spanledger

TRACE = f"{7:032x}"


def explained(pipeline: Pipeline, *options: str, trace: str = TRACE) -> str:
    """What the command prints."""
    pipeline.restart_sealer()
    finished = spanledger("explain", trace, *options, "--data-dir", str(pipeline.data.root))
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.fixture
def agent_trace() -> list[SpanText]:
    """An agent, a framework's span of a call, and the SDK's span of the same call."""
    usage = {"gen_ai.usage.cache_read.input_tokens": 40}
    return [
        call(
            trace=7,
            span=1,
            name="invoke_agent planner",
            tokens=(None, None),
            attributes={"gen_ai.operation.name": "invoke_agent", "customer.id": "acme"},
        ),
        call(trace=7, span=2, parent=1, name="framework chat"),
        call(trace=7, span=3, parent=2, name="sdk chat", attributes=usage),
    ]


def test_every_span_says_what_it_counts_as_and_why(tmp_path: Path, agent_trace: list[SpanText]) -> None:
    """Parents stand before their children; of two spans of one call one is billed, and the other says why not."""
    with Pipeline(tmp_path) as pipeline:
        pipeline.take(*agent_trace)
        printed = explained(pipeline)
    assert "3 spans kept · 1 call billed" in printed
    assert [printed.index(name) for name in ("invoke_agent", "framework chat", "sdk chat")] == sorted(
        printed.index(name) for name in ("invoke_agent", "framework chat", "sdk chat")
    )
    assert "aggregate: not billed" in printed
    assert "nested: not billed: another span of the same call is (equal_figures)" in printed
    assert "usage: billed" in printed
    assert "acme (named by trace)" in printed
    assert "scope opentelemetry.instrumentation.genai.openai 1.3b0" in printed


def test_the_arithmetic_gives_the_cost(tmp_path: Path, agent_trace: list[SpanText]) -> None:
    """The multiplications shown add up to the ledger's figure, to the last digit."""
    with Pipeline(tmp_path) as pipeline:
        pipeline.take(*agent_trace)
        rows = json.loads(explained(pipeline, "--format", "json"))
        cost = pipeline.value("SELECT sum(cost) FROM calls")
    (billed,) = [row for row in rows if row["class"] == "usage"]
    steps = [step for step in billed["arithmetic"] if step["price"] == "cost"]
    assert {step["unit"]: step["count"] for step in steps} == {
        "input_tokens": 60,
        "cache_read_tokens": 40,
        "output_tokens": 10,
    }
    assert sum(round(float(step["amount"]) * 1e12) for step in steps) == round(float(cost) * 1e12)


def test_corrections_are_told_in_order(tmp_path: Path, agent_trace: list[SpanText]) -> None:
    """Who paid before, who pays now, and in which commit that became known."""
    with Pipeline(tmp_path) as pipeline:
        pipeline.take(agent_trace[2])
        pipeline.take(*agent_trace[:2])
        printed = explained(pipeline)
    assert re.search(r"0 usage: 0\.\d+ for nobody known, commit 1", printed)
    assert re.search(r"1 reversal \(customer\): -0\.\d+ for nobody known, commit 2", printed)
    assert re.search(r"2 restatement \(customer\): 0\.\d+ for acme, commit 2", printed)


def test_a_cost_that_prices_of_now_do_not_give_is_said_to_be_so(tmp_path: Path) -> None:
    """An amount is not explained by another price than it was made with."""
    with Pipeline(tmp_path, book=book_without("gpt-4o")) as pipeline:
        pipeline.take(call(trace=7, span=1))
        printed = explained(pipeline)
        assert "unknown_model" in printed
        assert "the prices of now give 0.00035 USD: `spanledger reprice --dry-run`" in printed
        carried_out(pipeline, JobKind.REPRICE)
        printed = explained(pipeline)
    assert "prices of now" not in printed
    assert "restatement (price_arrived): 0.00035" in printed


def test_what_cannot_be_believed_says_what_was_found(tmp_path: Path) -> None:
    """A quarantined span names the attribute, what it holds and what was expected."""
    with Pipeline(tmp_path) as pipeline:
        pipeline.take(call(trace=7, span=1, tokens=(-5, 1)))
        printed = explained(pipeline)
    assert "quarantined: not billed" in printed
    assert "gen_ai.usage.input_tokens is -5" in printed


def test_parents_in_a_circle_are_still_listed(tmp_path: Path) -> None:
    """Forged parents hide no span."""
    with Pipeline(tmp_path) as pipeline:
        pipeline.take(call(trace=7, span=1, parent=2), call(trace=7, span=2, parent=1, tokens=(5, 5)))
        assert len(json.loads(explained(pipeline, "--format", "json"))) == 2


@pytest.mark.parametrize(("trace", "said"), [("12ab", "32 hexadecimal digits"), ("f" * 32, "kept no span of trace")])
def test_an_unknown_trace_says_where_to_look(tmp_path: Path, trace: str, said: str) -> None:
    """Wrong ids and traces without calls are answered in words."""
    with Pipeline(tmp_path) as pipeline:
        pipeline.take(call(trace=7, span=1))
        pipeline.restart_sealer()
        finished = spanledger("explain", trace, "--data-dir", str(pipeline.data.root))
    assert finished.returncode == 1
    assert said in finished.stderr
