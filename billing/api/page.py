"""The start page: what calls cost, at a glance. Rendered here, without a script; everything from outside is escaped."""

from __future__ import annotations

from html import escape
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from billing.api.state import Shared, State
from ledger.errors import LedgerMissingError

router = APIRouter(include_in_schema=False)
_ROWS_MAX: Final = 200

_STYLE: Final = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2.5rem auto; max-width: 62rem; padding: 0 1.5rem; }
h1 { font-size: 1.4rem; margin: 0 0 .2rem } h2 { font-size: 1.05rem; margin: 2.2rem 0 .6rem }
p.lead, footer { opacity: .75 } p.lead { margin-top: 0 }
table { border-collapse: collapse; width: 100% } td, th { padding: .35rem .7rem; border-bottom: 1px solid var(--line) }
th { text-align: left; font-weight: 600 } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
td.n { white-space: nowrap }
.ok { color: #1a7f37 } .bad { color: #c62828; font-weight: 600 } code { font-size: .92em }
footer { margin-top: 2.5rem; font-size: .9rem }
"""


@router.get("/", response_class=HTMLResponse)
def start(state: Shared) -> HTMLResponse:
    """Show costs by customer and model, and the audit line."""
    try:
        body = _ledger(state)
    except LedgerMissingError as missing:
        body = f"<p>Nothing is sealed yet. {escape(missing.hint)}</p>"
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>spanledger</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>spanledger</h1>{body}"
        '<footer><a href="/docs">REST API</a> · <a href="/v1/audit">audit</a> · '
        '<a href="/v1/costs?by=customer,model">costs as JSON</a></footer></body></html>'
    )


def _ledger(state: State) -> str:
    rows = state.warehouse.costs(by=["customer", "provider", "model"], limit=_ROWS_MAX)
    audit = state.warehouse.audit()
    totals = state.warehouse.costs()
    calls = sum(row["calls"] for row in totals)
    known = [f"{row['cost']:,.6f} {escape(row['currency'] or '')}" for row in totals if row["cost"] is not None]
    more = f" The dearest {_ROWS_MAX} are shown." if len(rows) == _ROWS_MAX else ""
    columns = [
        ("customer", False),
        ("provider", False),
        ("model", False),
        ("calls", True),
        ("unpriced_calls", True),
        ("input_tokens", True),
        ("output_tokens", True),
        ("cost", True),
    ]
    head = "".join(f'<th class="{"n" if number else ""}">{name.replace("_", " ")}</th>' for name, number in columns)
    body = "".join(
        "<tr>"
        + "".join(f'<td class="{"n" if number else ""}">{_shown(name, row)}</td>' for name, number in columns)
        + "</tr>"
        for row in rows
    )
    return (
        f'<p class="lead">{calls:,} calls, {" + ".join(known) or "no cost"} known, commit {audit["commit"]}.{more}</p>'
        f"<h2>Costs by customer and model</h2><table><tr>{head}</tr>{body}</table>{_audit(audit)}"
    )


def _audit(audit: dict[str, Any]) -> str:
    classes = ("usage", "duplicate", "nested", "aggregate", "quarantined", "not_genai")
    parts = " + ".join(f"{audit[name]:,} {name.replace('_', ' ')}" for name in classes)
    good = audit["adds_up"] and audit["ledger_agrees"]
    verdict = '<span class="ok">adds up</span>' if good else '<span class="bad">does not add up</span>'
    text = f"<h2>Audit</h2><p>{audit['received']:,} spans received = {parts} — {verdict}</p>"
    if not audit["unexplained"]:
        return text
    tokens = audit["unexplained_input_tokens"] + audit["unexplained_output_tokens"]
    return (
        f"{text}<p>Possible unbilled spend: {audit['unexplained']:,} agents or workflows below which no call is known, "
        f'{tokens:,} tokens (<a href="/v1/audit/unexplained">list</a>)</p>'
    )


def _shown(name: str, row: dict[str, Any]) -> str:
    value = row[name]
    if value is None:
        return "unattributed" if name == "customer" else "not known"
    if name == "cost":
        return f"{value:,.6f} {escape(row['currency'] or '')}"
    return f"{value:,}" if isinstance(value, int) else escape(str(value))
