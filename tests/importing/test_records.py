"""A file's records: in every form, past any damage, and no neighbour lost."""

from __future__ import annotations

import gzip
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from receiver.importing.records import Damage, NoTraces, Record, Traces, form_of, records_of
from receiver.importing.window import Window
from tests.importing.written import as_json, lines, messages, zstd
from tests.otlp import call, request

ONE, TWO, THREE = (request(call(trace=number, span=number)) for number in (1, 2, 3))
LOGS = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"}}]}]}]}\n'


def records(path: Path, data: bytes) -> list[Record]:
    """Write the file and read it back."""
    path.write_bytes(data)
    with Window(path) as window:
        return [record for record, _ in records_of(window)]


def spans(found: list[Record]) -> int:
    """How many spans were read."""
    return sum(one.spans for one in found if isinstance(one, Traces))


@pytest.mark.parametrize(
    ("form", "data"),
    [
        ("JSON lines", lines(ONE, TWO, THREE)),
        ("JSON lines", b"\xef\xbb\xbf" + lines(ONE, TWO).replace(b"\n", b"\r\n") + b"\n\n" + as_json(THREE)),
        ("messages", messages(ONE, TWO, THREE)),
        ("messages", messages(*map(zstd, (ONE, TWO, THREE)))),
        ("messages", messages(*(zstd(as_json(one)) for one in (ONE, TWO, THREE)))),
        ("JSON lines, gzip", gzip.compress(lines(ONE, TWO)) + gzip.compress(lines(THREE))),
        ("JSON lines, zstd", zstd(lines(ONE, TWO)) + zstd(lines(THREE))),
        ("messages, gzip", gzip.compress(messages(ONE, TWO, THREE))),
        ("messages, zstd", zstd(messages(*map(zstd, (ONE, TWO, THREE))))),
    ],
)
def test_every_form(tmp_path: Path, form: str, data: bytes) -> None:
    """Told by the bytes, whatever the file is called."""
    found = records(tmp_path / "x", data)
    assert [type(one) for one in found] == [Traces] * 3
    assert spans(found) == 3
    with Window(tmp_path / "x") as window:
        assert form_of(window) == form


def test_empty_file(tmp_path: Path) -> None:
    """Nothing, and no error."""
    assert records(tmp_path / "x", b"") == []


def test_other_signals_are_told_apart(tmp_path: Path) -> None:
    """Logs and metrics among the traces are passed over, in JSON and in protobuf."""
    from opentelemetry.proto.logs.v1.logs_pb2 import LogsData, ResourceLogs, ScopeLogs  # noqa: PLC0415
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, MetricsData, ResourceMetrics, ScopeMetrics  # noqa: PLC0415

    found = records(tmp_path / "x", LOGS + lines(ONE) + b'{"resourceMetrics":[]}\n')
    assert [type(one) for one in found] == [NoTraces, Traces, NoTraces]
    logs = LogsData(resource_logs=[ResourceLogs(scope_logs=[ScopeLogs()])])
    logs.resource_logs[0].scope_logs[0].log_records.add(
        trace_id=bytes(range(16)), time_unix_nano=5, severity_text="x" * 8
    )
    metric = Metric(name="sixteen.chars.xx", description="8 chars.")
    metric.sum.data_points.add(as_int=5)
    metrics = MetricsData(resource_metrics=[ResourceMetrics(scope_metrics=[ScopeMetrics(metrics=[metric])])])
    found = records(tmp_path / "x", messages(logs.SerializeToString(), ONE, metrics.SerializeToString()))
    assert [type(one) for one in found] == [NoTraces, Traces, NoTraces]


def test_damaged_line_is_named_and_the_next_one_read(tmp_path: Path) -> None:
    """By number and offset."""
    first = lines(ONE)
    found = records(tmp_path / "x", first + b'{"resourceSpans":[{"sc\n' + lines(TWO) + b"\x00\x00\x00\n" + lines(THREE))
    assert [type(one) for one in found] == [Traces, Damage, Traces, Damage, Traces]
    assert found[1].where == f"line 2 (offset {len(first)})"


def test_last_line_without_an_end_is_unfinished(tmp_path: Path) -> None:
    """It may still be being written; a whole one that only lacks its newline is taken."""
    half = as_json(TWO)[:-30]
    found = records(tmp_path / "x", lines(ONE) + half)
    assert isinstance(found[-1], Damage)
    assert found[-1].is_unfinished
    path = tmp_path / "x"
    with Window(path) as window:
        list(records_of(window))
        assert window.offset == len(lines(ONE)), "the half stays before the window"


@pytest.mark.parametrize("compress", [lambda one: one, zstd], ids=["plain", "zstd"])
def test_damaged_message_is_skipped_to_the_next_whole_one(tmp_path: Path, compress) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """A wrong length, a torn one, bytes of nothing between: what stands behind is found again."""
    one, two, three = (compress(one) for one in (ONE, TWO, THREE))
    for damage in (b"\x00\x00\x00\x05zzzzz", b"\xff\xff\xff\xff", bytes(300), messages(two)[:-7], b"\x0a"):
        found = records(tmp_path / "x", messages(one) + damage + messages(two, three))
        assert spans(found) == 3, damage
        assert [type(record) for record in found] == [Traces, Damage, Traces, Traces], damage
        assert str(len(messages(one))) in found[1].where


def test_cut_off_archive_gives_what_it_holds(tmp_path: Path) -> None:
    """A gzip or zstd file without its end is damage, and what stands before it is read."""
    many = [request(call(trace=number, span=number, attributes={"x": Random(number).randbytes(300).hex()}))
            for number in range(1, 9000)]  # fmt: skip
    for data in (gzip.compress(lines(*many)), zstd(lines(*many))):
        found = records(tmp_path / "x", data[: len(data) * 3 // 4])
        assert spans(found) > 1000
        assert isinstance(found[-1], Damage)
        assert not found[-1].is_unfinished


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from(["whole", "damage", "zeros", "torn"]), st.binary(max_size=60)), max_size=8),
    st.booleans(),
)
def test_no_whole_line_is_lost(tmp_path: Path, pieces: list[tuple[str, bytes]], compressed: bool) -> None:  # noqa: FBT001
    """Lines of damage between whole ones cost nothing but themselves."""
    data, whole = b"", 0
    for number, (kind, noise) in enumerate(pieces, start=1):
        line = as_json(request(call(trace=number, span=number)))
        whole += kind == "whole"
        data += {
            "whole": line, "damage": noise.replace(b"\n", b""), "zeros": bytes(len(noise)), "torn": line[: len(noise)]
        }[kind] + b"\n"  # fmt: skip
    if not data.lstrip(b" \r\n\t").startswith(b"{"):
        data = lines(ONE) + data
        whole += 1
    found = records(tmp_path / "x", gzip.compress(data) if compressed else data)
    assert spans(found) == whole


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.integers(0, 400), st.booleans())
def test_any_bytes(tmp_path: Path, noise: bytes, place: int, over: bool) -> None:  # noqa: FBT001
    """Messages with anything over or between them: the file is read to its end, and no whole message behind is lost."""
    whole = messages(ONE, TWO)
    data = whole[:place] + noise + whole[place + (len(noise) if over else 0) :] + messages(THREE, ONE, TWO)
    found = records(tmp_path / "x", data)
    if not over or place + len(noise) <= len(whole):
        ids = [one.request for one in found if isinstance(one, Traces)]
        assert ids[-2:] == [ONE, TWO] or isinstance(found[-1], Damage)
