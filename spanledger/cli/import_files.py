"""`import`: what a Collector's file exporter wrote, into the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from ledger.filesystem import LocalFilesystem
from receiver.importing.importing import FileReport, Step, import_files
from spanledger.cli.options import DataDir, Format
from spanledger.logs import only_warnings
from spanledger.printing.rows import OutputFormat, print_rows
from spanledger.settings import load_settings

_FAILED: Final = 1
_PROBLEMS_SHOWN: Final = 20
_COLUMNS: Final = ("file", "form", "records", "spans", "read_now", "kept", "no_traces", "unreadable", "state")


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("import", rich_help_panel="Learning later")(import_)


def import_(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="Files of the Collector's file exporter; rotated ones too.")
    ],
    dry_run: Annotated[  # noqa: FBT002 - an option of the command line
        bool, typer.Option("--dry-run", help="Read the files and say what is in them; write nothing.")
    ] = False,
    data_dir: DataDir = None,
    output_format: Format = OutputFormat.TABLE,
) -> None:
    """Import what a Collector's file exporter wrote: JSON lines or protobuf, as it is or compressed (zstd, gzip).

    Spans are counted once, whatever else brought them: importing a file again changes no amount. An import that was
    interrupted goes on where it was, also in a file that has been rotated or has grown. A running spanledger may go on
    receiving meanwhile. What cannot be read is named with its place, the rest is counted, and the command exits with 1.

    Example: spanledger import /var/log/otel/traces*.json
    """
    only_warnings()
    chosen = load_settings(data_dir=data_dir)
    with _progress() as (on_step, waiting):
        reports = import_files(
            files,
            chosen.receiver(),
            chosen.sealer(),
            filesystem=LocalFilesystem(),
            dry_run=dry_run,
            on_step=on_step,
            waiting=waiting,
        )
    print_rows([_row(report) for report in reports], columns=_COLUMNS, output_format=output_format)
    _say_problems(reports)
    _say_sum(reports, dry_run=dry_run)
    if any(report.problems for report in reports):
        raise typer.Exit(_FAILED)


@contextmanager
def _progress() -> Iterator[tuple[Callable[[Step], None], Callable[[], None]]]:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None)

        def on_step(step: Step) -> None:
            bar.update(task, description=step.file.name, completed=step.bytes_done, total=step.bytes_of)

        def waiting() -> None:
            bar.update(task, description="the journal is being sealed", total=None)

        yield on_step, waiting


def _row(report: FileReport) -> dict[str, Any]:
    done = report.progress
    return {
        "file": str(report.file),
        "form": report.form,
        "records": done.records,
        "spans": done.spans,
        "read_now": report.spans,
        "kept": done.kept,
        "no_traces": done.no_traces,
        "unreadable": done.unreadable,
        "state": "unfinished" if report.unfinished else "read",
    }


def _say_problems(reports: list[FileReport]) -> None:
    console = Console(stderr=True, highlight=False)
    problems = [problem for report in reports for problem in report.problems]
    for problem in problems[:_PROBLEMS_SHOWN]:
        console.print(f"{problem.file}, {problem.where}: {problem.why}", markup=False, soft_wrap=True)
    if len(problems) > _PROBLEMS_SHOWN:
        console.print(f"… and {len(problems) - _PROBLEMS_SHOWN:,} more places that cannot be read")
    for report in reports:
        if report.unfinished:
            console.print(
                f"{report.file}, {report.unfinished}. It ends in the middle of a record: still being written, or cut "
                "off. Import it again once it is whole; it goes on there.",
                markup=False,
                soft_wrap=True,
            )


def _say_sum(reports: list[FileReport], *, dry_run: bool) -> None:
    spans, before = sum(report.spans for report in reports), sum(report.begun_at > 0 for report in reports)
    said = f"{spans:,} spans would be imported" if dry_run else f"{spans:,} spans imported and sealed"
    if before:
        said += f"; {before} files went on where an earlier import had come to"
    Console(stderr=True, highlight=False).print(f"{said}. `spanledger audit` shows what they were.", soft_wrap=True)
