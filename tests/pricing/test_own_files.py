"""Files of own prices: what is wrong with one is said all at once, with where, what was found and what to do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.book import PriceBook
from pricing.own.checking import FileText, check_files
from pricing.own.patterns import fits, meet, within
from tests.pricing.calls import BOOK, Call, price_one


def problems(*texts: str, name: str = "p.toml") -> list[str]:
    """What is wrong with files."""
    return [str(one) for one in check_files(FileText(name, text) for text in texts).problems]


def test_every_problem_of_a_file_is_reported_at_once() -> None:
    """Each names its entry and line, what was found, and what to do; a good entry beside them has none."""
    found = problems(
        """
[[prices]]
name = "good"
model = "m"
rates = { input_tokens = 1 }

[[prices]]
modle = "m"
rates = { input_token = 1, output_tokens = "cheap", web_searches = 3 }
from = 2026-02-01
to = 2026-01-01

[[deployments]]
deployment = "x"
arn = "y"
is = { sellr = "azure", billing_mode = "free" }
"""
    )
    assert found == [
        "p.toml, line 7 (prices[2]): unknown key 'modle'; did you mean model?",
        "p.toml, line 7 (prices[2]): unknown unit 'input_token'; did you mean input_tokens?",
        "p.toml, line 7 (prices[2]): the price of output_tokens is 'cheap'; give dollars per million, from 0 on",
        "p.toml, line 7 (prices[2]): per is not said, and web_searches are no tokens; "
        "say per = one of one, thousand, million, minute, hour",
        "p.toml, line 7 (prices[2]): it holds 2026-02-01..2026-01-01, which is never; "
        "let from be before to, which is excluded",
        "p.toml, line 13 (deployments[1]): it has deployment and arn; "
        "they are one thing: keep one, or make two entries",
        "p.toml, line 13 (deployments[1]): unknown key 'sellr'; did you mean seller?",
        "p.toml, line 13 (deployments[1]): billing_mode is 'free'; "
        "known: metered, subscription, provisioned, self_hosted",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[prices", "it is not TOML"),
        ("[prices]\nmodel='m'", "prices is not a list of tables"),
        ("[[price]]\nmodel='m'", "unknown table 'price'"),
        ("[[prices]]\nmodel='m'", "it has no price"),
        ("[[prices]]\nmodel=7\ndiscount_percent=1", "model is 7"),
        ("[[prices]]\ndiscount_percent=101", "discount_percent is 101"),
        ("[[prices]]\nrates=3", "rates is 3"),
        ("[[prices]]\nrates={input_tokens=-1}", "the price of input_tokens is -1"),
        ("[[prices]]\nrates={input_tokens=nan}", "the price of input_tokens is"),
        ("[[prices]]\nrates={input_tokens=true}", "the price of input_tokens is True"),
        ("[[prices]]\nrates={input_tokens={base=1, over=2}}", "rates.input_tokens has 'over'"),
        ("[[prices]]\nrates={input_tokens={base=1, above_200=2, above_0200=3}}", "says twice what holds above 200"),
        ("[[prices]]\nrates={input_tokens='2_5'}", "the price of input_tokens is '2_5'"),
        ("[[prices]]\nper='hour'\nrates={input_tokens=1}", "input_tokens are priced per hour"),
        ("[[prices]]\nper='dozen'\nrates={input_tokens=1}", "per is 'dozen'"),
        ("[[prices]]\nfrom='soon'\ndiscount_percent=1", "from is 'soon'"),
        ("[[prices]]\ncurrency='EUR'\ndiscount_percent=1", "currency is 'EUR'"),
        ("[[prices]]\nname='a;b'\ndiscount_percent=1", "name is 'a;b'"),
        ("[[deployments]]\ndeployment='x'", "it does not say what it is"),
        ("[[deployments]]\nis={seller='azure'}", "it speaks of every call"),
        ("[[deployments]]\nmodel='m'\nis={cache_write_ttl='2h'}", "cache_write_ttl is '2h'"),
    ],
)
def test_what_is_wrong_is_said(text: str, words: str) -> None:
    """One mistake, one problem, and it names what was found."""
    found = problems(text)
    assert len(found) == 1
    assert words in found[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model,unit,price\nm,input_tokens", "p.csv, line 2: 2 cells under 3 columns"),
        ("model,units\nm,1", "p.csv, line 1: unknown columns: units"),
        ("model,unit\nm,input_tokens", "unit and price go together"),
        ("model,unit,price\nm,input_tokens,x", "p.csv, line 2: the price of input_tokens is 'x'"),
        ("model,unit,price\nm,input_tokens,2_5", "p.csv, line 2: the price of input_tokens is '2_5'"),
        ("model,unit,price\nm,input_tokens,\u0663", "the price of input_tokens is"),
        ('model,unit,price\nm,"input', "it is not CSV"),
    ],
)
def test_what_is_wrong_with_a_csv_file_is_said(text: str, words: str) -> None:
    """By its line."""
    found = problems(text, name="p.csv")
    assert len(found) == 1
    assert words in found[0]


def test_a_csv_line_is_one_price() -> None:
    """Each line prices one unit, or takes a discount off; empty cells are any, empty lines nothing."""
    text = (
        "model,account,unit,price,per,discount_percent,from,to\n"
        "m*,,input_tokens,2.5,million,,2026-01-01,\n"
        "\n"
        "m*,,output_tokens,0.01,thousand,,,\n"
        "claude*,acct,,,,20,,\n"
    )
    checked = check_files([FileText("p.csv", text, "v")])
    assert not checked.problems
    assert [price.place.name for price in checked.book.prices] == ["line 2", "line 4", "line 5"]
    money = price_one(
        Call("own", "m1", {"input_tokens": 2, "output_tokens": 3}),
        book=PriceBook(BOOK.providers, snapshot=BOOK.snapshot, own=checked.book),
    )
    assert money.cost == 2 * 2_500_000 + 3 * 10_000_000
    assert money.price_version == "own p.csv@v;line 2 2026-01-01..+own p.csv@v;line 4 .."


def test_two_prices_of_one_unit_at_one_time_are_an_error_that_names_both() -> None:
    """Same calls, overlapping validity: both entries are named with file and line, and what to do."""
    found = problems(
        '[[prices]]\nname="one"\nmodel="m*"\nto=2026-06-02\nrates={input_tokens=1}\n'
        '[[prices]]\nname="two"\nmodel="m*"\nfrom=2026-06-01\nrates={input_tokens=2}\n'
    )
    assert found == [
        "p.toml, line 1 (one) and p.toml, line 6 (two): both price input_tokens for the same calls at the same time "
        "(..2026-06-02 and 2026-06-01..), and neither is narrower; "
        "end one before the other begins, or name more of what one of them is for"
    ]


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ('model="m*"\nrates={input_tokens=1}', 'model="m1"\nrates={input_tokens=2}', False),
        ('model="m*"\nrates={input_tokens=1}', 'model="m*"\nrates={output_tokens=2}', False),
        ('model="m*"\nrates={input_tokens=1}', 'model="n*"\nrates={input_tokens=2}', False),
        (
            'model="m*"\nto=2026-01-01\nrates={input_tokens=1}',
            'model="m*"\nfrom=2026-01-01\nrates={input_tokens=2}',
            False,
        ),
        ('model="m*"\nrates={input_tokens=1}', 'account="a"\nrates={input_tokens=2}', True),
        ('model="m*"\nrates={input_tokens=1}', 'account="a"\ndiscount_percent=2', True),
        ('model="m*"\naccount="a"\nrates={input_tokens=1}', 'account="a"\nrates={input_tokens=2}', False),
        ('model="*-mini"\nrates={input_tokens=1}', 'model="gpt-*"\nrates={input_tokens=2}', True),
        ('billing_mode="provisioned"\nrates={input_tokens=1}', 'model="m"\nrates={input_tokens=2}', False),
        ('billing_mode="metered"\nrates={input_tokens=1}', "rates={input_tokens=2}", False),
        ('service_tier="auto"\nrates={input_tokens=1}', 'service_tier="default"\nrates={input_tokens=2}', True),
        ('provider="OpenAI"\nrates={input_tokens=1}', 'provider="openai"\nrates={input_tokens=2}', True),
    ],
)
def test_what_overlaps(one: str, other: str, *, overlap: bool) -> None:
    """Entries overlap if some call could be priced by both for one unit, and neither lies within the other."""
    assert bool(problems(f"[[prices]]\n{one}\n[[prices]]\n{other}")) == overlap


def test_entries_of_different_files_overlap_too() -> None:
    """All files in force hold together."""
    text = '[[prices]]\nmodel="m"\nrates={input_tokens=1}'
    found = [str(one) for one in check_files([FileText("a.toml", text), FileText("b.toml", text)]).problems]
    assert len(found) == 1
    assert found[0].startswith("a.toml, line 1 (prices[1]) and b.toml, line 1 (prices[1])")


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ('model="m*"\nis={region="a"}', 'model="m1"\nis={region="b"}', False),
        ('model="m*"\nis={region="a"}', 'model="*m"\nis={region="b"}', True),
        ('model="m*"\nis={region="a"}', 'model="*m"\nis={region="a"}', False),
        ('model="m*"\nis={region="a"}', 'model="*m"\nis={seller="b"}', False),
        ('model="m*"\nis={region="a"}', 'account="m"\nis={region="b"}', False),
        ('model="m"\nto=2026-01-01\nis={region="a"}', 'model="m"\nfrom=2026-01-01\nis={region="b"}', False),
        ('arn="x"\nis={region="a"}', 'endpoint="x"\nis={region="b"}', True),
    ],
)
def test_which_deployments_contradict_each_other(one: str, other: str, *, overlap: bool) -> None:
    """Entries by the same conditions that meet and say other things on one point; the rest shows at a call, if ever."""
    assert bool(problems(f"[[deployments]]\n{one}\n[[deployments]]\n{other}")) == overlap


NAMES = st.text("ab.", max_size=6)
PATTERNS = st.text("ab.*", max_size=6)


@given(PATTERNS, PATTERNS, NAMES)
def test_patterns_meet_and_contain_as_their_names_do(one: str, other: str, name: str) -> None:
    """A name that fits both proves that they meet; one that fits the inner fits the outer."""
    if fits(one, name) and fits(other, name):
        assert meet(one, other)
    if within(one, other) and fits(one, name):
        assert fits(other, name)
    assert meet(one, other) == meet(other, one)


@given(PATTERNS)
def test_a_pattern_lies_within_itself_and_the_star(pattern: str) -> None:
    """Whatever it is."""
    assert within(pattern, pattern)
    assert within(pattern, "*")
    assert meet(pattern, pattern)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("a*", "*b", True), ("a*", "b*", False), ("abc", "a*c", True), ("ab", "abc", False), ("*", "", True)],
)
def test_whether_patterns_meet(one: str, other: str, *, expected: bool) -> None:
    """Some name fits both, or none does."""
    assert meet(one, other) == expected


@pytest.mark.parametrize("text", ["x = " + "9" * 5000, "x = " + "[" * 3000, "x = " + "{a = " * 3000])
def test_a_file_beyond_what_can_be_read_has_a_problem(text: str) -> None:
    """Numbers of thousands of digits and endless nestings are problems of the file, not faults of ours."""
    (problem,) = problems(text)
    assert problem.startswith("p.toml: it is not TOML")


def test_a_file_that_begins_with_a_byte_order_mark_is_read() -> None:
    """Editors on Windows write one, in TOML as in CSV."""
    assert problems("\ufeff[[prices]]\nmodel = 'm'\nrates = { input_tokens = 1 }\n") == []


def test_a_column_that_stands_twice_is_a_problem() -> None:
    """Neither of two prices on a line is chosen."""
    assert problems("model,unit,price,price\nm,input_tokens,1,2\n", name="p.csv") == [
        "p.csv, line 1: columns that stand twice: price; keep one of each"
    ]


@pytest.mark.parametrize(
    ("key", "moment"), [("to", "9999-12-31T23:59:59-12:00"), ("from", "0001-01-01T00:00:00+14:00")]
)
def test_a_moment_outside_the_calendar_is_a_problem(key: str, moment: str) -> None:
    """Its offset leads to where no time can be written, and no price could be named with it."""
    (problem,) = problems(f"[[prices]]\nmodel = 'm'\nrates = {{ input_tokens = 1 }}\n{key} = {moment}\n")
    assert problem.startswith(f"p.toml, line 1 (prices[1]): {key} is ")
