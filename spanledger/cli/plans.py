"""`plan`: what customers are asked for: check, try against a month, add, list, show; and exchange rates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from billing.invoices.trying import try_plan
from billing.plans import shelf
from billing.plans.exchange import add_rate, exchange_rates, read_rate
from billing.plans.plan import AT_COST, Plan
from billing.plans.reading import plan_json, read_plan_toml
from ledger.errors import WrongUseError
from spanledger.billing_parts import billing_parts
from spanledger.cli.options import DataDir, Format
from spanledger.printing.rows import OutputFormat, print_rows

plan = typer.Typer(no_args_is_help=True, help="Plans: check one, try it on a month, add it; exchange rates.")
PlanFile = Annotated[Path, typer.Argument(help="The plan, a TOML file (docs/billing.md).")]
_LISTED: Final = ("id", "version", "name", "currency", "from", "charges")
_TRIED: Final = ("customer", "would_be", "invoiced", "difference", "currency", "calls", "left_out", "problem")
_RATES: Final = ("base", "quote", "rate", "from")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (check, try_, add, list_, show, rate, rates):
        plan.command(command.__name__.rstrip("_"))(command)
    app.add_typer(plan, name="plan", rich_help_panel="Billing")


def check(file: PlanFile) -> None:
    """Check a plan without keeping it; all its problems are told at once, and the exit code is 1.

    Example: spanledger plan check standard.toml
    """
    read = _read(file)
    typer.echo(f"{file}: plan {read.id!r}, {len(read.charges)} charges, from {read.in_force_from}; nothing is wrong")


def try_(
    file: PlanFile,
    period: Annotated[str, typer.Option(help="A month that is over, such as 2026-10.")],
    customer: Annotated[list[str] | None, typer.Option(help="Only these; all with calls without.")] = None,
    data_dir: DataDir = None,
    output_format: Format = OutputFormat.TABLE,
) -> None:
    """Show what a plan would have asked for in a month, beside what was invoiced. Nothing is kept.

    Example: spanledger plan try standard.toml --period 2026-10
    """
    read = _read(file)
    with billing_parts(data_dir) as parts:
        rows = try_plan(parts, read, month=period, only=customer)
    print_rows([one.row() for one in rows], columns=_TRIED, output_format=output_format)
    if any(one.problem for one in rows):
        raise typer.Exit(1)


def add(file: PlanFile, data_dir: DataDir = None) -> None:
    """Keep a plan, or a new version of one. The plan `default` holds for all who have no other.

    Example: spanledger plan add standard.toml
    """
    with billing_parts(data_dir) as parts, parts.database.writing() as session:
        kept = shelf.add_version(session, _read(file))
    typer.echo(f"plan {kept.id} has version {kept.version}, in force from {kept.in_force_from}")


def list_(data_dir: DataDir = None, output_format: Format = OutputFormat.TABLE) -> None:
    """List the newest version of every plan; `at-cost` is always there.

    Example: spanledger plan list
    """
    with billing_parts(data_dir) as parts:
        with parts.database.reading() as session:
            found = [AT_COST, *shelf.plans(session)]
        rows = [
            {
                "id": one.id,
                "version": one.version,
                "name": one.name,
                "currency": one.currency,
                "from": one.in_force_from,
                "charges": len(one.charges),
            }
            for one in found
        ]
        print_rows(rows, columns=_LISTED, output_format=output_format)


def show(
    plan_id: Annotated[str, typer.Argument(help="The plan's id.")],
    version: Annotated[int | None, typer.Option(help="Which version; the newest without.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Show a plan as it was written, as JSON.

    Example: spanledger plan show standard --version 1
    """
    with billing_parts(data_dir) as parts, parts.database.reading() as session:
        if plan_id == AT_COST.id:
            found = AT_COST
        elif version is None:
            found = shelf.versions(session, plan_id)[-1]
        else:
            found = shelf.version(session, plan_id, version)
        Console().print_json(plan_json(found))


def rate(
    base: Annotated[str, typer.Argument(help="One unit of this currency …")],
    quote: Annotated[str, typer.Argument(help="… is so many of this one.")],
    amount: Annotated[str, typer.Argument(metavar="RATE", help="How many.")],
    from_: Annotated[str, typer.Option("--from", metavar="DAY", help="The first day on which it holds.")],
    data_dir: DataDir = None,
) -> None:
    """Keep an exchange rate of your own. A rate is never changed: add one from a later day.

    Example: spanledger plan rate USD EUR 0.92 --from 2026-10-01
    """
    with billing_parts(data_dir) as parts, parts.database.writing() as session:
        kept = add_rate(session, read_rate({"base": base, "quote": quote, "rate": amount, "from": from_}))
    typer.echo(f"1 {kept.base} is {kept.rate} {kept.quote} from {kept.in_force_from} on")


def rates(data_dir: DataDir = None, output_format: Format = OutputFormat.TABLE) -> None:
    """List the exchange rates, by currencies and day.

    Example: spanledger plan rates
    """
    with billing_parts(data_dir) as parts:
        with parts.database.reading() as session:
            found = exchange_rates(session)
        rows = [{"base": one.base, "quote": one.quote, "rate": one.rate, "from": one.in_force_from} for one in found]
        print_rows(rows, columns=_RATES, output_format=output_format)


def _read(file: Path) -> Plan:
    try:
        return read_plan_toml(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as unreadable:
        raise WrongUseError(f"{file} cannot be read: {unreadable}.", hint="Name a TOML file.") from unreadable
