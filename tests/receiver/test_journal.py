"""The journal: durable before it returns, readable past any damage."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.filesystem import LocalFilesystem
from receiver.errors import JournalClosedError, JournalWriteError
from receiver.journal import KIND_END, KIND_REQUEST, Journal, encode_frame
from receiver.journal_reader import Damage, Frame, JournalFile, journal_files, read_frames
from tests.collector import wait_until
from tests.faulty_filesystem import FaultyFilesystem, io_error

WHOLE = 1 << 30


def frames(folder: Path) -> list[Frame]:
    """All valid frames of all files, in order."""
    return [
        found
        for file in journal_files(folder)
        for found in read_frames(file, position=0, bytes_max=WHOLE)
        if isinstance(found, Frame)
    ]


@pytest.fixture
def filesystem() -> FaultyFilesystem:
    """A filesystem that can be told to fail."""
    return FaultyFilesystem()


@pytest.fixture
def journal(tmp_path: Path, filesystem: FaultyFilesystem) -> Iterator[Journal]:
    """A journal in an empty folder, closed afterwards."""
    opened = Journal(tmp_path, filesystem=filesystem)
    yield opened
    opened.close()


def test_appended_request_is_read_back_as_it_was(journal: Journal, tmp_path: Path) -> None:
    """What append returned for can be read, with its counts, while the journal is still open."""
    journal.append(received=5, kept=2, payload=b"two spans")
    (frame,) = frames(tmp_path)
    assert (frame.kind, frame.received, frame.kept, frame.payload) == (KIND_REQUEST, 5, 2, b"two spans")


def test_request_without_candidates_rides_in_the_next_frame(journal: Journal, tmp_path: Path) -> None:
    """Spans that cannot matter are counted without a frame or fsync of their own."""
    journal.append(received=7, kept=0, payload=b"")
    assert frames(tmp_path) == []
    journal.append(received=3, kept=1, payload=b"x")
    assert [frame.received for frame in frames(tmp_path)] == [10]


def test_counts_without_a_later_frame_are_written_at_close(tmp_path: Path) -> None:
    """A clean stop loses no count."""
    journal = Journal(tmp_path, filesystem=LocalFilesystem())
    journal.append(received=7, kept=0, payload=b"")
    journal.close()
    assert [(frame.kind, frame.received) for frame in frames(tmp_path)] == [(KIND_END, 7)]


def test_journal_files_are_private(journal: Journal, tmp_path: Path) -> None:
    """Nobody but the owner may read what users said."""
    journal.append(received=1, kept=1, payload=b"x")
    (path,) = tmp_path.glob("*.journal")
    assert path.stat().st_mode & 0o777 == 0o600


def test_failed_sync_is_told_and_the_file_never_appended_to_again(
    journal: Journal, filesystem: FaultyFilesystem, tmp_path: Path
) -> None:
    """After a failed fsync nothing is acknowledged, and the next request goes to another file."""
    journal.append(received=1, kept=1, payload=b"before")

    def fail(operation: str, path: Path) -> None:
        if operation == "sync":
            raise io_error(path)

    filesystem.before = fail
    with pytest.raises(JournalWriteError):
        journal.append(received=1, kept=1, payload=b"failed")
    filesystem.before = lambda _operation, _path: None
    journal.append(received=1, kept=1, payload=b"after")
    assert len(list(tmp_path.glob("*.journal"))) == 2
    payloads = [frame.payload for frame in frames(tmp_path)]
    assert payloads[0] == b"before"
    assert payloads[-1] == b"after"


def test_full_disk_refuses_and_recovers_alone(journal: Journal, filesystem: FaultyFilesystem, tmp_path: Path) -> None:
    """A short write at ENOSPC loses no acknowledged frame, and receiving goes on when there is space."""
    journal.append(received=1, kept=1, payload=b"before")
    filesystem.space_bytes = 10
    with pytest.raises(JournalWriteError, match="No space left"):
        journal.append(received=1, kept=1, payload=b"too large for ten bytes")
    filesystem.space_bytes = None
    journal.append(received=1, kept=1, payload=b"after")
    assert [frame.payload for frame in frames(tmp_path)] == [b"before", b"after"]


def test_append_after_close_is_refused(journal: Journal) -> None:
    """A stopping receiver tells the sender to send again."""
    journal.close()
    with pytest.raises(JournalClosedError):
        journal.append(received=1, kept=1, payload=b"x")


def test_many_threads_are_all_durable(journal: Journal, tmp_path: Path) -> None:
    """Group commit acknowledges every request it covers, once."""
    threads = [
        threading.Thread(target=journal.append, kwargs={"received": 1, "kept": 1, "payload": b"%d" % number})
        for number in range(100)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(frame.payload) for frame in frames(tmp_path)) == list(range(100))


def test_file_of_a_living_journal_may_still_grow(journal: Journal, tmp_path: Path) -> None:
    """Only the newest file of a living incarnation is unfinished; it is finished once its lock is free."""
    journal.append(received=1, kept=1, payload=b"x")
    assert [file.is_finished for file in journal_files(tmp_path)] == [False]
    journal.close()
    assert [file.is_finished for file in journal_files(tmp_path)] == [True]


def test_old_file_is_ended_although_nothing_comes(tmp_path: Path) -> None:
    """A file is closed when it is old, so that it can be deleted soon."""
    journal = Journal(tmp_path, filesystem=LocalFilesystem(), file_age_max_s=0.0)
    journal.append(received=1, kept=1, payload=b"x")
    journal.append(received=1, kept=1, payload=b"y")
    journal.close()
    assert [frame.kind for frame in frames(tmp_path)].count(KIND_END) == 2


def test_torn_tail_of_a_growing_file_is_waited_for(tmp_path: Path) -> None:
    """Half a frame at the end of a file that may grow is neither a frame nor damage."""
    frame = encode_frame(kind=KIND_REQUEST, received=1, kept=1, payload=b"payload")
    path = tmp_path / "a-1.journal"
    path.write_bytes(frame + frame[:-3])
    found = list(read_frames(JournalFile(path, is_finished=False), position=0, bytes_max=WHOLE))
    assert [type(one) for one in found] == [Frame]


def test_torn_tail_of_a_finished_file_is_damage(tmp_path: Path) -> None:
    """Half a frame at the end of a file that cannot grow is reported with its place."""
    frame = encode_frame(kind=KIND_REQUEST, received=1, kept=1, payload=b"payload")
    path = tmp_path / "a-1.journal"
    path.write_bytes(frame + frame[:-3])
    found = list(read_frames(JournalFile(path, is_finished=True), position=0, bytes_max=WHOLE))
    assert found[1] == Damage(file="a-1.journal", start=len(frame), end=2 * len(frame) - 3)


def test_large_frame_is_read_although_the_budget_is_small(tmp_path: Path) -> None:
    """A frame larger than one read is still read whole."""
    frame = encode_frame(kind=KIND_REQUEST, received=1, kept=1, payload=b"p" * 100_000)
    path = tmp_path / "a-1.journal"
    path.write_bytes(frame * 2)
    found = list(read_frames(JournalFile(path, is_finished=True), position=0, bytes_max=1000))
    assert [one.end for one in found] == [len(frame)]


def test_damage_longer_than_one_read_is_read_past(tmp_path: Path) -> None:
    """However much follows the damage, reading does not stop before it for ever."""
    frame = encode_frame(kind=KIND_REQUEST, received=1, kept=1, payload=b"p" * 1000)
    hurt = bytearray(frame)
    hurt[50] ^= 1
    path = tmp_path / "a-1.journal"
    path.write_bytes(bytes(hurt) + frame * 5)
    found = list(read_frames(JournalFile(path, is_finished=True), position=0, bytes_max=100))
    assert found[0] == Damage(file="a-1.journal", start=0, end=len(frame))
    assert len(found) == 6


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    payloads=st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=8),
    damage=st.tuples(st.integers(0, 7), st.integers(0, 10_000), st.integers(1, 255)),
)
def test_one_damaged_byte_costs_at_most_one_frame(
    tmp_path: Path, payloads: list[bytes], damage: tuple[int, int, int]
) -> None:
    """Every frame but the damaged one is read, in order, and the damage is reported."""
    encoded = [encode_frame(kind=KIND_REQUEST, received=1, kept=1, payload=payload) for payload in payloads]
    victim, offset, flip = damage[0] % len(encoded), damage[1], damage[2]
    hurt = bytearray(encoded[victim])
    hurt[offset % len(hurt)] ^= flip
    path = tmp_path / "a-1.journal"
    path.write_bytes(b"".join([*encoded[:victim], bytes(hurt), *encoded[victim + 1 :]]))
    found = list(read_frames(JournalFile(path, is_finished=True), position=0, bytes_max=WHOLE))
    read = [one.payload for one in found if isinstance(one, Frame)]
    assert read == [payload for number, payload in enumerate(payloads) if number != victim]
    assert any(isinstance(one, Damage) for one in found)


def test_ended_file_of_an_idle_receiver_is_finished(tmp_path: Path) -> None:
    """A file with an end frame is not kept until the next request comes: it may hold what users said."""
    journal = Journal(tmp_path, filesystem=LocalFilesystem(), file_bytes_max=1)
    journal.append(received=1, kept=1, payload=b"x")
    wait_until(lambda: [file.is_finished for file in journal_files(tmp_path)] == [True], what="the file is ended")
    journal.append(received=1, kept=1, payload=b"y")
    journal.close()
