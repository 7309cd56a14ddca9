"""The lock: one holder, named to whoever comes second, gone with its holder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.errors import LedgerInUseError
from ledger.lock import ProcessLock, is_locked, remove_stale_lock


def test_second_holder_is_told_the_first_ones_process(tmp_path: Path) -> None:
    """The message names the process id to look for."""
    with ProcessLock(tmp_path / "a.lock", what="ledger"), pytest.raises(LedgerInUseError, match=str(os.getpid())):
        ProcessLock(tmp_path / "a.lock", what="ledger")


def test_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    """However a holder dies, the next one gets in."""
    path = tmp_path / "a.lock"
    program = (
        "import sys, time; from pathlib import Path; from ledger.lock import ProcessLock; "
        "ProcessLock(Path(sys.argv[1]), what='ledger'); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert is_locked(path)
        holder.kill()
        holder.wait()
    assert not is_locked(path)
    ProcessLock(path, what="ledger").release()


def test_held_lock_is_not_stale(tmp_path: Path) -> None:
    """Cleaning up never takes a lock from its holder."""
    path = tmp_path / "a.lock"
    lock = ProcessLock(path, what="ledger")
    assert not remove_stale_lock(path)
    lock.release()
    assert remove_stale_lock(path)
    assert not path.exists()
