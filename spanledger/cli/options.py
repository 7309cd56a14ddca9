"""Options that several commands share, spelled once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spanledger.printing.rows import OutputFormat

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="The data directory (setting data_dir, default ./spanledger-data).")
]
Format = Annotated[OutputFormat, typer.Option("--format", help="table for people, json or csv for programs.")]
From = Annotated[
    str | None, typer.Option("--from", help="First moment: 2026-10, 2026-10-01 or RFC 3339. Default: the beginning.")
]
To = Annotated[str | None, typer.Option("--to", help="First moment after: same forms. Default: the end.")]
OtlpListen = Annotated[str | None, typer.Option("--otlp-listen", help="host:port for OTLP/gRPC.")]
HttpListen = Annotated[str | None, typer.Option("--http-listen", help="host:port for REST and pages.")]
