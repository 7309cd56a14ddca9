"""Newer price data: read as the library writes it, compared with what is known, joined without moving it."""

from __future__ import annotations

import copy
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ledger.schema import PriceStatus
from pricing.book import PriceBook
from pricing.data import PriceDataError, differences, newest_price, read_price_data, with_new_models
from tests.pricing.calls import BOOK, Call, price_one
from tests.pricing.data_file import raw_providers, text_of

RAW = raw_providers(BOOK.providers)
USAGE = {"input_tokens": 1_000_000}


def newer() -> list[dict[str, Any]]:
    """The known data, where gpt-4o costs 9 and two new models are sold, one by a new seller."""
    raw = copy.deepcopy(RAW)
    (openai,) = [provider for provider in raw if provider["id"] == "openai"]
    (known,) = [model for model in openai["models"] if model["id"] == "gpt-4o"]
    known["prices"] = {"input_mtok": Decimal("9.00"), "output_mtok": Decimal("0.1")}
    openai["models"].append({"id": "gpt-99", "match": {"equals": "gpt-99"}, "prices": {"input_mtok": Decimal("0.7")}})
    raw.append({
        "id": "newcomer", "name": "Newcomer", "api_pattern": "",
        "models": [{"id": "n1", "match": {"equals": "n1"}, "prices": {"input_mtok": 1}}],
    })  # fmt: skip
    return raw


def test_the_librarys_own_data_is_read_as_the_library_has_it() -> None:
    """Every model of the installed data, written as a file and read again, has the same prices at all times."""
    read = read_price_data(text_of(RAW))
    found = differences(BOOK.providers, read.providers)
    assert read.left_out == ()
    assert (found.new_models, found.changed_models, found.gone_models) == ((), (), ())


def test_what_newer_data_changes_is_told_by_model() -> None:
    """New, changed and gone models are named."""
    raw = newer()
    raw[0]["models"] = raw[0]["models"][1:]
    found = differences(BOOK.providers, read_price_data(text_of(raw)).providers)
    assert found.new_models == ("newcomer/n1", "openai/gpt-99")
    assert found.changed_models == ("openai/gpt-4o",)
    assert found.gone_models == (f"{RAW[0]['id']}/{RAW[0]['models'][0]['id']}",)


def test_new_models_join_without_moving_a_known_price() -> None:
    """After taking the new models only, they have prices, and gpt-4o still costs what it did."""
    read = read_price_data(text_of(newer()))
    joined = PriceBook(with_new_models(BOOK.providers, read.providers), snapshot="joined")
    whole = PriceBook(read.providers, snapshot="whole")
    call = Call("openai", "gpt-4o", USAGE)
    assert price_one(call, book=joined).cost == price_one(call).cost
    assert price_one(call, book=whole).cost == 9 * 10**12
    assert price_one(Call("openai", "gpt-99", USAGE), book=joined).cost == 7 * 10**11
    assert price_one(Call("newcomer", "n1", USAGE), book=joined).cost == 10**12
    assert price_one(Call("openai", "gpt-99", USAGE)).price_status == PriceStatus.UNKNOWN_MODEL


def test_a_model_priced_by_a_unit_that_this_program_does_not_know_is_left_out() -> None:
    """It is named with the unit, and its neighbours are read."""
    raw = newer()
    raw[-1]["models"].append({"id": "n2", "match": {"equals": "n2"}, "prices": {"input_mtok": 1, "dreams_mtok": 2}})
    read = read_price_data(text_of(raw))
    assert len(read.left_out) == 1
    assert read.left_out[0].startswith("newcomer/n2: price key dreams_mtok")
    assert [model.id for model in read.providers[-1].models] == ["n1"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("{}", "not a list of providers"),
        ("[]", "0 providers"),
        (text_of(RAW[:2]), "2 providers"),
        (text_of([{**one, "models": [{"id": 1}]} for one in RAW[:6]]), "does not fit"),
        (
            text_of([{**RAW[0], "models": [{"id": "m", "match": {"like": "m"}, "prices": {}}]}, *RAW[1:9]]),
            "does not fit",
        ),
    ],
)
def test_what_is_not_price_data_is_refused(text: str, words: str) -> None:
    """With what was found."""
    with pytest.raises(PriceDataError, match=words):
        read_price_data(text)


def test_the_age_of_data_is_that_of_its_newest_price_in_force() -> None:
    """Prices announced for later do not make it younger."""
    begin = {"constraint": {"start_date": "2026-03-01"}, "prices": {"input_mtok": 1}}
    later = {"constraint": {"start_date": "2027-03-01"}, "prices": {"input_mtok": 2}}
    models = [{"id": "m", "match": {"equals": "m"}, "prices": [{"prices": {"input_mtok": 3}}, begin, later]}]
    raw = [{"id": f"p{number}", "name": "P", "api_pattern": "", "models": models} for number in range(5)]
    providers = read_price_data(text_of(raw)).providers
    assert newest_price(providers, until=date(2026, 6, 1)) == date(2026, 3, 1)
    assert newest_price(providers, until=date(2026, 2, 1)) is None
