"""`bill`: the billing run of a month, for all customers."""

from __future__ import annotations

from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from billing.invoices.running import Ended, run
from spanledger.billing_parts import billing_parts
from spanledger.cli.options import DataDir, Format
from spanledger.printing.rows import OutputFormat, print_rows

_COLUMNS: Final = ("customer", "ended", "invoice", "payable", "currency", "problem")


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(rich_help_panel="Billing")(bill)


def bill(
    period: Annotated[str, typer.Option(help="The month, such as 2026-10, in each customer's time zone.")],
    finalise: Annotated[  # noqa: FBT002 - an option of the command line
        bool, typer.Option("--finalise", help="Give numbers and fix the invoices; without, drafts to look at.")
    ] = False,
    accept_gaps: Annotated[  # noqa: FBT002 - an option of the command line
        bool,
        typer.Option("--accept-gaps", help="Go on although spend is unpriced or nobody's; invoices say so."),
    ] = False,
    customer: Annotated[list[str] | None, typer.Option(help="Only this one; may be repeated.")] = None,
    data_dir: DataDir = None,
    output_format: Format = OutputFormat.TABLE,
) -> None:
    """Bill a month: an invoice for every customer with calls or corrections. Run again, it goes on where it stopped.

    One customer that is refused does not stop the others: the list says why, and the exit code is 1.

    Example: spanledger bill --period 2026-10 --finalise
    """
    outcomes = []
    shown = (TextColumn("billing"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with billing_parts(data_dir) as parts, Progress(*shown, console=Console(stderr=True), transient=True) as bar:
        count, results = run(parts, month=period, only=customer, final=finalise, accept_gaps=accept_gaps)
        task = bar.add_task("", total=count)
        for one in results:
            outcomes.append(one)
            bar.update(task, advance=1, description=one.customer)
    # On a terminal a problem is a sentence of its own, below the table.
    columns = _COLUMNS if output_format != OutputFormat.TABLE else _COLUMNS[:-1]
    print_rows([one.row() for one in outcomes], columns=columns, output_format=output_format)
    counts = {ended: sum(one.ended is ended for one in outcomes) for ended in Ended}
    said = ", ".join(f"{number} {ended.value}" for ended, number in counts.items() if number)
    console = Console(stderr=True, highlight=False)
    for one in outcomes:
        if one.problem:
            console.print(f"{one.customer}: {one.problem}", soft_wrap=True, markup=False)
    console.print(f"{period}: {said or 'no customer has calls'}")
    if counts[Ended.REFUSED]:
        raise typer.Exit(1)
