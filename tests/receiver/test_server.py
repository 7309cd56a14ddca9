"""The OTLP server on a real port: what a sender is answered, and that nothing acknowledged is missing."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from ledger.errors import AddressError
from receiver.server import METHOD, REQUEST_BYTES_MAX, SERVICE, Receiver
from tests.collector import wait_until
from tests.faulty_filesystem import FaultyFilesystem, io_error
from tests.otlp import SpanText, call, request
from tests.pipeline import Pipeline

MIB = 2**20


class Sender:
    """A gRPC client that sends raw bytes."""

    def __init__(self, port: int, *, compression: grpc.Compression = grpc.Compression.NoCompression) -> None:
        self.channel = grpc.insecure_channel(
            f"127.0.0.1:{port}", compression=compression, options=[("grpc.max_send_message_length", 128 * MIB)]
        )
        self.export = self.channel.unary_unary(f"/{SERVICE}/{METHOD}")

    def refusal(self, body: bytes) -> Any:
        """Send what must be refused; return the error."""
        with pytest.raises(grpc.RpcError) as refused:
            self.export(body)
        return refused.value


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """Journal and sealer behind the server."""
    with Pipeline(tmp_path, filesystem=FaultyFilesystem()) as made:
        yield made


@pytest.fixture
def receiver(pipeline: Pipeline) -> Iterator[Receiver]:
    """The real server on a free port."""
    started = Receiver(listen="127.0.0.1:0", journal=pipeline.journal, splitter=pipeline.splitter, trace_path=None)
    started.start()
    yield started
    started.stop(grace_s=5)


@pytest.fixture
def sender(receiver: Receiver) -> Iterator[Sender]:
    """A client of it."""
    made = Sender(receiver.port)
    yield made
    made.channel.close()


def retry_delay_s(error: Any) -> float:
    """The RetryInfo of a refusal."""
    (details,) = [value for key, value in error.trailing_metadata() if key == "grpc-status-details-bin"]
    status = Status.FromString(details)
    info = RetryInfo()
    assert status.details[0].Unpack(info)
    return float(info.retry_delay.ToMilliseconds()) / 1000


def test_success_is_full_success(sender: Sender, pipeline: Pipeline) -> None:
    """The answer is an OTLP response without partial success, and the call is counted."""
    answer = ExportTraceServiceResponse.FromString(sender.export(request(call())))
    assert not answer.HasField("partial_success")
    pipeline.seal()
    assert pipeline.audit() == {"commit": 1, "received": 1, "usage": 1, "calls_in_ledger": 1}


def test_gzip_is_accepted(receiver: Receiver, pipeline: Pipeline) -> None:
    """Compression is the Collector's default."""
    sender = Sender(receiver.port, compression=grpc.Compression.Gzip)
    sender.export(request(*(call() for _ in range(50))))
    sender.channel.close()
    pipeline.seal()
    assert pipeline.audit()["usage"] == 50


def test_empty_request_is_accepted(sender: Sender, pipeline: Pipeline) -> None:
    """A request without spans is a valid one."""
    sender.export(b"")
    sender.export(request(call()))
    pipeline.seal()
    assert pipeline.audit()["received"] == 1


@pytest.mark.parametrize(
    "body",
    [b"garbage!", b"\xff" * 100, gzip.compress(b"not grpc's"), request(call())[:-5]],
    ids=["garbage", "high bytes", "gzip inside", "truncated"],
)
def test_malformed_bytes_are_invalid_argument(sender: Sender, pipeline: Pipeline, body: bytes) -> None:
    """What is no OTLP request can be dropped by its sender, and harms nobody else."""
    assert sender.refusal(body).code() == grpc.StatusCode.INVALID_ARGUMENT
    sender.export(request(call()))
    pipeline.seal()
    assert pipeline.audit()["usage"] == 1


