"""The command: what a person at a terminal gets, as a process of its own."""

from __future__ import annotations

import csv
import gc
import io
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

import pytest
import structlog
import typer
from typer.core import TyperCommand, TyperGroup

from spanledger.cli import main
from spanledger.cli.listed import COMMANDS, PANELS
from spanledger.settings import Settings, SettingsError, load_settings
from tests.otlp import call
from tests.pipeline import Pipeline


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data directory with three calls."""
    with Pipeline(tmp_path_factory.mktemp("data")) as pipeline:
        pipeline.take(
            call(attributes={"customer.id": "acme"}),
            call(tokens=(10_000, 100), attributes={"customer.id": "acme"}),
            call(model="no-such-model", attributes={"customer.id": "acme"}),
        )
        yield pipeline.data.root


# These run until they are told to stop, or take over the process: each is one of its own.
_PROGRAMS = {"up", "receive", "seal", "serve", "demo", "import"}


def spanledger(*arguments: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command, as from a script: in this process where it can be, which spares a start of two seconds."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPANLEDGER_")}
    environment |= {"COLUMNS": "200", **variables}
    if cwd is not None or not arguments or arguments[0] in _PROGRAMS or "--help" in arguments:
        paths = os.pathsep.join(path for path in sys.path if path)
        return subprocess.run(
            [sys.executable, "-m", "spanledger", *arguments],
            check=False,
            capture_output=True,
            text=True,
            cwd=cwd,
            env={**environment, "PYTHONPATH": paths},
        )
    output, errors = _Captured(), _Captured()
    with (
        patch.dict(os.environ, environment, clear=True),
        patch.object(sys, "argv", ["spanledger", *arguments]),
        patch.object(sys, "stdin", io.StringIO()),
        redirect_stdout(output),
        redirect_stderr(errors),
    ):
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        finally:
            # What a command sets up for its own process.
            gc.enable()
            structlog.reset_defaults()
    return subprocess.CompletedProcess(arguments, code, output.getvalue(), errors.getvalue())


class _Captured(io.StringIO):
    """What is printed; like a pipe, no terminal."""

    encoding = "utf-8"


def test_costs_as_json_are_exact(data_dir: Path) -> None:
    """Programs get decimals as text and nulls as nulls."""
    finished = spanledger("costs", "--by", "customer,model", "--format", "json", "--data-dir", str(data_dir))
    rows = {row["model"]: row for row in json.loads(finished.stdout)}
    assert finished.returncode == 0
    assert rows["gpt-4o-2024-08-06"]["cost"] == "0.026350000000"
    assert (rows["no-such-model"]["cost"], rows["no-such-model"]["unpriced_calls"]) == (None, 1)


def test_sql_as_csv_has_a_header(data_dir: Path) -> None:
    """A spreadsheet can read it."""
    query = "SELECT customer_id, count(*) AS calls FROM calls GROUP BY ALL"
    finished = spanledger("sql", query, "--format", "csv", "--data-dir", str(data_dir))
    assert list(csv.reader(io.StringIO(finished.stdout))) == [["customer_id", "calls"], ["acme", "3"]]


def test_audit_is_a_sentence_that_adds_up(data_dir: Path) -> None:
    """The audit can be checked by eye, and its exit code by a script."""
    finished = spanledger("audit", "--data-dir", str(data_dir))
    assert finished.returncode == 0
    assert "3 spans received = 3 usage" in finished.stdout
    assert "adds up" in finished.stdout


def test_what_a_span_says_is_printed_and_never_taken_for_markup(tmp_path: Path) -> None:
    """A model's name with brackets, and a reason that names a table of the price file, are shown as they are."""
    with Pipeline(tmp_path) as pipeline:
        pipeline.take(call(model="[/red] [bold]x"))
    finished = spanledger("unpriced", "--data-dir", str(tmp_path), COLUMNS="400")
    assert finished.returncode == 0
    assert "[/red] [bold]x" in finished.stdout


