"""Reading: the text of a price file into entries, and everything that is wrong with it, at once.

TOML has tables `[[prices]]` and `[[deployments]]`; a CSV file has prices, one unit a line. docs/pricing.md shows both.
Numbers are read exactly: `2.40` is a decimal, never a float. Times without a zone, and days, are UTC.

    prices       name, provider, model, account, region, deployment, service_tier, billing_mode, from, to,
                 rates (unit → price), per, discount_percent
    deployments  name, provider, model, account, region, deployment | arn | endpoint, from, to,
                 is (seller, model, region, billing_mode, cache_write_ttl)

Must not: open a file, or decide between entries.
"""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from pricing.own.entries import Deployment, OwnPrice
from pricing.own.fields import Fields, Problem

_PRICE_TABLE: Final = "prices"
_DEPLOYMENT_TABLE: Final = "deployments"
_TABLES: Final = (_PRICE_TABLE, _DEPLOYMENT_TABLE)
_CSV_COLUMNS: Final = (
    "name", "provider", "model", "account", "region", "deployment", "service_tier", "billing_mode", "from", "to",
    "unit", "price", "per", "discount_percent",
)  # fmt: skip


@dataclass(slots=True)
class PriceFile:
    """What one file says."""

    prices: list[OwnPrice] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    """In the file's order; entries with a problem are left out."""


def read_price_file(text: str, *, file: str, version: str = "") -> PriceFile:
    """Read a file by its name's ending: `.csv`, else TOML."""
    return _read_csv(text, file, version) if file.lower().endswith(".csv") else _read_toml(text, file, version)


def _read_toml(text: str, file: str, version: str) -> PriceFile:
    found = PriceFile()
    try:
        document = tomllib.loads(text.removeprefix("\ufeff"), parse_float=Decimal)
    except (ValueError, RecursionError) as wrong:  # also of numbers and nestings beyond what Python reads
        found.problems.append(
            Problem(file, f"it is not TOML: {wrong}", "mend the syntax; a CSV file's name ends in .csv")
        )
        return found
    for key in document.keys() - set(_TABLES):
        found.problems.append(Problem(file, f"unknown table {key!r}", "known: [[prices]] and [[deployments]]"))
    for table in _TABLES:
        entries = document.get(table, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            found.problems.append(
                Problem(file, f"{table} is not a list of tables", f"begin each entry with [[{table}]]")
            )
            continue
        lines = _header_lines(text, table, len(entries))
        for number, (entry, line) in enumerate(zip(entries, lines, strict=True), start=1):
            fields = Fields(entry, file=file, version=version, line=line, default_name=f"{table}[{number}]")
            _add(found, table, fields)
    return found


def _read_csv(text: str, file: str, version: str) -> PriceFile:
    found = PriceFile()
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as wrong:
        found.problems.append(Problem(f"{file}, line {reader.line_num}", f"it is not CSV: {wrong}", "mend the quotes"))
        return found
    if not rows:
        return found
    header = [cell.strip().removeprefix("\ufeff") for cell in rows[0][1]]
    if unknown := [name for name in header if name not in _CSV_COLUMNS]:
        found.problems.append(
            Problem(
                f"{file}, line {rows[0][0]}",
                f"unknown columns: {', '.join(unknown)}",
                f"known: {', '.join(_CSV_COLUMNS)}",
            )
        )
        return found
    if twice := sorted({name for name in header if header.count(name) > 1}):
        told = f"columns that stand twice: {', '.join(twice)}"
        found.problems.append(Problem(f"{file}, line {rows[0][0]}", told, "keep one of each"))
        return found
    for line, row in rows[1:]:
        if len(row) != len(header):
            told = f"{len(row)} cells under {len(header)} columns"
            found.problems.append(Problem(f"{file}, line {line}", told, "give each column a cell, empty or not"))
            continue
        _add(found, _PRICE_TABLE, _csv_fields(dict(zip(header, row, strict=True)), file, version, line))
    return found


def _csv_fields(cells: Mapping[str, str], file: str, version: str, line: int) -> Fields:
    """One line is an entry with one rate or one discount."""
    entry: dict[str, Any] = {name: cell.strip() for name, cell in cells.items() if cell.strip()}
    fields = Fields(entry, file=file, version=version, line=line, default_name=f"line {line}")
    unit, rate = entry.pop("unit", None), entry.pop("price", None)
    if (unit is None) != (rate is None):
        fields.wrong("unit and price go together", "name both, or neither and a discount_percent")
    elif unit is not None:
        entry["rates"] = {unit: rate}
    return fields


def _add(found: PriceFile, table: str, fields: Fields) -> None:
    entry: OwnPrice | Deployment = fields.price() if table == _PRICE_TABLE else fields.deployment()
    found.problems += fields.problems
    if fields.problems:
        return
    if isinstance(entry, OwnPrice):
        found.prices.append(entry)
    else:
        found.deployments.append(entry)


def _header_lines(text: str, table: str, count: int) -> Sequence[int | None]:
    """Return where each `[[table]]` begins; None if the text does not show it (entries written in one line)."""
    header = re.compile(rf"\s*\[\[\s*{table}\s*\]\]")
    lines = [number for number, line in enumerate(text.splitlines(), start=1) if header.match(line)]
    return lines if len(lines) == count else [None] * count
