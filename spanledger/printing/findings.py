"""Findings about a Collector's configuration on a terminal: a block each, readable at 80 columns; rows for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from textwrap import wrap
from typing import Any, Final

from rich.console import Console
from rich.markup import escape

from spanledger.collector_check import Finding, Report, Severity
from spanledger.printing.rows import OutputFormat, print_rows

_COLUMNS: Final = ("severity", "finding", "file", "line", "setting", "why", "fix")
_COLOURS: Final = {Severity.LOSES: "red", Severity.MAY_LOSE: "yellow", Severity.NOTE: "cyan"}


def print_report(report: Report, *, output_format: OutputFormat) -> None:
    """Print what was found."""
    if output_format != OutputFormat.TABLE:
        print_rows([_row(one) for one in report.findings], columns=_COLUMNS, output_format=output_format)
        return
    console = Console(highlight=False)
    if report.exporters:
        console.print(f"to spanledger: {escape(', '.join(report.exporters))}")
    first_with: dict[str, int] = {}
    for number, finding in enumerate(report.findings, 1):
        console.print()
        _print_block(console, number, finding, same_as=first_with.get(finding.fix))
        first_with.setdefault(finding.fix, number)
    console.print()
    console.print(_summary(report.findings))


def _print_block(console: Console, number: int, finding: Finding, *, same_as: int | None) -> None:
    colour = _COLOURS[finding.severity]
    where = f"{finding.place.file}:{finding.place.line}" if finding.place else ""
    console.print(
        f"[bold]{number}[/bold] [{colour}]{finding.severity}[/{colour}]  {finding.rule}  [dim]{escape(where)}"
    )
    # Not wrapped: a path is copied, and a break within it would be copied too.
    console.print(f"  {escape(finding.setting)}", soft_wrap=True)
    for line in wrap(finding.why, console.width - 2, break_long_words=False, break_on_hyphens=False):
        console.print(f"  {escape(line)}", soft_wrap=True)
    if not finding.fix:
        return
    if same_as is not None:
        console.print(f"  fix: the same as of {same_as}")
        return
    console.print("  fix:")
    for line in finding.fix.splitlines():
        console.print(f"    [green]{escape(line)}[/green]", soft_wrap=True)


def _summary(findings: Sequence[Finding]) -> str:
    if not findings:
        return "[green]nothing found by which cost data can be lost[/green]"
    counts = Counter(one.severity for one in findings)
    said = ", ".join(f"{counts[severity]} {severity}" for severity in Severity if counts[severity])
    if counts[Severity.LOSES]:
        return f"[red]cost data is lost with this configuration[/red]: {said}"
    return f"[green]nothing here loses cost data for sure[/green]: {said}"


def _row(finding: Finding) -> dict[str, Any]:
    return {
        "severity": finding.severity.value,
        "finding": finding.rule,
        "file": finding.place.file if finding.place else None,
        "line": finding.place.line if finding.place else None,
        "setting": finding.setting,
        "why": finding.why,
        "fix": finding.fix or None,
    }
