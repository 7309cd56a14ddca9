"""Versions of what users give the ledger: added, never changed, all or nothing."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from ledger.errors import LedgerDamagedError, LedgerInUseError
from ledger.filesystem import LocalFilesystem
from ledger.lock import ProcessLock
from ledger.versions import VersionNameError, Versions
from tests.faulty_filesystem import FaultyFilesystem


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    """An empty store."""
    return Versions(tmp_path / "prices", filesystem=LocalFilesystem())


def test_the_newest_version_of_each_name_is_in_force(versions: Versions) -> None:
    """Older ones stay, readable as they were given."""
    first = versions.add(kind="own", name="a.toml", text="one")
    other = versions.add(kind="own", name="b.toml", text="é\r\n")
    second = versions.add(kind="own", name="a.toml", text="two", details={"by": "me"})
    versions.add(kind="data", name="a.toml", text="else")
    assert versions.in_force("own") == [second, other]
    assert [version.number for version in versions.all()] == [1, 2, 3, 4]
    assert versions.read(first).text == "one"
    assert versions.read(other).text == "é\r\n"
    assert versions.read(second).details == {"by": "me"}
    assert versions.read(first).recorded_time <= versions.read(second).recorded_time


def test_the_same_text_again_is_a_version_of_its_own(versions: Versions) -> None:
    """Going back to what was before is something that was said, at its time."""
    versions.add(kind="own", name="a.toml", text="one")
    versions.add(kind="own", name="a.toml", text="two")
    assert versions.read(versions.add(kind="own", name="a.toml", text="one")).text == "one"
    assert len(versions.all()) == 3


def test_a_version_whose_bytes_changed_is_damaged(versions: Versions) -> None:
    """One flipped letter, in the text or beside it, and it is not believed."""
    version = versions.add(kind="own", name="a.toml", text="price = 1")
    whole = version.path.read_bytes()
    for damaged in (whole.replace(b"price = 1", b"price = 2"), whole.replace(b"20", b"21", 1), whole[:-5], b""):
        version.path.write_bytes(damaged)
        with pytest.raises(LedgerDamagedError, match="damaged"):
            versions.read(version)


def test_a_failed_add_leaves_nothing(tmp_path: Path) -> None:
    """A full disk: no version is there, and the next add works."""
    filesystem = FaultyFilesystem()
    versions = Versions(tmp_path / "prices", filesystem=filesystem)

    def full(operation: str, _path: Path) -> None:
        if operation == "write_durably":
            raise OSError(errno.ENOSPC, "no space left")

    filesystem.before = full
    with pytest.raises(OSError, match="no space"):
        versions.add(kind="own", name="a.toml", text="one")
    assert versions.all() == []
    filesystem.before = lambda _operation, _path: None
    assert versions.add(kind="own", name="a.toml", text="one").number == 1


@pytest.mark.parametrize("name", ["", "a/b.toml", "ä.toml", "a b", "x" * 81])
def test_a_name_that_is_no_file_name_is_refused(versions: Versions, name: str) -> None:
    """With what it may be."""
    with pytest.raises(VersionNameError, match="letters, digits"):
        versions.add(kind="own", name=name, text="one")


def test_one_process_adds_at_a_time(versions: Versions, tmp_path: Path) -> None:
    """While another holds the lock nothing is added."""
    versions.add(kind="own", name="a.toml", text="one")
    with ProcessLock(tmp_path / "prices" / ".lock", what="the versions in"), pytest.raises(LedgerInUseError):
        versions.add(kind="own", name="a.toml", text="two")
    assert len(versions.all()) == 1


def test_other_files_in_the_folder_are_looked_past(versions: Versions) -> None:
    """Temporary files and what others left are no versions."""
    version = versions.add(kind="own", name="a.toml", text="one")
    version.path.with_name(".000002-own-a.toml-0000000000000000.json.tmp").write_text("half")
    version.path.with_name("notes.txt").write_text("mine")
    assert versions.all() == [version]


def test_who_looks_before_adding_keeps_others_out(versions: Versions, tmp_path: Path) -> None:
    """What was right beside what was there must not become wrong beside what another added meanwhile."""
    other = Versions(tmp_path / "prices", filesystem=LocalFilesystem())
    with versions.held():
        with pytest.raises(LedgerInUseError):
            other.add(kind="own", name="b.toml", text="two")
        versions.add(kind="own", name="a.toml", text="one")
    other.add(kind="own", name="b.toml", text="two")
    assert [version.name for version in other.all()] == ["a.toml", "b.toml"]
