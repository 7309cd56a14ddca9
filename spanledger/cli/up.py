"""`up`: receiver, sealer and billing together."""

from __future__ import annotations

import os

import typer
from rich.console import Console

from receiver.stopping import stop_on_signals
from spanledger.cli.options import DataDir, HttpListen, OtlpListen
from spanledger.logs import configure_logs
from spanledger.settings import ENVIRONMENT_PREFIX, Settings, load_settings
from spanledger.supervisor import Part, Supervisor


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(rich_help_panel="Programs")(up)


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


def _as_variables(chosen: Settings, names: tuple[str, ...]) -> dict[str, str]:
    return {f"{ENVIRONMENT_PREFIX}{name.upper()}": str(getattr(chosen, name)) for name in names}
