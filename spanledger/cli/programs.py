"""`up`, `receive`, `seal`, `serve`, `settings`: the programs and how they are told what to do."""

from __future__ import annotations

import os
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from billing.api import serve as serve_billing
from receiver.process import run_receiver
from receiver.sealer.process import run_sealer
from receiver.stopping import stop_on_signals
from spanledger.cli.options import DataDir
from spanledger.logs import configure_logs
from spanledger.settings import ENVIRONMENT_PREFIX, Settings, load_settings
from spanledger.supervisor import Part, Supervisor, stop_with_supervisor

OtlpListen = Annotated[str | None, typer.Option("--otlp-listen", help="host:port for OTLP/gRPC.")]
HttpListen = Annotated[str | None, typer.Option("--http-listen", help="host:port for REST and pages.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(rich_help_panel="Programs")(up)
    app.command(rich_help_panel="Programs")(receive)
    app.command(rich_help_panel="Programs")(seal)
    app.command(rich_help_panel="Programs")(serve)
    app.command(rich_help_panel="Programs")(settings)


def up(data_dir: DataDir = None, otlp_listen: OtlpListen = None, http_listen: HttpListen = None) -> None:
    """Run receiver, sealer and billing on this machine until Ctrl-C or SIGTERM.

    Example: spanledger up --data-dir /var/lib/spanledger
    """
    chosen = load_settings(data_dir=data_dir, otlp_listen=otlp_listen, http_listen=http_listen)
    configure_logs(chosen.log_format)
    environment = {**os.environ, **_as_variables(chosen, ("data_dir", "otlp_listen", "http_listen"))}
    environment[f"{ENVIRONMENT_PREFIX}DATA_DIR"] = str(chosen.data_dir.expanduser().absolute())
    console = Console(stderr=True)
    console.print("[bold]spanledger[/bold] is starting")
    console.print(f"  OTLP/gRPC  {chosen.otlp_listen}   ← point a Collector's exporter here")
    console.print(f"  REST       http://{chosen.http_listen}   (/docs explains it)")
    console.print(f"  ledger     {chosen.data_dir.expanduser().absolute() / 'ledger'}")
    parts = [Part("receiver", ["receive"]), Part("sealer", ["seal"]), Part("billing", ["serve"])]
    raise typer.Exit(Supervisor(parts, environment=environment).run(stop_on_signals()))


def receive(data_dir: DataDir = None, otlp_listen: OtlpListen = None) -> None:
    """Receive OTLP and acknowledge what is durable. One part of `up`.

    Example: spanledger receive --otlp-listen 0.0.0.0:4317
    """
    chosen = load_settings(data_dir=data_dir, otlp_listen=otlp_listen)
    configure_logs(chosen.log_format)
    stop_with_supervisor()
    run_receiver(chosen.receiver())


def seal(data_dir: DataDir = None) -> None:
    """Write what was received to the ledger, about once a second. One part of `up`.

    Example: spanledger seal --data-dir /var/lib/spanledger
    """
    chosen = load_settings(data_dir=data_dir)
    configure_logs(chosen.log_format)
    stop_with_supervisor()
    run_sealer(chosen.sealer())


def serve(data_dir: DataDir = None, http_listen: HttpListen = None) -> None:
    """Serve costs and invoices over REST. One part of `up`.

    Example: spanledger serve --http-listen 127.0.0.1:8321
    """
    chosen = load_settings(data_dir=data_dir, http_listen=http_listen)
    configure_logs(chosen.log_format)
    stop_with_supervisor()
    serve_billing(chosen.billing())


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


def _as_variables(chosen: Settings, names: tuple[str, ...]) -> dict[str, str]:
    return {f"{ENVIRONMENT_PREFIX}{name.upper()}": str(getattr(chosen, name)) for name in names}


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(one) for one in value)
    return "(none)" if value is None else str(value)
