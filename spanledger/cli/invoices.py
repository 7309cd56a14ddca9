"""`invoice draft` and `invoice show`. There are drafts only so far."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from billing.api.forms import invoice_out
from billing.invoices.document import Invoice
from billing.invoices.drafting import draft as make_draft
from billing.invoices.store import InvoiceStore
from billing.periods import parse_month, parse_period
from billing.warehouse.warehouse import Warehouse
from spanledger.cli.options import DataDir, Format, From, OutputFormat, To
from spanledger.cli.printing import print_rows
from spanledger.settings import load_settings

invoice = typer.Typer(no_args_is_help=True, help="Draft and show invoices.")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    invoice.command()(draft)
    invoice.command()(show)
    app.add_typer(invoice, name="invoice", rich_help_panel="Invoices")


def draft(
    customer: Annotated[str, typer.Option(help="Whose calls.")],
    period: Annotated[str | None, typer.Option(help="A month such as 2026-10.")] = None,
    from_: From = None,
    to: To = None,
    data_dir: DataDir = None,
    output_format: Format = OutputFormat.TABLE,
) -> None:
    """Draft an invoice: what a customer owes for a period, as the ledger knows it now.

    Example: spanledger invoice draft --customer acme --period 2026-10
    """
    if (period is None) == (from_ is None and to is None):
        raise typer.BadParameter("give either --period 2026-10, or --from and --to")
    config = load_settings(data_dir=data_dir).billing()
    made = make_draft(
        Warehouse(config.data),
        customer=customer,
        period=parse_month(period) if period is not None else parse_period(from_, to),
    )
    print_invoice(InvoiceStore(config.store_url).add(made), output_format=output_format)


def show(
    invoice_id: Annotated[str, typer.Argument(help="The invoice's id.")],
    data_dir: DataDir = None,
    output_format: Format = OutputFormat.TABLE,
) -> None:
    """Show an invoice.

    Example: spanledger invoice show inv_0123456789abcdef --format json
    """
    config = load_settings(data_dir=data_dir).billing()
    print_invoice(InvoiceStore(config.store_url).get(invoice_id), output_format=output_format)


def print_invoice(one: Invoice, *, output_format: OutputFormat) -> None:
    """Print an invoice for people, or as the API says it."""
    if output_format == OutputFormat.JSON:
        json.dump(invoice_out(one).model_dump(mode="json"), sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    if output_format == OutputFormat.CSV:
        columns = ("provider", "model", "calls", "amount", "currency", "exact_cost")
        rows = [{name: getattr(line, name) for name in columns} for line in one.lines]
        print_rows(rows, columns=columns, output_format=output_format)
        return
    _print_for_people(one)


def _print_for_people(one: Invoice) -> None:
    assert one.period.start is not None
    assert one.period.end is not None
    console = Console()
    console.print(
        f"[bold]Invoice {one.id}[/bold] ({one.state})  ·  customer [bold]{one.customer}[/bold]  ·  "
        f"{one.period.start:%Y-%m-%d} to {one.period.end:%Y-%m-%d} (exclusive, UTC)  ·  as of commit {one.as_of.commit}"
    )
    table = Table(header_style="bold")
    for name in ("provider", "model", "calls", "quantities", "amount"):
        table.add_column(name, justify="right" if name in {"calls", "amount"} else "left", overflow="fold")
    for line in one.lines:
        quantities = ", ".join(f"{count:,} {unit}" for unit, count in line.quantities.items())
        amount = f"{line.amount} {line.currency}"
        table.add_row(line.provider or "—", line.model or "—", f"{line.calls:,}", quantities, amount)
    for currency, total in one.totals.items():
        table.add_section()
        table.add_row("[bold]total[/bold]", "", "", "", f"[bold]{total} {currency}[/bold]")
    console.print(table)
    for gap in one.unpriced:
        console.print(
            f"[yellow]not in the amount:[/yellow] {gap.calls:,} calls of {gap.model or 'an unknown model'} "
            f"({gap.provider or 'unknown provider'}): their cost is not known"
        )
    if one.unattributed.calls:
        console.print(
            f"[yellow]beside it:[/yellow] {one.unattributed.calls:,} of the period's {one.unattributed.of_calls:,} "
            f"calls ({one.unattributed.cost:.6f} USD) have no customer"
        )
