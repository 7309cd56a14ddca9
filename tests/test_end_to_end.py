"""End to end: an application's SDK, a real Collector, real processes, a DuckDB that knows only views.sql, and REST."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tests.collector import LOSSLESS, Collector, free_endpoint, require_collector, wait_until
from tests.otlp import OPENAI_SCOPE, START_NS, call, request
from tests.programs import Program, Up, export, is_listening, stock_duckdb
from tests.trace_path.backend import TraceBackend

pytestmark = pytest.mark.slow


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    """A running spanledger."""
    with Up(tmp_path) as started:
        yield started


def application(endpoint: str) -> TracerProvider:
    """An application with the OpenTelemetry SDK."""
    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, insecure=True)))
    return provider


def _wait_for_spans(sent: list[str], otlp: str, *, more: int) -> None:
    enough = len(sent) + more
    wait_until(lambda: is_listening(otlp) and len(sent) > enough, what="spans are flowing")


def make_call(provider: TracerProvider, *, customer: str, tokens: tuple[int, int]) -> str:
    """Make one model call as the official instrumentation records it; return its span id."""
    tracer = provider.get_tracer(OPENAI_SCOPE, "1.3b0")
    span = tracer.start_span("chat gpt-4o", start_time=START_NS)
    span.set_attributes({**call(tokens=tokens).attributes, "customer.id": customer})
    span.end(START_NS + 10**9)
    return f"{span.get_span_context().span_id:016x}"


@pytest.mark.collector
def test_every_call_arrives_through_a_real_collector(up: Up, tmp_path: Path) -> None:
    """SDK → Collector → spanledger → stock DuckDB gives exactly the calls that were made; so does REST."""
    require_collector()
    expected = {}
    with Collector(LOSSLESS, folder=tmp_path, env={"SPANLEDGER_ENDPOINT": up.otlp}) as collector:
        provider = application(collector.otlp_endpoint)
        for number in range(500):
            customer, tokens = f"customer-{number % 5}", (100 + number, 10)
            expected[make_call(provider, customer=customer, tokens=tokens)] = (customer, *tokens)
        provider.shutdown()
        audit = up.wait_for(received=500)
    assert (audit["usage"], audit["adds_up"], audit["ledger_agrees"]) == (500, True, True)
    rows = stock_duckdb(
        up.data_dir / "ledger" / "views.sql",
        "SELECT span_id, customer_id, input_tokens, output_tokens FROM calls",
    )
    assert {row[0]: tuple(row[1:]) for row in rows} == expected
    costs = up.get("/v1/costs?by=customer")["rows"]
    assert sum(row["calls"] for row in costs) == 500
    ((total,),) = stock_duckdb(up.data_dir / "ledger" / "views.sql", "SELECT sum(cost)::VARCHAR FROM entries")
    assert f"{sum(int(row['cost'].replace('.', '')) for row in costs):013d}" == total.replace(".", "").rjust(13, "0")


@pytest.mark.collector
def test_receiver_killed_five_times_under_a_collector_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """SIGKILL and start again, five times, while a Collector sends: every call once, and the audit adds up."""
    require_collector()
    otlp, http = free_endpoint(), free_endpoint()
    data = {"data_dir": str(tmp_path / "data"), "otlp_listen": otlp, "http_listen": http}
    receiver = Program("receive", log=tmp_path / "receive.log", **data)
    sealer = Program("seal", log=tmp_path / "seal.log", **data)
    sent: list[str] = []
    done = threading.Event()

    with (
        receiver,
        sealer,
        Collector(LOSSLESS, folder=tmp_path, env={"SPANLEDGER_ENDPOINT": otlp}) as collector,
    ):
        provider = application(collector.otlp_endpoint)

        def send() -> None:
            while not done.is_set():
                sent.append(make_call(provider, customer="acme", tokens=(100, 10)))
                time.sleep(0.001)

        sender = threading.Thread(target=send)
        sender.start()
        for _ in range(5):
            _wait_for_spans(sent, otlp, more=300)
            receiver.kill()
            receiver.start()
        wait_until(lambda: is_listening(otlp), what="the receiver is back")
        done.set()
        sender.join()
        provider.shutdown()
        views = tmp_path / "data" / "ledger" / "views.sql"
        wait_until(
            lambda: stock_duckdb(views, "SELECT count(*) FROM calls") == [[len(sent)]],
            what=f"all {len(sent)} calls are in the ledger; {sealer.log_text[-1000:]}",
            timeout_s=150,
        )
        receiver.stop()
        sealer.stop()
    assert sorted(row[0] for row in stock_duckdb(views, "SELECT span_id FROM calls")) == sorted(sent)
    ((adds_up, agrees, usage),) = stock_duckdb(views, "SELECT adds_up, ledger_agrees, usage FROM audit")
    assert (adds_up, agrees, usage) == (True, True, len(sent))


def test_trace_backend_and_sampling_change_no_byte_of_any_cost_answer(tmp_path: Path) -> None:
    """Costs do not depend on the sampling rate, nor on the trace backend being there."""
    bodies = [
        request(
            *(call(tokens=(100 + number, 10), attributes={"customer.id": f"c{number % 3}"}) for number in range(20))
        )
        for _ in range(10)
    ]
    answers = []
    with TraceBackend() as backend:
        setups: list[dict[str, str]] = [
            {},
            {"trace_backend": backend.endpoint, "trace_sampling_ratio": "1"},
            {"trace_backend": backend.endpoint, "trace_sampling_ratio": "0"},
            {"trace_backend": free_endpoint(), "trace_sampling_ratio": "0.5"},
        ]
        for number, settings in enumerate(setups):
            with Up(tmp_path / str(number), **settings) as up:
                export(up.otlp, *bodies)
                up.wait_for(received=200)
                paths = ("/v1/costs?by=customer,model,day", "/v1/costs?by=session,service,scope")
                answers.append([up.get_bytes(path) for path in paths])
                if settings.get("trace_sampling_ratio") == "1":
                    wait_until(lambda: len(backend.spans()) == 200, what="every span reached the trace backend")
        assert len(backend.spans()) == 200
    assert answers[0] == answers[1] == answers[2] == answers[3]


def test_calls_are_queryable_about_two_seconds_after_they_came(up: Up) -> None:
    """Journal to queryable is a matter of seconds; a generous bound catches a broken cycle, not a slow machine."""
    export(up.otlp, request(call()))
    begin = time.monotonic()
    up.wait_for(received=1)
    assert time.monotonic() - begin < 15


def test_part_that_dies_is_started_again_and_nothing_is_lost(up: Up) -> None:
    """`up` restarts a killed sealer, says so, and what was received meanwhile is sealed."""
    assert up.process is not None
    children = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(up.process.pid)], check=True, capture_output=True, text=True
    )
    sealer = next(int(line.split()[0]) for line in children.stdout.splitlines() if line.rstrip().endswith("seal"))
    os.kill(sealer, signal.SIGKILL)
    export(up.otlp, request(call(), call()))
    assert up.wait_for(received=2)["usage"] == 2
    assert "starting it again" in up.log_text


def test_second_start_on_the_same_data_is_refused_with_the_firsts_process(up: Up, tmp_path: Path) -> None:
    """Two receivers on one directory are refused; the message names who has it."""
    second = Program("receive", log=tmp_path / "second.log", data_dir=str(up.data_dir), otlp_listen=free_endpoint())
    second.start()
    assert second.process is not None
    assert second.process.wait(30) == 1
    assert "in use by process" in second.log_text


def test_stop_leaves_everything_sealed(tmp_path: Path) -> None:
    """SIGTERM right after a request: it stops with 0, and the call is in the ledger."""
    up = Up(tmp_path)
    up.start()
    export(up.otlp, request(call()))
    assert up.stop() == 0
    assert stock_duckdb(up.data_dir / "ledger" / "views.sql", "SELECT count(*) FROM calls") == [[1]]
    assert not list((up.data_dir / "journal").glob("*.journal"))


def test_rest_tells_problems_as_problem_documents(up: Up) -> None:
    """Unknown things are answered with what was wrong and what to do."""
    answer: Any = up.get("/v1/costs?by=custmer")
    assert answer is None
    assert up.get("/openapi.json")["info"]["title"] == "spanledger"
