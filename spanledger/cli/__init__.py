"""The command `spanledger`. Each module here is one group of commands; none decides anything about spans or money.

Exit codes: 0 done, 1 failed, 2 wrong use (a command line, setting or query that cannot be meant).
"""

from __future__ import annotations

import sys
from typing import Final

import typer

from ledger.errors import SpanledgerError
from receiver.errors import AddressError
from spanledger.cli import demo, invoices, programs, queries
from spanledger.settings import SettingsError

FAILED: Final = 1
WRONG_USE: Final = 2

app = typer.Typer(
    name="spanledger",
    help="Know, and bill, what your LLM calls cost.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog="First time? `spanledger demo` sends recorded calls through the whole thing and shows what they cost.",
)
programs.add_to(app)
queries.add_to(app)
invoices.add_to(app)
demo.add_to(app)


def main() -> None:
    """Run the command; turn our errors into one line on stderr and an exit code."""
    try:
        app()
    except (SettingsError, AddressError) as wrong:
        _fail(wrong, WRONG_USE)
    except SpanledgerError as failed:
        _fail(failed, FAILED)
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        sys.stderr.close()
        sys.exit(FAILED)


def _fail(error: SpanledgerError, code: int) -> None:
    typer.echo(f"spanledger: {error.message}", err=True)
    if error.hint:
        typer.echo(f"  {error.hint}", err=True)
    sys.exit(code)
