"""Rows on a terminal or in a pipe: table, JSON or CSV. Knows nothing of what the rows mean."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table


class OutputFormat(StrEnum):
    """How a command prints its rows."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


Row = Mapping[str, Any]
# Borders and padding of a cell; what a column of text needs to be read at all.
_CELL_FRAME_CHARS: Final = 3
_TEXT_CHARS_MIN: Final = 12


def print_rows(rows: Sequence[Row], *, columns: Sequence[str], output_format: OutputFormat, title: str = "") -> None:
    """Print rows; numbers stand right in a table, money and times are strings in JSON."""
    if output_format == OutputFormat.JSON:
        json.dump([{name: json_value(row[name]) for name in columns} for row in rows], sys.stdout, indent=2)
        sys.stdout.write("\n")
    elif output_format == OutputFormat.CSV:
        writer = csv.writer(sys.stdout)
        writer.writerow(columns)
        writer.writerows([[_plain(row[name]) for name in columns] for row in rows])
    else:
        _print_for_people(rows, columns, title, Console())


def json_value(value: Any) -> Any:
    """Return the value as JSON keeps it exactly."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(key): json_value(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(one) for one in value]
    return value


def _print_for_people(rows: Sequence[Row], columns: Sequence[str], title: str, console: Console) -> None:
    """Print a table where it fits; where columns would be squeezed to a few letters, a block per row."""
    if not rows:
        console.print(f"{title}: none" if title else "none")
        return
    needed = sum(_width(rows, name) + _CELL_FRAME_CHARS for name in columns)
    if needed <= console.width:
        console.print(_table(rows, columns, title))
        return
    if title:
        console.print(title, style="italic")
    label = max(len(name) for name in columns)
    for row in rows:
        for place, name in enumerate(name for name in columns if row[name] is not None):
            style = "bold" if place == 0 else ""
            console.print(
                f"[dim]{name:<{label}}[/dim]  [{style or 'default'}]{escape(_shown(row[name]))}", highlight=False
            )
        console.print()


def _width(rows: Sequence[Row], name: str) -> int:
    """Return how wide a column has to be to be read: its widest word, and no text narrower than a few words."""
    cells = [name, *(_shown(row[name]) for row in rows)]
    words = max(len(word) for cell in cells for word in cell.replace("-", "- ").replace("_", "_ ").split() or [""])
    return max(words, min(max(len(cell) for cell in cells), _TEXT_CHARS_MIN))


def _table(rows: Sequence[Row], columns: Sequence[str], title: str) -> Table:
    table = Table(title=title or None, title_justify="left", header_style="bold", row_styles=["", "dim"])
    for name in columns:
        is_number = any(isinstance(row[name], int | Decimal) and not isinstance(row[name], bool) for row in rows)
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        # What a span says may look like markup.
        table.add_row(*(escape(_shown(row[name])) for name in columns))
    return table


def _shown(value: Any) -> str:
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}" if value else "0"
    return str(json_value(value))


def _plain(value: Any) -> Any:
    shown = json_value(value)
    return json.dumps(shown) if isinstance(shown, dict | list) else shown
