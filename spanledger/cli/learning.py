"""`reprice`, `reread`, `reattribute`, `jobs`: what was learned later, carried to entries that the ledger has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from billing.periods import Period, parse_period
from ledger.filesystem import LocalFilesystem
from receiver.sealer.asking import carry_out, require_ledger
from receiver.sealer.jobs.job import JobKind, JobProgress, JobState
from receiver.sealer.jobs.queue import JobQueue
from spanledger.cli.options import DataDir, Format, From, To
from spanledger.logs import only_warnings
from spanledger.printing.job import CHANGE_COLUMNS, JOB_COLUMNS, job_row, summary_rows
from spanledger.printing.rows import OutputFormat, print_rows
from spanledger.settings import Settings, load_settings

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change; write nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Write the corrections without asking.")]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a command asks for."""

    kind: JobKind
    period: Period
    only_unpriced: bool = False


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (reprice, reread, reattribute, jobs):
        app.command(rich_help_panel="Learning later")(command)


def reprice(
    from_: From = None,
    to: To = None,
    only_unpriced: Annotated[  # noqa: FBT002 - an option of the command line
        bool,
        typer.Option("--only-unpriced", help="Only calls without a price that have one now; nothing billed moves."),
    ] = False,
    dry_run: DryRun = False,  # noqa: FBT002
    yes: Yes = False,  # noqa: FBT002
    data_dir: DataDir = None,
    output_format: Format = OutputFormat.TABLE,
) -> None:
    """Move calls of a period to the prices of now, by correction entries; calls without a price get one that has come.

    A running sealer does the second part by itself when prices change.

    Example: spanledger reprice --from 2026-10 --to 2026-11 --dry-run
    """
    wanted = Wanted(JobKind.REPRICE, parse_period(from_, to), only_unpriced=only_unpriced)
    _learn(wanted, load_settings(data_dir=data_dir), dry_run, yes, output_format)


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
    wanted = Wanted(JobKind.REREAD, parse_period(from_, to))
    _learn(wanted, load_settings(data_dir=data_dir), dry_run, yes, output_format)


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
    wanted = Wanted(JobKind.REATTRIBUTE, parse_period(from_, to))
    _learn(wanted, load_settings(data_dir=data_dir), dry_run, yes, output_format)


def jobs(data_dir: DataDir = None, output_format: Format = OutputFormat.TABLE) -> None:
    """List the jobs asked of the ledger's writer, and how far each is.

    Example: spanledger jobs --format json
    """
    queue = JobQueue(load_settings(data_dir=data_dir).sealer().data.jobs, LocalFilesystem())
    rows = [job_row(job, queue.progress(job)) for job in queue.jobs()]
    print_rows(rows, columns=JOB_COLUMNS, output_format=output_format)


def _learn(
    wanted: Wanted,
    settings: Settings,
    dry_run: bool,  # noqa: FBT001
    yes: bool,  # noqa: FBT001
    output_format: OutputFormat,
) -> None:
    """Show the summary first; write only after a yes."""
    only_warnings()
    if not dry_run and yes:
        _show(_run(wanted, settings, dry_run=False), output_format, wrote=True)
        return
    preview = _run(wanted, settings, dry_run=True)
    _show(preview, output_format, wrote=False)
    if dry_run or not preview.rows_changed:
        return
    if not typer.confirm(f"Write corrections for {preview.rows_changed:,} entries?", err=True):
        Console(stderr=True).print("nothing was written")
        return
    _show(_run(wanted, settings, dry_run=False), output_format, wrote=True)


def _run(wanted: Wanted, settings: Settings, *, dry_run: bool) -> JobProgress:
    config, files = settings.sealer(), LocalFilesystem()
    require_ledger(config)
    job = JobQueue(config.data.jobs, files).ask(
        wanted.kind,
        start_us=_microseconds(wanted.period.start),
        end_us=_microseconds(wanted.period.end),
        dry_run=dry_run,
        only_unpriced=wanted.only_unpriced,
    )
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"{wanted.kind.value}: looking through the ledger", total=None)
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


def _microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - _EPOCH) // timedelta(microseconds=1)
