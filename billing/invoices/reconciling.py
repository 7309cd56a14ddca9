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
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from billing.customers import book
from billing.customers.seen import customers_with_calls
from billing.invoices import kept as books
from billing.invoices.agreed import Agreed, agreed_before
from billing.invoices.document import Document, Line, decode, digest
from billing.invoices.drafting import Parts, customer_of
from billing.invoices.kept import Kept
from billing.invoices.learned import Billed, attempt, corrections_owed
from billing.invoices.measured import Measured, measure
from billing.periods import Period
from billing.plans.catalogue import read_catalogue
from billing.rating.rate import rate
from billing.warehouse import billed
from billing.warehouse.billed import Window
from billing.warehouse.warehouse import Warehouse
from ledger.errors import SpanledgerError

_ZERO: Final = Decimal(0)
# The calendar in which invoices' periods lie; call times do too.
_BEGINNING: Final = datetime(1971, 1, 1, tzinfo=UTC)
_END: Final = datetime(9000, 1, 1, tzinfo=UTC)

Amounts = dict[str, Decimal]
"""By key of a line."""


@dataclass(frozen=True, slots=True)
class Spend:
    """Calls, and what they cost by currency."""

    calls: int = 0
    cost: tuple[tuple[str, Decimal], ...] = ()

    def __add__(self, other: Spend) -> Spend:
        cost: dict[str, Decimal] = dict(self.cost)
        for currency, amount in other.cost:
            cost[currency] = cost.get(currency, _ZERO) + amount
        return Spend(self.calls + other.calls, tuple(sorted((name, one) for name, one in cost.items() if one)))

    def said(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {"calls": self.calls, "cost": dict(self.cost)}

    def __str__(self) -> str:
        return f"{self.calls:,} calls, " + (" + ".join(f"{amount:f} {name}" for name, amount in self.cost) or "no cost")


@dataclass(frozen=True, slots=True)
class InvoicedPeriod:
    """A standing invoice, and what became of its period. Amounts are net."""

    invoice: str
    number: str
    period: Period
    currency: str
    invoiced: Decimal
    """On the invoice itself."""
    corrected: Decimal
    """On later invoices."""
    owed: Decimal
    """On the next invoice."""
    now: Decimal
    """What the period comes to."""
    credited: Decimal
    """By credit notes: given back, and not asked for again."""
    spend: Spend

    def said(self) -> dict[str, Any]:
        """Return it as plain values."""
        amounts = {name: getattr(self, name) for name in ("invoiced", "corrected", "owed", "now", "credited")}
        return {
            "id": self.invoice, "number": self.number, "from": self.period.start, "to": self.period.end,
            "currency": self.currency, **amounts, **self.spend.said(),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class CustomerSide:
    """One customer's invoices and calls."""

    customer: str
    invoices: tuple[InvoicedPeriod, ...]
    not_invoiced: Spend
    """Of the times between the invoices' periods."""
    ledger: Spend

    def said(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "customer": self.customer,
            "invoices": [one.said() for one in self.invoices],
            "not_invoiced": self.not_invoiced.said(),
            "ledger": self.ledger.said(),
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """Two figures that must be equal, and are not."""

    customer: str
    about: str
    """An invoice's number, or what is compared."""
    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        who = f"{self.customer}: " if self.customer else ""
        return f"{who}{self.about}: {self.what}: expected {self.expected}, found {self.found}."


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Both sides, as of a commit."""

    commit: int
    customers: tuple[CustomerSide, ...]
    unattributed: Spend
    ledger: Spend
    differences: tuple[Difference, ...]

    def said(self) -> dict[str, Any]:
        """Return it as plain values: amounts are decimals, costs by currency."""
        return {
            "commit": self.commit,
            "agrees": not self.differences,
            "customers": [one.said() for one in self.customers],
            "unattributed": self.unattributed.said(),
            "ledger": self.ledger.said(),
            "differences": [asdict(one) for one in self.differences],
        }


@dataclass(frozen=True, slots=True)
class _Case:
    billed: Billed
    standing: Sequence[Kept]
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
    """
    commit = parts.warehouse.as_of().commit
    names = list(only) if only else _all(parts)
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
    spend = _Spends(parts.warehouse, cases, commit=commit)
    measured = iter(measure(parts.warehouse, [one for case in cases for one in case.agreed], commit=commit))
    sides: list[CustomerSide] = []
    differences: list[Difference] = []
    for place, (case, lines) in enumerate(zip(cases, owed, strict=True)):
        made = attempt(_side, case, lines, [next(measured) for _ in case.agreed], spend, place)
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
    seen = customers_with_calls(parts.warehouse, parts.database, Period(_BEGINNING, _END))
    with parts.database.reading() as session:
        registered = {one.id for one in book.customers(session)}
        return sorted(seen | registered | set(books.billed_customers(session)))


def _side(
    case: _Case, owed: Sequence[Line] | SpanledgerError, measured: Sequence[Measured], spend: _Spends, place: int
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
        open_lines = _by_key(
            (line.key, line.amount)
            for line in owed
            if line.correction is not None and line.correction.invoice_id == one.id
        )
        table = {key: said.amount for key, said in case.billed.invoiced[one.id].items()}
        differences += _content(case.name, one)
        differences += _lines(case.name, about, "the lines kept of its period", sent[one.id], table)
        differences += _lines(case.name, about, "invoiced and open", now, _sum(sent[one.id], open_lines))
        own = sum((line.amount for line in document.lines if line.correction is None), _ZERO)
        periods.append(
            InvoicedPeriod(
                invoice=one.id,
                number=about,
                period=one.period,
                currency=document.currency,
                invoiced=own,
                corrected=sum(sent[one.id].values(), _ZERO) - own,
                owed=sum(open_lines.values(), _ZERO),
                now=sum(now.values(), _ZERO),
                credited=case.credited[number],
                spend=spend.of_invoice(place, number),
            )
        )
    not_invoiced, ledger = spend.not_invoiced(place), spend.of_ledger(place)
    parts = sum((one.spend for one in periods), not_invoiced)
    differences += _same(case.name, "calls and cost", "invoiced periods and the times between them", ledger, parts)
    return CustomerSide(case.name, tuple(periods), not_invoiced, ledger), differences


def _sent(documents: Sequence[Document]) -> Mapping[str, Amounts]:
    """Return what documents ask for, by the invoice whose period it is for and by key."""
    amounts: dict[str, Amounts] = defaultdict(dict)
    for document in documents:
        for line in document.lines:
            subject = amounts[document.id if line.correction is None else line.correction.invoice_id]
            subject[line.key] = subject.get(line.key, _ZERO) + line.amount
    return amounts


class _Spends:
    """Calls and cost of each customer by windows of time, from one scan of the ledger."""

    def __init__(self, warehouse: Warehouse, cases: Sequence[_Case], *, commit: int) -> None:
        self._buckets: dict[tuple[int, str], int] = {}
        windows: list[Window] = []
        for place, case in enumerate(cases):
            periods = [(one.period.start or _BEGINNING, one.period.end or _END) for one in case.standing]
            for number, (start, end) in enumerate(periods):
                windows += self._windows(case, start, end, (place, str(number)))
            reached = _BEGINNING
            for start, end in [*sorted(periods), (_END, _END)]:
                windows += self._windows(case, reached, start, (place, "between"))
                reached = max(reached, end)
        # Windows of one id do not meet within a question: all of time is another one.
        self._sums = billed.sums(warehouse, windows, commit=commit)
        whole = [one for place, case in enumerate(cases) for one in self._windows(case, _BEGINNING, _END, (place, ""))]
        self._sums |= billed.sums(warehouse, whole, commit=commit)

    def of_invoice(self, place: int, number: int) -> Spend:
        """Return what calls of an invoice's period come to."""
        return self._of(place, str(number))

    def not_invoiced(self, place: int) -> Spend:
        """Return what calls outside of all invoices' periods come to."""
        return self._of(place, "between")

    def of_ledger(self, place: int) -> Spend:
        """Return what all calls of a customer come to."""
        return self._of(place, "")

    def _of(self, place: int, what: str) -> Spend:
        return _all_of(self._sums.get(self._buckets.get((place, what), -1), []))

    def _windows(self, case: _Case, start: datetime, end: datetime, what: tuple[int, str]) -> Iterator[Window]:
        for alias in case.billed.customer.ids:
            part = alias.clipped(start, end)
            if part is not None:
                yield Window(self._buckets.setdefault(what, len(self._buckets)), alias.id, *part)


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


def _content(customer: str, one: Kept) -> Iterator[Difference]:
    """Compare a document with the digest that it was finalised with."""
    assert one.content is not None
    found = digest(one.content.encode())
    if found != one.digest:
        yield Difference(customer, one.number or one.id, "its document's digest", one.digest or "none", found)
    said = decode(one.content)
    if said.number != one.number:
        yield Difference(customer, one.number or one.id, "its document's number", str(one.number), str(said.number))


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
    return sum((Spend(row["calls"], ((row["currency"], row["cost"] or _ZERO),)) for row in rows), Spend())


def _net(notes: Sequence[Kept]) -> Decimal:
    return sum((one.document.totals.net for one in notes), _ZERO)


def _by_key(amounts: Iterator[tuple[str, Decimal]]) -> Amounts:
    found: Amounts = {}
    for key, amount in amounts:
        found[key] = found.get(key, _ZERO) + amount
    return found


def _sum(one: Mapping[str, Decimal], other: Mapping[str, Decimal]) -> Amounts:
    return {key: one.get(key, _ZERO) + other.get(key, _ZERO) for key in {**one, **other}}
