"""The three ways to stand spanledger into a system, each with a real Collector: whatever stops, nothing is lost.

(a) Collector → spanledger → trace backend; (b) a Collector fans out, costs unsampled to spanledger and tail-sampled
traces elsewhere; (c) agents → gateway → spanledger over mutual TLS.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.collector import CONFIG_FOLDER, COST_ONLY, LOSSLESS, Collector, free_endpoint, wait_until
from tests.collector_config.stand_in import LedgerStandIn
from tests.otlp import call, request
from tests.programs import Up, export
from tests.receiver.certificates import Authority

pytestmark = pytest.mark.collector
MTLS = CONFIG_FOLDER / "mtls.yaml"
CALLS = 40
# A user's own Collector: batches and samples by the tail, and exports to a backend of its own.
TAIL_SAMPLED = """
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: ${{env:OTLP_ENDPOINT}}
extensions:
  health_check/none:
    endpoint: {health}
processors:
  tail_sampling:
    decision_wait: 1s
    policies: [{{name: few, type: probabilistic, probabilistic: {{sampling_percentage: 10}}}}]
exporters:
  otlp_grpc/backend:
    endpoint: {backend}
    tls: {{insecure: true}}
service:
  extensions: [health_check/none, file_storage/spanledger]
  telemetry:
    metrics:
      readers:
        - pull:
            exporter:
              prometheus:
                host: 127.0.0.1
                port: ${{env:OTELCOL_METRICS_PORT}}
  pipelines:
    traces:
      receivers: [otlp]
      processors: [tail_sampling]
      exporters: [otlp_grpc/backend]
"""


def bodies(first: int, count: int) -> list[bytes]:
    """Requests of one call each."""
    return [
        request(call(trace=(number + 1) << 64, span=number + 1, attributes={"customer.id": "acme"}))
        for number in range(first, first + count)
    ]


def run_through(collector: Collector, up: Up) -> dict[str, Any]:
    """Send while spanledger is not there, kill the Collector and start it again, then start spanledger; the audit."""
    with collector:
        export(collector.otlp_endpoint, *bodies(0, CALLS // 2))
        collector.kill()
        collector.start()
        export(collector.otlp_endpoint, *bodies(CALLS // 2, CALLS // 2))
        with up:
            audit = up.wait_for(received=CALLS)
            wait_until(lambda: (up.get("/v1/audit") or {}).get("usage", 0) >= CALLS, what="all calls are counted")
            (total,) = up.get("/v1/costs?by=customer")["rows"]
            assert (total["group"], total["calls"]) == ({"customer": "acme"}, CALLS)
            return up.get("/v1/audit") or audit


def test_a_collector_then_spanledger_then_a_trace_backend(tmp_path: Path) -> None:
    """All calls are counted; the backend gets the sampled traces from spanledger."""
    with LedgerStandIn() as backend:
        up = Up(tmp_path / "up", trace_backend=backend.endpoint, trace_sampling_ratio="1.0")
        collector = Collector(LOSSLESS, folder=tmp_path, env={"SPANLEDGER_ENDPOINT": up.otlp})
        audit = run_through(collector, up)
        assert audit["usage"] == CALLS
        assert len(set(backend.spans)) == CALLS


def test_b_a_collector_that_samples_elsewhere(tmp_path: Path) -> None:
    """The user's own pipeline keeps a tenth for its backend; spanledger counts all."""
    with LedgerStandIn() as backend:
        up = Up(tmp_path / "up")
        config = tmp_path / "yours.yaml"
        config.write_text(TAIL_SAMPLED.format(backend=backend.endpoint, health=free_endpoint()))
        collector = Collector(config, COST_ONLY, folder=tmp_path, env={"SPANLEDGER_ENDPOINT": up.otlp})
        audit = run_through(collector, up)
        assert audit["usage"] == CALLS
        assert len(set(backend.spans)) < CALLS


def test_c_a_gateway_over_mutual_tls(tmp_path: Path) -> None:
    """With certificates on both sides; a gateway without one keeps its queue, and loses nothing once it has one."""
    authority = Authority(tmp_path)
    server, client = authority.issue("server"), authority.issue("gateway")
    files = f"certificate:{server.certificate},key:{server.key},client_ca:{authority.certificate}"
    up = Up(tmp_path / "up", otlp_tls=files)
    env = {
        "SPANLEDGER_ENDPOINT": up.otlp,
        "SPANLEDGER_CA": str(authority.certificate),
        "SPANLEDGER_CERT": str(client.certificate),
        "SPANLEDGER_KEY": str(client.key),
    }
    audit = run_through(Collector(LOSSLESS, MTLS, folder=tmp_path, env=env), up)
    assert audit["usage"] == CALLS


@pytest.mark.parametrize("base", [LOSSLESS, COST_ONLY])
def test_mtls_goes_over_both_files(base: Path) -> None:
    """It names the exporter that both have, and nothing else."""
    assert "otlp_grpc/spanledger:" in base.read_text(encoding="utf-8")
    assert MTLS.read_text(encoding="utf-8").count("otlp_grpc/") == 1
