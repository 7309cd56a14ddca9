"""The command `spanledger`. Each module here is a command or a group of them; none decides about spans or money.

A command's module is imported when that command is called: the receiver starts no DuckDB, a question starts no gRPC,
and the list of commands imports none.
Exit codes: 0 done, 1 failed, 2 wrong use (a command line, setting or address that cannot be meant).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

import typer

from ledger.errors import AddressError, SpanledgerError, WrongUseError
from spanledger.cli.listed import COMMANDS, PANELS
from spanledger.settings import SettingsError

FAILED: Final = 1
WRONG_USE: Final = 2
_COMPLETION_VARIABLE: Final = "_SPANLEDGER_COMPLETE"


def main() -> None:
    """Run the command; turn our errors into one line on stderr and an exit code."""
    try:
        _application(sys.argv[1:2])()
    except (SettingsError, AddressError, WrongUseError) as wrong:
        _fail(wrong, WRONG_USE)
    except SpanledgerError as failed:
        _fail(failed, FAILED)
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        sys.stderr.close()
        sys.exit(FAILED)


def _application(called: Sequence[str]) -> typer.Typer:
    """Return the application with the command that is called, or with the list of all for `--help`."""
    application = typer.Typer(
        name="spanledger",
        help="Know, and bill, what your LLM calls cost.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        epilog="First time? `spanledger demo` sends recorded calls through the whole thing and shows what they cost.",
    )
    # With a single command typer would take it for the whole program; a callback makes it a group.
    application.callback()(_group)
    wanted = [COMMANDS[name] for name in called if name in COMMANDS]
    if _COMPLETION_VARIABLE in os.environ:
        wanted = [*COMMANDS.values()]
    for module in dict.fromkeys(command.module for command in wanted):
        import_module(f"spanledger.cli.{module}").add_to(application)
    if not wanted:
        for panel, commands in PANELS.items():
            for name, command in commands.items():
                application.command(name, help=command.summary, rich_help_panel=panel)(_group)
    return application


def _group() -> None:
    pass


def _fail(error: SpanledgerError, code: int) -> None:
    typer.echo(f"spanledger: {error.message}", err=True)
    if error.hint:
        typer.echo(f"  {error.hint}", err=True)
    sys.exit(code)