def test_unpriced_lists_model_and_reason(data_dir: Path) -> None:
    """What has no price is listed with why."""
    finished = spanledger("unpriced", "--data-dir", str(data_dir), "--format", "json")
    (row,) = json.loads(finished.stdout)
    assert (row["model"], row["price_status"], row["calls"]) == ("no-such-model", "unknown_model", 1)
    assert "the price list of openai has no 'no-such-model'" in row["price_reason"]
    assert (row["cost_low"], row["cost_high"]) == (None, None)


def test_invoice_is_drafted_and_shown(data_dir: Path) -> None:
    """A draft can be shown again by its id."""
    drafted = spanledger(
        "invoice", "draft", "--customer", "acme", "--period", "2026-10", "--format", "json", "--data-dir", str(data_dir)
    )
    invoice = json.loads(drafted.stdout)
    shown = spanledger("invoice", "show", invoice["id"], "--format", "json", "--data-dir", str(data_dir))
    assert json.loads(shown.stdout) == invoice
    for_people = spanledger("invoice", "show", invoice["id"], "--data-dir", str(data_dir)).stdout
    assert "0.03 USD" in for_people
    assert "not in the amount" in for_people


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["costs", "--by", "custmer"], 1, "customer"),
        (["costs", "--from", "2026-13"], 1, "2026-10"),
        (["sql", "DROP VIEW calls"], 1, "not allowed"),
        (["invoice", "draft", "--customer", "acmee", "--period", "2026-10"], 1, "acme"),
        (["invoice", "draft", "--customer", "acme"], 2, "--period"),
        (["invoice", "show", "inv_0"], 1, "inv_0"),
        (["nonsense"], 2, "No such command"),
    ],
)
def test_wrong_use_is_told_in_words(data_dir: Path, arguments: list[str], code: int, said: str) -> None:
    """Exit code and message say what was wrong and what to do; no traceback."""
    options = [] if arguments == ["nonsense"] else ["--data-dir", str(data_dir)]
    finished = spanledger(*arguments, *options)
    assert finished.returncode == code
    assert said in finished.stderr
    assert "Traceback" not in finished.stderr


def test_missing_ledger_says_what_to_do(tmp_path: Path) -> None:
    """An empty directory is answered with the next step."""
    finished = spanledger("costs", "--data-dir", str(tmp_path))
    assert finished.returncode == 1
    assert "spanledger up" in finished.stderr


def test_unknown_variable_names_the_nearest_setting(tmp_path: Path) -> None:
    """A misspelt variable is not a silent default."""
    finished = spanledger("settings", cwd=tmp_path, SPANLEDGER_OTLP_LISTN="127.0.0.1:1")
    assert finished.returncode == 2
    assert "SPANLEDGER_OTLP_LISTEN" in finished.stderr


def test_unknown_key_in_the_file_names_the_nearest_setting(tmp_path: Path) -> None:
    """Nor is a misspelt key in spanledger.toml."""
    (tmp_path / "spanledger.toml").write_text('custmer_attributes = ["x"]\n')
    finished = spanledger("settings", cwd=tmp_path)
    assert finished.returncode == 2
    assert "customer_attributes" in finished.stderr


def test_file_is_read_and_variables_win(tmp_path: Path) -> None:
    """spanledger.toml gives settings; a variable is stronger."""
    (tmp_path / "spanledger.toml").write_text('data_dir = "here"\nhttp_listen = "127.0.0.1:1"\n')
    finished = spanledger("settings", cwd=tmp_path, SPANLEDGER_HTTP_LISTEN="127.0.0.1:2")
    assert "here" in finished.stdout
    assert "127.0.0.1:2" in finished.stdout


