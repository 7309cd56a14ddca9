"""`reconcile`: everything invoiced, and everything still open, against the ledger."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from billing.invoices.reconciled import CustomerSide, Reconciliation, Spend
from billing.invoices.reconciling import reconcile as compare
from spanledger.billing_parts import billing_parts
from spanledger.cli.options import DataDir, Format
from spanledger.printing.rows import OutputFormat, json_value, print_rows

_COLUMNS: Final = (
    "customer", "invoice", "invoiced", "corrected", "owed", "now", "credited", "currency", "calls", "cost",
)  # fmt: skip

_INVOICED: Final = ("customer", "invoice", "invoiced", "corrected", "owed", "credited", "now")
_SPENT: Final = ("customer", "invoice", "calls", "cost")


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(rich_help_panel="Billing")(reconcile)


def reconcile(
    customer: Annotated[list[str] | None, typer.Option(help="Only this one; may be repeated.")] = None,
    data_dir: DataDir = None,
    output_format: Format = OutputFormat.TABLE,
) -> None:
    """Show that all that was invoiced and all that is open is what the ledger has; exit code 1 where it is not.

    For each invoice: what it asked for, what later invoices corrected, what the next one will, and what its period
    comes to now. `not invoiced` are calls outside of all invoices.

    Example: spanledger reconcile --customer acme
    """
    with billing_parts(data_dir) as parts:
        found = compare(parts, only=customer)
    if output_format == OutputFormat.JSON:
        json.dump(json_value(found.said()), sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        invoices = [row for side in found.customers for row in _invoices(side)]
        rows = [*invoices, *_spends(found, only=customer)]
        if output_format == OutputFormat.CSV:
            print_rows(rows, columns=_COLUMNS, output_format=output_format)
        else:
            # Two tables fit a terminal of 80 columns: what was invoiced, and what stands behind it.
            shown = [row | {"now": f"{row['now']:f} {row['currency']}"} for row in invoices]
            if shown:
                print_rows(shown, columns=_INVOICED, output_format=output_format)
            print_rows(rows, columns=_SPENT, output_format=output_format)
    console = Console(stderr=True, highlight=False)
    for one in found.differences:
        console.print(str(one), soft_wrap=True, markup=False)
    if found.differences:
        console.print(
            f"{len(found.differences)} figures differ. Run `spanledger verify`, and keep the store and the ledger as "
            "they are until it is known why.",
            soft_wrap=True,
        )
        raise typer.Exit(1)
    console.print(f"All figures agree, as of commit {found.commit}.")


def _invoices(side: CustomerSide) -> list[dict[str, Any]]:
    return [
        _row(side.customer, one.number, one.spend)
        | {name: getattr(one, name) for name in ("invoiced", "corrected", "owed", "now", "credited", "currency")}
        for one in side.invoices
    ]


def _spends(found: Reconciliation, *, only: Sequence[str] | None) -> list[dict[str, Any]]:
    """What no invoice is about, and the whole of the ledger unless some customers were asked for."""
    rows = [_row(side.customer, "not invoiced", side.not_invoiced) for side in found.customers]
    if only:
        return rows
    return [*rows, _row("", "nobody's", found.unattributed), _row("", "ledger", found.ledger)]


def _row(customer: str, invoice: str, spend: Spend) -> dict[str, Any]:
    said = {"customer": customer, "invoice": invoice, "calls": spend.calls, "cost": spend.cost_text}
    return dict.fromkeys(_COLUMNS) | said
