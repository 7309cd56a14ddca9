"""`compact`: as few, large, sorted files as can be, now. A running sealer compacts by itself."""

from __future__ import annotations

import gc
from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ledger.errors import LedgerInUseError, SpanledgerError
from ledger.filesystem import LocalFilesystem
from ledger.manifest import read_state
from receiver.config import SealerConfig
from receiver.sealer.compaction.compactor import Compactor
from receiver.sealer.process import open_sealer
from receiver.sealer.seal import Sealer
from spanledger.cli.options import DataDir
from spanledger.settings import load_settings


class SealerRunsError(SpanledgerError):
    """The ledger's one writer is another process."""


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(rich_help_panel="Operating")(compact)


def compact(
    grace_hours: Annotated[
        float,
        typer.Option(min=0, help="How long replaced files stay, for queries under way and sessions with old views."),
    ] = 24.0,
    data_dir: DataDir = None,
) -> None:
    """Merge the ledger's files into as few as can be, and drop evidence that is past its time; no answer changes.

    A running sealer merges small files by itself, in the background: this is for a ledger that none writes.

    Example: spanledger compact --data-dir /mnt/archive/spanledger
    """
    config = load_settings(data_dir=data_dir).sealer()
    console = Console(highlight=False)
    read_state(config.data.manifest)  # a misspelt folder is no ledger to found
    gc.disable()
    try:
        sealer = open_sealer(config, LocalFilesystem())
    except LedgerInUseError as held:
        raise SealerRunsError(
            f"the ledger in {config.data.root} is being written: {held.message}",
            hint="A running sealer compacts by itself. Stop it if the ledger is to be merged as far as it can be, now.",
        ) from held
    with sealer:
        before = _size(sealer)
        _merge_all(sealer, config, grace=timedelta(hours=grace_hours))
        after = _size(sealer)
    console.print(
        f"{before[0]:,} files with {before[1]:,} rows, {_mb(before[2])}, are {after[0]:,} files, {_mb(after[2])}"
        f"{_each(before, after)}",
        soft_wrap=True,
    )
    if grace_hours and before[0] != after[0]:
        console.print(
            f"the replaced files stay for {grace_hours:g} hours; a sealer, or `compact` again, deletes them",
            soft_wrap=True,
        )


def _merge_all(sealer: Sealer, config: SealerConfig, *, grace: timedelta) -> None:
    compactor = Compactor(
        sealer, config.data, filesystem=LocalFilesystem(), evidence_days=config.evidence_days, grace=grace
    )
    columns = (TextColumn("merging {task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("rows"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        while (
            asked := compactor.merge_now(progress=lambda done, of: bar.update(task, completed=done, total=of))
        ) is not None:
            bar.update(task, description=asked.table.value)
    # What may go: marked first, deleted once its time is over.
    for _ in range(2):
        compactor.work(may_replace=False)


def _size(sealer: Sealer) -> tuple[int, int, int]:
    segments = sealer.state.segments
    return len(segments), sum(one.rows for one in segments), sum(one.size_bytes for one in segments)


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB"


def _each(before: tuple[int, int, int], after: tuple[int, int, int]) -> str:
    if not after[1]:
        return ""
    return f": {after[2] / after[1]:,.0f} bytes a row instead of {before[2] / before[1]:,.0f}"
