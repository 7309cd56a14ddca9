"""`customers` and `plan`, as processes: what somebody who bills types, and what they read."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from billing.store.database import Database
from spanledger.cli.listed import COMMANDS
from tests.billing.shop import Shop, used
from tests.test_command_line import spanledger

ROOT = Path(__file__).parents[2]
PLAN = """
id = "standard"
name = "Standard"
currency = "USD"
from = "2026-10-01"
[[charges]]
id = "models"
kind = "pass_through"
markup = "0.20"
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A ledger in which acme and globex used 2.50 USD each in October."""
    data = tmp_path / "data"
    store = Database(f"sqlite:///{data / 'billing.db'}")
    shop = Shop(data, store)
    shop.take(used("acme", "2026-10-03"), used("globex", "2026-10-05"))
    shop.close()
    store.close()
    return data


def run(data_dir: Path, *arguments: str) -> str:
    """Run a command that must succeed; return what it prints."""
    finished = spanledger(*arguments, "--data-dir", str(data_dir))
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def seen(data_dir: Path) -> list[str]:
    """The ids that are not registered."""
    return [row["id"] for row in json.loads(run(data_dir, "customers", "seen", "--format", "json"))]


def test_from_a_name_in_spans_to_a_customer(data_dir: Path) -> None:
    """Seen, adopted, changed, given a credit, archived; a mistake names what is wrong and what there is."""
    assert [row["id"] for row in json.loads(run(data_dir, "customers", "seen", "--format", "json"))] == [
        "acme",
        "globex",
    ]
    run(data_dir, "customers", "adopt", "acme", "--set", "name=Acme Ltd", "--set", "tax_rate=0.19")
    run(data_dir, "customers", "change", "acme", "--set", "language=de")
    (shown,) = json.loads(run(data_dir, "customers", "show", "acme", "--format", "json"))
    assert (shown["name"], shown["language"], shown["tax_rate"]) == ("Acme Ltd", "de", "0.19")
    assert seen(data_dir) == ["globex"]
    run(data_dir, "customers", "credit", "acme", "5.00", "USD", "--reason", "Starter")
    (credit,) = json.loads(run(data_dir, "customers", "credits", "acme", "--format", "json"))
    assert (credit["amount"], credit["left"], credit["reason"]) == ("5.00", "5.00", "Starter")
    wrong = spanledger("customers", "adopt", "globx", "--data-dir", str(data_dir))
    assert (wrong.returncode, "Did you mean globex" in wrong.stderr) == (1, True)
    bad = spanledger("customers", "change", "acme", "--set", "tax_rate=19", "--data-dir", str(data_dir))
    assert (bad.returncode, "tax_rate" in bad.stderr) == (1, True)
    run(data_dir, "customers", "archive", "acme")
    assert json.loads(run(data_dir, "customers", "list", "--format", "json")) == []


def test_a_plan_is_checked_tried_and_added(data_dir: Path, tmp_path: Path) -> None:
    """What it would have asked for stands beside what was invoiced; trying keeps nothing."""
    file = tmp_path / "standard.toml"
    file.write_text(PLAN)
    assert "nothing is wrong" in spanledger("plan", "check", str(file)).stdout
    drafted = json.loads(
        run(data_dir, "invoice", "draft", "--customer", "acme", "--period", "2026-10", "--format", "json")
    )
    run(data_dir, "invoice", "finalise", drafted["id"])
    tried = json.loads(run(data_dir, "plan", "try", str(file), "--period", "2026-10", "--format", "json"))
    assert [(row["customer"], row["would_be"], row["invoiced"], row["difference"]) for row in tried] == [
        ("acme", "3.00", "2.50", "0.50"),
        ("globex", "3.00", None, None),
    ]
    assert [row["id"] for row in json.loads(run(data_dir, "plan", "list", "--format", "json"))] == ["at-cost"]
    assert "version 1" in run(data_dir, "plan", "add", str(file))
    assert json.loads(run(data_dir, "plan", "show", "standard"))["name"] == "Standard"
    run(data_dir, "plan", "rate", "USD", "EUR", "0.92", "--from", "2026-10-01")
    (rate,) = json.loads(run(data_dir, "plan", "rates", "--format", "json"))
    assert (rate["base"], rate["quote"], rate["rate"]) == ("USD", "EUR", "0.92")


def test_every_problem_of_a_plan_is_told_at_once(tmp_path: Path) -> None:
    """With exit code 1, and the field of each."""
    file = tmp_path / "bad.toml"
    file.write_text(PLAN.replace("pass_through", "magic").replace('"USD"', '"DOLLARS"'))
    checked = spanledger("plan", "check", str(file))
    assert checked.returncode == 1
    assert "charges[0].kind" in checked.stderr
    assert "currency" in checked.stderr
    assert spanledger("plan", "check", str(tmp_path / "none.toml")).returncode == 2


def test_every_command_that_a_hint_names_exists() -> None:
    """A remedy that is no command helps nobody: each `spanledger NAME` in a text of the programs is one."""
    named = set()
    parts = ("ledger", "pricing", "receiver", "billing", "spanledger")
    for path in (file for part in parts for file in (ROOT / part).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                named |= set(re.findall(r"`spanledger ([a-z][a-z-]*)", node.value))
                named |= set(re.findall(r"\bspanledger ((?:customers|plan|invoice|bill|reconcile)\b)", node.value))
    assert named
    assert named <= COMMANDS.keys()


def test_a_month_is_billed_for_all_and_goes_on_where_it_stopped(data_dir: Path) -> None:
    """Drafts first, then numbers; again, nothing new; one that is refused stops no other and makes the exit code 1."""
    drafted = json.loads(run(data_dir, "bill", "--period", "2026-10", "--format", "json"))
    assert [(row["customer"], row["ended"], row["payable"]) for row in drafted] == [
        ("acme", "drafted", "2.50"),
        ("globex", "drafted", "2.50"),
    ]
    run(data_dir, "customers", "adopt", "globex", "--set", "currency=EUR")
    mixed = spanledger("bill", "--period", "2026-10", "--finalise", "--format", "json", "--data-dir", str(data_dir))
    rows = json.loads(mixed.stdout)
    assert [(row["customer"], row["ended"]) for row in rows] == [("acme", "finalised"), ("globex", "refused")]
    assert rows[0]["invoice"] == "INV-000001"
    assert "USD" in rows[1]["problem"]
    assert mixed.returncode == 1
    run(data_dir, "plan", "rate", "USD", "EUR", "0.50", "--from", "2026-10-01")
    done = json.loads(run(data_dir, "bill", "--period", "2026-10", "--finalise", "--format", "json"))
    assert [(row["customer"], row["ended"], row["invoice"], row["payable"], row["currency"]) for row in done] == [
        ("acme", "invoiced already", "INV-000001", "2.50", "USD"),
        ("globex", "finalised", "INV-000002", "1.25", "EUR"),
    ]
    listed = json.loads(run(data_dir, "invoice", "list", "--format", "json"))
    assert sorted(row["number"] for row in listed) == ["INV-000001", "INV-000002"]
