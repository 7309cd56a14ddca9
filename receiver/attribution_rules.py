"""Attribution rules: a file of the user's own that says who pays, where spans do not say it, or say it wrong. Pure.

    [[rule]]
    name = "acme's key"                     # for messages; by default the rule's place in the file
    when = { api_key_id = "key_7", environment = "prod*" }
    from = 2026-10-01                       # a day or a moment, UTC; without one: always
    to = 2027-01-01                         # the first moment after; without one: for ever
    customer = "acme"
    labels = { team = "search" }

A rule holds for a call that began in [from, to) if every condition of `when` is met: its name is an attribute of the
span or of its resource, or one of the ledger's own columns (`user_id`, `api_key_id`, `model` …), its value a pattern
with `*` and `?`. Of the rules that hold, the first that names a customer says who pays, over what the span itself says;
of each label the first value counts.

Must not: look at other spans, or read files.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import Any, Final

from ledger.errors import SpanledgerError

# Names a condition may use beside attributes: what the ledger keeps of every call, whatever its attributes are called.
COLUMNS: Final = (
    "user_id", "session_id", "service_name", "environment", "agent_name", "operation", "provider", "provider_account",
    "api_key_id", "region", "deployment", "model", "scope_name",
)  # fmt: skip
_KEYS: Final = frozenset({"name", "when", "from", "to", "customer", "labels"})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CUSTOMER_CHARS_MAX: Final = 256
_HINT: Final = "docs/attribution.md shows a file with every kind of rule."


class AttributionRulesError(SpanledgerError):
    """The rules file is not usable; every problem in it is named."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the file."""

    name: str
    when: tuple[tuple[str, str], ...]
    """Attribute or column → pattern; all must fit."""
    start_us: int | None
    end_us: int | None
    customer: str | None
    labels: tuple[tuple[str, str], ...]

    def holds(self, says: Mapping[str, str], start_time_us: int) -> bool:
        """Say whether the rule holds for a call: `says` has its attributes and columns as text."""
        if self.start_us is not None and start_time_us < self.start_us:
            return False
        if self.end_us is not None and start_time_us >= self.end_us:
            return False
        return all(name in says and fnmatchcase(says[name], _literal_brackets(pattern)) for name, pattern in self.when)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the rules say of one call."""

    customer: str | None
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AttributionRules:
    """The rules of one file, in its order."""

    rules: tuple[Rule, ...] = ()
    version: str = ""
    """A digest of the file's text: which rules an entry was attributed by. Empty when there are none."""

    @property
    def attributes(self) -> frozenset[str]:
        """The names that conditions use, so that evidence keeps them."""
        return frozenset(name for rule in self.rules for name, _ in rule.when)

    def ruling(self, says: Mapping[str, str], start_time_us: int) -> Ruling:
        """Return who pays and which labels hold, as far as rules say."""
        customer: str | None = None
        labels: dict[str, str] = {}
        for rule in self.rules:
            if rule.holds(says, start_time_us):
                customer = customer or rule.customer
                labels = {**dict(rule.labels), **labels}
        return Ruling(customer, labels)


def parse_rules(text: str, *, where: str) -> AttributionRules:
    """Read the rules of a file's text; `where` is its name, for messages.

    Raises:
        AttributionRulesError: naming all problems at once.
    """
    try:
        document = tomllib.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as malformed:  # also of numbers and nestings beyond what Python reads
        raise AttributionRulesError(f"{where} is not TOML: {malformed}.", hint=_HINT) from malformed
    problems = [
        f"{name!r} is no part of a rules file; rules are written [[rule]]" for name in document if name != "rule"
    ]
    entries = document.get("rule", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        entries, problems = [], [*problems, "rules are written [[rule]], with two brackets"]
    rules: list[Rule] = []
    for number, entry in enumerate(entries, start=1):
        found = list(_problems(entry))
        if found:
            problems += [f"rule {number} ({entry.get('name', 'without a name')}): {one}" for one in found]
        else:
            rules.append(_rule(entry, number))
    if problems:
        raise AttributionRulesError(f"{where}: {'; '.join(problems)}.", hint=_HINT)
    return AttributionRules(tuple(rules), blake2b(text.encode(), digest_size=8).hexdigest() if rules else "")


def _literal_brackets(pattern: str) -> str:
    """Take from fnmatch what the rules do not have: `[` is a character like others."""
    return pattern.replace("[", "[[]")


def _rule(entry: Mapping[str, Any], number: int) -> Rule:
    return Rule(
        name=entry.get("name", f"rule {number}"),
        when=tuple((name, str(pattern)) for name, pattern in entry["when"].items()),
        start_us=_moment_us(entry.get("from")),
        end_us=_moment_us(entry.get("to")),
        customer=customer.strip() if (customer := entry.get("customer")) is not None else None,
        labels=tuple(entry.get("labels", {}).items()),
    )


def _problems(entry: Mapping[str, Any]) -> Iterable[str]:
    yield from (f"{name!r} is none of {', '.join(sorted(_KEYS))}" for name in entry if name not in _KEYS)
    yield from _problems_of_condition(entry.get("when"))
    yield from _problems_of_result(entry.get("customer"), entry.get("labels"))
    yield from _problems_of_period(entry.get("from"), entry.get("to"))


def _problems_of_condition(when: object) -> Iterable[str]:
    if not isinstance(when, dict) or not when:
        yield '`when` must name at least one attribute or column and a pattern for it, as { user_id = "u-*" }'
    elif not all(isinstance(pattern, str | int) and not isinstance(pattern, bool) for pattern in when.values()):
        yield "every pattern of `when` must be text; an attribute with dots is written in quotes"


def _problems_of_result(customer: object, labels: object) -> Iterable[str]:
    if customer is not None and not (isinstance(customer, str) and 0 < len(customer.strip()) <= _CUSTOMER_CHARS_MAX):
        yield f"`customer` must be text of 1 to {_CUSTOMER_CHARS_MAX} characters"
    if labels is not None and not (isinstance(labels, dict) and all(isinstance(one, str) for one in labels.values())):
        yield '`labels` must be text by text, as { team = "search" }'
    if customer is None and not labels:
        yield "it gives neither `customer` nor `labels`"


def _problems_of_period(start: object, end: object) -> Iterable[str]:
    if not all(moment is None or isinstance(moment, date) for moment in (start, end)):
        yield "`from` and `to` are days or moments without quotes, as 2026-10-01"
        return
    start_us, end_us = _moment_us(start), _moment_us(end)
    if start_us is not None and end_us is not None and start_us >= end_us:
        yield f"`from` ({start}) must be before `to` ({end})"


def _moment_us(moment: object) -> int | None:
    """Return microseconds since 1970; a day begins at midnight, and what names no zone is UTC."""
    if not isinstance(moment, date):
        return None
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time(), tzinfo=UTC)
    elif moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
