"""Prices on a terminal: rates, the multiplications of one call, what is in force, what is wrong with a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.console import Console
from rich.markup import escape

from ledger.money import from_picos
from pricing.explain import Explained
from pricing.own.fields import Problem
from spanledger.printing.rows import OutputFormat, print_rows

_MONEY: Final = ("cost", "list_cost", "cost_low", "cost_high")
_SAID: Final = ("price_status", "price_model", "price_version", "list_price_version", "price_reason")
_RATE_COLUMNS: Final = ("case", "unit", "above_input_tokens", "per", "list_rate", "rate")
_STEP_COLUMNS: Final = ("case", "price", "unit", "count", "rate", "per", "amount")


def print_explained(explained: Explained, *, title: str, with_steps: bool, output_format: OutputFormat) -> None:
    """Print which price holds and why, and the arithmetic of a call if one was given."""
    lines: list[dict[str, Any]] = [asdict(line) for line in (explained.steps if with_steps else explained.rates)]
    columns = _STEP_COLUMNS if with_steps else _RATE_COLUMNS
    money = {name: None if (picos := explained.money[name]) is None else from_picos(picos) for name in _MONEY}
    said = {name: explained.money[name] for name in _SAID}
    if output_format != OutputFormat.TABLE:
        whole = {**said, **(money if with_steps else {})}
        rows = [{**line, **whole} for line in lines] or [{**dict.fromkeys(columns), **whole}]
        print_rows(rows, columns=[*columns, *whole], output_format=output_format)
        return
    console = Console()
    console.print(f"[bold]{escape(title)}[/bold]")
    for name, value in said.items():
        if value is not None:
            console.print(f"  {name:<18} [default]{escape(str(value))}[/default]", highlight=False)
    if lines:
        # What is empty in every line tells nothing.
        shown = [name for name in columns if any(line[name] not in {None, ""} for line in lines)]
        print_rows(lines, columns=shown, output_format=output_format)
    if with_steps:
        for name, amount in money.items():
            if amount is not None:
                console.print(f"  {name:<18} {amount:f} USD", highlight=False)


def print_problems(problems: Sequence[Problem], *, output_format: OutputFormat) -> None:
    """Print what is wrong with price files; a line each for people, rows for programs."""
    if output_format == OutputFormat.TABLE:
        for problem in problems:
            Console(stderr=True, soft_wrap=True).print(escape(str(problem)), highlight=False)
        return
    print_rows(
        [asdict(problem) for problem in problems], columns=("where", "what", "todo"), output_format=output_format
    )
