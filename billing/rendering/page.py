"""The page: what stands on an invoice, as texts in the customer's language, in their order. Pure; knows no layout.

Texts are data to whoever lays them out: a name with markup in it is printed as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from billing.invoices.document import CREDIT_NOTE, Document, Line, PeriodSaid, StepSaid
from billing.rendering.words import Words, words_of

_STEPS_MAX: Final = 6
_MODELS_MAX: Final = 20
_CURRENCY_CHARS: Final = 3
_MOMENT: Final = timedelta(microseconds=1)


def page(document: Document, *, state: str) -> dict[str, Any]:
    """Return the page of a document; `state` is where it stands: draft, finalised, voided or credited."""
    words = words_of(document.customer.language)
    seller = document.seller
    is_credit = document.kind == CREDIT_NOTE
    return {
        "language": words.locale.language,
        "right_to_left": words.is_right_to_left,
        "title": words["credit_note"] if is_credit else words["invoice"],
        "number": document.number or "",
        "mark": words[state] if state in {"draft", "voided"} else "",
        "seller": {
            "name": seller.name,
            "address": _address(seller.address),
            "contact": [text for text in (seller.email, seller.phone, seller.website) if text],
            "tax_id": f"{words['tax_id']} {seller.tax_id}" if seller.tax_id else "",
            "bank": list(seller.bank),
            "footer": seller.footer,
        },
        "customer": [
            document.customer.legal_name or document.customer.name,
            *_address(document.customer.address),
        ],
        "facts": [[name, text] for name, text in _facts(document, words) if text],
        "lines": [_line(line, document, words) for line in document.lines],
        "models": _models(document, words),
        "totals": _totals(document, words),
        "payable": [
            words["to_credit"] if is_credit else words["payable"],
            words.amount(-document.totals.payable if is_credit else document.totals.payable, document.currency),
        ],
        "left_out": _left_out(document, words),
        "notes": document.notes,
        "words": {name: words[name] for name in ("description", "amount", "by_model", "left_out", "bank", "page")},
    }


def _address(address: Any) -> list[str]:
    town = " ".join(text for text in (address.postcode, address.city) if text)
    return [text for text in (*address.lines, town, address.country) if text]


def _facts(document: Document, words: Words) -> Iterator[tuple[str, str]]:
    zone = ZoneInfo(document.period.time_zone)
    issued = document.issued.astimezone(zone).date() if document.issued is not None else None
    yield words["number"], document.number or ""
    yield words["issued"], words.day(issued) if issued else ""
    days = document.seller.payment_days
    if issued and days is not None and document.kind != CREDIT_NOTE and document.totals.payable > 0:
        yield words["due"], words.day(issued + timedelta(days=days))
    if document.original is not None:
        yield words["of_invoice"], document.original.number
        yield words["reason"], document.original.reason
    yield words["period"], _period(document.period, words)
    yield words["customer"], document.customer.id
    yield words["tax_id"], document.customer.tax_id
    yield words["reference"], document.customer.reference


def _period(period: PeriodSaid, words: Words) -> str:
    zone = ZoneInfo(period.time_zone)
    return words.days(period.start.astimezone(zone).date(), (period.end - _MOMENT).astimezone(zone).date())


def _line(line: Line, document: Document, words: Words) -> dict[str, Any]:
    details = []
    if line.correction is not None:
        about = words["correction"].format(number=line.correction.number, period=_period(line.correction.period, words))
        details.append("; ".join([about, *line.correction.reasons]))
    counts = [f"{words.count(count)} {unit.replace('_', ' ')}" for unit, count in sorted(line.quantities.items())]
    if line.calls:
        counts.insert(0, words.calls(line.calls))
    steps = [_step(step, document, words) for step in line.steps[:_STEPS_MAX]]
    if len(steps) == 1 and counts:
        details.append(f"{', '.join(counts)} · {steps[0]}")
    else:
        details += [", ".join(counts), *steps] if counts else steps
    if len(line.steps) > _STEPS_MAX:
        details.append(words["more_steps"].format(count=words.count(len(line.steps) - _STEPS_MAX)))
    named = [text for text in (line.provider, line.model) if text and text not in line.description]
    return {
        "number": str(line.number),
        "description": " · ".join([line.description, *named]),
        "details": details,
        "amount": words.amount(line.amount, document.currency),
        "is_negative": line.amount < 0,
    }


def _step(step: StepSaid, document: Document, words: Words) -> str:
    currency = _plan_currency(document)
    if step.unit.isupper() and len(step.unit) == _CURRENCY_CHARS:
        # What the ledger says they cost, times a factor.
        return f"{words.price(step.quantity, step.unit)} × {words.count(step.price)}"
    per = f" {words['per']} {words.per(step.per)}" if step.per != 1 else ""
    what = "" if step.what == step.unit else f"{step.what.replace('_', ' ')}: "
    return (
        f"{what}{words.count(step.quantity)} {step.unit.replace('_', ' ')} × {words.price(step.price, currency)}{per}"
    )


def _plan_currency(document: Document) -> str:
    """Return the currency of the plan's prices: the document's, unless it was converted."""
    bases = {one.base for one in document.terms.conversions}
    return bases.pop() if len(bases) == 1 else document.currency


def _models(document: Document, words: Words) -> list[list[str]]:
    """Sum the lines by model, where that says more than the lines do."""
    sums: dict[str, Decimal] = {}
    for line in document.lines:
        if line.model is not None:
            sums[line.model] = sums.get(line.model, Decimal(0)) + line.amount
    if len(sums) < 2 or len(sums) >= len(document.lines) or len(sums) > _MODELS_MAX:
        return []
    ordered = sorted(sums.items(), key=lambda one: (-one[1], one[0]))
    return [[model, words.amount(amount, document.currency)] for model, amount in ordered]


def _totals(document: Document, words: Words) -> list[list[str]]:
    totals, currency = document.totals, document.currency
    rows = [[words["net"], words.amount(totals.net, currency)]]
    for tax in document.taxes:
        name = f"{words['tax']} {words.share(tax.rate)}" + (f" · {tax.reason}" if tax.reason else "")
        rows.append([name, words.amount(tax.amount, currency)])
    if document.prepaid:
        rows.append([words["total"], words.amount(totals.gross, currency)])
        rows += [[f"{words['prepaid']}: {one.reason}", words.amount(-one.amount, currency)] for one in document.prepaid]
    return rows


def _left_out(document: Document, words: Words) -> list[str]:
    return [
        words["gap"].format(calls=words.calls(gap.calls), model=gap.model or "—", why=words.words.get(gap.why, gap.why))
        for gap in document.gaps
    ]
