"""A trace explained on a terminal: a block per span, so that finance and engineering can settle an argument with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any, Final

from rich.console import Console
from rich.markup import escape

from pricing.explain import StepLine
from spanledger.explaining import ExplainedSpan, ExplainedTrace, Price

_COLOURS: Final = {"usage": "green", "quarantined": "red", "duplicate": "yellow"}
_CLASSES: Final = {
    "usage": "billed",
    "nested": "not billed: another span of the same call is",
    "duplicate": "not billed: this call was seen twice",
    "aggregate": "not billed: it only sums up, or surrounds, other calls",
    "quarantined": "not billed: its figures cannot be believed",
}
_REASONS = {
    "response_id": "the span that is billed carries the same response id",
    "equal_figures": "the span that is billed stands above or below it, with equal figures",
    "side_by_side": "the span that is billed was told beside it by another emitter, within the same time",
    "roll_up": "several calls below it have its figures each: it speaks of them together",
    "duplicate_call": "another trace has the call, by the same response id",
}


def print_trace(trace: ExplainedTrace) -> None:
    """Print every span of a trace."""
    console = Console(soft_wrap=True)
    known = f"{trace.cost:f}".rstrip("0").rstrip(".") or "0"
    calls = "1 call" if trace.billed == 1 else f"{trace.billed} calls"
    spans = "1 span" if len(trace.spans) == 1 else f"{len(trace.spans)} spans"
    console.print(f"[bold]trace {trace.trace_id}[/bold]  {spans} kept · {calls} billed · {known} USD", highlight=False)
    for span in trace.spans:
        console.print()
        _print_span(console, span)


def rows_of(trace: ExplainedTrace) -> list[dict[str, Any]]:
    """Return a row per span, for programs."""
    return [
        {
            "span_id": span.row["span_id"],
            "parent_span_id": span.row["parent_span_id"],
            "span_name": span.row["span_name"],
            "class": span.span_class,
            "reason": span.row["reason"] if span.span_class != "usage" else None,
            "detail": span.row.get("detail"),
            "dialect": span.row["dialect"],
            "scope": f"{span.row['scope_name'] or ''} {span.row['scope_version'] or ''}".strip(),
            "rule": span.rule,
            "flags": dict(span.flags),
            "usage": span.usage,
            "usage_status": span.row["usage_status"],
            "provider": span.row["provider"],
            "model": span.row["response_model"] or span.row["request_model"],
            "customer": span.row["customer_id"],
            "customer_source": span.row["customer_source"],
            "cost": span.row["cost"] if span.price else None,
            "price_status": span.row["price_status"] if span.price else None,
            "price_version": span.row["price_version"] if span.price else None,
            "price_reason": span.row["price_reason"] if span.price else None,
            "arithmetic": [asdict(step) for step in span.price.steps] if span.price else [],
            "entries": [dict(entry) for entry in span.history],
        }
        for span in trace.spans
    ]


def _print_span(console: Console, span: ExplainedSpan) -> None:
    row = span.row
    indent = "    " * span.depth
    colour = _COLOURS.get(span.span_class, "cyan")
    began = "" if row["start_time"] is None else f"  {row['start_time']:%Y-%m-%d %H:%M:%S}Z"
    name = escape(row["span_name"] or row["operation"] or "span")
    console.print(
        f"{indent}[bold {colour}]●[/bold {colour}] [bold]{name}[/bold]  {row['span_id'] or '(no valid id)'}{began}",
        highlight=False,
    )
    for label, text in _lines(span):
        console.print(f"{indent}  [dim]{label:<10}[/dim] {escape(text)}", highlight=False)


def _lines(span: ExplainedSpan) -> Iterator[tuple[str, str]]:
    row = span.row
    scope = f"{row['scope_name'] or '(no scope)'} {row['scope_version'] or ''}".strip()
    yield "read by", f"{row['dialect'] or 'nothing'}  ·  scope {scope}"
    yield "", f"rule: {span.rule}"
    for flag, meaning in span.flags:
        yield "", f"{flag}: {meaning}" if meaning else flag
    if row["dialect"]:
        yield "says", _said(row)
        yield "used", _usage(span.usage) + ("" if row["usage_status"] == "reported" else f"  ({row['usage_status']})")
    reason = row["reason"] if span.span_class != "usage" else None
    why = f" ({reason})" if reason else ""
    yield "counts as", f"{span.span_class}: {_CLASSES.get(span.span_class, 'not billed')}{why}"
    if reason in _REASONS:
        yield "", _REASONS[reason]
    if row.get("detail"):
        yield "", row["detail"]
    yield "who pays", _payer(row)
    if span.price is not None:
        yield from _money(row, span.price)
    if len(span.history) > 1:
        for number, entry in enumerate(span.history):
            yield "" if number else "entries", _entry(entry)


def _said(row: Mapping[str, Any]) -> str:
    model = row["response_model"] or row["request_model"] or "no model"
    parts = [row["operation"] or "?", f"{model} from {row['provider'] or 'nobody known'}"]
    for label, name in (("asked for", "request_model"), ("tier", "service_tier"), ("region", "region"),
                        ("deployment", "deployment"), ("account", "provider_account"), ("paid", "billing_mode"),
                        ("failed with", "error_type"), ("response", "response_id")):  # fmt: skip
        if row[name] and row[name] != model:
            parts.append(f"{label} {row[name]}")
    return ", ".join(parts)


def _usage(usage: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {unit}" for unit, count in usage.items()) or "nothing said"


def _payer(row: Mapping[str, Any]) -> str:
    labels = "".join(f", {key} {value}" for key, value in dict(row["labels"] or {}).items())
    if row["customer_id"] is None:
        return f"nobody known ({row['customer_source'] or 'none named'}){labels}"
    return f"{row['customer_id']} (named by {row['customer_source']}){labels}"


def _money(row: Mapping[str, Any], price: Price) -> Iterator[tuple[str, str]]:
    yield "price", f"{row['price_status']}" + (f"  ·  {row['price_version']}" if row["price_version"] else "")
    if row["price_reason"]:
        yield "", row["price_reason"]
    for step in price.steps:
        yield "", _step(step)
    if not price.is_current:
        now = "no amount" if price.cost_now is None else f"{_plain(price.cost_now)} USD"
        yield "", f"the prices of now give {now}: `spanledger reprice --dry-run` shows what would move"
    for name in ("cost", "list_cost", "reported_cost", "cost_low", "cost_high"):
        if row[name] is not None and not (name == "list_cost" and row[name] == row["cost"]):
            source = f" (said by {row['reported_cost_source']})" if name == "reported_cost" else ""
            yield name, f"{_plain(row[name])} {row['cost_currency'] or 'USD'}{source}"


def _step(step: StepLine) -> str:
    case = f"[{step.case}] " if step.case else ""
    which = "" if step.price == "cost" else f"  ({step.price})"
    return f"{case}{step.count:,} {step.unit} × {_plain(step.rate)} per {step.per} = {_plain(step.amount)}{which}"


def _entry(entry: Mapping[str, Any]) -> str:
    cost = "no amount" if entry["cost"] is None else f"{_plain(entry['cost'])}"
    why = f" ({entry['reason']})" if entry["reason"] else ""
    return (
        f"{entry['revision']} {entry['entry_type']}{why}: {cost} for {entry['customer_id'] or 'nobody known'}, "
        f"commit {entry['commit']} at {entry['recorded_time']:%Y-%m-%d %H:%M:%S}Z"
    )


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}" if amount else "0"
