"""Own prices against a naive model: for any file that is taken, each unit is at the rate of the narrowest entry.

The naive model knows no patterns: an entry is the set of calls, of a small world of calls, that it speaks of; narrower
is a smaller set.
"""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import product
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.schema import PriceStatus
from pricing.book import PriceBook
from pricing.own.checking import FileText, check_files
from tests.pricing.calls import BOOK, Call, day_us, price_calls

UNITS = ("input_tokens", "output_tokens")
DAYS = ("2026-01-01", "2026-02-01", "2026-03-01")
MOMENTS = tuple(day_us(2026, month, 1) + off for month in (1, 2, 3) for off in (-1, 0))
WORLD = [
    Call(provider, model, {"input_tokens": 3, "output_tokens": 5}, at, account=account)
    for provider, model, account, at in product(("p", "q"), ("m1", "m2", "n1", "n2"), ("a", "b"), MOMENTS)
]


class Entry(NamedTuple):
    """One entry as drawn."""

    provider: str | None
    model: str | None
    account: str | None
    begin: str | None
    end: str | None
    rates: dict[str, int]

    def text(self) -> str:
        """As a file has it."""
        said = {"provider": self.provider, "model": self.model, "account": self.account}
        lines = [f'{key} = "{value}"' for key, value in said.items() if value]
        lines += [f"{key} = {day}" for key, day in (("from", self.begin), ("to", self.end)) if day]
        rates = ", ".join(f"{unit} = {rate}" for unit, rate in self.rates.items())
        return "\n".join(["[[prices]]", 'per = "one"', *lines, f"rates = {{ {rates} }}"])

    def speaks_of(self, call: Call) -> bool:
        """Whether the call is one of its calls, its time aside."""
        pairs = ((self.provider, call.provider), (self.model, call.model), (self.account, call.account))
        return all(pattern is None or fnmatchcase(value or "", pattern) for pattern, value in pairs)

    def holds(self, call: Call) -> bool:
        """Whether it holds for the call."""
        begin, end = (None if day is None else day_us(*map(int, day.split("-"))) for day in (self.begin, self.end))
        in_time = (begin is None or begin <= call.at_us) and (end is None or call.at_us < end)
        return in_time and self.speaks_of(call)


ENTRIES = st.builds(
    Entry,
    st.sampled_from([None, "p", "q"]),
    st.sampled_from([None, "m*", "*1", "m1", "n2", "n*"]),
    st.sampled_from([None, "a", "b"]),
    st.sampled_from([None, *DAYS[:2]]),
    st.sampled_from([None, DAYS[2]]),
    st.dictionaries(st.sampled_from(UNITS), st.integers(0, 9), min_size=1),
)


def naive(entries: list[Entry], call: Call) -> int | None:
    """What the call costs in dollars; None where some unit has no price."""
    total = 0
    for unit in UNITS:
        speaking = [entry for entry in entries if entry.holds(call) and unit in entry.rates]
        sizes = {id(entry): sum(entry.speaks_of(one) for one in WORLD) for entry in speaking}
        if not speaking:
            return None
        total += (call.usage[unit] or 0) * min(speaking, key=lambda entry: sizes[id(entry)]).rates[unit]
    return total


@settings(max_examples=150, deadline=None)
@given(st.lists(ENTRIES, max_size=5))
def test_any_file_that_is_taken_prices_as_the_naive_model(entries: list[Entry]) -> None:
    """Every call of the world costs what its narrowest entries say; overlapping files are not taken."""
    checked = check_files([FileText("any.toml", "\n".join(entry.text() for entry in entries), "v")])
    if checked.problems:
        return
    book = PriceBook(BOOK.providers, snapshot=BOOK.snapshot, own=checked.book)
    for call, money in zip(WORLD, price_calls(WORLD, book=book), strict=True):
        expected = naive(entries, call)
        assert money.cost == (None if expected is None else expected * 10**12), (call, money)
        assert (money.price_status == PriceStatus.PRICED) == (expected is not None)


@settings(max_examples=100, deadline=None)
@given(ENTRIES, ENTRIES)
def test_two_entries_are_refused_exactly_if_some_call_could_be_priced_by_both(one: Entry, other: Entry) -> None:
    """Found by looking at every call of the world: both hold for it, and neither's calls are a part of the other's."""
    found = check_files([FileText("any.toml", f"{one.text()}\n{other.text()}")]).problems
    sets = [{place for place, call in enumerate(WORLD) if entry.speaks_of(replace(call))} for entry in (one, other)]
    clash = any(one.holds(call) and other.holds(call) for call in WORLD) and set(one.rates) & set(other.rates)
    assert bool(found) == bool(clash and not (sets[0] < sets[1] or sets[1] < sets[0]))
