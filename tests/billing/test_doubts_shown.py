"""What is not known, as REST, the page and the command show it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from billing.api import create_app
from billing.config import BillingConfig
from tests.otlp import call
from tests.pipeline import Pipeline
from tests.test_command_line import spanledger

AGENT = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner"}


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """A ledger with a remote agent, a call with a customer and one without."""
    with Pipeline(tmp_path) as made:
        made.take(call(tokens=(300, 30), attributes=AGENT), call(attributes={"customer.id": "acme"}), call())
        yield made


@pytest.fixture
def client(pipeline: Pipeline) -> Iterator[TestClient]:
    """The application over that ledger."""
    with TestClient(create_app(BillingConfig(pipeline.data)), raise_server_exceptions=False) as made:
        yield made


def test_audit_shows_possible_unbilled_spend(client: TestClient) -> None:
    """REST and page say how many aggregates nothing explains, and their tokens; the list names them."""
    audit = client.get("/v1/audit").json()
    assert (audit["unexplained"], audit["unexplained_input_tokens"], audit["unexplained_output_tokens"]) == (1, 300, 30)
    assert "Possible unbilled spend: 1 agents or workflows" in client.get("/").text
    listed = client.get("/v1/audit/unexplained").json()
    assert [(row["agent"], row["input_tokens"]) for row in listed["rows"]] == [("planner", 300)]
    assert listed["truncated"] is False


def test_unattributed_is_a_list_with_a_share(client: TestClient) -> None:
    """Half of the calls and half of the cost have no customer."""
    (row,) = client.get("/v1/unattributed", params={"from": "2026-10", "to": "2026-11"}).json()["rows"]
    assert (row["why"], row["calls"], row["cost"]) == ("none_named", 1, "0.000350000000")
    assert (row["share_of_calls"], row["share_of_cost"]) == ("0.5000", "0.5000")
    assert client.get("/v1/unattributed", params={"to": "2026-09"}).json()["rows"] == []


def test_commands_list_what_is_not_known(pipeline: Pipeline) -> None:
    """Each list prints its rows; two lists at once are wrong use."""
    where = ("--data-dir", str(pipeline.data.root), "--format", "json")
    (row,) = json.loads(spanledger("unattributed", *where).stdout)
    assert (row["service"], row["why"], row["calls"]) == ("shop", "none_named", 1)
    (agent,) = json.loads(spanledger("audit", "--unexplained", *where).stdout)
    assert (agent["agent"], agent["output_tokens"]) == ("planner", 30)
    assert json.loads(spanledger("audit", "--possible-duplicates", *where).stdout) == []
    assert "possible unbilled spend" in spanledger("audit", *where[:2]).stdout
    assert spanledger("audit", "--unexplained", "--possible-duplicates", *where).returncode == 2
