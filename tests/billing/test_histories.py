"""Histories: months of calls, late ones, moved ids, new plans, voids and credit notes, as an oracle has them.

Through the real ledger, warehouse and store. After every step each invoiced period comes to what fractions say under
the invoice's own terms, a new invoice asks for what its month comes to and what is owed of those before, and everything
invoiced and open is the ledger.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st

from billing.errors import NotBillableError, WrongStateError
from billing.invoices.kept import Kept
from billing.invoices.reconciling import reconcile
from billing.invoices.undoing import credit, void
from billing.store.database import Database
from tests.billing import oracle
from tests.billing.oracle import Used
from tests.billing.shop import Shop, used
from tests.billing.test_rating import plan

PRICES = {"gpt-4o-2024-08-06": ("2.50", "10.00"), "gpt-4o-mini-2024-07-18": ("0.15", "0.60")}
"""OpenAI's, a million input and output tokens."""
CURRENCIES = {"acme": "USD", "globex": "JPY"}
TAX = Fraction(19, 100)
RATES = {"USD": Fraction("149.35")}
DAYS = {10: 31, 11: 30, 12: 31}
TIERS = [{"up_to": 900_000, "price": "7", "flat": "0.35"}, {"price": "1.005"}]
PLANS: list[list[dict[str, Any]]] = [
    [{"id": "cost", "kind": "pass_through", "markup": "0.175"}],
    [{"id": "in", "kind": "graduated", "unit": "input_tokens", "per": 1_000_000, "tiers": TIERS}],
    [
        {"id": "in", "kind": "volume", "unit": "input_tokens", "per": 1_000_000, "tiers": TIERS},
        {"id": "each", "kind": "package", "unit": "calls", "size": 3, "price": "0.07"},
    ],
    [
        {"id": "mini", "kind": "per_unit", "unit": "output_tokens", "per": 1000, "price": "0.333", "model": "*mini*"},
        {"id": "rest", "kind": "pass_through"},
        {"id": "fee", "kind": "fixed", "amount": "10"},
    ],
]


@dataclass
class Model:
    """What has happened, in plain values."""

    calls: list[tuple[str | None, date, str, tuple[int, int]]] = field(default_factory=list)
    eu_is: str | None = None
    """Whom the id `acme-eu` means."""
    versions: list[tuple[date, list[dict[str, Any]]]] = field(default_factory=list)
    invoices: dict[str, Invoice] = field(default_factory=dict)

    def segments(self, month: int) -> list[Segment]:
        """The plan versions in force in a month."""
        first, last = date(2026, month, 1), date(2026, month, DAYS[month])
        starts = sorted({first, *(day for day, _ in self.versions if first < day <= last)})
        ends = [*starts[1:], None]
        found: list[Segment] = []
        for start, end in zip(starts, ends, strict=True):
            # Of two from the same day the one that was added later holds.
            begun = [(day, added) for added, (day, _) in enumerate(self.versions) if day <= start]
            charges = self.versions[max(begun)[1]][1]
            days = (end or date(2026, month, DAYS[month])).toordinal() - start.toordinal() + (end is None)
            found.append(Segment(start, days, charges, Fraction(days, DAYS[month])))
        return found

    def comes_to(self, customer: str, segments: list[Segment]) -> dict[oracle.Key, int]:
        """What a period comes to under terms, with the calls of now."""
        ids = {customer, *(["acme-eu"] if self.eu_is == customer else [])}
        parts = []
        for one in segments:
            days = range(one.start.toordinal(), one.start.toordinal() + one.days)
            its = [call for call in self.calls if call[0] in ids and call[1].toordinal() in days]
            parts.append((plan(*one.charges), one.share, _summed(its)))
        return oracle.invoice(parts, currency=CURRENCIES[customer], rates=RATES)

    def owed(self, customer: str) -> int:
        """What the next invoice corrects, in minor units."""
        return sum(
            sum(self.comes_to(customer, one.segments).values()) - one.sent
            for one in self.invoices.values()
            if one.customer == customer
        )


