"""An invoice on a terminal, or as the API says it."""

from __future__ import annotations

import json
import sys
from typing import Final

from rich.console import Console
from rich.table import Table

from billing.api.forms import invoice_out
from billing.invoices.document import Invoice
from spanledger.printing.rows import OutputFormat, print_rows

_MODELS_SHOWN: Final = 4


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
    if one.unpriced:
        models = sorted({gap.model or "unnamed" for gap in one.unpriced})
        shown = ", ".join(models[:_MODELS_SHOWN]) + (" …" if len(models) > _MODELS_SHOWN else "")
        console.print(
            f"[yellow]not in the amount:[/yellow] {sum(gap.calls for gap in one.unpriced):,} calls whose cost is not "
            f"known ({shown}); `spanledger unpriced` says why"
        )
    if one.unattributed.calls:
        console.print(
            f"[yellow]beside it:[/yellow] {one.unattributed.calls:,} of the period's {one.unattributed.of_calls:,} "
            f"calls ({one.unattributed.cost:.6f} USD) have no customer"
        )
