"""The audit as one line that can be checked by eye."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_CLASSES: Final = ("usage", "duplicate", "nested", "aggregate", "quarantined", "not_genai")


def audit_sentence(line: Mapping[str, Any]) -> str:
    """Return received = the sum of the classes, and whether that and the Parquet files agree."""
    parts = " + ".join(f"{line[name]:,} {name.replace('_', ' ')}" for name in _CLASSES)
    verdict = "[green]adds up[/green]" if line["adds_up"] else "[red]DOES NOT ADD UP[/red]"
    books = (
        f"{line['calls_in_ledger']:,} calls in the Parquet files"
        if line["ledger_agrees"]
        else f"[red]but {line['calls_in_ledger']:,} calls in the Parquet files[/red]"
    )
    text = f"{line['received']:,} spans received = {parts}  ·  {verdict}  ·  {books}  ·  commit {line['commit']}"
    if not line["unexplained"]:
        return text
    tokens = line["unexplained_input_tokens"] + line["unexplained_output_tokens"]
    return (
        f"{text}\n[yellow]possible unbilled spend:[/yellow] agents or workflows below which no call is known: "
        f"{line['unexplained']:,}, with {tokens:,} tokens (`spanledger audit --unexplained` lists them)"
    )
