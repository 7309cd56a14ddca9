"""`demo`: the first thing to run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spanledger.demo.show import show


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(rich_help_panel="Programs")(demo)


def demo(
    folder: Annotated[Path | None, typer.Option(help="An empty directory; by default a new scratch one.")] = None,
    keep_running: Annotated[bool, typer.Option("--keep-running", help="Leave everything up until Ctrl-C.")] = False,  # noqa: FBT002
) -> None:
    """Send recorded real calls through the whole thing, and show costs, audit and an invoice.

    Example: spanledger demo --keep-running
    """
    show(folder=folder, keep_running=keep_running)
