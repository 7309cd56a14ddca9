"""What a customer gets: the PDF of an invoice, the same bytes for ever, whatever stands in names."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from billing.errors import DamagedStoreError, InvalidValueError
from billing.invoices.document import Document
from billing.invoices.undoing import credit, void
from billing.rendering import kept
from billing.rendering.kept import pdf_of
from billing.rendering.page import page
from billing.rendering.pdf import render_pdf
from billing.rendering.table import render_csv
from billing.rendering.words import LANGUAGES, words_of
from billing.seller import Seller
from billing.store.tables import RenderingRow
from tests.billing.shop import Shop, used

SELLER = Seller(name="Example Ltd", tax_id="DE123", bank=("IBAN DE00",), payment_days=14, footer="Registered")
# Each would mean something to a layouter that took it for markup.
HOSTILE = '#panic("no") $x$ *b* _i_ [c] \\ @ref <label> `raw` // /* "] ) }'


def _billed(shop: Shop, **customer: Any) -> Document:
    shop.plan({"id": "through", "kind": "pass_through", "markup": "0.2"}, {"id": "fee", "kind": "fixed", "amount": "9"})
    shop.customer("acme", **{"tax_rate": "0.19", **customer})
    shop.take(used("acme", "2026-10-03"), used("acme", "2026-10-09", model="gpt-4o-mini-2024-07-18"))
    return msgspec.structs.replace(shop.bill().document, seller=SELLER)


def test_page_says_what_the_document_says(shop: Shop) -> None:
    """Number, period, lines, tax and total, in the customer's words and forms."""
    said = page(_billed(shop, language="de", reference="PO 1"), state="finalised")
    assert (said["title"], said["number"], said["mark"]) == ("Rechnung", "INV-000001", "")
    facts = dict(said["facts"])
    assert facts["Ihr Zeichen"] == "PO 1"
    assert facts["Leistungszeitraum"] == "01.10.2026 – 31.10.2026"
    assert [line["amount"] for line in said["lines"]] == ["3,00\xa0$", "0,18\xa0$", "9,00\xa0$"]
    assert said["totals"] == [["Netto", "12,18\xa0$"], ["Steuer 19\xa0%", "2,31\xa0$"]]
    assert said["payable"] == ["Zahlbetrag", "14,49\xa0$"]


def test_every_language_has_every_word() -> None:
    """A word that one language lacks would fail on its first invoice; an unknown language gets English words."""
    assert len({frozenset(words) for words in LANGUAGES.values()}) == 1
    assert words_of("tlh")["invoice"] == "Invoice"
    assert words_of("pt-BR").amount(Decimal("1234.50"), "BRL") == "R$\xa01.234,50"
    assert words_of("ar").is_right_to_left


@pytest.mark.parametrize(("amount", "currency", "text"), [("1234", "JPY", "¥1,234"), ("1.234", "KWD", "KWD1.234")])
def test_amounts_keep_the_digits_of_their_currency(amount: str, currency: str, text: str) -> None:
    """None of the yen, three of the dinar."""
    assert words_of("en").amount(Decimal(amount), currency) == text


