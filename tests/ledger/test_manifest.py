"""The manifest: a line is a commit, or it is nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.errors import LedgerDamagedError, LedgerMissingError
from ledger.filesystem import LocalFilesystem
from ledger.manifest import Commit, ManifestWriter, read_lines, read_state
from ledger.schema import Table
from ledger.segment import Segment
from tests.faulty_filesystem import FaultyFilesystem, io_error

SEGMENT = Segment(table=Table.USAGE, path="usage/recent/1.parquet", rows=2, size_bytes=9, digest="00")


def write_three(path: Path) -> None:
    """A ledger of three commits."""
    writer = ManifestWriter.open(path, filesystem=LocalFilesystem())
    writer.append(Commit(positions={"a-1.journal": 10}, counts={"received": 2, "usage": 2}, segments=(SEGMENT,)))
    writer.append(Commit(positions={"a-1.journal": 20, "b-1.journal": 5}, counts={"received": 1, "not_genai": 1}))
    writer.append(Commit(forgotten=("a-1.journal",), counts={"usage": -1, "nested": 1}, versions={"prices": "1"}))
    writer.close()


def test_state_is_the_sum_of_the_lines(tmp_path: Path) -> None:
    """Positions, segments, counts and versions are folded over all commits."""
    path = tmp_path / "manifest.jsonl"
    write_three(path)
    state = read_state(path)
    assert state.commit == 3
    assert state.positions == {"b-1.journal": 5}
    assert (state.count("received"), state.count("usage"), state.count("nested")) == (3, 1, 1)
    assert state.adds_up
    assert state.of_table(Table.USAGE) == [SEGMENT]
    assert state.versions == {"prices": "1"}


def test_missing_manifest_says_what_to_do(tmp_path: Path) -> None:
    """No ledger is not an empty ledger."""
    with pytest.raises(LedgerMissingError, match="spanledger up"):
        read_state(tmp_path / "manifest.jsonl")


def test_torn_last_line_was_never_a_commit(tmp_path: Path) -> None:
    """Readers stop before it, and the next writer cuts it off before it appends."""
    path = tmp_path / "manifest.jsonl"
    write_three(path)
    whole = path.read_bytes()
    for cut in (1, 5, 100):
        path.write_bytes(whole[:-cut])
        assert read_state(path).commit == 2
    writer = ManifestWriter.open(path, filesystem=LocalFilesystem())
    writer.append(Commit(counts={"received": 1, "usage": 1}))
    writer.close()
    assert read_state(path).commit == 3
    assert [line["commit"] for line in read_lines(path, after=1)] == [2, 3]


def test_damage_before_whole_lines_is_an_error(tmp_path: Path) -> None:
    """A flipped bit in the middle is never read past."""
    path = tmp_path / "manifest.jsonl"
    write_three(path)
    lines = path.read_bytes().split(b"\n")
    lines[1] = lines[1].replace(b'"received":2', b'"received":3')
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(LedgerDamagedError, match="line 2"):
        read_state(path)


def test_removed_line_breaks_the_chain(tmp_path: Path) -> None:
    """A manifest that somebody edited is refused."""
    path = tmp_path / "manifest.jsonl"
    write_three(path)
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([lines[0], lines[2], lines[3], b""]))
    with pytest.raises(LedgerDamagedError, match="does not follow"):
        read_state(path)


def test_writer_is_not_used_after_an_error(tmp_path: Path) -> None:
    """After a failed sync only a writer opened afresh may append; it finds whatever survived."""
    filesystem = FaultyFilesystem()
    path = tmp_path / "manifest.jsonl"
    writer = ManifestWriter.open(path, filesystem=filesystem)

    def fail(operation: str, where: Path) -> None:
        if operation == "sync":
            raise io_error(where)

    filesystem.before = fail
    with pytest.raises(OSError, match="Input/output"):
        writer.append(Commit(counts={"received": 1, "usage": 1}))
    with pytest.raises(AssertionError, match="afresh"):
        writer.append(Commit())
    filesystem.before = lambda _operation, _path: None
    # The line reached the file before the sync failed: it is a commit, and the next one follows it.
    again = ManifestWriter.open(path, filesystem=filesystem)
    assert again.state.commit == 1
    assert again.append(Commit()) == 2


def test_counts_that_do_not_add_up_are_refused() -> None:
    """No commit can make the audit wrong."""
    with pytest.raises(AssertionError, match="add up"):
        Commit(counts={"received": 2, "usage": 1})
