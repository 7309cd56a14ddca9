"""lossless.yaml, tried out with a real Collector between a sender and a stand-in for spanledger."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tests.collector import (
    free_endpoint,
    wait_until,
)
from tests.collector_config.collectors import lossless, send, send_http, send_until_refused
from tests.collector_config.spans import genai_span, request_of, rich_span
from tests.collector_config.stand_in import MIB, LedgerStandIn, spans_of

pytestmark = pytest.mark.collector


def test_rich_spans_over_grpc_and_http(tmp_path: Path, ledger: LedgerStandIn) -> None:
    """Spans with every kind of value arrive once, with resource and scope, equal to the byte."""
    over_grpc = [request_of(rich_span(i) for i in range(batch, batch + 50)) for batch in range(0, 500, 50)]
    over_http = request_of(rich_span(i) for i in range(500, 550))
    with lossless(tmp_path, ledger.endpoint) as collector:
        for request in over_grpc:
            send(collector, request)
        send_http(collector, over_http)
        sent = sorted(span for request in (*over_grpc, over_http) for span in spans_of(request))
        wait_until(lambda: len(ledger.spans) >= len(sent), what="all spans at spanledger")
    assert sorted(ledger.spans) == sent


def test_spans_of_the_real_sdk(tmp_path: Path, ledger: LedgerStandIn) -> None:
    """What an application's SDK exports arrives, every span of it."""
    with lossless(tmp_path, ledger.endpoint) as collector:
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(collector.otlp_endpoint, insecure=True)))
        tracer = provider.get_tracer("app")
        for i in range(1000):
            with tracer.start_as_current_span(f"chat {i}", attributes={"gen_ai.usage.input_tokens": i}):
                pass
        provider.shutdown()
        wait_until(lambda: len(ledger.spans) >= 1000, what="all spans at spanledger")
    assert sorted(ledger.names) == sorted(f"chat {i}" for i in range(1000))


def test_requests_near_the_limit(tmp_path: Path, ledger: LedgerStandIn) -> None:
    """Requests of 30 MiB, of many spans or one, with others beside them, arrive within spanledger's limit."""
    requests = [
        request_of(genai_span(i, prompt_bytes=MIB) for i in range(30)),
        request_of([genai_span(100, prompt_bytes=30 * MIB)]),
        request_of(genai_span(i, prompt_bytes=10) for i in range(200, 300)),
        request_of([genai_span(300, prompt_bytes=31 * MIB)]),
    ]
    with lossless(tmp_path, ledger.endpoint) as collector:
        with ThreadPoolExecutor() as senders:
            list(senders.map(lambda request: send(collector, request), requests))
        sent = sorted(span for request in requests for span in spans_of(request))
        wait_until(lambda: len(ledger.spans) >= len(sent), what="all spans at spanledger")
    assert sorted(ledger.spans) == sent


def test_spanledger_unavailable_for_a_while(tmp_path: Path) -> None:
    """Everything arrives when spanledger answers UNAVAILABLE twice and then takes it."""
    requests = [request_of([genai_span(i)]) for i in range(20)]
    with LedgerStandIn(refusals=2) as ledger, lossless(tmp_path, ledger.endpoint) as collector:
        for request in requests:
            send(collector, request)
        wait_until(lambda: len(ledger.spans) >= len(requests), what="all spans at spanledger")
        assert ledger.refusals_left == 0
    assert sorted(ledger.spans) == sorted(span for request in requests for span in spans_of(request))


def test_collector_killed_while_spanledger_is_down(tmp_path: Path) -> None:
    """All acknowledged spans arrive after the Collector was killed, twice, and started again on the same folder."""
    endpoint = free_endpoint()
    requests = [request_of([genai_span(i)]) for i in range(60)]
    with lossless(tmp_path, endpoint) as collector:
        for request in requests[:30]:
            send(collector, request)
        collector.kill()
        collector.start()
        for request in requests[30:]:
            send(collector, request)
        collector.kill()
        collector.start()
        with LedgerStandIn(endpoint=endpoint) as ledger:
            sent = {span for request in requests for span in spans_of(request)}
            wait_until(lambda: set(ledger.spans) >= sent, what="all spans at spanledger")
            assert set(ledger.spans) == sent


def test_collector_stopped_while_spanledger_is_down(tmp_path: Path) -> None:
    """All acknowledged spans arrive after a Collector that was retrying was shut down in order and started again."""
    endpoint = free_endpoint()
    requests = [request_of([genai_span(i)]) for i in range(30)]
    with lossless(tmp_path, endpoint) as collector:
        for request in requests:
            send(collector, request)
        wait_until(lambda: "Will retry the request" in collector.log_text, what="the exporter to retry")
        assert collector.stop() == 0
        collector.start()
        with LedgerStandIn(endpoint=endpoint) as ledger:
            sent = {span for request in requests for span in spans_of(request)}
            wait_until(lambda: set(ledger.spans) >= sent, what="all spans at spanledger")
            assert set(ledger.spans) == sent


def test_queue_full_while_spanledger_is_down(tmp_path: Path) -> None:
    """A full queue answers with a code that senders retry, and what was acknowledged before and after arrives."""
    endpoint = free_endpoint()
    requests = [request_of([genai_span(i, prompt_bytes=100_000)]) for i in range(100)]
    with lossless(tmp_path, endpoint, env={"SPANLEDGER_QUEUE_BYTES": "2000000"}) as collector:
        taken, refusal = send_until_refused(collector, requests)
        assert taken
        assert refusal in {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE}
        with LedgerStandIn(endpoint=endpoint) as ledger:
            again = requests[len(taken)]
            send(collector, again)
            acknowledged = {span for request in (*taken, again) for span in spans_of(request)}
            wait_until(lambda: set(ledger.spans) >= acknowledged, what="all acknowledged spans at spanledger")