def test_a_finalised_invoice_is_the_same_bytes_for_ever(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kept at the first look; a later program that lays it out otherwise changes nothing."""
    _billed(shop)
    invoice = shop.get("INV-000001")
    first = pdf_of(shop.parts, invoice, invoice.document)
    assert first.startswith(b"%PDF-1.7")
    assert b"pdfaid" in first
    monkeypatch.setattr(kept, "render_pdf", lambda *_, **__: b"another layout")
    assert pdf_of(shop.parts, invoice, invoice.document) == first
    void(shop.database, invoice.id, reason="wrong company")
    voided = shop.get("INV-000001")
    assert pdf_of(shop.parts, voided, voided.document) == b"another layout"


def test_the_same_document_gives_the_same_bytes(shop: Shop) -> None:
    """No clock and no chance in it."""
    document = _billed(shop)
    assert render_pdf(document, state="finalised") == render_pdf(document, state="finalised")
    assert render_pdf(document, state="finalised") != render_pdf(document, state="finalised", paper="us-letter")


def test_a_damaged_rendering_is_said(shop: Shop) -> None:
    """Never given to anybody as though it were what was sent."""
    _billed(shop)
    invoice = shop.get("INV-000001")
    pdf_of(shop.parts, invoice, invoice.document)
    with shop.database.writing() as session:
        row = session.query(RenderingRow).one()
        row.content = row.content[:-1]
    with pytest.raises(DamagedStoreError, match="does not fit its digest"):
        pdf_of(shop.parts, invoice, invoice.document)


@pytest.mark.parametrize("name", [HOSTILE, "שלום עולם", "شركة المثال", "例え株式会社 🦆", "x" * 500])
def test_names_are_printed_and_never_obeyed(shop: Shop, name: str) -> None:
    """Markup, right-to-left text, emoji, and names that do not fit into a line."""
    document = _billed(shop, legal_name=name, reference=name, tax_reason=name)
    said = page(document, state="finalised")
    assert said["customer"][0] == name
    assert render_pdf(document, state="finalised").startswith(b"%PDF")


def test_a_draft_is_marked_and_not_archived(shop: Shop) -> None:
    """It has no number and no date."""
    shop.plan({"id": "through", "kind": "pass_through"})
    shop.take(used("acme", "2026-10-03"))
    document = shop.draft().document
    assert page(document, state="draft")["mark"] == "Draft"
    assert b"pdfaid" not in render_pdf(document, state="draft")


def test_a_credit_note_says_what_it_gives_back(shop: Shop) -> None:
    """A positive amount under its own name, for which invoice and why."""
    _billed(shop)
    note = credit(shop.database, shop.get("INV-000001").id, reason="outage")
    said = page(note.document, state="finalised")
    assert (said["title"], said["payable"]) == ("Credit note", ["Amount credited", "$14.49"])
    assert said["facts"][2:4] == [["For invoice", "INV-000001"], ["Reason", "outage"]]
    assert render_pdf(note.document, state="finalised").startswith(b"%PDF")


def test_many_lines_take_many_pages(shop: Shop) -> None:
    """A thousand lines are laid out; the head of the table stands on each page."""
    document = _billed(shop)
    line = document.lines[0]
    lines = tuple(msgspec.structs.replace(line, number=number) for number in range(1, 1001))
    totals = document.totals
    net = line.amount * 1000
    many = msgspec.structs.replace(
        document, lines=lines,
        totals=msgspec.structs.replace(
            totals, net=net, gross=net + totals.tax, payable=net + totals.tax - totals.prepaid
        ),
    )  # fmt: skip
    content = render_pdf(many, state="finalised")
    assert content.count(b"/Type /Page\n") + content.count(b"/Type/Page/") > 20 or len(content) > 200_000


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("logo.svg", b"no picture", "cannot be drawn"),
        ("logo.exe", b"MZ", "no picture"),
        ("none.png", None, "cannot be"),
    ],
)
def test_a_logo_that_is_none_is_said(shop: Shop, tmp_path: Path, name: str, content: bytes | None, words: str) -> None:
    """With the file's name, and what is taken."""
    logo = tmp_path / name
    if content is not None:
        logo.write_bytes(content)
    with pytest.raises(InvalidValueError, match=words):
        render_pdf(_billed(shop), state="finalised", logo=logo)


def test_a_logo_is_drawn(shop: Shop, tmp_path: Path) -> None:
    """An SVG beside the seller's file."""
    logo = tmp_path / "logo.svg"
    logo.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="10"><rect width="40" height="10"/></svg>'
    )
    document = _billed(shop)
    assert render_pdf(document, state="finalised", logo=logo) != render_pdf(document, state="finalised")


def test_lines_as_csv_add_up_and_are_no_formulas(shop: Shop) -> None:
    """The sum of the amounts is the net; a name that a spreadsheet would obey is quoted."""
    document = _billed(shop)
    line = msgspec.structs.replace(document.lines[0], model="=1+1")
    rows = list(csv.DictReader(io.StringIO(render_csv(document).decode())))
    assert sum(Decimal(row["amount"]) for row in rows) == document.totals.net
    assert {row["invoice"] for row in rows} == {"INV-000001"}
    odd = msgspec.structs.replace(document, lines=(line, *document.lines[1:]))
    assert next(csv.DictReader(io.StringIO(render_csv(odd).decode())))["model"] == "'=1+1"
