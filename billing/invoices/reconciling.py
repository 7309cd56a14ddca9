"""Reconciling: everything invoiced, and everything still open, against the ledger. Writes nothing.

For each standing invoice, line by line: what was invoiced for its period (there, and as corrections on later invoices)
plus the corrections still owed is what the period comes to now under its terms. For each customer, in calls and cost:
the periods that are invoiced plus the times between them are all that the ledger has; and over all customers, with what
nobody is known to pay for, the ledger itself.

The two sides come by different ways. What was invoiced is added up from the documents, as sent, and compared with the
table of lines that corrections are computed from. What a period comes to is computed for every one, also where billing
finds that nothing was learned. What the ledger has is asked as one window over all time, and of its view of calls.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from billing.customers import book
from billing.customers.seen import customers_with_calls
from billing.errors import UnknownCustomerError, did_you_mean
from billing.invoices import kept as books
from billing.invoices.agreed import Agreed, agreed_before
from billing.invoices.document import Document, Line, digest
from billing.invoices.drafting import Parts, customer_of
from billing.invoices.kept import Kept
from billing.invoices.learned import Billed, attempt, corrections_owed
from billing.invoices.measured import Measured, measure
from billing.invoices.reconciled import CustomerSide, Difference, InvoicedPeriod, Reconciliation, Spend
from billing.periods import CALENDAR, Period, uncovered
from billing.plans.catalogue import read_catalogue
from billing.rating.rate import rate
from billing.warehouse import billed
from billing.warehouse.billed import Window
from billing.warehouse.warehouse import Warehouse
from ledger.errors import SpanledgerError
from ledger.money import round_to_minor_unit

_ZERO: Final = Decimal(0)

Amounts = dict[str, Decimal]
"""By key of a line."""


@dataclass(frozen=True, slots=True)
class _Case:
    billed: Billed
    standing: Sequence[Kept]
    """Of `billed.subjects`, in their order."""
    agreed: Sequence[Agreed]
    """Of each standing invoice."""
    credited: Sequence[Decimal]

    @property
    def name(self) -> str:
        return self.billed.customer.id


def reconcile(parts: Parts, *, only: Sequence[str] | None = None) -> Reconciliation:
    """Compare what was invoiced, and what is open, with the ledger; of `only` these customers, or of all.

    Raises:
        LedgerMissingError: nothing has been sealed yet.
        UnknownCustomerError: one of `only` has no calls, is not registered and was never billed.
    """
    commit = parts.warehouse.as_of().commit
    known = _all(parts)
    names = list(dict.fromkeys(only)) if only else known
    for name in names:
        if name not in known:
            raise UnknownCustomerError(f"nothing is known of a customer {name!r}.", hint=did_you_mean(name, known))
    with parts.database.reading() as session:
        catalogue = read_catalogue(session)
        cases = []
        for name in names:
            customer, standing = customer_of(session, name), books.standing(session, name)
            documents = [one.document for one in standing]
            cases.append(
                _Case(
                    Billed(customer, documents, books.invoiced(session, [one.id for one in standing])),
                    standing,
                    [agreed_before(one, customer, catalogue) for one in documents],
                    [_net(books.credit_notes(session, one.id)) for one in standing],
                )
            )
    owed = corrections_owed(parts.warehouse, [one.billed for one in cases], catalogue, commit=commit)
    # Windows of one id must not meet within a question: all of time is another one.
    between = _spent(parts.warehouse, cases, [_between(one) for one in cases], commit=commit)
    whole_time = _spent(parts.warehouse, cases, [[CALENDAR] for _ in cases], commit=commit)
    measured = iter(measure(parts.warehouse, [one for case in cases for one in case.agreed], commit=commit))
    sides: list[CustomerSide] = []
    differences: list[Difference] = []
    for place, (case, lines) in enumerate(zip(cases, owed, strict=True)):
        of_invoices = [next(measured) for _ in case.agreed]
        made = attempt(_side, case, lines, of_invoices, not_invoiced=between[place], ledger=whole_time[place])
        if isinstance(made, SpanledgerError):
            differences.append(Difference(case.name, "invoices", "what they come to now", "figures", str(made)))
        else:
            sides.append(made[0])
            differences += made[1]
    unattributed, whole, of_calls = _whole(parts.warehouse, commit)
    if len(sides) == len(cases) and not only:
        differences += _of_all(sides, unattributed, whole)
    differences += _same("", "ledger", "its view of calls and the sum of its entries", whole, of_calls)
    return Reconciliation(commit, tuple(sides), unattributed, whole, tuple(differences))


def _all(parts: Parts) -> list[str]:
    seen = customers_with_calls(parts.warehouse, parts.database, Period(*CALENDAR))
    with parts.database.reading() as session:
        registered = {one.id for one in book.customers(session)}
        return sorted(seen | registered | set(books.billed_customers(session)))


def _side(
    case: _Case,
    owed: Sequence[Line] | SpanledgerError,
    measured: Sequence[Measured],
    *,
    not_invoiced: Spend,
    ledger: Spend,
) -> tuple[CustomerSide, list[Difference]]:
    if isinstance(owed, SpanledgerError):
        raise owed
    differences: list[Difference] = []
    sent = _sent(case.billed.subjects)
    periods = []
    for number, (one, document, usage) in enumerate(zip(case.standing, case.billed.subjects, measured, strict=True)):
        about = document.number or one.id
        usage.require_plans(case.agreed[number])
        now = {line.key: line.amount for line in rate(case.agreed[number].terms, usage.usage).lines}
        open_lines = _added(
            (line.key, line.amount)
            for line in owed
            if line.correction is not None and line.correction.invoice_id == one.id
        )
        table = {key: said.amount for key, said in case.billed.invoiced[one.id].items()}
        differences += _content(case.name, one, document)
        differences += _lines(case.name, about, "the lines kept of its period", sent[one.id], table)
        differences += _lines(
            case.name, about, "invoiced and open", now, _added([*sent[one.id].items(), *open_lines.items()])
        )
        # An amount that is nothing is 0.00 too.
        nothing = round_to_minor_unit(_ZERO, currency=document.currency)
        own = sum((line.amount for line in document.lines if line.correction is None), nothing)
        periods.append(
            InvoicedPeriod(
                invoice=one.id,
                number=about,
                period=one.period,
                currency=document.currency,
                invoiced=own,
                corrected=sum(sent[one.id].values(), nothing) - own,
                owed=sum(open_lines.values(), nothing),
                now=sum(now.values(), nothing),
                credited=nothing + case.credited[number],
                spend=_measured(usage),
            )
        )
    parts = sum((one.spend for one in periods), not_invoiced)
    differences += _same(case.name, "calls and cost", "invoiced periods and the times between them", ledger, parts)
    return CustomerSide(case.name, tuple(periods), not_invoiced, ledger), differences


def _sent(documents: Sequence[Document]) -> Mapping[str, Amounts]:
    """Return what documents ask for, by the invoice whose period it is for and by key."""
    lines: dict[str, list[tuple[str, Decimal]]] = defaultdict(list)
    for document in documents:
        for line in document.lines:
            subject = document.id if line.correction is None else line.correction.invoice_id
            lines[subject].append((line.key, line.amount))
    return defaultdict(dict, {subject: _added(its) for subject, its in lines.items()})


def _between(case: _Case) -> Sequence[tuple[datetime, datetime]]:
    """Return the times that no invoice of a customer is about."""
    return uncovered(((one.period.start, one.period.end) for one in case.billed.subjects), *CALENDAR)


def _spent(
    warehouse: Warehouse, cases: Sequence[_Case], times: Sequence[Sequence[tuple[datetime, datetime]]], *, commit: int
) -> list[Spend]:
    """Return what each customer's calls of these times come to; one scan of the ledger."""
    windows = [
        Window(place, alias.id, *part)
        for place, (case, its) in enumerate(zip(cases, times, strict=True))
        for start, end in its
        for alias in case.billed.customer.ids
        if (part := alias.clipped(start, end)) is not None
    ]
    rows = billed.sums(warehouse, windows, commit=commit)
    return [_all_of(rows.get(place, [])) for place in range(len(cases))]


