"""The sealer prices by what is in force when it seals; what the ledger has keeps its price."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from ledger.errors import LedgerDamagedError
from ledger.schema import Table
from ledger.segment import read_segment
from pricing.authority import CostAuthority
from pricing.book import PriceBook
from receiver.prices import CurrentBook, load_book, price_versions
from receiver.sealer.money import PRICED_COLUMNS, price_rows
from tests.otlp import call
from tests.pipeline import Pipeline

OWN = '[[prices]]\nname = "deal"\nmodel = "gpt-4o*"\nrates = { input_tokens = 1, output_tokens = 2 }\n'


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """A cost path on an empty folder."""
    with Pipeline(tmp_path) as running:
        yield running


def test_an_added_price_holds_for_what_is_sealed_after_it(pipeline: Pipeline) -> None:
    """The call before keeps the public price; the one after has the own one, beside its list cost and both versions."""
    prices = CurrentBook(pipeline.data, authority=CostAuthority())
    pipeline.sealer.use_prices(prices.get())
    pipeline.take(call())
    version = price_versions(pipeline.data).add(kind="own", name="deal.toml", text=OWN)
    assert prices.get() is not pipeline.sealer.book
    pipeline.sealer.use_prices(prices.get())
    pipeline.take(call())
    assert prices.get() is pipeline.sealer.book
    rows = pipeline.rows("SELECT cost, list_cost, price_version, list_price_version FROM calls ORDER BY commit")
    assert [row["cost"] for row in rows] == [Decimal("0.00035"), Decimal("0.00012")]
    assert rows[0]["list_cost"] == rows[1]["list_cost"] == Decimal("0.00035")
    assert rows[1]["price_version"] == f"own deal.toml@{version.short};deal .."
    assert rows[1]["list_price_version"] == rows[0]["price_version"]


def test_the_manifest_says_by_which_prices_a_commit_went(pipeline: Pipeline) -> None:
    """Public data, own files with their versions, and which reported costs count."""
    authority = CostAuthority({"openrouter*": Decimal("0.10")})
    pipeline.sealer.use_prices(load_book(pipeline.data, authority=authority))
    pipeline.take(call())
    assert "own_prices" not in pipeline.sealer.state.versions
    version = price_versions(pipeline.data).add(kind="own", name="deal.toml", text=OWN)
    pipeline.sealer.use_prices(load_book(pipeline.data, authority=authority))
    pipeline.take(call())
    versions = pipeline.sealer.state.versions
    assert versions["prices"] == PriceBook.bundled().snapshot
    assert versions["own_prices"] == f"deal.toml@{version.short}"
    assert versions["cost_authority"] == "openrouter*:0.1"


def test_an_empty_file_withdraws_what_it_said(pipeline: Pipeline) -> None:
    """After it the public price holds again; both versions stay on disk."""
    versions = price_versions(pipeline.data)
    versions.add(kind="own", name="deal.toml", text=OWN)
    versions.add(kind="own", name="deal.toml", text="")
    assert not load_book(pipeline.data).own.prices
    assert len(versions.all()) == 2


def test_rows_cost_the_same_when_they_are_priced_again(pipeline: Pipeline) -> None:
    """From permanent columns alone `price_rows` gives what the sealer wrote, for calls of every status."""
    pipeline.take(
        call(),
        call(model="no-such-model"),
        call(tokens=(None, None)),
        call(tokens=(5, 10), attributes={"gen_ai.usage.cache_read.input_tokens": 3}),
        call(attributes={"openai.response.service_tier": "flex"}),
        call(model="anthropic.claude-sonnet-4-5-20250929-v1:0", attributes={"gen_ai.provider.name": "aws.bedrock"}),
    )
    (segment,) = pipeline.sealer.state.of_table(Table.USAGE)
    rows = read_segment(segment, ledger=pipeline.data.ledger)
    again = price_rows(rows, book=pipeline.sealer.book)
    assert set(again) == set(PRICED_COLUMNS)
    for name in PRICED_COLUMNS:
        assert pa.chunked_array([again[name]]) == rows.column(name), name


def test_a_damaged_version_stops_pricing(pipeline: Pipeline) -> None:
    """Own prices that cannot be read are no reason to charge public ones."""
    version = price_versions(pipeline.data).add(kind="own", name="deal.toml", text=OWN)
    version.path.write_text("{}")
    with pytest.raises(LedgerDamagedError, match="damaged"):
        load_book(pipeline.data)


def test_a_trusted_report_is_the_cost_that_is_sealed(pipeline: Pipeline) -> None:
    """Both amounts stay on the entry, from the span to the views; pricing it again moves nothing."""
    authority = CostAuthority({"operation.cost": Decimal("0.10")})
    pipeline.sealer.use_prices(load_book(pipeline.data, authority=authority))
    attributes = {"operation.cost": 0.00036}
    pipeline.take(call(attributes=attributes, scope="pydantic-ai", scope_version="2.68.0"))
    (row,) = pipeline.rows("SELECT cost, list_cost, reported_cost, price_version, price_reason FROM calls")
    assert (row["cost"], row["list_cost"], row["reported_cost"]) == tuple(
        map(Decimal, ("0.00036", "0.00035", "0.00036"))
    )
    assert row["price_version"] == "reported:operation.cost"
    assert "within 0.1 of the computed one" in row["price_reason"]


def test_own_prices_by_account_hold_for_calls_of_a_batch_by_their_own_account(pipeline: Pipeline) -> None:
    """Calls that are alike but for where they were made are told apart once an own price asks for it."""
    text = '[[prices]]\nregion = "eu-*"\nmodel = "us.anthropic*"\nrates = { input_tokens = 1, output_tokens = 1 }\n'
    price_versions(pipeline.data).add(kind="own", name="eu.toml", text=text)
    pipeline.sealer.use_prices(load_book(pipeline.data))
    model = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    attributes = {"gen_ai.provider.name": "aws.bedrock"}
    pipeline.take(
        *(call(model=model, attributes={**attributes, "cloud.region": region}) for region in ("eu-west-1", "us-east-1"))
    )
    rows = pipeline.rows("SELECT region, cost FROM calls ORDER BY region")
    assert [(row["region"], row["cost"]) for row in rows] == [
        ("eu-west-1", Decimal("0.00011")),
        ("us-east-1", Decimal("0.000495")),
    ]
