"""spanledger, the front door: the command, `connect()`, starting the programs, the demo.

Owns: settings, the command line, the supervisor behind `spanledger up`, the demo. It decides nothing about spans,
prices or invoices; it hands those who do what they need.
"""

from __future__ import annotations

from typing import Any

__all__ = ["connect"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Give `spanledger.connect` when it is asked for: the programs must not start DuckDB to be imported."""
    if name == "connect":
        from spanledger.connection import connect  # noqa: PLC0415 - the reason stands above

        return connect
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
