"""cost-only.yaml beside a user's own configuration, tried out with a real Collector."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.collector import (
    COST_ONLY,
    Collector,
    CollectorProcessError,
    free_endpoint,
    wait_until,
)
from tests.collector_config.collectors import answers, overlay, overlay_env, send, user_config
from tests.collector_config.spans import (
    CUSTOMER_KEYS,
    GENAI_SPANS,
    PLAIN_SPANS,
    genai_span,
    labels,
    make_span,
    mixed_request,
    request_of,
    rich_span,
    user_requests,
)
from tests.collector_config.stand_in import LedgerStandIn, spans_of

pytestmark = pytest.mark.collector


@pytest.mark.parametrize("way", ["a line in the user's list", "the gate that appends lists"])
def test_overlay_takes_what_costs_and_leaves_the_rest_alone(way: str, tmp_path: Path, ledger: LedgerStandIn) -> None:
    """Spans of each dialect and customer key arrive and plain ones do not; the user's pipelines stay as they were."""
    request = mixed_request()
    wanted = sorted([*GENAI_SPANS, *CUSTOMER_KEYS])
    with overlay(tmp_path, ledger.endpoint, by_line=way.startswith("a line")) as collector:
        send(collector, request)
        wait_until(lambda: len(ledger.spans) >= len(wanted), what="the spans that cost at spanledger")
        assert answers(collector.health_endpoint), "the user's own extension is still there"
        assert collector.stop() == 0  # flushes the user's exporters
    assert sorted(labels(ledger.requests)) == wanted
    assert sorted(labels(user_requests(tmp_path / "all.jsonl"))) == sorted([*wanted, *PLAIN_SPANS])
    assert labels(user_requests(tmp_path / "sampled.jsonl")) == []


def test_overlay_keeps_spans_whole(tmp_path: Path, ledger: LedgerStandIn) -> None:
    """A span that passes the filter arrives equal to the byte, with its resource and scope."""
    request = request_of(rich_span(i) for i in range(100))
    with overlay(tmp_path, ledger.endpoint) as collector:
        send(collector, request)
        wait_until(lambda: len(ledger.spans) >= 100, what="all spans at spanledger")
    assert sorted(ledger.spans) == sorted(spans_of(request))


def test_overlay_with_a_customer_key_of_ones_own(tmp_path: Path, ledger: LedgerStandIn) -> None:
    """Keys given in SPANLEDGER_CUSTOMER_KEYS count beside the usual ones."""
    keys = ("acme.account", "org_id", "customer.id", "acme.accounts", "acmeXaccount")
    request = request_of(make_span(i, name=key, attributes={key: "x"}) for i, key in enumerate(keys))
    env = {"SPANLEDGER_CUSTOMER_KEYS": "acme[.]account|org_id"}
    with overlay(tmp_path, ledger.endpoint, env=env) as collector:
        send(collector, request)
        wait_until(lambda: len(ledger.spans) >= 3, what="the customers' spans at spanledger")
    assert sorted(ledger.names) == ["acme.account", "customer.id", "org_id"]


def test_overlay_with_a_receiver_of_another_name(tmp_path: Path, ledger: LedgerStandIn) -> None:
    """The pipeline reads the receivers that SPANLEDGER_RECEIVERS lists."""
    config = user_config(tmp_path, by_line=True)
    config.write_text(config.read_text().replace("  otlp:", "  otlp/mine:").replace("[otlp]", "[otlp/mine]"))
    env = {"SPANLEDGER_RECEIVERS": "[otlp/mine]", **overlay_env(tmp_path, ledger.endpoint)}
    with Collector(config, COST_ONLY, folder=tmp_path, env=env) as collector:
        send(collector, request_of([genai_span(1)]))
        wait_until(lambda: len(ledger.spans) >= 1, what="the span at spanledger")


def test_overlay_without_its_storage_in_the_users_list(tmp_path: Path, ledger: LedgerStandIn) -> None:
    """A Collector whose service.extensions lacks the queue's storage refuses to start, instead of losing quietly."""
    config = user_config(tmp_path)
    collector = Collector(config, COST_ONLY, folder=tmp_path, env=overlay_env(tmp_path, ledger.endpoint))
    with pytest.raises(CollectorProcessError, match="no storage client extension found"):
        collector.start()


def test_overlay_killed_while_spanledger_is_down(tmp_path: Path) -> None:
    """The overlay's queue survives a kill as the lossless one does."""
    endpoint = free_endpoint()
    requests = [request_of([genai_span(i)]) for i in range(30)]
    with overlay(tmp_path, endpoint) as collector:
        for request in requests:
            send(collector, request)
        collector.kill()
        collector.start()
        with LedgerStandIn(endpoint=endpoint) as ledger:
            sent = {span for request in requests for span in spans_of(request)}
            wait_until(lambda: set(ledger.spans) >= sent, what="all spans at spanledger")
