"""`seal`: the sealer alone."""

from __future__ import annotations

import typer

from receiver.sealer.process import run_sealer
from spanledger.cli.options import DataDir
from spanledger.logs import configure_logs
from spanledger.settings import load_settings
from spanledger.supervisor import stop_with_supervisor


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(rich_help_panel="Programs")(seal)


def seal(data_dir: DataDir = None) -> None:
    """Write what was received to the ledger, about once a second. One part of `up`.

    Example: spanledger seal --data-dir /var/lib/spanledger
    """
    chosen = load_settings(data_dir=data_dir)
    configure_logs(chosen.log_format)
    stop_with_supervisor()
    run_sealer(chosen.sealer())
