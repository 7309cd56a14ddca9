"""`sql`, `costs`, `audit`, `unattributed`, `unpriced`: questions to the ledger from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from billing.config import BillingConfig
from billing.periods import parse_period
from billing.warehouse import doubts, reported
from billing.warehouse.sandbox import run_sql
from billing.warehouse.warehouse import FIGURES, Warehouse
from ledger.status import read_status
from spanledger.cli.options import DataDir, Format, From, To
from spanledger.printing.audit import audit_sentence
from spanledger.printing.rows import OutputFormat, print_rows
from spanledger.settings import load_settings


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (costs, sql, audit, unattributed, unpriced):
        app.command(rich_help_panel="Questions")(command)


def costs(
    *,
    by: Annotated[
        str | None,
        typer.Option(help="Dimensions, comma-separated: customer, model, day, label.team … Default: customer,model"),
    ] = None,
    from_: From = None,
    to: To = None,
    customer: Annotated[str | None, typer.Option(help="Only this customer.")] = None,
    compare_reported: Annotated[
        bool, typer.Option("--compare-reported", help="Compare with the costs that spans carry, by who says so.")
    ] = False,
    worst: Annotated[
        int, typer.Option(min=0, help="With --compare-reported: show so many of the calls furthest apart instead.")
    ] = 0,
    data_dir: DataDir = None,
    output_format: Format = OutputFormat.TABLE,
) -> None:
    """Show what calls cost, grouped; dearest first.

    Example: spanledger costs --by customer,model --from 2026-10 --to 2026-11
    """
    if worst and not compare_reported:
        raise typer.BadParameter("it belongs to --compare-reported.", param_hint="--worst")
    warehouse = Warehouse(load_settings(data_dir=data_dir).billing().data)
    period, where = parse_period(from_, to), {} if customer is None else {"customer": customer}
    if worst:
        calls = reported.worst_reported(warehouse, count=worst, period=period, where=where)
        print_rows(calls, columns=reported.CALL_COLUMNS, output_format=output_format)
        return
    names = _names(by, reported.BY_DEFAULT if compare_reported else ("customer", "model"))
    if compare_reported:
        rows = reported.compare_reported(warehouse, by=names, period=period, where=where)
        print_rows(rows, columns=[*names, *reported.FIGURES], output_format=output_format)
        return
    rows = warehouse.costs(by=names, period=period, where=where)
    print_rows(rows, columns=[*names, *FIGURES], output_format=output_format)


def _names(by: str | None, default: Sequence[str]) -> list[str]:
    return list(default) if by is None else [name.strip() for name in by.split(",") if name.strip()]


def sql(
    query: Annotated[str, typer.Argument(help="One SELECT over entries, calls, costs_daily, unpriced, set_aside …")],
    data_dir: DataDir = None,
    output_format: Format = OutputFormat.TABLE,
) -> None:
    """Ask the ledger in SQL; read-only, sandboxed and bounded like POST /v1/sql.

    Example: spanledger sql "SELECT customer_id, sum(cost) FROM entries GROUP BY ALL ORDER BY 2 DESC"
    """
    config = load_settings(data_dir=data_dir).billing()
    result = run_sql(
        query,
        data=config.data,
        rows_max=config.sql_rows_max,
        memory_bytes_max=config.sql_memory_bytes_max,
        time_s_max=config.sql_time_s_max,
    )
    rows = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    print_rows(rows, columns=result.columns, output_format=output_format)
    if result.truncated:
        Console(stderr=True).print(f"[yellow]only the first {len(rows):,} rows are shown (sql_limits)[/yellow]")


def audit(
    *,
    unexplained: Annotated[
        bool, typer.Option("--unexplained", help="List agents and workflows below which no call is known.")
    ] = False,
    possible_duplicates: Annotated[
        bool, typer.Option("--possible-duplicates", help="List calls that may be another span's call.")
    ] = False,
    data_dir: DataDir = None,
    output_format: Format = OutputFormat.TABLE,
) -> None:
    """Show where every span received ended, and whether it adds up; exit code 1 if it does not.

    Example: spanledger audit --format json
    """
    if unexplained and possible_duplicates:
        raise typer.BadParameter("one list at a time.", param_hint="--unexplained / --possible-duplicates")
    config = load_settings(data_dir=data_dir).billing()
    warehouse = Warehouse(config.data)
    if unexplained:
        rows = doubts.unexplained(warehouse)
        print_rows(rows, columns=doubts.UNEXPLAINED_COLUMNS, output_format=output_format)
        return
    if possible_duplicates:
        rows = doubts.possible_duplicates(warehouse)
        print_rows(rows, columns=doubts.DUPLICATE_COLUMNS, output_format=output_format)
        return
    line = warehouse.audit()
    if output_format == OutputFormat.TABLE:
        Console().print(audit_sentence(line))
        _say_what_never_came(config)
    else:
        print_rows([line], columns=list(line), output_format=output_format)
    if not (line["adds_up"] and line["ledger_agrees"]):
        raise typer.Exit(1)


def _say_what_never_came(config: BillingConfig) -> None:
    """What the receiver has noticed of sampling before it, since it started."""
    status = read_status(config.data.receiver_status)
    spans = 0 if status is None else status.figures.get("sampled_before_spans", 0)
    if status is not None and spans:
        missing = status.figures.get("sampled_before_missing_estimate", 0)
        Console().print(
            f"[red]{spans:,.0f} spans of model calls were sampled before they came: about {missing:,.0f} others are "
            "lost to billing[/red]; sample after spanledger"
        )


def unattributed(
    from_: From = None, to: To = None, data_dir: DataDir = None, output_format: Format = OutputFormat.TABLE
) -> None:
    """Show the calls that nobody is known to pay for, and their share of all calls and of all cost.

    Example: spanledger unattributed --from 2026-10
    """
    warehouse = Warehouse(load_settings(data_dir=data_dir).billing().data)
    rows = doubts.unattributed(warehouse, period=parse_period(from_, to))
    print_rows(rows, columns=doubts.UNATTRIBUTED_COLUMNS, output_format=output_format)


def unpriced(
    from_: From = None, to: To = None, data_dir: DataDir = None, output_format: Format = OutputFormat.TABLE
) -> None:
    """Show the calls whose cost is not known, by model and reason, with what it can be at least and at most.

    Example: spanledger unpriced --from 2026-10
    """
    rows = Warehouse(load_settings(data_dir=data_dir).billing().data).unpriced(period=parse_period(from_, to))
    columns = (
        "provider",
        "model",
        "price_status",
        "usage_status",
        "calls",
        "input_tokens",
        "output_tokens",
        "cost_low",
        "cost_high",
        "first_call",
        "last_call",
        "price_reason",
    )
    print_rows(rows, columns=columns, output_format=output_format)
