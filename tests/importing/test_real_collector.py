"""Files of the real Collector's file exporter, in every form it writes, come to what the spans come to when sent."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from ledger.filesystem import LocalFilesystem
from receiver.config import ReceiverConfig, SealerConfig
from receiver.importing.importing import import_files
from receiver.server import METHOD, SERVICE
from tests.collector import Collector, require_collector
from tests.otlp import call, request
from tests.pipeline import Pipeline

pytestmark = [pytest.mark.collector, pytest.mark.slow]

_CONFIG = """\
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "${{env:OTLP_ENDPOINT}}"}}}}}}}}
exporters: {{file: {{path: "{folder}/traces.out", {more}}}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [file]}}}}
"""
_PADDING = {"x": "y" * 4000}  # fills a megabyte soon, after which the exporter rotates
_REQUESTS = [
    request(*(call(trace=number, span=number, attributes=_PADDING) for number in range(first, first + 20)))
    for first in range(1, 401, 20)
]


@pytest.mark.parametrize(
    ("form", "more", "gates"),
    [
        ("JSON lines", "rotation: {max_megabytes: 1}", ()),
        ("messages", "format: proto, rotation: {max_megabytes: 1}", ()),
        ("messages", "format: proto, compression: zstd", ()),
        ("messages", "compression: zstd", ()),
        ("JSON lines, zstd", "compression: zstd", ("exporter.file.nativeCompression",)),
    ],
)
def test_file_exporter(tmp_path: Path, form: str, more: str, gates: tuple[str, ...]) -> None:
    """Rotated files too; beside the same spans sent, each is a duplicate and none a conflict."""
    require_collector()
    written = tmp_path / "written"
    written.mkdir()
    config = tmp_path / "collector.yaml"
    config.write_text(_CONFIG.format(folder=written, more=more))
    with Collector(config, folder=tmp_path, feature_gates=gates) as collector:
        with grpc.insecure_channel(collector.otlp_endpoint) as channel:
            send = channel.unary_unary(f"/{SERVICE}/{METHOD}")
            for body in _REQUESTS:
                send(body, wait_for_ready=True, timeout=30)
        assert collector.stop() == 0
    files = sorted(written.iterdir())
    assert len(files) > 1 or "rotation" not in more
    with Pipeline(tmp_path / "data") as pipeline:
        reports = import_files(
            files, ReceiverConfig(data=pipeline.data), SealerConfig(data=pipeline.data), filesystem=LocalFilesystem()
        )
        assert {report.form for report in reports} == {form}
        assert sum(report.spans for report in reports) == 400
        assert not any(report.problems or report.unfinished for report in reports)
        for body in _REQUESTS:
            pipeline.send_bytes(body)
        pipeline.seal()
        audit = pipeline.audit()
        assert (audit["usage"], audit["duplicate"]) == (400, 400)
        assert pipeline.value("SELECT count(*) FROM set_aside") == 0
