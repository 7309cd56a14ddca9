"""`explain`: one trace, span by span: who read it and how, what it counted as, its price and its corrections."""

from __future__ import annotations

from typing import Annotated

import typer

from billing.warehouse.warehouse import Warehouse
from receiver.prices import CurrentBook
from spanledger.cli.options import DataDir, Format
from spanledger.explaining import explain_trace
from spanledger.printing.explained import print_trace, rows_of
from spanledger.printing.rows import OutputFormat, print_rows
from spanledger.settings import load_settings


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(rich_help_panel="Questions")(explain)


def explain(
    trace_id: Annotated[str, typer.Argument(help="The trace's id: 32 hexadecimal digits.")],
    data_dir: DataDir = None,
    output_format: Format = OutputFormat.TABLE,
) -> None:
    """Explain a trace: for each span which dialect read it and how, what it counted as and why, price and corrections.

    Example: spanledger explain 4bf92f3577b34da6a3ce929d0e0e4736
    """
    config = load_settings(data_dir=data_dir).sealer()
    book = CurrentBook(config.data, authority=config.authority).get()
    trace = explain_trace(Warehouse(config.data), trace_id, book=book)
    if output_format == OutputFormat.TABLE:
        print_trace(trace)
        return
    rows = rows_of(trace)
    print_rows(rows, columns=list(rows[0]), output_format=output_format)