@pytest.mark.parametrize(
    "module",
    [
        "up",
        "receive",
        "seal",
        "serve",
        "demo",
        "settings",
        "queries",
        "invoices",
        "learning",
        "explain",
        "check_collector",
    ],
)
def test_every_command_has_help_with_an_example(module: str) -> None:
    """`--help` shows how to call it."""
    application = typer.Typer()
    application.callback()(lambda: None)
    import_module(f"spanledger.cli.{module}").add_to(application)
    registered = [*application.registered_commands]
    for group in application.registered_groups:
        assert group.typer_instance is not None
        registered += group.typer_instance.registered_commands
    assert registered
    for command in registered:
        assert command.callback is not None
        assert "Example: spanledger" in (command.callback.__doc__ or "") or "Example: SPANLEDGER" in str(
            command.callback.__doc__
        )


def test_help_lists_every_command() -> None:
    """`spanledger --help` is where a newcomer begins."""
    listed = spanledger("--help").stdout
    assert all(f" {command} " in listed for command in COMMANDS)


def test_list_says_of_each_command_what_it_says_itself() -> None:
    """The list imports no command: panel and summary must not drift from the commands' own."""
    application = typer.Typer()
    for module in sorted({command.module for command in COMMANDS.values()}):
        import_module(f"spanledger.cli.{module}").add_to(application)
    own = {
        name: (command.rich_help_panel, (command.help or "").splitlines()[0])
        for name, command in typer.main.get_group(application).commands.items()
        if isinstance(command, TyperCommand | TyperGroup)
    }
    listed = {
        name: (panel, command.summary) for panel, commands in PANELS.items() for name, command in commands.items()
    }
    assert own == listed


def test_list_of_commands_imports_none_of_them() -> None:
    """`--help` answers at once: neither DuckDB, gRPC nor a web framework is loaded for it."""
    heavy = {"duckdb", "grpc", "fastapi", "sqlalchemy"}
    code = (
        "import sys; from spanledger.cli import _application; _application([]); "
        f"print(sorted({heavy!r} & sys.modules.keys()))"
    )
    finished = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert finished.stdout.strip() == "[]"


def test_settings_are_few_and_each_has_its_reason() -> None:
    """At most twenty, and none without a word on why its default is what it is."""
    assert len(Settings.model_fields) <= 20
    assert all(field.description and len(field.description) > 30 for field in Settings.model_fields.values())


@pytest.mark.parametrize(("program", "option"), [("receive", "--otlp-listen"), ("serve", "--http-listen")])
def test_taken_port_is_said(tmp_path: Path, program: str, option: str) -> None:
    """Two programs on one port: the second ends with words, not a traceback."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        finished = spanledger(program, "--data-dir", str(tmp_path), option, address)
    assert finished.returncode == 2
    assert address in finished.stderr
    assert "Traceback" not in finished.stderr


def test_address_without_a_port_is_refused(tmp_path: Path) -> None:
    """host:port is asked for by name."""
    finished = spanledger("serve", "--data-dir", str(tmp_path), "--http-listen", "localhost")
    assert finished.returncode == 2
    assert "http_listen" in finished.stderr


def test_a_table_that_does_not_fit_is_a_block_per_row(data_dir: Path) -> None:
    """Columns squeezed to three letters tell nobody anything."""
    finished = spanledger("unpriced", "--data-dir", str(data_dir), COLUMNS="80")
    assert re.search(r"^model +no-such-model$", finished.stdout, flags=re.MULTILINE)
    assert "┃" not in finished.stdout


def test_nothing_to_list_is_said(data_dir: Path) -> None:
    """An empty table looks like a fault."""
    finished = spanledger("unpriced", "--from", "2031-01", "--data-dir", str(data_dir))
    assert finished.stdout == "none\n"


def test_limits_of_queries_keep_their_defaults_where_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some may be set; a misspelt one, and one that nothing could run in, are wrong use."""
    monkeypatch.setenv("SPANLEDGER_SQL_LIMITS", "rows:5")
    assert load_settings().sql_limits == {"rows": 5, "seconds": 30, "memory_mib": 1024}
    for wrong in ("row:5", "memory_mib:10", "rows:many"):
        monkeypatch.setenv("SPANLEDGER_SQL_LIMITS", wrong)
        with pytest.raises(SettingsError, match="sql_limits"):
            load_settings()
