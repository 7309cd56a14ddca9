"""Claims of the tables that a real Collector can be asked about."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.collector import Collector, require_collector, wait_until
from tests.collector_check.configurations import SAFE
from tests.collector_config.collectors import send
from tests.collector_config.spans import genai_span, request_of
from tests.collector_config.stand_in import LedgerStandIn

pytestmark = pytest.mark.collector


@pytest.mark.parametrize("compression", ["snappy", "zstd"])
def test_compression_that_a_python_server_lacks(tmp_path: Path, compression: str) -> None:
    """The batch is dropped although retries never end: finding `compression`."""
    require_collector()
    config = tmp_path / "config.yaml"
    with LedgerStandIn() as ledger:
        text = SAFE.replace("/var/lib/otelcol", str(tmp_path)).replace("127.0.0.1:4317", ledger.endpoint)
        text = text.replace("127.0.0.1:14317", "${env:OTLP_ENDPOINT}")
        text = text.replace("tls: {insecure: true}", f"tls: {{insecure: true}}\n    compression: {compression}")
        config.write_text(f"{text}  telemetry: {{metrics: {{level: none}}}}\n")
        with Collector(config, folder=tmp_path) as collector:
            send(collector, request_of([genai_span(1)]))
            wait_until(lambda: "Dropping data" in collector.log_text, what="the Collector's word on the batch")
        assert ledger.spans == []
