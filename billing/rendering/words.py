"""Words: what an invoice calls things, by language; amounts, dates and counts as that language writes them (Babel).

A language without words here gets English words and its own forms. Must not: compute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_compact_decimal, format_currency, format_decimal, format_percent

_ENGLISH: Final = {
    "invoice": "Invoice",
    "credit_note": "Credit note",
    "draft": "Draft",
    "voided": "Void",
    "number": "Number",
    "issued": "Issued",
    "due": "Payable until",
    "period": "Period",
    "customer": "Customer",
    "tax_id": "Tax ID",
    "reference": "Your reference",
    "of_invoice": "For invoice",
    "reason": "Reason",
    "description": "Description",
    "amount": "Amount",
    "call": "call",
    "calls": "calls",
    "net": "Net",
    "tax": "Tax",
    "total": "Total",
    "prepaid": "Paid in advance",
    "payable": "Amount payable",
    "to_credit": "Amount credited",
    "correction": "Correction of {number}, {period}",
    "by_model": "By model",
    "left_out": "Not in this amount",
    "gap": "{calls} of {model}: {why}",
    "unpriced": "no known price",
    "unrated": "in no charge of the plan",
    "page": "Page {page} of {pages}",
    "bank": "Payment to",
    "more_steps": "… and {count} more",
    "per": "per",
}
_GERMAN: Final = {
    "invoice": "Rechnung",
    "credit_note": "Gutschrift",
    "draft": "Entwurf",
    "voided": "Storniert",
    "number": "Nummer",
    "issued": "Datum",
    "due": "Zahlbar bis",
    "period": "Leistungszeitraum",
    "customer": "Kunde",
    "tax_id": "USt-IdNr.",
    "reference": "Ihr Zeichen",
    "of_invoice": "Zu Rechnung",
    "reason": "Grund",
    "description": "Beschreibung",
    "amount": "Betrag",
    "call": "Aufruf",
    "calls": "Aufrufe",
    "net": "Netto",
    "tax": "Steuer",
    "total": "Summe",
    "prepaid": "Im Voraus bezahlt",
    "payable": "Zahlbetrag",
    "to_credit": "Gutgeschriebener Betrag",
    "correction": "Korrektur zu {number}, {period}",
    "by_model": "Nach Modell",
    "left_out": "In diesem Betrag nicht enthalten",
    "gap": "{calls} von {model}: {why}",
    "unpriced": "kein bekannter Preis",
    "unrated": "in keinem Posten des Tarifs",
    "page": "Seite {page} von {pages}",
    "bank": "Zahlung an",
    "more_steps": "… und {count} weitere",
    "per": "je",
}
_FRENCH: Final = {
    "invoice": "Facture",
    "credit_note": "Avoir",
    "draft": "Brouillon",
    "voided": "Annulée",
    "number": "Numéro",
    "issued": "Date",
    "due": "Payable avant le",
    "period": "Période",
    "customer": "Client",
    "tax_id": "N° TVA",
    "reference": "Votre référence",
    "of_invoice": "Pour la facture",
    "reason": "Motif",
    "description": "Désignation",
    "amount": "Montant",
    "call": "appel",
    "calls": "appels",
    "net": "Total HT",
    "tax": "TVA",
    "total": "Total",
    "prepaid": "Payé d’avance",
    "payable": "Montant à payer",
    "to_credit": "Montant crédité",
    "correction": "Correction de {number}, {period}",
    "by_model": "Par modèle",
    "left_out": "Non compris dans ce montant",
    "gap": "{calls} à {model} : {why}",
    "unpriced": "prix inconnu",
    "unrated": "dans aucun poste du tarif",
    "page": "Page {page} sur {pages}",
    "bank": "Paiement à",
    "more_steps": "… et {count} autres",
    "per": "par",
}
LANGUAGES: Final[Mapping[str, Mapping[str, str]]] = {"en": _ENGLISH, "de": _GERMAN, "fr": _FRENCH}
_DIGITS_MAX: Final = 12


@dataclass(frozen=True, slots=True)
class Words:
    """One language's words and forms."""

    locale: Locale
    words: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.words[name]

    @property
    def is_right_to_left(self) -> bool:
        """Whether the language is written from right to left."""
        return self.locale.text_direction == "rtl"

    def amount(self, amount: Decimal, currency: str) -> str:
        """Write an amount, which is rounded to its currency's digits already."""
        return format_currency(amount, currency, locale=self.locale)

    def price(self, price: Decimal, currency: str) -> str:
        """Write a price, which may have more digits than the currency, and none for nothing."""
        digits = max(2, min(_DIGITS_MAX, -_exponent(price.normalize())))
        return format_currency(
            round(price, digits), currency, locale=self.locale, currency_digits=False, decimal_quantization=False
        )

    def count(self, count: Decimal | int) -> str:
        """Write a quantity."""
        value = Decimal(count)
        return format_decimal(value.normalize() if value else 0, locale=self.locale, decimal_quantization=False)

    def calls(self, count: int) -> str:
        """Write how many calls."""
        return f"{self.count(count)} {self['call' if count == 1 else 'calls']}"

    def per(self, number: int) -> str:
        """Write how many a price is for: `1M`, `1 Mio.`."""
        return format_compact_decimal(number, locale=self.locale, format_type="short")

    def share(self, share: Decimal) -> str:
        """Write a rate of tax."""
        return format_percent(share, locale=self.locale, decimal_quantization=False)

    def day(self, day: date) -> str:
        """Write a day."""
        return format_date(day, format="medium", locale=self.locale)

    def days(self, first: date, last: date) -> str:
        """Write a period by its first and last day."""
        return f"{self.day(first)} – {self.day(last)}"


def words_of(language: str) -> Words:
    """Return the words and forms of a language such as `de` or `pt-BR`; English ones for a language nobody knows."""
    try:
        locale = Locale.parse(language.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        locale = Locale("en")
    return Words(locale, LANGUAGES.get(locale.language, _ENGLISH))


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0