@dataclass
class Segment:
    """Days of a month under one plan version."""

    start: date
    days: int
    charges: list[dict[str, Any]]
    share: Fraction


@dataclass
class Invoice:
    """A standing invoice, and what was sent for its period."""

    customer: str
    segments: list[Segment]
    sent: int


def _summed(calls: list[tuple[str | None, date, str, tuple[int, int]]]) -> list[Used]:
    by_model: dict[str, list[tuple[int, int]]] = {}
    for _, _, model, tokens in calls:
        by_model.setdefault(model, []).append(tokens)
    found = []
    for model, its in by_model.items():
        given, made = sum(one[0] for one in its), sum(one[1] for one in its)
        cost = (given * Fraction(PRICES[model][0]) + made * Fraction(PRICES[model][1])) / 1_000_000
        found.append(Used("openai", model, len(its), cost, {"input_tokens": given, "output_tokens": made}))
    return found


class History:
    """A shop, and the model beside it."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.model = shop, Model()
        for customer, currency in CURRENCIES.items():
            shop.customer(customer, currency=currency, tax_rate="0.19")
        shop.rate("USD", "JPY", "149.35")
        self.version(date(2020, 1, 1), 0)

    def version(self, day: date, number: int) -> None:
        """A plan version comes to be, in force from a day on."""
        self.shop.plan(*PLANS[number], **{"from": day.isoformat()})
        self.model.versions.append((day, PLANS[number]))

    def take(self, calls: list[tuple[str | None, date, str, tuple[int, int]]]) -> None:
        """Calls come, in one commit."""
        first = len(self.model.calls) + 1
        self.model.calls += calls
        self.shop.take(*(self._span(number) for number in range(first, first + len(calls))))

    def again(self, number: int) -> None:
        """A call comes a second time."""
        if self.model.calls:
            self.shop.take(self._span(number % len(self.model.calls) + 1))

    def bill(self, customer: str, month: int) -> None:
        """A month is invoiced."""
        if any(one.customer == customer and one.segments[0].start.month == month for one in self._standing()):
            return
        model = self.model
        segments = model.segments(month)
        own = sum(model.comes_to(customer, segments).values())
        net = own + model.owed(customer)
        try:
            document = self.shop.bill(customer, f"2026-{month}", accept_gaps=True).document
        except NotBillableError:
            assert net == 0
            return
        digits = oracle.DIGITS[CURRENCIES[customer]]
        said = document.totals
        assert said.net.scaleb(digits) == net
        assert said.tax.scaleb(digits) == self._tax(document.lines, customer)
        for one in model.invoices.values():
            if one.customer == customer:
                one.sent = sum(model.comes_to(customer, one.segments).values())
        model.invoices[document.id] = Invoice(customer, segments, own)

    def undo(self, customer: str) -> None:
        """The newest invoice is voided: what it corrected is owed again."""
        newest = self._newest(customer)
        if newest is None:
            return
        with suppress(WrongStateError):
            void(self.shop.database, newest.id, reason="wrong")
            del self.model.invoices[newest.id]
            for line in newest.document.lines:
                if line.correction is not None:
                    amount = int(line.amount.scaleb(oracle.DIGITS[CURRENCIES[customer]]))
                    self.model.invoices[line.correction.invoice_id].sent -= amount

    def give_back(self, customer: str) -> None:
        """A credit note over the newest invoice: a concession, of which no later invoice knows."""
        newest = self._newest(customer)
        if newest is not None and any(line.amount for line in newest.document.lines):
            with suppress(WrongStateError):
                credit(self.shop.database, newest.id, reason="a gift")

    def move(self, customer: str | None) -> None:
        """The id `acme-eu` means somebody else from now on, at all times."""
        for one in sorted(CURRENCIES, key=lambda name: name == customer):
            fields = {"currency": CURRENCIES[one], "tax_rate": "0.19"}
            self.shop.change(one, {**fields, **({"aliases": [{"id": "acme-eu"}]} if one == customer else {})})
        self.model.eu_is = customer

    def check(self) -> None:
        """What billing says of now is what the model says."""
        found = reconcile(self.shop.parts)
        assert found.differences == ()
        said = {one.invoice: one for side in found.customers for one in side.invoices}
        assert set(said) == set(self.model.invoices)
        for invoice_id, one in self.model.invoices.items():
            digits, amounts = oracle.DIGITS[CURRENCIES[one.customer]], said[invoice_id]
            assert amounts.now.scaleb(digits) == sum(self.model.comes_to(one.customer, one.segments).values())
            assert (amounts.invoiced + amounts.corrected).scaleb(digits) == one.sent
        assert found.ledger.calls == len(self.model.calls)

    def _span(self, number: int) -> Any:
        customer, day, model, tokens = self.model.calls[number - 1]
        return used(customer, day.isoformat(), tokens=tokens, model=model, trace=number, span=number)

    def _standing(self) -> list[Invoice]:
        return list(self.model.invoices.values())

    def _newest(self, customer: str) -> Kept | None:
        mine = [self.shop.get(one) for one, invoice in self.model.invoices.items() if invoice.customer == customer]
        return max(mine, key=lambda one: str(one.number), default=None)

    def _tax(self, lines: Any, customer: str) -> int:
        """Tax is rounded once for each rate, and there is one: on the sum of the lines."""
        net = sum((Fraction(line.amount) for line in lines), Fraction(0))
        return oracle.minor(net * TAX, CURRENCIES[customer])


days = st.integers(0, 91).map(lambda place: date.fromordinal(date(2026, 10, 1).toordinal() + place))
customers = st.sampled_from(sorted(CURRENCIES))
calls = st.tuples(
    st.sampled_from(["acme", "acme", "globex", "acme-eu", None]),
    days,
    st.sampled_from(sorted(PRICES)),
    st.tuples(st.integers(1, 1_300_000), st.integers(0, 90_000)),
)
Step = tuple[Any, ...]
"""The name of what happens, one of `History`'s methods, and what it is given."""


