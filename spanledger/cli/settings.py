"""`settings`: every setting, its value here, and why its default is what it is."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.table import Table

from spanledger.cli.options import DataDir
from spanledger.settings import Settings, load_settings


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(rich_help_panel="Programs")(settings)


def settings(data_dir: DataDir = None) -> None:
    """Show every setting, its value here and the reason for its default.

    Example: SPANLEDGER_TRACE_BACKEND=127.0.0.1:4327 spanledger settings
    """
    chosen = load_settings(data_dir=data_dir)
    table = Table(header_style="bold")
    for column in ("setting", "value", "what and why"):
        table.add_column(column, overflow="fold")
    for name, field in Settings.model_fields.items():
        table.add_row(name, _shown(getattr(chosen, name)), field.description)
    Console().print(table)


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{name}:{one}" for name, one in value.items()) or "(none)"
    return "(none)" if value is None else str(value)
