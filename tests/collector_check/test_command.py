"""The command: exit codes, formats and what a person reads."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from spanledger.collector_check.rules import rules_table
from tests.collector import COST_ONLY, LOSSLESS
from tests.collector_check.configurations import CASES, SAFE
from tests.test_command_line import spanledger

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "check-collector.md"


@pytest.fixture
def losing(tmp_path: Path) -> Path:
    """A file that loses by its sampler, in two places."""
    path = tmp_path / "collector.yaml"
    path.write_text(next(case.yaml for case in CASES if case.name.startswith("the quick start")))
    return path


def test_our_own_files() -> None:
    """What we ship exits with 0."""
    assert spanledger("check-collector", str(LOSSLESS)).returncode == 0
    assert spanledger("check-collector", str(COST_ONLY)).returncode == 0


def test_a_configuration_that_loses(losing: Path) -> None:
    """Exit code 1; each finding is a block that fits 80 columns, with file, line, reason and YAML."""
    finished = spanledger("check-collector", str(losing), COLUMNS="80")
    assert finished.returncode == 1
    assert "loses  early-answer" in finished.stdout
    assert "service.pipelines.traces.processors[1]" in finished.stdout
    assert f"{losing}:" in finished.stdout.replace("\n", "")
    assert "max_elapsed_time: 0" in finished.stdout
    assert all(len(line) <= 80 for line in finished.stdout.splitlines() if str(losing)[:20] not in line)


def test_json_and_csv_say_the_same(losing: Path) -> None:
    """Programs get a row per finding, the same in both formats, with the exit code of the table."""
    as_json = spanledger("check-collector", str(losing), "--format", "json")
    as_csv = spanledger("check-collector", str(losing), "--format", "csv")
    rows = json.loads(as_json.stdout)
    assert (as_json.returncode, as_csv.returncode) == (1, 1)
    assert [row["finding"] for row in rows] == [row["finding"] for row in csv.DictReader(io.StringIO(as_csv.stdout))]
    assert rows[0]["severity"] == "loses"
    assert rows[0]["file"] == str(losing)


def test_variables_come_from_the_environment(tmp_path: Path) -> None:
    """The command sees what a Collector started beside it would see."""
    path = tmp_path / "c.yaml"
    path.write_text(SAFE.replace("fsync: true", 'fsync: "${env:QUEUE_FSYNC:-true}"'))
    assert spanledger("check-collector", str(path)).returncode == 0
    assert spanledger("check-collector", str(path), QUEUE_FSYNC="false").returncode == 1


def test_inline_yaml_is_merged(tmp_path: Path) -> None:
    """`yaml:` stands among the files as it does for the Collector."""
    path = tmp_path / "c.yaml"
    path.write_text(SAFE)
    finished = spanledger("check-collector", str(path), "yaml:extensions::file_storage/q::fsync: false")
    assert finished.returncode == 1
    assert "no-fsync" in finished.stdout


@pytest.mark.parametrize(("content", "said"), [(None, "cannot be read"), (b"a: [", "is not YAML"), (b"\xff", "read")])
def test_unreadable_file(tmp_path: Path, content: bytes | None, said: str) -> None:
    """Exit code 2 and words, for a file that is not there, is no YAML or no text."""
    path = tmp_path / "c.yaml"
    if content is not None:
        path.write_bytes(content)
    finished = spanledger("check-collector", str(path))
    assert finished.returncode == 2
    assert said in finished.stderr
    assert "Traceback" not in finished.stderr


def test_what_a_configuration_says_is_never_taken_for_markup(tmp_path: Path) -> None:
    """Names with brackets are shown as they are."""
    path = tmp_path / "c.yaml"
    path.write_text(SAFE.replace("traces:", '"traces/[red]x[/nope]":'))
    finished = spanledger("check-collector", str(path), "yaml:processors::batch: {}", "--exporter", "debug")
    assert "Traceback" not in finished.stderr


def test_documented_findings_are_those_there_are() -> None:
    """docs/check-collector.md has the table of the rules as they stand in the code."""
    assert rules_table() in DOCUMENT.read_text()
