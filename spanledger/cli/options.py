"""Options that several commands share, spelled once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class OutputFormat(StrEnum):
    """How a command prints its rows."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="The data directory (setting data_dir, default ./spanledger-data).")
]
Format = Annotated[OutputFormat, typer.Option("--format", help="table for people, json or csv for programs.")]
From = Annotated[
    str | None, typer.Option("--from", help="First moment: 2026-10, 2026-10-01 or RFC 3339. Default: the beginning.")
]
To = Annotated[str | None, typer.Option("--to", help="First moment after: same forms. Default: the end.")]
