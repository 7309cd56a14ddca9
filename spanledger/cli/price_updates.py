"""`prices update`: newer public prices, taken after it has been said what they change."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final

import typer
from genai_prices.update_prices import DEFAULT_UPDATE_URL
from rich.console import Console

from billing.warehouse.sandbox import run_sql
from ledger.errors import LedgerMissingError
from receiver.price_changes import PriceUpdateError, Update, compare_data, take_data, take_package_data
from receiver.prices import PACKAGE, load_book, price_versions
from spanledger.cli.options import DataDir
from spanledger.settings import Settings, load_settings

_DOWNLOAD_S_MAX: Final = 30
_DOWNLOAD_BYTES_MAX: Final = 64 * 2**20
_NAMED_MAX: Final = 8


def update(
    origin: Annotated[
        str | None,
        typer.Option(
            "--from", help="A file of genai-prices' data, or `package`: the installed one. Default: download."
        ),
    ] = None,
    yes: Annotated[  # noqa: FBT002 - an option is a flag
        bool, typer.Option("--yes", help="Take changed prices of known models too, without asking.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Take newer public prices: new models at once, changed prices of known ones after a yes.

    Without --from it downloads genai-prices' published data; nothing else here ever uses the network.

    Example: spanledger prices update --from data.json
    """
    settings = load_settings(data_dir=data_dir)
    data = settings.billing().data
    versions = price_versions(data)
    console = Console(highlight=False)
    if origin == PACKAGE:
        take_package_data(versions)
        console.print(f"in force again: {load_book(data).snapshot}, the installed package's data")
        return
    text = download() if origin is None else read_text(Path(origin))
    found = compare_data(load_book(data), text, origin=origin or DEFAULT_UPDATE_URL)
    _report(found, console)
    changed = found.difference.changed_models + found.difference.gone_models
    if not changed and not found.difference.new_models:
        console.print("nothing to take: these prices are in force already")
        return
    if changed:
        _report_moved(changed, settings, console)
    with_changes = bool(changed) and (yes or (sys.stdin.isatty() and typer.confirm("take the changed prices too?")))
    if not with_changes and not found.difference.new_models:
        console.print("nothing was taken; repeat with --yes to take the changed prices")
        return
    version = take_data(versions, found, with_changes=with_changes or not changed)
    what = (
        "all of it" if with_changes or not changed else "the new models only; repeat with --yes for the changed prices"
    )
    console.print(f"taken as version {version.short}: {what}")
    console.print("calls from now on are priced by it; `spanledger reprice` moves those that the ledger has")


def download(url: str = DEFAULT_UPDATE_URL) -> str:
    """Fetch the price library's published data.

    Raises:
        PriceUpdateError: it cannot be had.
    """
    try:
        with urllib.request.urlopen(url, timeout=_DOWNLOAD_S_MAX) as answer:  # noqa: S310 - a constant, or a test's
            data: bytes = answer.read(_DOWNLOAD_BYTES_MAX)
        return data.decode()
    except (OSError, urllib.error.URLError, UnicodeDecodeError) as failed:
        raise PriceUpdateError(
            f"the price data cannot be downloaded from {url}: {failed}.",
            hint="Without a network, fetch that file elsewhere and give it with --from.",
        ) from failed


def read_text(path: Path) -> str:
    """Read a file that a command line names.

    Raises:
        typer.BadParameter: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as unreadable:
        raise typer.BadParameter(f"{path} cannot be read: {unreadable}") from unreadable


def _report(found: Update, console: Console) -> None:
    for names, what in (
        (found.difference.new_models, "new"),
        (found.difference.changed_models, "known, with changed prices"),
        (found.difference.gone_models, "known, and no longer in it"),
        (found.left_out, "left out, as this program cannot price them (a newer one may)"),
    ):
        if names:
            more = f" … and {len(names) - _NAMED_MAX:,} more" if len(names) > _NAMED_MAX else ""
            count = f"{len(names):,} model{'' if len(names) == 1 else 's'}"
            console.print(f"{count} {what}: {', '.join(names[:_NAMED_MAX])}{more}")


def _report_moved(changed: tuple[str, ...], settings: Settings, console: Console) -> None:
    """Say what of the ledger is priced by what changes."""
    config = settings.billing()
    query = "SELECT price_model, count(*), sum(list_cost) FROM calls WHERE price_model IS NOT NULL GROUP BY ALL"
    try:
        rows = run_sql(
            query,
            data=config.data,
            rows_max=config.sql_rows_max,
            memory_bytes_max=config.sql_memory_bytes_max,
            time_s_max=config.sql_time_s_max,
        ).rows
    except LedgerMissingError:
        rows = ()
    moved = [row for row in rows if row[0] in set(changed)]
    calls, cost = sum(int(row[1]) for row in moved), sum((Decimal(row[2] or 0) for row in moved), Decimal(0))
    console.print(
        f"calls of them in the ledger: {calls:,}, for {cost:.6f} USD at list prices; "
        "they keep their price until a reprice, whose --dry-run shows what would move"
    )
