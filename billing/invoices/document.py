"""The document: all that an invoice or credit note says, as one immutable value that renderers take. No I/O.

Format `spanledger.invoice/1`, JSON: amounts are decimal text, moments RFC 3339 UTC, members sorted, no spaces, UTF-8.
`encode` gives the same bytes for the same document; its SHA-256 is the digest that is stored beside it. Members are
only ever added; a reader ignores those it does not know.

Invariants, checked when one is made: `totals.net` is the sum of the lines, `totals.tax` that of the taxes,
`totals.gross` net + tax, `totals.payable` gross less what is prepaid; lines are numbered from 1.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from billing.seller import Seller

FORMAT: Final = "spanledger.invoice/1"
INVOICE: Final = "invoice"
CREDIT_NOTE: Final = "credit_note"


class PartyAddress(msgspec.Struct, frozen=True):
    """Where a customer is."""

    lines: tuple[str, ...] = ()
    postcode: str = ""
    city: str = ""
    country: str = ""


class Party(msgspec.Struct, frozen=True):
    """The customer, as known when the document was made."""

    id: str
    name: str
    legal_name: str
    address: PartyAddress
    email: str
    tax_id: str
    language: str
    reference: str
    is_registered: bool


class PeriodSaid(msgspec.Struct, frozen=True):
    """[start, end) of call time, and the time zone in which it is days and months."""

    start: datetime
    end: datetime
    time_zone: str


class AsOfSaid(msgspec.Struct, frozen=True):
    """What the ledger knew."""

    ledger_id: str
    commit: int
    digest: str


class SegmentSaid(msgspec.Struct, frozen=True):
    """A part of the period, and the plan version in force in it; `share` is its length in months, as a fraction."""

    start: datetime
    end: datetime
    plan: str
    version: int
    name: str
    share: str


class ConversionSaid(msgspec.Struct, frozen=True):
    """One unit of `base` is `rate` of the document's currency, by the user's rate of that day."""

    base: str
    rate: Decimal
    in_force_from: date


class IdSaid(msgspec.Struct, frozen=True):
    """An id in spans that meant the customer in a part of the period."""

    id: str
    start: datetime
    end: datetime


class TermsSaid(msgspec.Struct, frozen=True):
    """What the period was billed by."""

    segments: tuple[SegmentSaid, ...]
    conversions: tuple[ConversionSaid, ...]
    ids: tuple[IdSaid, ...]


class StepSaid(msgspec.Struct, frozen=True):
    """One multiplication of a line, in the plan's currency."""

    what: str
    quantity: Decimal
    unit: str
    price: Decimal
    per: int
    amount: Decimal


class CorrectionSaid(msgspec.Struct, frozen=True):
    """Which invoice a correction line is about, and why."""

    invoice_id: str
    number: str
    period: PeriodSaid
    reasons: tuple[str, ...]


class Line(msgspec.Struct, frozen=True):
    """One line. `exact` is not rounded; `amount` is, once."""

    number: int
    kind: str
    key: str
    description: str
    amount: Decimal
    exact: Decimal
    tax_rate: Decimal
    tax_reason: str
    segment: int | None = None
    charge: str = ""
    provider: str | None = None
    model: str | None = None
    calls: int = 0
    quantities: Mapping[str, int] = {}
    steps: tuple[StepSaid, ...] = ()
    exchange_rate: Decimal = Decimal(1)
    price_versions: tuple[str, ...] = ()
    correction: CorrectionSaid | None = None


class Tax(msgspec.Struct, frozen=True):
    """One rate's tax: rounded once, on the sum of its lines."""

    rate: Decimal
    reason: str
    net: Decimal
    amount: Decimal


class PrepaidSaid(msgspec.Struct, frozen=True):
    """What a prepaid credit pays of it."""

    grant_id: str
    reason: str
    amount: Decimal


class Totals(msgspec.Struct, frozen=True):
    """The sums."""

    net: Decimal
    tax: Decimal
    gross: Decimal
    prepaid: Decimal
    payable: Decimal


class GapSaid(msgspec.Struct, frozen=True):
    """Calls that no line asks for, and why: unpriced (their cost is not known) or unrated (no charge covers them)."""

    why: str
    provider: str | None
    model: str | None
    calls: int
    quantities: Mapping[str, int]


class UnattributedSaid(msgspec.Struct, frozen=True):
    """Calls of the period, of all customers, that nobody is known to pay for."""

    calls: int
    of_calls: int
    cost: Decimal


class Original(msgspec.Struct, frozen=True):
    """The invoice that a credit note is about, and why there is one."""

    invoice_id: str
    number: str
    issued: datetime
    reason: str


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """All that an invoice or credit note says."""

    format: str = FORMAT
    kind: str = INVOICE
    id: str
    number: str | None = None
    """None while it is a draft."""
    issued: datetime | None = None
    currency: str
    seller: Seller
    customer: Party
    period: PeriodSaid
    as_of: AsOfSaid
    terms: TermsSaid
    lines: tuple[Line, ...]
    taxes: tuple[Tax, ...]
    prepaid: tuple[PrepaidSaid, ...] = ()
    totals: Totals
    gaps: tuple[GapSaid, ...] = ()
    unattributed: UnattributedSaid
    accepted_gaps: bool = False
    """Whether somebody said to finalise although something is left out."""
    notes: str = ""
    original: Original | None = None

    def __post_init__(self) -> None:
        net = sum((line.amount for line in self.lines), Decimal(0))
        tax = sum((one.amount for one in self.taxes), Decimal(0))
        prepaid = sum((one.amount for one in self.prepaid), Decimal(0))
        said = self.totals
        assert (said.net, said.tax, said.gross, said.prepaid) == (net, tax, net + tax, prepaid), "totals do not add up"
        assert said.payable == said.gross - said.prepaid, "what is payable does not add up"
        assert [line.number for line in self.lines] == list(range(1, len(self.lines) + 1)), "lines are numbered from 1"


def encode(document: Document) -> bytes:
    """Return the document's bytes: always the same for the same document."""
    plain = _plain(msgspec.to_builtins(document, builtin_types=(Decimal,)))
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def decode(content: bytes | str) -> Document:
    """Return the document of these bytes."""
    return msgspec.json.decode(content, type=Document)


def digest(content: bytes) -> str:
    """Return the digest of a document's bytes."""
    return hashlib.sha256(content).hexdigest()


def _plain(value: Any) -> Any:
    """Return decimals as text without an exponent."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
