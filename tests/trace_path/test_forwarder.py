"""The receiver's side: what is offered arrives or is counted, whatever the backend or the child does; nothing waits."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from receiver.trace_path.counters import TraceCounters
from receiver.trace_path.forwarder import TraceForwarder
from tests.otlp import call, request
from tests.trace_path.backend import TraceBackend, eventually

KEPT = 0xFF << 48
NOT_KEPT = 0x01 << 48
ROOT = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def forwarding(backend: str, *, ratio: float = 1.0, queue_bytes_max: int = 64 * 2**20) -> Iterator[TraceForwarder]:
    """Start a forwarder, and close it after the test."""
    forwarder = TraceForwarder(backend=backend, ratio=ratio, queue_bytes_max=queue_bytes_max)
    forwarder.start()
    try:
        yield forwarder
    finally:
        forwarder.close(timeout_s=0.5)


def offer_at_once(forwarder: TraceForwarder, body: bytes, *, times: int) -> None:
    """Offer so many times; what waited even a hundredth of a second each time would show."""
    started = time.monotonic()
    for _ in range(times):
        forwarder.offer(body)
    assert time.monotonic() - started < times / 100


def child_pid(forwarder: TraceForwarder) -> int:
    """Return the child's process id, once it runs."""
    assert eventually(lambda: forwarder._child is not None)
    assert forwarder._child is not None
    return forwarder._child.pid


def unused_port() -> int:
    """Return a port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def assert_adds_up(counters: TraceCounters) -> None:
    """Every request offered to a closed forwarder has ended in one counter."""
    assert counters.offered == counters.dropped_queue_full + counters.dropped_no_child + counters.handed_over


def test_ratio_one_forwards_every_request_as_it_came() -> None:
    """All requests reach the backend, byte for byte, and all spans are counted as forwarded."""
    bodies = [request(call(), call()) for _ in range(50)]
    with TraceBackend() as backend, forwarding(backend.endpoint) as forwarder:
        for body in bodies:
            forwarder.offer(body)
        assert eventually(lambda: forwarder.counters().forwarded_spans == 100)
        assert sorted(backend.requests) == sorted(bodies)
        assert (forwarder.counters().sampled_spans, forwarder.counters().dropped) == (100, 0)


def test_sampled_spans_arrive_with_their_threshold() -> None:
    """Of two traces the one that is random enough arrives, and says that it stands for two."""
    with TraceBackend() as backend, forwarding(f"http://{backend.endpoint}", ratio=0.5) as forwarder:
        forwarder.offer(request(call(trace=KEPT), call(trace=NOT_KEPT)))
        forwarder.offer(request(call(trace=NOT_KEPT)))
        assert eventually(
            lambda: forwarder.counters().received_spans == 3 and forwarder.counters().forwarded_spans == 1
        )
        (span,) = backend.spans()
        assert (int.from_bytes(span.trace_id, "big"), span.trace_state) == (KEPT, "ot=th:8")
        assert forwarder.counters().sampled_spans == 1


def test_ratio_zero_sends_nothing() -> None:
    """At ratio 0 spans are read and none is sent."""
    with TraceBackend() as backend, forwarding(backend.endpoint, ratio=0) as forwarder:
        forwarder.offer(request(call()))
        assert eventually(lambda: forwarder.counters().received_spans == 1)
        assert (backend.calls, forwarder.counters().sampled_spans) == (0, 0)


def test_large_request_is_forwarded() -> None:
    """A request far above gRPC's default limit of 4 MiB passes."""
    body = request(call(attributes={"text": "x" * (20 * 2**20)}))
    with TraceBackend() as backend, forwarding(backend.endpoint) as forwarder:
        forwarder.offer(body)
        assert eventually(lambda: backend.requests == [body])


def test_bytes_that_are_no_request_are_counted_and_the_next_one_passes() -> None:
    """What the child cannot read does not end it."""
    with TraceBackend() as backend, forwarding(backend.endpoint) as forwarder:
        forwarder.offer(b"\xff\xff\xff")
        forwarder.offer(b"")
        forwarder.offer(request(call()))
        assert eventually(lambda: forwarder.counters().forwarded_spans == 1)
        assert (forwarder.counters().malformed_requests, forwarder.counters().child_starts) == (1, 1)


def test_nobody_listens_at_the_backends_address() -> None:
    """Offers return at once, spans are counted as failed, and the reason is told."""
    with forwarding(f"127.0.0.1:{unused_port()}") as forwarder:
        offer_at_once(forwarder, request(call()), times=40)
        assert eventually(lambda: forwarder.counters().failed_spans == 40)
        assert (forwarder.counters().last_failure or "").startswith("UNAVAILABLE")


