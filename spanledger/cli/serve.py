"""`serve`: billing alone."""

from __future__ import annotations

import typer

from billing.api import serve as serve_billing
from spanledger.cli.options import DataDir, HttpListen
from spanledger.logs import configure_logs
from spanledger.settings import load_settings
from spanledger.supervisor import stop_with_supervisor


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(rich_help_panel="Programs")(serve)


def serve(data_dir: DataDir = None, http_listen: HttpListen = None) -> None:
    """Serve costs and invoices over REST. One part of `up`.

    Example: spanledger serve --http-listen 127.0.0.1:8321
    """
    chosen = load_settings(data_dir=data_dir, http_listen=http_listen)
    configure_logs(chosen.log_format)
    stop_with_supervisor()
    serve_billing(chosen.billing())
