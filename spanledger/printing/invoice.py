"""An invoice on a terminal: head, lines, totals, and what is not in them."""

from __future__ import annotations

import sys
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from billing.invoices.document import Document, Line, encode
from spanledger.printing.rows import OutputFormat, print_rows

_COLUMNS: Final = (
    "number", "kind", "description", "provider", "model", "calls", "quantities", "amount", "currency", "exact",
)  # fmt: skip
_MODELS_SHOWN: Final = 5


def print_document(document: Document, *, state: str, output_format: OutputFormat) -> None:
    """Print an invoice or credit note; as JSON it is the document itself, as CSV its lines."""
    if output_format == OutputFormat.JSON:
        sys.stdout.write(encode(document).decode() + "\n")
    elif output_format == OutputFormat.CSV:
        rows = [
            {name: document.currency if name == "currency" else getattr(line, name) for name in _COLUMNS}
            for line in document.lines
        ]
        print_rows(rows, columns=_COLUMNS, output_format=output_format)
    else:
        _print_for_people(document, state, Console())


def _print_for_people(document: Document, state: str, console: Console) -> None:
    kind = "Credit note" if document.original is not None else "Invoice"
    period = document.period
    console.print(
        f"[bold]{kind} {document.number or document.id}[/bold] ({state})  ·  customer "
        f"[bold]{escape(document.customer.name)}[/bold]  ·  {period.start:%Y-%m-%d %H:%M} to "
        f"{period.end:%Y-%m-%d %H:%M} UTC (exclusive; {period.time_zone})  ·  as of commit {document.as_of.commit}"
    )
    if document.original is not None:
        console.print(f"of invoice {document.original.number}: {escape(document.original.reason)}")
    table = Table(header_style="bold")
    for name in ("", "what", "calls", "quantities", "amount"):
        is_figure = name in {"", "calls", "amount"}
        table.add_column(name, justify="right" if is_figure else "left", no_wrap=is_figure, overflow="fold")
    for line in document.lines:
        table.add_row(*_cells(line, document.currency))
    totals = document.totals
    table.add_section()
    table.add_row("", "[bold]net[/bold]", "", "", f"[bold]{totals.net} {document.currency}[/bold]")
    for tax in document.taxes:
        name = f"tax {tax.rate * 100:f} % {escape(tax.reason)}".strip()
        table.add_row("", name, "", "", f"{tax.amount} {document.currency}")
    for one in document.prepaid:
        table.add_row("", escape(one.reason), "", "", f"{-one.amount} {document.currency}")
    if document.taxes or document.prepaid:
        table.add_row("", "[bold]payable[/bold]", "", "", f"[bold]{totals.payable} {document.currency}[/bold]")
    console.print(table)
    _print_left_out(document, console)


def _cells(line: Line, currency: str) -> tuple[str, ...]:
    what = escape(line.description)
    if line.correction is not None:
        reasons = "; ".join(line.correction.reasons)
        what = (
            f"{what} — correction of {line.correction.number}, {line.correction.period.start:%Y-%m} ({escape(reasons)})"
        )
    if line.provider or line.model:
        what += f"\n[dim]{escape(line.provider or '—')} · {escape(line.model or '—')}[/dim]"
    quantities = "\n".join(f"{count:,} {unit.replace('_', ' ')}" for unit, count in line.quantities.items())
    return str(line.number), what, f"{line.calls:,}", quantities, f"{line.amount} {currency}"


def _print_left_out(document: Document, console: Console) -> None:
    if document.gaps:
        models = sorted({gap.model or "unnamed" for gap in document.gaps})
        shown = escape(", ".join(models[:_MODELS_SHOWN])) + (" …" if len(models) > _MODELS_SHOWN else "")
        why = " or ".join(sorted({gap.why for gap in document.gaps}))
        console.print(
            f"[yellow]not in the amount:[/yellow] {sum(gap.calls for gap in document.gaps):,} calls are {why} "
            f"({shown}); `spanledger unpriced` says why"
        )
    around = document.unattributed
    if around.calls:
        console.print(
            f"[yellow]beside it:[/yellow] {around.calls:,} of the period's {around.of_calls:,} calls "
            f"({around.cost:.6f} USD) have no customer"
        )