def test_backends_name_does_not_exist() -> None:
    """A host that cannot be resolved is a failure of spans, not of the receiver."""
    with forwarding("no-such-host.invalid:4317") as forwarder:
        offer_at_once(forwarder, request(call()), times=3)
        assert eventually(lambda: forwarder.counters().failed_spans == 3)


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAUTHENTICATED])
def test_backend_refuses_for_a_while(code: grpc.StatusCode) -> None:
    """Refused spans are failed and named; once the backend accepts again, so are later spans."""
    with TraceBackend() as backend, forwarding(backend.endpoint) as forwarder:
        backend.refuse(code)
        forwarder.offer(request(call()))
        assert eventually(lambda: forwarder.counters().failed_spans == 1)
        assert forwarder.counters().last_failure == f"{code.name}: told to refuse"
        backend.refuse(None)
        forwarder.offer(request(call()))
        assert eventually(lambda: forwarder.counters().forwarded_spans == 1)


def test_backend_rejects_some_spans_of_a_request() -> None:
    """OTLP's partial success counts as what it is."""
    with TraceBackend() as backend, forwarding(backend.endpoint) as forwarder:
        backend.reject_spans(1)
        forwarder.offer(request(call(), call(), call()))
        assert eventually(lambda: forwarder.counters().forwarded_spans == 2)
        counters = forwarder.counters()
        assert (counters.failed_spans, counters.last_failure) == (1, "1 spans rejected: told to reject")


def test_slow_backend_fills_the_queue_and_then_offers_are_dropped() -> None:
    """Offers return at once and are counted as dropped; when the backend answers again, spans flow again."""
    body = request(call(attributes={"text": "x" * 50_000}))
    with TraceBackend() as backend, forwarding(backend.endpoint, queue_bytes_max=2**20) as forwarder:
        backend.hold()
        offer_at_once(forwarder, body, times=500)
        assert eventually(lambda: backend.calls > 0)
        offer_at_once(forwarder, body, times=500)
        dropped = forwarder.counters().dropped_queue_full
        assert dropped > 500
        backend.release()
        assert eventually(lambda: forwarder.counters().handed_over == 1000 - dropped)
        forwarder.offer(body)
        assert eventually(lambda: forwarder.counters().forwarded_spans == 1001 - dropped)


def test_request_larger_than_the_whole_queue_is_dropped() -> None:
    """What can never fit does not wait for room."""
    with TraceBackend() as backend, forwarding(backend.endpoint, queue_bytes_max=100) as forwarder:
        forwarder.offer(bytes(101))
        assert forwarder.counters().dropped_queue_full == 1


def test_backend_that_comes_back_gets_spans_again() -> None:
    """A restarted backend at the same address is found again without a restart here."""
    with TraceBackend() as first, forwarding(first.endpoint) as forwarder:
        forwarder.offer(request(call()))
        assert eventually(lambda: forwarder.counters().forwarded_spans == 1)
        first.stop()
        forwarder.offer(request(call()))
        assert eventually(lambda: forwarder.counters().failed_spans == 1)
        with TraceBackend(port=first.port) as second:

            def arrives() -> bool:
                forwarder.offer(request(call()))
                return len(second.requests) > 0

            assert eventually(arrives)


def test_killed_child_is_replaced_and_its_loss_counted() -> None:
    """Offers while no child runs are dropped and counted; the next child forwards again, and totals go on."""
    with TraceBackend() as backend, forwarding(backend.endpoint) as forwarder:
        forwarder.offer(request(call()))
        assert eventually(lambda: forwarder.counters().forwarded_spans == 1)
        os.kill(child_pid(forwarder), signal.SIGKILL)

        def drops() -> bool:
            offer_at_once(forwarder, request(call()), times=10)
            return forwarder.counters().dropped_no_child > 0

        assert eventually(drops)
        assert eventually(lambda: forwarder.counters().child_starts == 2)
        before = forwarder.counters().forwarded_spans
        assert before >= 1
        forwarder.offer(request(call()))
        assert eventually(lambda: forwarder.counters().forwarded_spans > before)


def test_child_that_does_not_move_is_killed_at_closing() -> None:
    """A stopped process neither makes an offer wait nor survives `close`; all requests are accounted for."""
    body = request(call(attributes={"text": "x" * 50_000}))
    with TraceBackend() as backend:
        forwarder = TraceForwarder(backend=backend.endpoint, ratio=1, queue_bytes_max=2**20)
        forwarder.start()
        pid = child_pid(forwarder)
        os.kill(pid, signal.SIGSTOP)
        offer_at_once(forwarder, body, times=200)
        assert forwarder.counters().dropped_queue_full > 0
        forwarder.close(timeout_s=0.1)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        assert_adds_up(forwarder.counters())
        assert forwarder.counters().lost_with_child == forwarder.counters().handed_over > 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_to_the_whole_group_do_not_end_the_child(number: signal.Signals) -> None:
    """Ctrl-C and a service manager's stop are the receiver's to answer: the same child goes on until it closes."""
    with TraceBackend() as backend, forwarding(backend.endpoint) as forwarder:
        forwarder.offer(request(call()))
        assert eventually(lambda: forwarder.counters().forwarded_spans == 1)
        os.kill(child_pid(forwarder), number)
        forwarder.offer(request(call()))
        assert eventually(lambda: forwarder.counters().forwarded_spans == 2)
        assert forwarder.counters().child_starts == 1


