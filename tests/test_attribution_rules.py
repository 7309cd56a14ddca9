"""Attribution rules: the document's own example is read, and decides as the document says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from receiver.attribution_rules import AttributionRules, AttributionRulesError, parse_rules

DOCUMENT = Path(__file__).parent.parent / "docs" / "attribution.md"
OCTOBER_US = 1_790_856_000_000_000
DAY_US = 86_400_000_000


@pytest.fixture(scope="module")
def documented() -> AttributionRules:
    """The rules that the document shows."""
    found = re.search(r"```toml\n(.*?)```", DOCUMENT.read_text(), flags=re.DOTALL)
    assert found is not None
    return parse_rules(found[1], where=DOCUMENT.name)


@pytest.mark.parametrize(
    ("says", "customer", "labels"),
    [
        ({"api_key_id": "key_77"}, "acme", {}),
        ({"api_key_id": "key_6"}, None, {}),
        ({"service_name": "search-api", "environment": "production"}, None, {"team": "search", "cost_center": "4711"}),
        ({"service_name": "search-api", "environment": "staging"}, None, {}),
        ({"service_name": "search-api"}, None, {}),
        ({"user.email": "a@globex.example", "api_key_id": "key_7"}, "acme", {"plan": "enterprise"}),
        ({}, None, {}),
    ],
)
def test_the_documents_rules_decide_as_it_says(
    documented: AttributionRules, says: dict[str, str], customer: str | None, labels: dict[str, str]
) -> None:
    """Every condition must fit; the first customer and the first value of a label count."""
    ruling = documented.ruling(says, OCTOBER_US)
    assert (ruling.customer, dict(ruling.labels)) == (customer, labels)


@pytest.mark.parametrize(("days", "customer"), [(-1, None), (0, "acme"), (91, "acme"), (92, None)])
def test_a_rule_holds_from_its_first_day_to_before_its_last(
    documented: AttributionRules, days: int, customer: str | None
) -> None:
    """2026-10-01 is in, 2027-01-01 is not, both at midnight UTC."""
    midnight_us = OCTOBER_US - DAY_US // 2
    assert documented.ruling({"api_key_id": "key_7"}, midnight_us + days * DAY_US).customer == customer


def test_rules_of_an_empty_file_have_no_version() -> None:
    """No rules is what no file is: nothing is recorded as activated."""
    assert parse_rules("", where="empty") == AttributionRules()


def test_two_texts_are_two_versions() -> None:
    """Which rules an entry was attributed by can be told apart."""
    one = parse_rules('[[rule]]\nwhen = { a = "b" }\ncustomer = "x"\n', where="r")
    other = parse_rules('[[rule]]\nwhen = { a = "b" }\ncustomer = "y"\n', where="r")
    assert one.version
    assert one.version != other.version
    assert one.attributes == {"a"}


@pytest.mark.parametrize("text", ["from = " + "9" * 5000, "x = " + "[" * 3000, "x = " + "{a = " * 3000])
def test_a_file_beyond_what_can_be_read_is_not_usable(text: str) -> None:
    """Numbers of thousands of digits and endless nestings are problems of the file, not faults of ours."""
    with pytest.raises(AttributionRulesError, match="is not TOML"):
        parse_rules(text, where="rules.toml")


def test_a_file_that_begins_with_a_byte_order_mark_is_read() -> None:
    """Editors on Windows write one."""
    text = '[[rule]]\nwhen = { user_id = "u" }\ncustomer = "acme"\n'
    assert parse_rules("\ufeff" + text, where="rules.toml").rules == parse_rules(text, where="rules.toml").rules


@pytest.mark.parametrize(
    ("value", "customer"), [("team[12]", "acme"), ("team1", None), ("team[12]-x", None), ("team[", None)]
)
def test_brackets_in_a_pattern_are_themselves(value: str, customer: str | None) -> None:
    """Patterns know `*` and `?`, nothing else: a bracket is no set of characters."""
    rules = parse_rules('[[rule]]\nwhen = { user_id = "team[12]" }\ncustomer = " acme "\n', where="rules.toml")
    assert rules.ruling({"user_id": value}, OCTOBER_US).customer == customer
