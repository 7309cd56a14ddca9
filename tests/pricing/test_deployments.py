"""The user's deployments settle what a span cannot say: seller, model, how it is paid, how long a cache is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.schema import BillingMode, Flag, PriceStatus
from tests.pricing.calls import Call, day_us, own_book, price_calls, price_one

USAGE = {"input_tokens": 1_000, "output_tokens": 100}
WRITTEN = {"input_tokens": 10_000, "cache_write_tokens": 4_000, "output_tokens": 500}
CLAUDE = "anthropic.claude-sonnet-4-5-20250929-v1:0"


def test_an_azure_deployment_name_becomes_its_model() -> None:
    """A call that says only its deployment's name is priced as the model behind it, and the reason says by what."""
    book = own_book(
        """
        [[deployments]]
        name = "chat"
        provider = "azure*"
        deployment = "chat-prod"
        is = { seller = "azure", model = "gpt-4o-2024-08-06" }
        """
    )
    call = Call("azure.ai.openai", "chat-prod", USAGE, request_model="chat-prod")
    unknown, settled, plain = price_one(call), price_one(call, book=book), price_one(Call("azure", "gpt-4o", USAGE))
    assert unknown.price_status == PriceStatus.UNKNOWN_MODEL
    assert (settled.price_status, settled.cost) == (PriceStatus.PRICED, plain.cost)
    assert settled.price_model == plain.price_model
    assert settled.price_reason == "by own a.toml@a1;chat ..: seller azure, model gpt-4o-2024-08-06"


def test_a_deployment_settles_the_inference_profile() -> None:
    """A model named with its profile makes an ambiguous call priced."""
    book = own_book(f'[[deployments]]\naccount = "prod"\nmodel = "{CLAUDE}"\nis = {{ model = "global.{CLAUDE}" }}')
    call = Call("aws.bedrock", CLAUDE, USAGE, flags=(Flag.PROFILE_UNSAID,), account="prod")
    settled, other = price_calls([call, replace(call, account="test")], book=book)
    assert settled.cost == price_one(Call("aws.bedrock", f"global.{CLAUDE}", USAGE)).cost
    assert other.price_status == PriceStatus.AMBIGUOUS


@pytest.mark.parametrize(("ttl", "unit"), [("5m", "cache_write_5m_tokens"), ("1h", "cache_write_1h_tokens")])
@pytest.mark.parametrize("flag", [Flag.CACHE_TTL_UNSAID, Flag.CACHE_WRITE_UNSAID])
def test_a_deployment_settles_for_how_long_the_cache_is_kept(ttl: str, unit: str, flag: Flag) -> None:
    """Cache writes of unsaid duration cost what the table says; also as the most that unsaid writes can have cost."""
    book = own_book(f'[[deployments]]\nmodel = "claude*"\nis = {{ cache_write_ttl = "{ttl}" }}')
    call = Call("anthropic", "claude-sonnet-4-5", WRITTEN)
    usage = dict(WRITTEN)
    if flag is Flag.CACHE_WRITE_UNSAID:
        usage = {"input_tokens": 10_000, "output_tokens": 500}
    settled = price_one(replace(call, usage=usage, flags=(flag,)), book=book)
    written = WRITTEN["cache_write_tokens"] if flag is Flag.CACHE_TTL_UNSAID else 10_000
    said = price_one(replace(call, usage={**usage, "cache_write_tokens": written, unit: written}))
    assert said.cost in {settled.cost, settled.cost_high}
    assert (settled.price_status == PriceStatus.PRICED) == (flag is Flag.CACHE_TTL_UNSAID)
    assert f"cache_write_ttl {ttl}" in (settled.price_reason or "")


