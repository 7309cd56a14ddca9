"""`receive`: the receiver alone."""

from __future__ import annotations

import typer

from receiver.process import run_receiver
from spanledger.cli.options import DataDir, OtlpListen
from spanledger.logs import configure_logs
from spanledger.settings import load_settings
from spanledger.supervisor import stop_with_supervisor


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(rich_help_panel="Programs")(receive)


def receive(data_dir: DataDir = None, otlp_listen: OtlpListen = None) -> None:
    """Receive OTLP and acknowledge what is durable. One part of `up`.

    Example: spanledger receive --otlp-listen 0.0.0.0:4317
    """
    chosen = load_settings(data_dir=data_dir, otlp_listen=otlp_listen)
    configure_logs(chosen.log_format)
    stop_with_supervisor()
    run_receiver(chosen.receiver())
