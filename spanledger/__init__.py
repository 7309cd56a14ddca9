"""spanledger, the front door: the command, `connect()`, starting the programs, the demo.

Owns: settings, the command line, the supervisor behind `spanledger up`, the demo. It decides nothing about spans,
prices or invoices; it hands those who do what they need.
"""

from __future__ import annotations

from spanledger.connection import connect as connect

__all__ = ["connect"]
__version__ = "0.1.0"