def test_disk_error_is_unavailable_with_retry_info(sender: Sender, pipeline: Pipeline) -> None:
    """A fault of ours makes the sender keep the data, and it is accepted once the disk is well."""
    filesystem: Any = pipeline.filesystem

    def fail(operation: str, path: Path) -> None:
        if operation == "sync":
            raise io_error(path)

    body = request(call())
    filesystem.before = fail
    error = sender.refusal(body)
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert retry_delay_s(error) > 0
    filesystem.before = lambda _operation, _path: None
    sender.export(body)
    pipeline.seal()
    assert pipeline.value("SELECT count(*) FROM calls") == 1


def test_full_disk_is_unavailable_and_recovers(sender: Sender, pipeline: Pipeline) -> None:
    """ENOSPC loses nothing: refused until there is space, then accepted, counted once."""
    filesystem: Any = pipeline.filesystem
    sender.export(request(call()))
    filesystem.space_bytes = 20
    body = request(call())
    for _ in range(3):
        assert sender.refusal(body).code() == grpc.StatusCode.UNAVAILABLE
    filesystem.space_bytes = None
    sender.export(body)
    pipeline.seal()
    assert pipeline.value("SELECT count(*) FROM calls") == 2


def test_unexpected_error_is_unavailable_not_unknown(pipeline: Pipeline) -> None:
    """Whatever fails inside, the sender is told to send again."""

    class Broken:
        def split(self, _request: bytes) -> None:
            raise ZeroDivisionError("a bug")

    splitter: Any = Broken()
    receiver = Receiver(listen="127.0.0.1:0", journal=pipeline.journal, splitter=splitter, trace_path=None)
    receiver.start()
    sender = Sender(receiver.port)
    error = sender.refusal(request(call()))
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert retry_delay_s(error) > 0
    assert "a bug" not in error.details()
    sender.channel.close()
    receiver.stop(grace_s=1)


def test_log_that_cannot_be_written_does_not_become_the_answer(pipeline: Pipeline) -> None:
    """Whoever is told of a refusal may fail as well, such as a log on a full disk: it is still UNAVAILABLE."""
    filesystem: Any = pipeline.filesystem

    def fail(_operation: str, path: Path) -> None:
        raise io_error(path)

    def fail_to_log(_error: BaseException) -> None:
        raise OSError("no space for the log")

    filesystem.before = fail
    receiver = Receiver(
        listen="127.0.0.1:0",
        journal=pipeline.journal,
        splitter=pipeline.splitter,
        trace_path=None,
        on_error=fail_to_log,
    )
    receiver.start()
    sender = Sender(receiver.port)
    assert sender.refusal(request(call())).code() == grpc.StatusCode.UNAVAILABLE
    sender.channel.close()
    receiver.stop(grace_s=1)
    filesystem.before = lambda _operation, _path: None


def test_failing_trace_path_does_not_fail_the_cost_path(pipeline: Pipeline) -> None:
    """A request is acknowledged although the trace path raises."""

    class Broken:
        def offer(self, request: bytes) -> None:
            del request
            raise RuntimeError("trace path is broken")

    receiver = Receiver(listen="127.0.0.1:0", journal=pipeline.journal, splitter=pipeline.splitter, trace_path=Broken())
    receiver.start()
    sender = Sender(receiver.port)
    sender.export(request(call()))
    sender.channel.close()
    receiver.stop(grace_s=1)
    pipeline.seal()
    assert pipeline.audit()["usage"] == 1


def test_request_of_60_mib_is_accepted(sender: Sender, pipeline: Pipeline) -> None:
    """A large request below the limit is counted; its content is not stored."""
    content = "x" * MIB
    spans = [call(attributes={"gen_ai.input.messages": content}) for _ in range(60)]
    sender.export(request(*spans))
    pipeline.seal()
    assert pipeline.audit()["usage"] == 60
    stored = sum(path.stat().st_size for path in pipeline.data.root.rglob("*") if path.is_file())
    assert stored < 8 * MIB


def test_request_above_the_limit_is_refused_and_others_go_on(sender: Sender, pipeline: Pipeline) -> None:
    """70 MiB are refused by gRPC itself; shipped Collector configurations keep below the limit."""
    error = sender.refusal(b"\x0a" + bytes(70 * MIB))
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert REQUEST_BYTES_MAX == 64 * MIB
    sender.export(request(call()))
    pipeline.seal()
    assert pipeline.audit()["usage"] == 1


