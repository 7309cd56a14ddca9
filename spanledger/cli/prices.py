"""`prices`: show which price holds and why; list, check and add own prices. `price_updates` has the rest."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from ledger.versions import Versions
from ledger.vocabulary import BillingMode, Flag, UsageStatus
from pricing.apply import CallColumns
from pricing.book import PriceBook
from pricing.explain import explain
from pricing.own.checking import FileText
from pricing.own.reading import read_price_file
from pricing.units import OWN_UNITS, ledger_name, registry
from receiver.price_changes import add_own
from receiver.price_changes import check as check_beside
from receiver.prices import DATA, OWN, STALE_AFTER_DAYS, age_days, load_book, price_versions
from spanledger.cli.options import DataDir, Format
from spanledger.cli.price_updates import read_text, update
from spanledger.printing.prices import print_explained, print_problems
from spanledger.printing.rows import OutputFormat, print_rows
from spanledger.settings import load_settings

prices = typer.Typer(no_args_is_help=True, help="Show, check, add and update prices.")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Files = Annotated[
    list[Path], typer.Argument(help="TOML or CSV files of own prices.", exists=True, dir_okay=False, readable=True)
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (show, list_, check, add, update):
        prices.command(name=command.__name__.rstrip("_"))(command)
    app.add_typer(prices, name="prices", rich_help_panel="Prices")


def show(
    model: Annotated[str, typer.Argument(help="The model, as a call names it.")],
    at: Annotated[str | None, typer.Option(help="When the call began: a day or RFC 3339, UTC. Default: now.")] = None,
    provider: Annotated[str | None, typer.Option(help="Who sold it, as a call names it. Default: its maker.")] = None,
    tier: Annotated[str | None, typer.Option(help="The service tier: flex, priority, batch …")] = None,
    account: Annotated[str | None, typer.Option(help="The account, for prices of your own.")] = None,
    region: Annotated[str | None, typer.Option(help="The region, for prices of your own.")] = None,
    deployment: Annotated[str | None, typer.Option(help="The deployment, for prices of your own.")] = None,
    billing_mode: Annotated[BillingMode | None, typer.Option(help="How it is paid for.")] = None,
    flag: Annotated[list[Flag] | None, typer.Option(help="What its instrumentation leaves unsaid; repeatable.")] = None,
    usage: Annotated[
        list[str] | None, typer.Option(help="unit=count, repeatable: shows what such a call costs, step by step.")
    ] = None,
    data_dir: DataDir = None,
    output_format: Format = OutputFormat.TABLE,
) -> None:
    """Show which price a call of a model pays, and why; with --usage, what the call costs and how.

    Example: spanledger prices show claude-sonnet-4-5 --at 2026-10-01 --usage input_tokens=12000
    """
    moment = _moment(at)
    counts = _counts(usage or [])
    book = _book(data_dir)
    calls = CallColumns(
        provider=[provider],
        model=[model],
        request_model=[model],
        start_time_us=[(moment - _EPOCH) // timedelta(microseconds=1)],
        service_tier=[tier],
        usage={unit: [count] for unit, count in (counts or {"input_tokens": 0}).items()},
        usage_status=[UsageStatus.REPORTED],
        usage_flags=[tuple(flag or ())],
        billing_mode=[billing_mode],
        provider_account=[account],
        region=[region],
        deployment=[deployment],
    )
    title = f"{model} at {moment.isoformat().replace('+00:00', 'Z')}"
    print_explained(explain(calls, book=book), title=title, with_steps=bool(counts), output_format=output_format)
    _warn_of_age(book)


def list_(data_dir: DataDir = None, output_format: Format = OutputFormat.TABLE) -> None:
    """List the public data and every version of own prices, oldest first, and what is in force.

    Example: spanledger prices list --format json
    """
    versions = _versions(data_dir)
    book = _book(data_dir)
    in_force = {version.number for version in versions.in_force(OWN)}
    rows: list[dict[str, Any]] = [
        {
            "kind": "public", "name": book.snapshot, "version": None, "in_force": True, "recorded_time": None,
            "says": f"{sum(len(one.models) for one in book.providers):,} models; {_age(book)}",
        }
    ]  # fmt: skip
    for version in versions.all():
        content = versions.read(version)
        says = content.details.get("accepted") if version.kind == DATA else _summary(content.text, version.name)
        rows.append({
            "kind": version.kind, "name": version.name, "version": version.short,
            "in_force": version.number in in_force if version.kind == OWN else None,
            "recorded_time": datetime.fromisoformat(content.recorded_time).replace(microsecond=0), "says": says,
        })  # fmt: skip
    columns = ("kind", "name", "version", "in_force", "recorded_time", "says")
    print_rows(rows, columns=columns, output_format=output_format)
    _warn_of_age(book)


def check(files: Files, data_dir: DataDir = None, output_format: Format = OutputFormat.TABLE) -> None:
    """Check files of own prices, also against those in force; exit code 1 if anything is wrong.

    Example: spanledger prices check negotiated.toml
    """
    given = _texts(files)
    checked = check_beside(_versions(data_dir), given)
    if checked.problems or output_format != OutputFormat.TABLE:
        print_problems(checked.problems, output_format=output_format)
    else:
        for one in given:
            Console().print(f"{one.file}: {_summary(one.text, one.file)}; nothing is wrong", highlight=False)
    if checked.problems:
        raise typer.Exit(1)


def add(files: Files, data_dir: DataDir = None) -> None:
    """Add files of own prices: a new version of each, in force from the next commit on. An empty file withdraws.

    Example: spanledger prices add negotiated.toml
    """
    given = _texts(files)
    added = add_own(_versions(data_dir), given)
    console = Console(highlight=False)
    for version in added:
        console.print(f"added {version.name} as version {version.short}")
    for name in sorted({one.file for one in given} - {version.name for version in added}):
        console.print(f"{name} is in force already, as it is")
    if added:
        console.print("calls from now on are priced by it; `spanledger reprice` moves those that the ledger has")


def _versions(data_dir: Path | None) -> Versions:
    return price_versions(load_settings(data_dir=data_dir).billing().data)


def _book(data_dir: Path | None) -> PriceBook:
    settings = load_settings(data_dir=data_dir)
    return load_book(settings.billing().data, authority=settings.authority())


def _texts(files: list[Path]) -> list[FileText]:
    names = [path.name for path in files]
    if twice := {name for name in names if names.count(name) > 1}:
        raise typer.BadParameter(f"{', '.join(sorted(twice))} is given twice; files are kept by their names")
    return [FileText(path.name, read_text(path)) for path in files]


def _summary(text: str, file: str) -> str:
    read = read_price_file(text, file=file)
    parts = ((len(read.prices), "price"), (len(read.deployments), "deployment"))
    said = [f"{count} {word}{'' if count == 1 else 's'}" for count, word in parts if count]
    return ", ".join(said) or "no entries"


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        moment = datetime.fromisoformat(text)
        # Near the ends of the calendar, an offset leads out of it.
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(f"--at is {text!r}; expected 2026-10-01 or 2026-10-01T12:00:00Z") from None


def _counts(usage: list[str]) -> dict[str, int]:
    known = {*map(ledger_name, registry().units), *OWN_UNITS}
    counts: dict[str, int] = {}
    for pair in usage:
        unit, _, count = pair.partition("=")
        if unit not in known or not re.fullmatch(r"[0-9][0-9_]{0,29}", count):
            raise typer.BadParameter(f"--usage {pair!r}: expected unit=count, such as input_tokens=1200")
        if unit in counts:
            raise typer.BadParameter(f"--usage {pair!r}: {unit} is given twice")
        counts[unit] = int(count.replace("_", ""))
    return counts


def _age(book: PriceBook) -> str:
    days = age_days(book)
    return "no dated price in it" if days is None else f"its newest price began {days} days ago"


def _warn_of_age(book: PriceBook) -> None:
    days = age_days(book)
    if days is None or days > STALE_AFTER_DAYS:
        Console(stderr=True).print(
            f"[yellow]the price data is old[/yellow] ({_age(book)}): newer models are unknown, changed prices wrong; "
            "upgrade genai-prices, or `spanledger prices update`"
        )
