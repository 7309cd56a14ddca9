"""Every change of a file goes through the one Filesystem seam; what does not is listed here with its reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("ledger", "pricing", "receiver", "billing", "spanledger")

# Calls that change files, by the last part of their name.
OF_MODULES = {
    "os": {
        "open", "write", "pwrite", "writev", "truncate", "ftruncate", "posix_fallocate", "fsync", "fdatasync", "rename",
        "renames", "replace", "remove", "unlink", "rmdir", "mkdir", "makedirs", "removedirs", "link", "symlink",
        "chmod", "fchmod", "utime", "mkfifo", "copy_file_range", "sendfile",
    },
    "shutil": {"rmtree", "copy", "copy2", "copyfile", "copyfileobj", "copytree", "move"},
    "tempfile": {"mkdtemp", "mkstemp", "TemporaryFile", "NamedTemporaryFile", "TemporaryDirectory"},
    "pq": {"write_table", "ParquetWriter"},
    "io": {"open", "FileIO"},
}  # fmt: skip
OF_PATHS = {
    "write_bytes", "write_text", "unlink", "mkdir", "rmdir", "touch", "symlink_to", "hardlink_to", "chmod",
}  # fmt: skip

SEAM = "ledger/filesystem.py"
NOT_THROUGH_THE_SEAM = {
    ("ledger/lock.py", "mkdir"): "locks are the kernel's and hold nothing; make_folder makes the folder durable",
    ("ledger/lock.py", "os.ftruncate"): "the lock's text only names its holder in a message",
    ("ledger/lock.py", "os.pwrite"): "same",
    ("ledger/lock.py", "os.open"): "same",
    ("ledger/lock.py", "unlink"): "a stale lock may come back: it is removed again",
    ("ledger/status.py", "os.open"): "a status informs only, and must be said on a full disk too",
    ("ledger/status.py", "os.pwrite"): "same",
    ("ledger/segment.py", "pq.ParquetWriter"): "writes into memory; the bytes go through the seam",
    ("ledger/compacted.py", "pq.ParquetWriter"): "writes into a file of the seam",
    ("ledger/history.py", "pq.write_table"): "writes into memory; the bytes go through the seam",
    (
        "receiver/sealer/index.py",
        "mkdir",
    ): "the index is RocksDB's, derived, rebuilt when wrong",
    ("receiver/sealer/index.py", "shutil.rmtree"): "same",
    ("receiver/trace_path/worker.py", "os.write"): "a pipe of the trace path, which may drop",
    ("receiver/trace_path/frames.py", "os.write"): "same",
    ("receiver/dialects/table.py", "write_text"): "a developer's command: writes docs/dialects.md in the source tree",
    ("billing/warehouse/landlock.py", "os.open"): "names a folder to the kernel (O_PATH)",
    ("billing/warehouse/sandbox_process.py", "tempfile.TemporaryFile"): "answers of a query, gone with it",
    ("billing/store/database.py", "mkdir"): "the folder of SQLite, which has a durability of its own",
    ("billing/rendering/pdf.py", "tempfile.TemporaryDirectory"): "what typst reads, gone with the call",
    ("billing/rendering/pdf.py", "write_bytes"): "same",
    ("billing/rendering/pdf.py", "write_text"): "same",
    ("billing/invoices/trying.py", "tempfile.TemporaryDirectory"): "a store to try a plan in, gone with the call",
    ("spanledger/cli/invoices.py", "write_bytes"): "a copy of what the store keeps",
    ("spanledger/demo/show.py", "tempfile.mkdtemp"): "the demo's scratch folder",
    ("spanledger/demo/show.py", "write_bytes"): "same",
    ("spanledger/demo/show.py", "write_text"): "same",
    ("spanledger/demo/show.py", "mkdir"): "same",
    ("spanledger/demo/show.py", "open"): "the demo's log",
}


def changes(tree: ast.AST) -> Iterator[str]:
    """Yield the calls of a module that may change a file, as they are spelt."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        if isinstance(function, ast.Name) and function.id == "open" and not _is_reading(node, mode_at=1):
            yield "open"
        if not isinstance(function, ast.Attribute):
            continue
        if isinstance(function.value, ast.Name) and function.attr in OF_MODULES.get(function.value.id, ()):
            yield f"{function.value.id}.{function.attr}"
        elif function.attr in OF_PATHS:
            yield function.attr
        elif function.attr == "open" and not _is_class(function.value) and not _is_reading(node, mode_at=0):
            yield "open"


def _is_class(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id[:1].isupper()


def _is_reading(call: ast.Call, *, mode_at: int) -> bool:
    """Say whether an open is for reading only: no mode, or one without a letter that writes."""
    modes = [*call.args[mode_at : mode_at + 1], *(one.value for one in call.keywords if one.arg == "mode")]
    return all(isinstance(mode, ast.Constant) and not set(str(mode.value)) & set("wax+") for mode in modes)


def found() -> set[tuple[str, str]]:
    """Return every place outside the seam."""
    return {
        (name, call)
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if (name := path.relative_to(ROOT).as_posix()) != SEAM
        for call in changes(ast.parse(path.read_text(encoding="utf-8")))
    }


def test_every_change_of_a_file_goes_through_the_seam() -> None:
    """A new one outside of it is either moved into it or given its reason above; a reason without its call goes."""
    assert found() - set(NOT_THROUGH_THE_SEAM) == set()
    assert set(NOT_THROUGH_THE_SEAM) - found() == set()


def test_the_check_sees_what_it_looks_for() -> None:
    """Each way to write a file is recognised, and reading is not taken for it."""
    writing = "open(p, 'w')\np.open('ab')\nos.replace(a, b)\np.write_text('')\nshutil.rmtree(p)\npq.write_table(t, p)"
    assert list(changes(ast.parse(writing))) == [
        "open", "open", "os.replace", "write_text", "shutil.rmtree", "pq.write_table",
    ]  # fmt: skip
    assert list(changes(ast.parse("open(p)\np.open('rb')\np.read_bytes()\n''.replace('a', 'b')"))) == []
