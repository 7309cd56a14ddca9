"""Jobs: what is learned later reaches the entries that the ledger has, as corrections, once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest
from genai_prices.data import providers
from genai_prices.types import ModelPrice, Provider

from ledger.errors import LedgerDamagedError
from ledger.filesystem import LocalFilesystem
from pricing.book import PriceBook
from receiver import dialects
from receiver.attribution import Attribution
from receiver.attribution_rules import parse_rules
from receiver.dialects.reading import SpanView
from receiver.sealer.jobs import work
from receiver.sealer.jobs.healing import ask_to_heal
from receiver.sealer.jobs.job import Job, JobKind, JobProgress, JobState
from receiver.sealer.jobs.queue import JobQueue, UnknownJobError
from receiver.sealer.jobs.work import Worker
from receiver.sealer.seal import Sealer
from tests.otlp import NS, START_NS, SpanText, call
from tests.pipeline import BOOK, Pipeline

DAY_NS = 86_400 * NS
HISTORY = 'recorded_time, "commit", revision, reason, entry_type'


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """An empty ledger."""
    with Pipeline(tmp_path) as made:
        yield made


def carried_out(
    pipeline: Pipeline,
    kind: JobKind,
    *,
    book: PriceBook = BOOK,
    attribution: Attribution | None = None,
    dry_run: bool = False,
    start_us: int | None = None,
    end_us: int | None = None,
) -> JobProgress:
    """Ask for a job and carry it out as a command does when no sealer runs."""
    pipeline.restart_sealer()
    queue = JobQueue(pipeline.data.jobs, LocalFilesystem())
    job = queue.ask(kind, start_us=start_us, end_us=end_us, dry_run=dry_run)
    with Sealer(
        pipeline.data, attribution=attribution or Attribution(), book=book, filesystem=LocalFilesystem()
    ) as sealer:
        worker = Worker(sealer, queue)
        while worker.work():
            pass
    return queue.progress(job)


def book_without(model_id: str) -> PriceBook:
    """The bundled prices as they were before a model came."""
    changed: list[Provider] = [
        replace(one, models=[model for model in one.models if model.id != model_id]) for one in providers
    ]
    return PriceBook(changed, snapshot="before")


def book_with_price(model_id: str, per_million: Decimal) -> PriceBook:
    """The bundled prices, but for one model's price of input."""
    changed = [
        replace(
            one,
            models=[
                replace(model, prices=ModelPrice(input_mtok=per_million, output_mtok=per_million))
                if model.id == model_id
                else model
                for model in one.models
            ],
        )
        for one in providers
    ]
    return PriceBook(changed, snapshot="dearer")


def test_price_that_arrives_later_heals_its_calls(tmp_path: Path) -> None:
    """Calls of a model without a price are billed once it has one; the sums of entries follow."""
    with Pipeline(tmp_path, book=book_without("gpt-4o")) as pipeline:
        pipeline.take(call(), call(model="gpt-4o-mini-2024-07-18"))
        assert pipeline.value("SELECT count(*) FROM unpriced") == 1
        progress = carried_out(pipeline, JobKind.REPRICE)
        assert pipeline.value("SELECT count(*) FROM unpriced") == 0
        change = progress.by_reason["price_arrived"]
        assert (change.calls, change.unpriced_before, change.unpriced_after) == (1, 1, 0)
        assert Decimal(change.after) == Decimal("0.00035")
        total = pipeline.value("SELECT sum(cost) FROM calls")
        assert pipeline.value("SELECT sum(cost) FROM entries") == total
        assert pipeline.value("SELECT reason FROM calls WHERE entry_type = 'restatement'") == "price_arrived"
        pipeline.audit()


def test_second_repricing_writes_nothing(tmp_path: Path) -> None:
    """What was moved stands; the same prices move it no more."""
    with Pipeline(tmp_path, book=book_without("gpt-4o")) as pipeline:
        pipeline.take(call(), call())
        carried_out(pipeline, JobKind.REPRICE)
        commit = pipeline.value('SELECT max("commit") FROM entries')
        again = carried_out(pipeline, JobKind.REPRICE)
        assert (again.state, again.rows_changed, again.commits) == (JobState.DONE, 0, [])
        assert pipeline.value('SELECT max("commit") FROM entries') == commit


