"""Composing: a document from its parts. Pure; here lines get their numbers, and sums are made."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from billing.customers.customer import Customer
from billing.customers.grants import Grant, take
from billing.invoices.agreed import Agreed, terms_said
from billing.invoices.document import (
    AsOfSaid,
    Document,
    GapSaid,
    Line,
    Party,
    PartyAddress,
    PeriodSaid,
    PrepaidSaid,
    StepSaid,
    Tax,
    Totals,
    UnattributedSaid,
)
from billing.rating.charging import EXACT
from billing.rating.lines import RatedLine, Rating
from billing.seller import Seller
from billing.warehouse.warehouse import AsOf
from ledger.money import round_to_minor_unit

_ZERO: Final = Decimal(0)
# A share of a month may have digits without an end; so many are shown beside the amount.
_SHOWN_PLACES: Final = 24


def compose(
    *,
    invoice_id: str,
    customer: Customer,
    seller: Seller,
    agreed: Agreed,
    as_of: AsOf,
    rating: Rating,
    corrections: Sequence[Line],
    grants: Sequence[Grant],
    unattributed: UnattributedSaid,
    notes: str,
) -> Document:
    """Return the draft of an invoice."""
    terms = agreed.terms
    lines = numbered([*(_line(one, customer) for one in rating.lines), *corrections])
    taxes = taxes_of(lines, terms.currency)
    net = sum((line.amount for line in lines), _ZERO)
    tax = sum((one.amount for one in taxes), _ZERO)
    uses = take(grants, max(net + tax, _ZERO), currency=terms.currency, start=terms.start, end=terms.end)
    prepaid = tuple(PrepaidSaid(one.grant_id, one.reason, one.amount) for one in uses)
    paid = sum((one.amount for one in prepaid), _ZERO)
    return Document(
        id=invoice_id,
        currency=terms.currency,
        seller=seller,
        customer=party(customer),
        period=PeriodSaid(terms.start, terms.end, customer.time_zone),
        as_of=AsOfSaid(as_of.ledger_id, as_of.commit, as_of.digest),
        terms=terms_said(agreed),
        lines=lines,
        taxes=taxes,
        prepaid=prepaid,
        totals=Totals(net, tax, net + tax, paid, net + tax - paid),
        gaps=tuple(
            GapSaid(one.why, one.usage.provider, one.usage.model, one.calls, dict(one.usage.quantities))
            for one in rating.gaps
        ),
        unattributed=unattributed,
        notes=notes,
    )


def party(customer: Customer) -> Party:
    """Return a customer as documents say them."""
    address = customer.address
    return Party(
        id=customer.id,
        name=customer.name,
        legal_name=customer.legal_name,
        address=PartyAddress(address.lines, address.postcode, address.city, address.country),
        email=customer.email,
        tax_id=customer.tax_id,
        language=customer.language,
        reference=customer.reference,
        is_registered=customer.is_registered,
    )


def taxes_of(lines: Sequence[Line], currency: str) -> tuple[Tax, ...]:
    """Return the taxes of lines: each rate and reason once, rounded once."""
    nets: dict[tuple[Decimal, str], Decimal] = {}
    for line in lines:
        rate = (line.tax_rate, line.tax_reason)
        nets[rate] = nets.get(rate, _ZERO) + line.amount
    return tuple(
        Tax(rate, reason, net, round_to_minor_unit(EXACT.multiply(net, rate), currency=currency))
        for (rate, reason), net in nets.items()
        if rate or reason
    )


def numbered(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Return lines numbered from 1."""
    return tuple(msgspec.structs.replace(line, number=number) for number, line in enumerate(lines, 1))


def _line(line: RatedLine, customer: Customer) -> Line:
    return Line(
        number=0,
        kind=line.kind.value,
        key=line.key,
        description=line.description,
        amount=line.amount,
        exact=_shown(line.exact),
        tax_rate=customer.tax_rate,
        tax_reason=customer.tax_reason,
        segment=line.segment,
        charge=line.charge,
        provider=line.provider,
        model=line.model,
        calls=line.calls,
        quantities=dict(line.quantities),
        steps=tuple(
            StepSaid(one.what, one.quantity, one.unit, one.price, one.per, _shown(one.amount)) for one in line.steps
        ),
        exchange_rate=line.rate,
        price_versions=line.price_versions,
    )


def _shown(amount: Decimal) -> Decimal:
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -_SHOWN_PLACES:
        return amount.quantize(Decimal(1).scaleb(-_SHOWN_PLACES), context=EXACT)
    return amount
