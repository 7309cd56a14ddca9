"""The commands that learn later, as a person at a terminal runs them: with and without a running sealer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.collector import wait_until
from tests.otlp import call
from tests.pipeline import Pipeline
from tests.programs import Program
from tests.test_command_line import spanledger

RULES = '[[rule]]\nwhen = { user_id = "u-1" }\ncustomer = "globex"\n'


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory with two calls, one of which a rule is about."""
    with Pipeline(tmp_path / "data") as pipeline:
        pipeline.take(
            call(attributes={"customer.id": "acme", "user.id": "u-1"}),
            call(attributes={"customer.id": "acme", "user.id": "u-2"}),
        )
    (tmp_path / "rules.toml").write_text(RULES)
    return tmp_path / "data"


def costs(data_dir: Path) -> dict[str, str]:
    """Cost by customer, as `spanledger costs` says it."""
    printed = spanledger("costs", "--by", "customer", "--format", "json", "--data-dir", str(data_dir)).stdout
    return {row["customer"]: row["cost"] for row in json.loads(printed)}


def test_dry_run_shows_before_and_after_and_writes_nothing(data_dir: Path) -> None:
    """By reason and by customer, in decimals."""
    rules = str(data_dir.parent / "rules.toml")
    finished = spanledger(
        "reattribute", "--dry-run", "--format", "json", "--data-dir", str(data_dir), SPANLEDGER_ATTRIBUTION_RULES=rules
    )
    assert finished.returncode == 0, finished.stderr
    assert [(row["by"], row["value"], row["difference"]) for row in json.loads(finished.stdout)] == [
        ("reason", "attribution", "0.000000000000"),
        ("customer", "acme", "-0.000350000000"),
        ("customer", "globex", "0.000350000000"),
    ]
    assert "1 entries would change (2 entries looked at); nothing was written" in finished.stderr
    assert costs(data_dir) == {"acme": "0.000700000000"}


def test_corrections_are_written_after_a_yes(data_dir: Path) -> None:
    """With --yes at once; the second time there is nothing to change."""
    rules = str(data_dir.parent / "rules.toml")
    arguments = ("reattribute", "--yes", "--data-dir", str(data_dir))
    first = spanledger(*arguments, SPANLEDGER_ATTRIBUTION_RULES=rules)
    assert "1 entries corrected in commit 2" in first.stderr
    assert costs(data_dir) == {"acme": "0.000350000000", "globex": "0.000350000000"}
    second = spanledger(*arguments, SPANLEDGER_ATTRIBUTION_RULES=rules)
    assert "nothing to change" in second.stderr
    listed = json.loads(spanledger("jobs", "--format", "json", "--data-dir", str(data_dir)).stdout)
    assert [(job["kind"], job["state"], job["rows_changed"]) for job in listed] == [
        ("reattribute", "done", 1),
        ("reattribute", "done", 0),
    ]


def test_without_an_answer_nothing_is_written(data_dir: Path) -> None:
    """A script that cannot say yes changes nothing."""
    rules = str(data_dir.parent / "rules.toml")
    finished = spanledger("reattribute", "--data-dir", str(data_dir), SPANLEDGER_ATTRIBUTION_RULES=rules)
    assert finished.returncode == 1
    assert costs(data_dir) == {"acme": "0.000700000000"}


def test_a_running_sealer_carries_the_job_out(data_dir: Path) -> None:
    """The ledger has one writer: the command asks it, also after the rules file was changed under it."""
    rules = data_dir.parent / "rules.toml"
    rules.write_text("")
    settings = {"data_dir": str(data_dir), "attribution_rules": str(rules)}
    with Program("seal", log=data_dir.parent / "seal.log", **settings) as sealer:
        wait_until(lambda: "sealing" in sealer.log_text, what="the sealer has the ledger")
        nothing = spanledger("reattribute", "--yes", "--data-dir", str(data_dir))
        assert "nothing to change" in nothing.stderr
        rules.write_text(RULES)
        moved = spanledger("reattribute", "--yes", "--data-dir", str(data_dir))
        assert "1 entries corrected" in moved.stderr, sealer.log_text
    assert costs(data_dir) == {"acme": "0.000350000000", "globex": "0.000350000000"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[rule]]\nwhen = { user_id = "u" }\n', "neither `customer` nor `labels`"),
        ('[[rule]]\ncustomer = "a"\n', "`when` must name at least one"),
        ('[[rule]]\nwhen = { a = "b" }\ncustomer = "a"\nform = 1\n', "'form' is none of"),
        ('[[rule]]\nwhen = { a = "b" }\ncustomer = "a"\nfrom = 2026-02-01\nto = 2026-01-01\n', "must be before"),
        ('[rule]\nwhen = { a = "b" }\ncustomer = "a"\n', "two brackets"),
        ("[[rule]\n", "is not TOML"),
    ],
)
def test_wrong_rules_are_told_in_words(data_dir: Path, text: str, said: str) -> None:
    """Every problem is named with its rule; nothing is written."""
    rules = data_dir.parent / "rules.toml"
    rules.write_text(text)
    finished = spanledger("reattribute", "--yes", "--data-dir", str(data_dir), SPANLEDGER_ATTRIBUTION_RULES=str(rules))
    assert finished.returncode == 1
    assert said in finished.stderr
    assert "Traceback" not in finished.stderr


def test_an_empty_directory_says_what_to_do(tmp_path: Path) -> None:
    """There is nothing to correct where nothing was sealed."""
    finished = spanledger("reprice", "--data-dir", str(tmp_path))
    assert finished.returncode == 1
    assert "spanledger up" in finished.stderr


def test_without_a_ledger_nothing_is_asked(tmp_path: Path) -> None:
    """A job that was left behind would be carried out, unseen, once a ledger began there."""
    finished = spanledger("reprice", "--yes", "--data-dir", str(tmp_path / "typo"))
    assert finished.returncode == 1
    assert "there is no ledger" in finished.stderr
    assert not (tmp_path / "typo").exists()


def test_a_job_that_cannot_begin_does_not_wait_for_a_sealer(data_dir: Path) -> None:
    """Rules that cannot be read are said, and nothing is left in the queue to be written later, unseen."""
    missing = str(data_dir.parent / "typo.toml")
    finished = spanledger("reattribute", "--yes", "--data-dir", str(data_dir), SPANLEDGER_ATTRIBUTION_RULES=missing)
    assert finished.returncode == 1
    assert "cannot be read" in finished.stderr
    listed = json.loads(spanledger("jobs", "--format", "json", "--data-dir", str(data_dir)).stdout)
    assert [row["state"] for row in listed] == ["failed"]


def test_an_unreadable_job_file_is_said_to_who_asks(data_dir: Path) -> None:
    """The command ends with the file's name instead of waiting behind it for ever."""
    (data_dir / "jobs").mkdir()
    (data_dir / "jobs" / "notes.json").write_text("{}")
    finished = spanledger("reprice", "--yes", "--data-dir", str(data_dir))
    assert finished.returncode == 1
    assert "notes.json" in finished.stderr
