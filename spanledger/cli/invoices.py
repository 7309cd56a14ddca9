"""`invoice draft` and `invoice show`. There are drafts only so far."""

from __future__ import annotations

from typing import Annotated

import typer

from billing.invoices.drafting import draft as make_draft
from billing.invoices.store import InvoiceStore
from billing.periods import parse_month, parse_period
from billing.warehouse.warehouse import Warehouse
from spanledger.cli.options import DataDir, Format, From, To
from spanledger.printing.invoice import print_invoice
from spanledger.printing.rows import OutputFormat
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
