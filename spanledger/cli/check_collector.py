"""`check-collector`: whether a Collector's configuration can lose cost data on its way here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from spanledger.cli.options import Format
from spanledger.collector_check import Source, UnreadableConfigError, check
from spanledger.printing.findings import print_report
from spanledger.printing.rows import OutputFormat

_LOSES: Final = 1
_INLINE: Final = "yaml:"


def add_to(application: typer.Typer) -> None:
    """Add the command."""
    application.command("check-collector", rich_help_panel="Operating")(check_collector)


def check_collector(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE…", help="Configurations, in the order of the Collector's --config; `yaml:` too."),
    ],
    exporter: Annotated[
        list[str] | None, typer.Option("--exporter", help="An exporter that sends here. Default: recognised.")
    ] = None,
    customer_key: Annotated[
        list[str] | None, typer.Option("--customer-key", help="An attribute that says who pays, beside the usual ones.")
    ] = None,
    output_format: Format = OutputFormat.TABLE,
) -> None:
    """Name every setting of a Collector by which cost data can be lost, with the corrected YAML.

    Variables are taken from this environment, or from their defaults. Exits with 1 if anything loses, 2 for files
    that cannot be read.

    Example: spanledger check-collector collector.yaml cost-only.yaml
    """
    try:
        report = check(
            [_source(name) for name in files],
            exporters=exporter or (),
            customer_keys=customer_key or (),
            environment=os.environ,
        )
    except UnreadableConfigError as unreadable:
        raise typer.BadParameter(unreadable.message) from unreadable
    print_report(report, output_format=output_format)
    if report.loses:
        raise typer.Exit(_LOSES)


def _source(name: str) -> Source:
    if name.startswith(_INLINE):
        return Source(name, name.removeprefix(_INLINE))
    try:
        return Source(name, Path(name).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as failed:
        raise UnreadableConfigError(f"{name} cannot be read: {failed}.") from failed