def test_price_that_was_withdrawn_leaves_the_cost_unknown(pipeline: Pipeline) -> None:
    """Unknown is not the old amount."""
    pipeline.take(call())
    progress = carried_out(pipeline, JobKind.REPRICE, book=book_without("gpt-4o"))
    assert list(progress.by_reason) == ["price_withdrawn"]
    assert pipeline.rows("SELECT cost, price_status FROM calls") == [{"cost": None, "price_status": "unknown_model"}]
    assert pipeline.value("SELECT sum(cost) FROM entries") == 0


def test_dry_run_says_what_would_move_and_writes_nothing(pipeline: Pipeline) -> None:
    """The summary comes before the corrections."""
    pipeline.take(call(attributes={"customer.id": "acme"}), call())
    before = pipeline.data.manifest.read_bytes()
    progress = carried_out(pipeline, JobKind.REPRICE, book=book_without("gpt-4o"), dry_run=True)
    assert pipeline.data.manifest.read_bytes() == before
    assert {name: (change.calls, change.before) for name, change in progress.by_customer.items()} == {
        "acme": (1, "0.000350000000"),
        "": (1, "0.000350000000"),
    }


def test_only_calls_of_the_period_move(tmp_path: Path) -> None:
    """From is the first moment, to is the first moment after."""
    with Pipeline(tmp_path, book=book_without("gpt-4o")) as pipeline:
        for day in range(3):
            pipeline.take(call(start_ns=START_NS + day * DAY_NS))
        start_us = (START_NS + DAY_NS) // 1000
        carried_out(pipeline, JobKind.REPRICE, start_us=start_us, end_us=start_us + DAY_NS // 1000)
        statuses = pipeline.rows("SELECT price_status FROM calls ORDER BY start_time")
        assert [row["price_status"] for row in statuses] == ["unknown_model", "priced", "unknown_model"]


def test_prices_that_change_under_a_running_sealer_hold_for_new_calls(tmp_path: Path) -> None:
    """What is sealed keeps its price; what comes is priced by the new ones, on the quick way too."""
    with Pipeline(tmp_path, book=book_without("gpt-4o")) as pipeline:
        pipeline.take(call(), call())
        pipeline.sealer.use_prices(BOOK)
        pipeline.take(call(), call())
        statuses = pipeline.rows('SELECT "commit", price_status, count(*) AS calls FROM calls GROUP BY ALL ORDER BY 1')
        assert [(row["price_status"], row["calls"]) for row in statuses] == [("unknown_model", 2), ("priced", 2)]


def test_a_sealer_with_newer_prices_heals_what_had_none_and_nothing_else(tmp_path: Path) -> None:
    """Asked for once for each state of the prices; what was billed keeps its price."""
    dearer = book_with_price("gpt-4o-mini", Decimal(100))
    with Pipeline(tmp_path, book=book_without("gpt-4o")) as pipeline:
        pipeline.take(call(), call(model="gpt-4o-mini-2024-07-18"))
        pipeline.restart_sealer()
        before = pipeline.rows("SELECT cost FROM calls WHERE response_model LIKE '%mini%'")
        queue = JobQueue(pipeline.data.jobs, LocalFilesystem())
        for _ in range(2):
            with Sealer(pipeline.data, attribution=Attribution(), book=dearer, filesystem=LocalFilesystem()) as sealer:
                ask_to_heal(sealer, queue)
                worker = Worker(sealer, queue)
                while worker.work():
                    pass
        assert [job.only_unpriced for job in queue.jobs()] == [True]
        assert pipeline.value("SELECT count(*) FROM unpriced") == 0
        assert pipeline.rows("SELECT cost FROM calls WHERE response_model LIKE '%mini%'") == before


def test_a_ledger_without_entries_needs_no_healing(pipeline: Pipeline) -> None:
    """A first start asks for nothing."""
    queue = JobQueue(pipeline.data.jobs, LocalFilesystem())
    assert ask_to_heal(pipeline.sealer, queue) is None


def test_rereading_with_the_same_rules_writes_nothing(pipeline: Pipeline) -> None:
    """Evidence says of calls, aggregates, nested spans and failures all that the first reading used."""
    pipeline.take(
        call(trace=1, span=2, parent=3, attributes={"gen_ai.response.id": "chatcmpl-1", "gen_ai.is_streaming": True}),
        call(trace=1, span=3, attributes={"gen_ai.response.id": "chatcmpl-1", "customer.id": "acme"}),
        call(attributes={"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner"}),
        call(tokens=("100", 10.0), attributes={"gen_ai.usage.image.output_tokens": 3}),
        call(tokens=(None, None), status=2),
        call(tokens=(-1, 1)),
        call(attributes={"user.id": 42, "gen_ai.response.id": "x" * 400, "gen_ai.conversation.id": "true"}),
        call(attributes={"gen_ai.response.finish_reasons": ["length"], "gen_ai.agent.name": "['a']"}),
    )
    assert pipeline.value("SELECT user_id FROM calls WHERE user_id IS NOT NULL") == "42"
    progress = carried_out(pipeline, JobKind.REREAD)
    assert (progress.rows_seen, progress.rows_changed) == (8, 0)


def test_newer_rules_heal_what_was_quarantined(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """A span that could not be read is a call once it can be."""
    pipeline.take(call(trace=1, span=1, tokens=("many", 10), attributes={"customer.id": "acme"}))
    assert pipeline.audit()["quarantined"] == 1
    first = dialects.read
    monkeypatch.setattr(
        dialects,
        "read",
        lambda view: first(_with_attributes(view, {**view.attributes, "gen_ai.usage.input_tokens": 100})),
    )
    carried_out(pipeline, JobKind.REREAD)
    assert pipeline.audit()["usage"] == 1
    (row,) = pipeline.rows("SELECT input_tokens, cost, entry_type, reason FROM calls")
    assert row == {"input_tokens": 100, "cost": Decimal("0.00035"), "entry_type": "usage", "reason": "reread"}
    assert pipeline.value("SELECT customer_id FROM calls") == "acme"


@pytest.mark.parametrize(
    "span",
    [
        call(start_ns=0),
        call(start_ns=2**63),
        call(start_ns=NS),
        call(span=0),
        call(trace=0),
        call(tokens=(None, None), dropped_attributes=3),
    ],
    ids=["no start", "start after 2100", "start before 2015", "no span id", "no trace id", "attributes dropped"],
)
def test_rereading_bills_nothing_that_cannot_be_believed(pipeline: Pipeline, span: SpanText) -> None:
    """A span whose id, time or completeness sent it to quarantine stays there, though its figures can be read."""
    pipeline.take(span, call(trace=1, span=1))
    assert pipeline.audit()["quarantined"] == 1
    progress = carried_out(pipeline, JobKind.REREAD)
    assert (progress.state, progress.rows_seen, progress.rows_changed) == (JobState.DONE, 2, 0)
    assert pipeline.audit()["quarantined"] == 1


def test_a_fault_in_a_job_ends_the_job_and_not_the_sealer(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is recorded with its words, nothing is written, and the next job is taken up."""
    pipeline.take(call())
    before = pipeline.data.manifest.read_bytes()
    monkeypatch.setattr(work, "reprice", lambda *_rows, **_options: 1 / 0)
    failed = carried_out(pipeline, JobKind.REPRICE)
    assert failed.state == JobState.FAILED
    assert "ZeroDivisionError" in failed.error
    assert pipeline.data.manifest.read_bytes() == before
    assert carried_out(pipeline, JobKind.REREAD).state == JobState.DONE


def test_newer_rules_move_figures_and_price(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """A corrected figure is a reversal and a restatement, priced anew, and the index is as one rebuilt from them."""
    pipeline.take(call(trace=1, span=1), call(trace=1, span=2))
    first = dialects.read
    monkeypatch.setattr(
        dialects,
        "read",
        lambda view: first(_with_attributes(view, {**view.attributes, "gen_ai.usage.input_tokens": 200})),
    )
    progress = carried_out(pipeline, JobKind.REREAD)
    assert progress.by_reason["reread"].calls == 2
    assert pipeline.value("SELECT sum(input_tokens) FROM entries") == 400
    assert pipeline.value("SELECT sum(cost) FROM entries") == 2 * (200 * Decimal("2.5") + 10 * 10) / 10**6
    live = list(pipeline.sealer.index.items())
    pipeline.restart_sealer()
    rmtree(pipeline.data.index)
    assert list(pipeline.sealer.index.items()) == live


def test_rules_move_old_calls_to_who_pays(pipeline: Pipeline) -> None:
    """A rule written later moves the cost by correction: the old customer's sum falls, the new one's rises."""
    pipeline.take(
        call(trace=1, span=1, attributes={"customer.id": "acme", "user.id": "u-1"}),
        call(trace=2, span=1, attributes={"user.id": "u-2"}),
    )
    rules = parse_rules(
        '[[rule]]\nwhen = { user_id = "u-*" }\ncustomer = "globex"\nlabels = { team = "search" }\n', where="rules.toml"
    )
    progress = carried_out(pipeline, JobKind.REATTRIBUTE, attribution=Attribution(rules=rules))
    assert progress.rows_changed == 2
    by_customer = pipeline.rows("SELECT customer_id, sum(cost) AS cost FROM entries GROUP BY ALL ORDER BY ALL")
    assert by_customer == [
        {"customer_id": "acme", "cost": Decimal(0)},
        {"customer_id": "globex", "cost": Decimal("0.0007")},
        {"customer_id": None, "cost": Decimal(0)},
    ]
    assert pipeline.rows("SELECT DISTINCT labels, customer_source FROM calls") == [
        {"labels": {"team": "search"}, "customer_source": "rule"}
    ]
    again = carried_out(pipeline, JobKind.REATTRIBUTE, attribution=Attribution(rules=rules))
    assert again.rows_changed == 0


def test_reattribution_leaves_what_is_quarantined_alone(pipeline: Pipeline) -> None:
    """A span that cannot be believed says nothing of who pays; nothing is shown to change for it."""
    pipeline.take(call(tokens=("many", 10), attributes={"customer.id": "acme", "team": "search"}))
    progress = carried_out(pipeline, JobKind.REATTRIBUTE)
    assert (progress.rows_seen, progress.rows_changed, progress.commits) == (1, 0, [])


def test_reattribution_by_the_same_settings_writes_nothing(pipeline: Pipeline) -> None:
    """Evidence says who pays and with which labels, wherever instrumentations put it, as the span itself did."""
    pipeline.take(
        call(attributes={"customer.id": "acme", "team": "search", "feature": True}),
        call(attributes={"metadata": '{"customer_id": "acme", "project": "p1"}'}),
        call(attributes={"customer.id": True, "traceloop.association.properties.tenant_id": "globex"}),
        call(resource={"tenant.id": "globex", "service.name": "shop", "team": "core"}),
        call(attributes={"customer.id": 42}),
        call(trace=1, span=2, parent=3),
        SpanText(trace=1, span=3, scope="http", attributes={"customer.id": "initech"}),
        call(attributes={"customer.id": ["no", "name"]}),
    )
    assert pipeline.value("SELECT count(customer_id) FROM calls") == 6
    progress = carried_out(pipeline, JobKind.REATTRIBUTE)
    assert (progress.rows_seen, progress.rows_changed) == (7, 0)


def test_rules_hold_for_new_calls_in_their_period(tmp_path: Path) -> None:
    """A rule with a first day leaves earlier calls alone."""
    rules = parse_rules('[[rule]]\nwhen = { model = "gpt-4o*" }\nfrom = 2026-10-02\ncustomer = "acme"\n', where="r")
    with Pipeline(tmp_path, attribution=Attribution(rules=rules)) as pipeline:
        pipeline.take(call(), call(start_ns=START_NS + DAY_NS))
        assert [row["customer_id"] for row in pipeline.rows("SELECT * FROM calls ORDER BY start_time")] == [
            None,
            "acme",
        ]


def test_agent_that_a_rule_names_pays_for_its_calls(tmp_path: Path) -> None:
    """What a rule says of an agent holds for the calls below it, as if the agent's span had said it."""
    rules = parse_rules('[[rule]]\nwhen = { agent_name = "planner" }\ncustomer = "acme"\n', where="r")
    agent = SpanText(
        trace=1, span=1, attributes={"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner"}
    )
    with Pipeline(tmp_path, attribution=Attribution(rules=rules)) as pipeline:
        pipeline.take(call(trace=1, span=2, parent=1), agent)
        assert pipeline.value("SELECT customer_id FROM calls") == "acme"


def test_job_that_died_goes_on_and_moves_nothing_twice(tmp_path: Path) -> None:
    """Progress is saved by segment; what was written before the end is found unchanged."""
    with Pipeline(tmp_path, book=book_without("gpt-4o")) as pipeline:
        for _ in range(3):
            pipeline.take(call())
        pipeline.restart_sealer()
        queue = JobQueue(pipeline.data.jobs, LocalFilesystem())
        job = queue.ask(JobKind.REPRICE, start_us=None, end_us=None, dry_run=False)
        for slices_before_death in (1, 1, 1, 1):
            with Sealer(pipeline.data, attribution=Attribution(), book=BOOK, filesystem=LocalFilesystem()) as sealer:
                worker = Worker(sealer, queue)
                for _ in range(slices_before_death):
                    worker.work()
        progress = queue.progress(job)
        assert (progress.state, progress.rows_changed) == (JobState.DONE, 3)
        assert pipeline.value("SELECT count(*) FROM entries WHERE entry_type = 'restatement'") == 3
        assert pipeline.value("SELECT sum(cost) FROM entries") == 3 * Decimal("0.00035")


def test_unreadable_job_file_stops_no_sealer(pipeline: Pipeline, capfd: pytest.CaptureFixture[str]) -> None:
    """Calls are sealed, nothing is asked for or carried out, and the file is named once."""
    pipeline.take(call())
    pipeline.data.jobs.mkdir()
    (pipeline.data.jobs / "notes.json").write_text("{}")
    queue = JobQueue(pipeline.data.jobs, LocalFilesystem())
    pipeline.sealer.use_prices(book_without("gpt-4o"))
    assert ask_to_heal(pipeline.sealer, queue) is None
    worker = Worker(pipeline.sealer, queue)
    assert [worker.work(), worker.work()] == [False, False]
    assert capfd.readouterr().out.count("notes.json") == 1
    pipeline.take(call())
    assert pipeline.audit()["usage"] == 2


def test_unreadable_job_file_is_named(tmp_path: Path) -> None:
    """A damaged job stops the queue with its path, not in silence."""
    queue = JobQueue(tmp_path, LocalFilesystem())
    job = queue.ask(JobKind.REPRICE, start_us=None, end_us=None, dry_run=True)
    assert queue.next() == (job, JobProgress())
    (tmp_path / f"{job.id}.json").write_bytes(b"{")
    with pytest.raises(LedgerDamagedError, match=job.id):
        queue.next()
    with pytest.raises(UnknownJobError, match="nowhere"):
        queue.job("nowhere")


@pytest.mark.parametrize(
    ("start_us", "end_us", "at_us", "covered"),
    [
        (None, None, None, True),
        (None, 5, None, False),
        (5, 9, 5, True),
        (5, 9, 9, False),
        (5, None, 4, False),
    ],
)
def test_period_of_a_job(start_us: int | None, end_us: int | None, at_us: int | None, *, covered: bool) -> None:
    """The first moment is in, the last is not; a call without a time is in the open period alone."""
    job = Job(id="j", kind=JobKind.REPRICE, start_us=start_us, end_us=end_us)
    assert job.covers(at_us) is covered


def _with_attributes(view: Any, attributes: dict[str, Any]) -> Any:
    return SpanView(
        view.name, view.kind, view.scope_name, view.scope_version, attributes, view.resource, view.status_code
    )
