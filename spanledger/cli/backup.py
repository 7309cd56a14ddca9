"""`backup` and `restore`: the ledger as of one commit, copied while it runs, and put back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ledger.backup import back_up
from ledger.backup import restore as restore_ledger
from ledger.filesystem import LocalFilesystem
from ledger.layout import DataDirectory
from ledger.lock import ProcessLock
from receiver.sealer.index import delete_index
from spanledger.cli.options import DataDir
from spanledger.settings import load_settings

_Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The backup's folder.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (backup, restore):
        app.command(rich_help_panel="Operating")(command)


def backup(folder: _Folder, data_dir: DataDir = None) -> None:
    """Copy ledger, prices and invoices as of now, while everything runs. Into the same folder again: only what is new.

    The journal is not in it: run it when you like, at most seconds of spans are newer.

    Example: spanledger backup /mnt/backup/spanledger
    """
    chosen = load_settings(data_dir=data_dir)
    data, target = chosen.sealer().data, folder.expanduser().absolute()
    # Invoices first: the ledger that is copied after them knows every commit they speak of.
    LocalFilesystem().make_folder(target)
    if chosen.database_url is None:
        _copy_database(data.billing_database, DataDirectory(target).billing_database)
    with _progress("copying") as progress:
        made = back_up(data, target, filesystem=LocalFilesystem(), progress=progress)
    console = Console(stderr=True, highlight=False)
    said = f"{target} is ledger {made.ledger_id} as of commit {made.commit}"
    said += f": {made.segments:,} segments, {made.copied:,} of them new"
    console.print(said, markup=False, soft_wrap=True)
    if chosen.database_url is not None:
        console.print("invoices are in a database of their own (database_url): back that up too, before this")


def restore(folder: _Folder, data_dir: DataDir = None) -> None:
    """Put a backup into a data directory that has no ledger. A journal that is there stays, and is sealed.

    Example: spanledger restore /mnt/backup/spanledger --data-dir /var/lib/spanledger
    """
    chosen = load_settings(data_dir=data_dir)
    data, source = chosen.sealer().data, folder.expanduser().absolute()
    LocalFilesystem().make_folder(data.root)
    with ProcessLock(data.writer_lock, what="the ledger in"), _progress("restoring") as progress:
        delete_index(data.index)  # it may be of commits that came after the backup
        made = restore_ledger(source, data, filesystem=LocalFilesystem(), progress=progress)
        if chosen.database_url is None and not data.billing_database.exists():
            _copy_database(DataDirectory(source).billing_database, data.billing_database)
    Console(stderr=True, highlight=False).print(
        f"{data.ledger} is ledger {made.ledger_id} as of commit {made.commit}. Spans sealed later and no longer in the "
        "journal are not in it: import what a Collector's file exporter has of them (`spanledger import`).",
        markup=False,
        soft_wrap=True,
    )


def _copy_database(source: Path, target: Path) -> None:
    """Copy SQLite's database by its own backup, which is consistent while others write."""
    if not source.exists():
        return
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
