"""A real full disk: a small tmpfs under the whole of spanledger, as real processes."""

from __future__ import annotations

import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.collector import wait_until
from tests.otlp import call, request
from tests.programs import Up, export
from tests.receiver.test_server import MIB, Sender, retry_delay_s

pytestmark = pytest.mark.slow
DISK_BYTES = 96 * MIB


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 96 MiB, which is data directory and nothing else."""
    folder = tmp_path / "data"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a real full disk needs the right to mount a tmpfs (root); the seam's tests stand in for it")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def up(disk: Path, tmp_path: Path) -> Iterator[Up]:
    """Spanledger on it."""
    del disk
    with Up(tmp_path) as started:
        yield started


def unready(up: Up) -> str:
    """Why /readyz says no; empty when it says yes."""
    try:
        with urllib.request.urlopen(f"http://{up.http}/readyz", timeout=10):
            return ""
    except urllib.error.HTTPError as refused:
        return refused.read().decode()


def fill(disk: Path, *, leave: int) -> Path:
    """Fill the disk with something that is not ours."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(256 * 1024))
        except OSError:
            file.truncate(max(0, file.tell() - leave))
    return ballast


def test_nearly_full_disk_is_refused_then_taken_again(up: Up, disk: Path) -> None:
    """Below the reserve: UNAVAILABLE with a delay, not ready with the reason; with room again, all goes on alone."""
    export(up.otlp, request(call(), call()))
    up.wait_for(received=2)
    ballast = fill(disk, leave=5 * MIB)
    wait_until(lambda: "kept free" in unready(up), what="readiness says that the disk is nearly full")
    sender = Sender(int(up.otlp.rpartition(":")[2]))
    refused = sender.refusal(request(call()))
    assert (refused.code(), retry_delay_s(refused)) == (grpc.StatusCode.UNAVAILABLE, 15)
    ballast.unlink()
    wait_until(lambda: not unready(up), what="it is ready again")
    sender.channel.close()
    export(up.otlp, request(call()))
    assert up.wait_for(received=3)["usage"] == 3


def test_disk_that_fills_in_the_middle_of_it_loses_and_doubles_nothing(up: Up, disk: Path) -> None:
    """To the last byte, with calls journalled and not sealed: nobody dies, and each call is counted once after it."""
    bodies = [request(*(call() for _ in range(50))) for _ in range(40)]
    sender = Sender(int(up.otlp.rpartition(":")[2]))
    sender.export(bodies[0], wait_for_ready=True, timeout=30)
    acknowledged = [bodies[0]]
    refusals: list[Any] = []
    ballast = None
    for number, body in enumerate(bodies[1:]):
        if number == 10:
            ballast = fill(disk, leave=0)
        try:
            sender.export(body)
        except grpc.RpcError as refused:
            refusals.append(refused)
        else:
            acknowledged.append(body)
    assert ballast is not None
    assert {one.code() for one in refusals} == {grpc.StatusCode.UNAVAILABLE}
    assert all(retry_delay_s(one) > 0 for one in refusals)
    wait_until(lambda: unready(up) != "", what="it is not ready")
    assert 10 < len(acknowledged) < len(bodies)
    ballast.unlink()
    wait_until(lambda: not unready(up), what="it is ready again", timeout_s=90)
    for body in bodies:  # as a Collector sends again; those that were acknowledged too, as others might
        sender.export(body)
    sender.channel.close()
    wait_until(
        lambda: (up.get("/v1/audit") or {}).get("usage") == 2000, what="every call is counted once", timeout_s=90
    )
    audit = up.get("/v1/audit")
    assert (audit["adds_up"], audit["ledger_agrees"]) == (True, True)
    assert "part died" not in up.log_text