def test_closing_hands_over_what_is_queued_and_leaves_no_process() -> None:
    """What was offered before `close` still arrives, and then the child is gone."""
    with TraceBackend() as backend:
        forwarder = TraceForwarder(backend=backend.endpoint, ratio=1)
        forwarder.start()
        pid = child_pid(forwarder)
        offer_at_once(forwarder, request(call()), times=300)
        forwarder.close(timeout_s=30)
        assert len(backend.requests) == 300
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        assert forwarder.counters().forwarded_spans == 300
        assert_adds_up(forwarder.counters())


def test_closing_does_not_wait_for_a_slow_backend() -> None:
    """After its time `close` kills the child, and what was under way is lost, not waited for."""
    with TraceBackend() as backend:
        backend.hold()
        forwarder = TraceForwarder(backend=backend.endpoint, ratio=1)
        forwarder.start()
        forwarder.offer(request(call()))
        assert eventually(lambda: backend.calls == 1)
        started = time.monotonic()
        forwarder.close(timeout_s=0.1)
        assert time.monotonic() - started < 4


def test_offers_before_start_and_after_close_are_dropped_and_counted() -> None:
    """A forwarder that does not run takes nothing, and closing it, even twice, is no error."""
    forwarder = TraceForwarder(backend="127.0.0.1:4317", ratio=1)
    forwarder.offer(b"before")
    forwarder.close(timeout_s=0.1)
    forwarder.offer(b"after")
    forwarder.close(timeout_s=0.1)
    assert (forwarder.counters().offered, forwarder.counters().dropped_no_child) == (2, 2)


def test_child_ends_when_its_parent_is_killed() -> None:
    """SIGKILL leaves the parent no time to close anything; the end of its pipe is enough, also mid-request."""
    program = """
import sys
from receiver.trace_path.forwarder import TraceForwarder
from tests.otlp import call, request
from tests.trace_path.backend import eventually
forwarder = TraceForwarder(backend=sys.argv[1], ratio=1)
forwarder.start()
forwarder.offer(request(call()))
assert eventually(lambda: forwarder.counters().sampled_spans == 1)
print("runs", flush=True)
sys.stdin.read()
"""
    with (
        TraceBackend() as backend,
        subprocess.Popen(
            [sys.executable, "-c", program, backend.endpoint],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as parent,
    ):
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"runs\n"
        parent.kill()
        # The child has inherited stderr: it ends when both are gone.
        _, errors = parent.communicate(timeout=20)
        assert errors == b""


def test_child_is_found_from_any_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child runs the parent's own code, wherever the parent was started."""
    monkeypatch.chdir(tmp_path)
    with TraceBackend() as backend, forwarding(backend.endpoint) as forwarder:
        forwarder.offer(request(call()))
        assert eventually(lambda: forwarder.counters().forwarded_spans == 1)


@pytest.mark.parametrize(
    "address", ["", "localhost", "4317", ":4317", "ftp://host:1", "http://host", "host:port", "a b:1", "http://h:1/v1"]
)
def test_what_is_no_address_is_refused_at_once(address: str) -> None:
    """A backend that cannot be one is a mistake in the settings, told before anything runs."""
    with pytest.raises(ValueError, match="expected host:port"):
        TraceForwarder(backend=address, ratio=1)


def test_what_is_no_ratio_is_refused_at_once() -> None:
    """So is a ratio above one."""
    with pytest.raises(ValueError, match="sampling ratio"):
        TraceForwarder(backend="localhost:4317", ratio=10)


def test_rules_keep_what_the_ratio_does_not() -> None:
    """The child is told the rules and the customer keys; the request of that customer alone arrives."""
    theirs, others = (request(call(attributes={"tenant": name})) for name in ("acme", "globex"))
    with TraceBackend() as backend:
        forwarder = TraceForwarder(
            backend=backend.endpoint, ratio=0, keep_rules=["customer:acme"], customer_attributes=["tenant"]
        )
        forwarder.start()
        try:
            for body in (others, theirs, others):
                forwarder.offer(body)
            assert eventually(lambda: forwarder.counters().forwarded_spans == 1)
            assert backend.requests == [theirs]
        finally:
            forwarder.close(timeout_s=0.5)
