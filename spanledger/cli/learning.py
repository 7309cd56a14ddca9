"""`reprice`, `reread`, `reattribute`, `jobs`: what was learned later, carried to entries that the ledger has."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from billing.periods import parse_period
from ledger.filesystem import LocalFilesystem
from receiver.sealer.asking import carry_out
from receiver.sealer.jobs.job import JobKind, JobProgress, JobState
from receiver.sealer.jobs.queue import JobQueue
from spanledger.cli.options import DataDir, Format, From, To
from spanledger.logs import only_warnings
from spanledger.printing.job import CHANGE_COLUMNS, JOB_COLUMNS, job_row, summary_rows
from spanledger.printing.rows import OutputFormat, print_rows
from spanledger.settings import Settings, load_settings

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change; write nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Write the corrections without asking.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (reprice, reread, reattribute, jobs):
        app.command(rich_help_panel="Learning later")(command)


def reprice(
    from_: From = None,
    to: To = None,
    dry_run: DryRun = False,  # noqa: FBT002 - an option of the command line
    yes: Yes = False,  # noqa: FBT002
    data_dir: DataDir = None,
    output_format: Format = OutputFormat.TABLE,
) -> None:
    """Move calls of a period to the prices of now, by correction entries; calls without a price get one that has come.

    Example: spanledger reprice --from 2026-10 --to 2026-11 --dry-run
    """
    _learn(JobKind.REPRICE, load_settings(data_dir=data_dir), (from_, to), dry_run, yes, output_format)


def reread(
    from_: From = None,
    to: To = None,
    dry_run: DryRun = False,  # noqa: FBT002
    yes: Yes = False,  # noqa: FBT002
    data_dir: DataDir = None,
    output_format: Format = OutputFormat.TABLE,
) -> None:
    """Read the spans of a period again by the dialects of this version, from the evidence that the ledger keeps.

    Example: spanledger reread --from 2026-10-01 --dry-run
    """
    _learn(JobKind.REREAD, load_settings(data_dir=data_dir), (from_, to), dry_run, yes, output_format)


def reattribute(
    from_: From = None,
    to: To = None,
    dry_run: DryRun = False,  # noqa: FBT002
    yes: Yes = False,  # noqa: FBT002
    data_dir: DataDir = None,
    output_format: Format = OutputFormat.TABLE,
) -> None:
    """Apply the attribution rules and settings of now to the calls of a period, by correction entries.

    Example: spanledger reattribute --from 2026-10 --yes
    """
    _learn(JobKind.REATTRIBUTE, load_settings(data_dir=data_dir), (from_, to), dry_run, yes, output_format)


def jobs(data_dir: DataDir = None, output_format: Format = OutputFormat.TABLE) -> None:
    """List the jobs asked of the ledger's writer, and how far each is.

    Example: spanledger jobs --format json
    """
    queue = JobQueue(load_settings(data_dir=data_dir).sealer().data.jobs, LocalFilesystem())
    rows = [job_row(job, queue.progress(job)) for job in queue.jobs()]
    print_rows(rows, columns=JOB_COLUMNS, output_format=output_format)


def _learn(
    kind: JobKind,
    settings: Settings,
    period: tuple[str | None, str | None],
    dry_run: bool,  # noqa: FBT001
    yes: bool,  # noqa: FBT001
    output_format: OutputFormat,
) -> None:
    """Show the summary first; write only after a yes."""
    only_warnings()
    if not dry_run and yes:
        _show(_run(kind, settings, period, dry_run=False), output_format, wrote=True)
        return
    preview = _run(kind, settings, period, dry_run=True)
    _show(preview, output_format, wrote=False)
    if dry_run or not preview.rows_changed:
        return
    if not typer.confirm(f"Write corrections for {preview.rows_changed:,} entries?", err=True):
        Console(stderr=True).print("nothing was written")
        return
    _show(_run(kind, settings, period, dry_run=False), output_format, wrote=True)


def _run(kind: JobKind, settings: Settings, period: tuple[str | None, str | None], *, dry_run: bool) -> JobProgress:
    moments = parse_period(*period)
    config, files = settings.sealer(), LocalFilesystem()
    job = JobQueue(config.data.jobs, files).ask(
        kind,
        start_us=None if moments.start is None else _microseconds(moments.start.timestamp()),
        end_us=None if moments.end is None else _microseconds(moments.end.timestamp()),
        dry_run=dry_run,
    )
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"{kind.value}: looking through the ledger", total=None)
        progress = carry_out(
            job,
            config,
            filesystem=files,
            progress=lambda one: bar.update(task, total=one.of or None, completed=one.done),
        )
    if progress.state == JobState.FAILED:
        Console(stderr=True).print(f"[red]the job failed:[/red] {progress.error}")
        raise typer.Exit(1)
    return progress


def _show(progress: JobProgress, output_format: OutputFormat, *, wrote: bool) -> None:
    if output_format != OutputFormat.TABLE or progress.rows_changed:
        print_rows(summary_rows(progress), columns=CHANGE_COLUMNS, output_format=output_format)
    console = Console(stderr=True)
    console.print(_sentence(progress, wrote=wrote))
    if progress.rows_without_evidence:
        console.print(f"{progress.rows_without_evidence:,} spans have no evidence any more and stay as they are")


def _sentence(progress: JobProgress, *, wrote: bool) -> str:
    seen = f"{progress.rows_seen:,} entries looked at"
    if not progress.rows_changed:
        return f"nothing to change ({seen})"
    if not wrote:
        return f"{progress.rows_changed:,} entries would change ({seen}); nothing was written"
    first, last = progress.commits[0], progress.commits[-1]
    where = f"commit {first}" if first == last else f"commits {first} to {last}"
    return f"{progress.rows_changed:,} entries corrected in {where} ({seen})"


def _microseconds(timestamp_s: float) -> int:
    return round(timestamp_s * 1_000_000)