def test_stop_answers_what_is_under_way(receiver: Receiver, sender: Sender, pipeline: Pipeline) -> None:
    """A clean stop finishes what it holds: each request is either durable or refused."""
    bodies = [request(call()) for _ in range(50)]
    futures = [sender.export.future(body) for body in bodies]
    stopping = threading.Thread(target=receiver.stop, kwargs={"grace_s": 10})
    stopping.start()
    accepted = sum(future.exception() is None for future in futures)
    stopping.join()
    pipeline.journal.close()
    pipeline.seal()
    assert pipeline.value("SELECT count(*) FROM calls") >= accepted


class SlowDisk:
    """Holds every fdatasync back until `go` is set; counts them."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.syncs = 0
        self.reached = threading.Event()
        self.go = threading.Event()
        filesystem: Any = pipeline.filesystem
        filesystem.before = self._hold

    def _hold(self, operation: str, _path: Path) -> None:
        if operation == "sync":
            self.syncs += 1
            self.reached.set()
            assert self.go.wait(30)


def test_all_that_wait_share_one_sync(sender: Sender, pipeline: Pipeline) -> None:
    """However slow the disk, what was sent meanwhile is made durable by one fdatasync."""
    disk = SlowDisk(pipeline)
    first = sender.export.future(request(call()))
    assert disk.reached.wait(30)
    more = [sender.export.future(request(call())) for _ in range(100)]
    wait_until(lambda: len(pipeline.journal._waiting) == 100, what="a hundred requests under way")
    disk.go.set()
    for future in [first, *more]:
        future.result()
    assert disk.syncs == 2
    pipeline.seal()
    assert pipeline.value("SELECT count(*) FROM calls") == 101


def test_sender_that_gives_up_harms_nobody(sender: Sender, pipeline: Pipeline) -> None:
    """A request cancelled while it waits for the disk may be counted, once; those after it are answered."""
    disk = SlowDisk(pipeline)
    body = request(call())
    given_up = sender.export.future(body)
    assert disk.reached.wait(30)
    given_up.cancel()
    disk.go.set()
    sender.export(body)
    sender.export(request(call()))
    pipeline.seal()
    assert pipeline.value("SELECT count(*) FROM calls") == 2


def test_stop_does_not_wait_for_ever_and_the_journal_ends_well(
    receiver: Receiver, sender: Sender, pipeline: Pipeline
) -> None:
    """When the grace is over, what waits for the disk is refused; the journal still writes what it has taken."""
    disk = SlowDisk(pipeline)
    waiting = sender.export.future(request(call()))
    assert disk.reached.wait(30)
    receiver.stop(grace_s=0.05)
    assert waiting.exception() is not None
    disk.go.set()
    pipeline.journal.close()
    pipeline.seal()
    assert pipeline.value("SELECT count(*) FROM calls") == 1


def test_address_in_use_is_said(receiver: Receiver, pipeline: Pipeline) -> None:
    """A second receiver on one port is refused with a word on what to do, and leaves nothing running."""
    with pytest.raises(AddressError, match="another program"):
        Receiver(
            listen=f"127.0.0.1:{receiver.port}", journal=pipeline.journal, splitter=pipeline.splitter, trace_path=None
        )


def test_other_methods_are_not_there(receiver: Receiver) -> None:
    """Metrics and logs are not taken, and that is said."""
    channel = grpc.insecure_channel(f"127.0.0.1:{receiver.port}")
    export = channel.unary_unary("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export")
    with pytest.raises(grpc.RpcError) as refused:
        export(b"")
    error: Any = refused.value
    assert error.code() == grpc.StatusCode.UNIMPLEMENTED
    channel.close()


def test_spans_that_cannot_matter_are_counted_and_not_kept(sender: Sender, pipeline: Pipeline) -> None:
    """Web and database spans end as not_genai without a row."""
    sender.export(request(SpanText(scope="http"), SpanText(scope="db"), call()))
    pipeline.seal()
    assert pipeline.audit() == {"commit": 1, "received": 3, "not_genai": 2, "usage": 1, "calls_in_ledger": 1}
