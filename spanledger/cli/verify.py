"""`verify`: is everything on disk what was written, and what to do where it is not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ledger.filesystem import LocalFilesystem
from ledger.verifying.findings import Report
from receiver.verifying import repair as repair_ledger
from receiver.verifying import verify as verify_ledger
from spanledger.cli.options import DataDir, Format
from spanledger.printing.rows import OutputFormat, print_rows
from spanledger.settings import load_settings

_FAILED: Final = 1
_COLUMNS: Final = ("part", "file", "place", "what", "todo", "is_damage")


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(rich_help_panel="Operating")(verify)


def verify(
    repair: Annotated[  # noqa: FBT002 - an option of the command line
        bool, typer.Option("--repair", help="Do what loses nothing, and say it; refuse anything else. Stop the sealer.")
    ] = False,
    backup: Annotated[
        Path | None, typer.Option("--from", help="With --repair: a backup to take damaged or missing segments from.")
    ] = None,
    data_dir: DataDir = None,
    output_format: Format = OutputFormat.TABLE,
) -> None:
    """Check journal, manifest, segments, counts, views.sql and index by their digests; name what is damaged, and where.

    It only reads, and may run beside everything else. Exits with 1 when anything is damaged.

    Example: spanledger verify --format json
    """
    if backup is not None and not repair:
        raise typer.BadParameter("--from goes with --repair")
    data = load_settings(data_dir=data_dir).sealer().data
    console = Console(stderr=True, highlight=False)
    if repair:
        done = repair_ledger(data, filesystem=LocalFilesystem(), backup=backup)
        for one in done or ["there is nothing that a repair could do without losing something"]:
            console.print(one, markup=False, soft_wrap=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("verifying", total=None)
        report = verify_ledger(
            data, progress=lambda what, of_done, of: bar.update(task, description=what, completed=of_done, total=of)
        )
    rows = [{name: getattr(one, name) for name in _COLUMNS} for one in report.findings]
    if rows or output_format != OutputFormat.TABLE:
        print_rows(rows, columns=_COLUMNS, output_format=output_format)
    console.print(_sentence(report), markup=False, soft_wrap=True)
    if not report.is_whole:
        raise typer.Exit(_FAILED)


def _sentence(report: Report) -> str:
    verdict = "everything is whole" if report.is_whole else "there is damage"
    return (
        f"{verdict}: commit {report.commit}; {report.segments_whole:,} of {report.segments:,} segments with "
        f"{report.rows_whole:,} of {report.rows:,} rows whole; {report.journal_frames:,} frames in the journal; "
        f"{report.index_records:,} records in the index"
    )