def steps() -> st.SearchStrategy[Step]:
    """One thing that happens."""
    take = st.tuples(st.just("take"), st.lists(calls, min_size=1, max_size=6))
    bill = st.tuples(st.just("bill"), customers, st.sampled_from(sorted(DAYS)))
    return st.one_of(
        take,
        take,
        bill,
        bill,
        st.tuples(st.just("again"), st.integers(0, 50)),
        st.tuples(st.just("undo"), customers),
        st.tuples(st.just("give_back"), customers),
        st.tuples(st.just("move"), st.sampled_from([*sorted(CURRENCIES), None])),
        st.tuples(st.just("version"), days, st.integers(0, len(PLANS) - 1)),
    )


@contextmanager
def fresh() -> Iterator[Shop]:
    """A shop of its own for each history."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'billing.db'}")
        shop = Shop(Path(folder) / "data", database)
        try:
            yield shop
        finally:
            shop.close()
            database.close()


# Each takes a second: shrinking one would take many minutes, and a history can be read as it is.
@settings(max_examples=12, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(st.lists(steps(), min_size=4, max_size=14))
def test_any_history_is_what_fractions_say(history: list[Step]) -> None:
    """Whatever happens, in whatever order: each period, each new invoice, and all of it together."""
    note(repr(history))
    with fresh() as shop:
        told = History(shop)
        told.take([("acme", date(2026, 10, 5), "gpt-4o-2024-08-06", (1_000_000, 1))])
        for what, *given_to_it in history:
            getattr(told, what)(*given_to_it)
            told.check()
        for customer in CURRENCIES:
            for month in DAYS:
                told.bill(customer, month)
        told.check()
        drafts = [shop.draft(customer, "2027-01").document for customer in CURRENCIES]
        assert not [line for one in drafts for line in one.lines if line.correction is not None]