def test_a_deployment_says_how_it_is_paid() -> None:
    """Provisioned capacity costs no cash; a host of one's own has no seller's price but an own one."""
    book = own_book(
        """
        [[deployments]]
        arn = "arn:aws:bedrock:*:provisioned-model/*"
        is = { model = "us.anthropic.claude-sonnet-4-5-20250929-v1:0", billing_mode = "provisioned" }
        [[deployments]]
        endpoint = "gpu-1.internal"
        is = { seller = "ours", billing_mode = "self_hosted" }
        [[prices]]
        provider = "ours"
        rates = { input_tokens = 0.1, output_tokens = 0.2 }
        """
    )
    provisioned, hosted, elsewhere = price_calls(
        [
            Call("aws.bedrock", "arn:aws:bedrock:us-east-1:1:provisioned-model/x", USAGE),
            Call("openai", "gpt-5", USAGE, deployment="gpu-1.internal"),
            Call("openai", "gpt-5", USAGE, deployment="gpu-2.internal"),
        ],
        book=book,
    )
    assert price_one(Call("host:gpu-1.internal", "gpt-5", USAGE), book=book).cost == hosted.cost
    assert (provisioned.cost, provisioned.price_status) == (0, PriceStatus.PRICED)
    assert provisioned.list_cost == price_one(Call("aws.bedrock", f"us.{CLAUDE}", USAGE)).cost
    assert provisioned.price_version == f"billing_mode {BillingMode.PROVISIONED}"
    assert (hosted.cost, hosted.list_cost, hosted.price_model) == (1_000 * 100_000 + 100 * 200_000, None, "ours/gpt-5")
    assert elsewhere.cost == price_one(Call("openai", "gpt-5", USAGE)).cost


def test_a_deployment_holds_in_its_time() -> None:
    """The same name meant one model before a day and another after it."""
    book = own_book(
        """
        [[deployments]]
        deployment = "chat"
        to = 2026-10-01
        is = { seller = "azure", model = "gpt-4o" }
        [[deployments]]
        deployment = "chat"
        from = 2026-10-01
        is = { seller = "azure", model = "gpt-4o-mini" }
        """
    )
    start = day_us(2026, 10, 1)
    before, after = price_calls([Call("azure", "chat", USAGE, at) for at in (start - 1, start)], book=book)
    assert (before.price_model, after.price_model) == ("azure/gpt-4o", "azure/gpt-4o-mini")


def test_two_deployments_that_both_fit_are_not_chosen_between() -> None:
    """Names that meet only at a call leave it ambiguous, with both entries in the reason."""
    book = own_book(
        """
        [[deployments]]
        name = "one"
        deployment = "chat"
        is = { seller = "azure", model = "gpt-4o" }
        [[deployments]]
        name = "two"
        account = "acct"
        is = { seller = "azure", model = "gpt-4o-mini" }
        """
    )
    money = price_one(Call("azure", "chat", USAGE, account="acct"), book=book)
    assert (money.price_status, money.cost) == (PriceStatus.AMBIGUOUS, None)
    assert "(one)" in (money.price_reason or "")
    assert "(two)" in (money.price_reason or "")


def test_a_settled_model_that_no_list_has_says_what_it_was_settled_as() -> None:
    """The reason names the missing model and the entry that named it."""
    book = own_book('[[deployments]]\ndeployment = "x"\nis = { seller = "azure", model = "gpt-99" }')
    money = price_one(Call("azure", "x", USAGE), book=book)
    assert money.price_status == PriceStatus.UNKNOWN_MODEL
    assert "'gpt-99'" in (money.price_reason or "")
    assert "by own a.toml@a1;deployments[1]" in (money.price_reason or "")


def test_deployments_complete_one_another() -> None:
    """What a call is may be said by several entries, each on its points; the narrower one counts on the same point."""
    book = own_book(
        """
        [[deployments]]
        name = "account"
        account = "acct"
        is = { billing_mode = "provisioned", model = "gpt-4o-mini" }
        [[deployments]]
        name = "chat"
        account = "acct"
        deployment = "chat"
        is = { seller = "azure", model = "gpt-4o" }
        """
    )
    money = price_one(Call("azure", "chat", USAGE, account="acct"), book=book)
    assert (money.price_model, money.cost) == ("azure/gpt-4o", 0)
    assert "by own a.toml@a1;account ..: billing_mode provisioned" in (money.price_reason or "")
    assert "by own a.toml@a1;chat ..: " in (money.price_reason or "")
