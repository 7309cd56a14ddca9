"""Spans that were sampled on their way here: noticed, counted, and what they stand for estimated."""

from __future__ import annotations

from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from receiver.sampled_before import SampledBefore
from tests.collector import wait_until
from tests.otlp import call, request
from tests.programs import Up, export
from tests.test_command_line import spanledger


def sampled(state: str) -> bytes:
    """A request of one call with a tracestate."""
    message = ExportTraceServiceRequest.FromString(request(call()))
    message.resource_spans[0].scope_spans[0].spans[0].trace_state = state
    return message.SerializeToString()


@pytest.mark.parametrize(
    ("state", "spans", "missing"),
    [
        ("ot=th:8", 1, 1),
        ("ot=th:c", 1, 3),
        ("vendor=x,ot=rv:ffffffffffffff;th:e6666666666668", 1, 9),
        ("ot=th:0", 0, 0),
        ("ot=rv:ffffffffffffff", 0, 0),
        ("ot=th:zz", 0, 0),
        ("vendor=ot=th:8", 0, 0),
        ("", 0, 0),
    ],
)
def test_threshold_says_how_many_are_missing(state: str, spans: int, missing: int) -> None:
    """Half kept: one is missing for each; at a tenth nine are; a threshold of 0 has rejected nothing."""
    watching = SampledBefore()
    watching.look(sampled(state))
    assert watching.figures() == {"sampled_before_spans": spans, "sampled_before_missing_estimate": missing}


def test_nonsense_is_nobodys_concern() -> None:
    """Neither raised nor counted."""
    watching = SampledBefore()
    watching.look(b"ot=\xff\xff")
    assert watching.spans == 0


def test_audit_and_metrics_say_it(tmp_path: Path) -> None:
    """With the real receiver: all is counted, and what is missing is told."""
    with Up(tmp_path) as up:
        export(up.otlp, sampled("ot=th:c"))
        up.wait_for(received=1)
        name = b"spanledger_receiver_sampled_before_missing_estimate 3.0"
        wait_until(lambda: name in (up.get_bytes("/metrics") or b""), what="the metric says it")
        said = spanledger("audit", "--data-dir", str(up.data_dir)).stdout
    assert "1 spans of model calls were sampled before they came: about 3 others are lost to billing" in said
