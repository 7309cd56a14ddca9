"""The lines of a document as CSV, for spreadsheets: amounts with a point, whatever the customer's language."""

from __future__ import annotations

import csv
import io
from typing import Final

from billing.invoices.document import Document

COLUMNS: Final = (
    "invoice", "number", "kind", "description", "provider", "model", "calls", "quantities", "amount", "currency",
    "tax_rate", "corrects", "reasons",
)  # fmt: skip
# A cell that begins so is a formula to spreadsheets: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def render_csv(document: Document) -> bytes:
    """Return a line for each line; the sum of `amount` is the document's net."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for line in document.lines:
        quantities = "; ".join(f"{unit} {count}" for unit, count in sorted(line.quantities.items()))
        about = line.correction
        names = (line.description, line.provider or "", line.model or "")
        writer.writerow(
            [
                document.number or document.id,
                line.number,
                line.kind,
                *(_harmless(one) for one in names),
                line.calls,
                quantities,
                format(line.amount, "f"),
                document.currency,
                format(line.tax_rate, "f"),
                "" if about is None else about.number,
                "" if about is None else "; ".join(about.reasons),
            ]
        )
    return text.getvalue().encode()


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