def _measured(measured: Measured) -> Spend:
    """Return what the calls of a period come to."""
    rows = (one for its in (*measured.usage, *measured.without_plan) for one in its)
    return sum((_spend(one.calls, one.currency, one.cost) for one in rows), Spend())


def _whole(warehouse: Warehouse, commit: int) -> tuple[Spend, Spend, Spend]:
    """Return what the ledger has that nobody is known to pay for, all, and all by its view of calls."""
    entries = billed.totals(warehouse, commit=commit)
    whole = _all_of(entries)
    # The view shows the newest commit only: where that has moved on, there is nothing to compare with.
    of_calls = _all_of(billed.totals_of_calls(warehouse)) if warehouse.commit() == commit else whole
    return _all_of(row for row in entries if row["is_nobodys"]), whole, of_calls


def _of_all(sides: Sequence[CustomerSide], unattributed: Spend, whole: Spend) -> Iterator[Difference]:
    found = sum((one.ledger for one in sides), unattributed)
    yield from _same("", "ledger", "all customers and what is nobody's", whole, found)


def _content(customer: str, one: Kept, document: Document) -> Iterator[Difference]:
    """Compare a document with the digest that it was finalised with."""
    assert one.content is not None
    found = digest(one.content.encode())
    if found != one.digest:
        yield Difference(customer, one.number or one.id, "its document's digest", one.digest or "none", found)
    if document.number != one.number:
        yield Difference(customer, one.number or one.id, "its document's number", str(one.number), str(document.number))


def _lines(
    customer: str, about: str, what: str, expected: Mapping[str, Decimal], found: Mapping[str, Decimal]
) -> Iterator[Difference]:
    for key in dict.fromkeys([*expected, *found]):
        one, other = expected.get(key, _ZERO), found.get(key, _ZERO)
        if one != other:
            yield Difference(customer, about, f"{what}, line {key}", f"{one:f}", f"{other:f}")


def _same(customer: str, about: str, what: str, expected: Spend, found: Spend) -> Iterator[Difference]:
    if expected != found:
        yield Difference(customer, about, what, str(expected), str(found))


def _all_of(rows: Iterable[Mapping[str, Any]]) -> Spend:
    return sum((_spend(row["calls"], row["currency"], row["cost"]) for row in rows), Spend())


def _spend(calls: int, currency: str | None, cost: Decimal | None) -> Spend:
    """Return a row's spend; a row without a currency has no cost."""
    return Spend(calls, () if currency is None or not cost else ((currency, cost),))


def _net(notes: Sequence[Kept]) -> Decimal:
    return sum((one.document.totals.net for one in notes), _ZERO)


def _added(amounts: Iterable[tuple[str, Decimal]]) -> Amounts:
    """Return the sum of amounts for each key."""
    found: Amounts = {}
    for key, amount in amounts:
        found[key] = found.get(key, _ZERO) + amount
    return found
