"""SQL from strangers: refused or ended within its limits, the ledger untouched, and the reason said."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pytest

from billing.config import SqlBounds
from billing.warehouse.gate import GateError, check
from billing.warehouse.sandbox import (
    Confinement,
    Sandbox,
    SqlBusyError,
    SqlError,
    SqlFailedError,
    SqlMemoryError,
    SqlRefusedError,
    SqlTimeoutError,
    best_confinement,
    run_sql,
)
from billing.warehouse.views_file import read_views
from ledger.errors import LedgerMissingError
from ledger.layout import DataDirectory
from ledger.views import VIEW_NAMES
from tests.otlp import call
from tests.pipeline import Pipeline

Found = TypeVar("Found")
# Never done, and in no need of memory either.
ENDLESS = "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT 1 FROM n) SELECT count(*) FROM n"


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A ledger of three calls."""
    with Pipeline(tmp_path_factory.mktemp("ledger")) as made:
        made.take(
            call(attributes={"customer.id": "acme", "team": "search"}),
            call(tokens=(1000, 1), attributes={"customer.id": "acme"}),
            call(model="no-such-model", attributes={"customer.id": "globex"}),
        )
        yield made


@pytest.fixture(autouse=True)
def untouched(pipeline: Pipeline) -> Iterator[None]:
    """Whatever is asked, no file of the data directory changes and none appears."""
    before = digests(pipeline.data.root)
    yield
    assert digests(pipeline.data.root) == before


def digests(folder: Path) -> dict[str, str]:
    """Every file below a folder and a digest of it."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not {"index", "journal"} & set(path.parts)
    }


def a_segment(pipeline: Pipeline) -> str:
    """The path of a listed file."""
    return str(next(pipeline.data.ledger.rglob("*.parquet")))


REFUSED = [
    "DROP VIEW calls",
    "COPY (SELECT 1) TO '{segment}'",
    "COPY calls TO '/tmp/spanledger-stolen.csv'",
    "ATTACH '/tmp/spanledger-new.db'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM '{segment}'",
    "SELECT * FROM read_parquet('{segment}')",
    "SELECT * FROM calls WHERE customer_id IN (SELECT content FROM read_text('/etc/passwd'))",
    'WITH "{segment}" AS (SELECT 1) SELECT * FROM "{segment}"',
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET memory_limit = '100GB'",
    "RESET lock_configuration",
    "PRAGMA database_list",
    "SELECT getenv('HOME')",
    "SELECT current_setting('memory_limit')",
    "SELECT 1; DROP VIEW calls",
    "INSERT INTO calls SELECT * FROM calls",
    "CREATE TABLE x AS SELECT 1",
    "CALL pragma_version()",
    "EXPORT DATABASE '/tmp/spanledger-export'",
    "PIVOT calls ON provider USING sum(cost)",
    "EXPLAIN SELECT 1",
    "DESCRIBE duckdb_views",
    "DESCRIBE '{segment}'",
    "SHOW TABLES",
    "SHOW ALL TABLES",
    "SELECT * FROM duckdb_views",
    "SELECT * FROM (WITH duckdb_views AS (SELECT 1) SELECT * FROM duckdb_views) a, duckdb_views b",
    "WITH duckdb_views AS (SELECT * FROM duckdb_views) SELECT * FROM duckdb_views",
    "WITH a AS (SELECT * FROM pg_class), pg_class AS (SELECT 1) SELECT * FROM a",
    "WITH RECURSIVE duckdb_views AS (SELECT sql FROM duckdb_views UNION ALL SELECT '') SELECT * FROM duckdb_views",
    "SELECT * FROM calls ORDER BY (SELECT max(sql) FROM duckdb_views)",
    "SELECT * FROM calls LIMIT (SELECT count(*) FROM duckdb_views)",
    "SELECT * FROM unnest((SELECT list(sql) FROM duckdb_views))",
    "WITH a AS (INSERT INTO entries VALUES (1) RETURNING *) SELECT * FROM a",
    "SELECT json_serialize_plan('SELECT * FROM duckdb_views')",
    "SELECT max(pg_get_viewdef(range)) FROM range(100000), (SELECT count(*) FROM calls)",
    "SELECT pg_catalog.pg_get_viewdef(1)",
    "SELECT x.PG_GET_VIEWDEF() FROM (SELECT 1 AS x)",
    "SELECT * FROM query('SELECT 1')",
    "SELECT sleep_ms(60000)",
    "SELECT " + "(" * 5000 + "1" + ")" * 5000,
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM main.calls",
    "FROM sniff_csv('/etc/passwd')",
    "",
    "not sql at all",
]


@pytest.mark.parametrize("query", REFUSED)
def test_what_is_no_question_to_the_ledger_is_refused_in_words(pipeline: Pipeline, query: str) -> None:
    """The gate says what was refused and what is allowed, before anything runs."""
    with pytest.raises(SqlRefusedError) as refused:
        run_sql(query.format(segment=a_segment(pipeline)), data=pipeline.data)
    assert len(refused.value.message) > 20


def test_no_macro_opens_the_catalogue() -> None:
    """What DuckDB writes in SQL over its own catalogue is refused by its name, whichever version brings it."""
    connection = duckdb.connect()
    macros = connection.execute(
        "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type = 'macro' AND internal"
        " AND regexp_matches(macro_definition, '(duckdb|pragma)_\\w+\\(')"
    ).fetchall()
    assert macros
    for (macro,) in macros:
        with pytest.raises(GateError, match=macro):
            check(f"SELECT {macro}(1)", views=VIEW_NAMES, parser=connection)
    connection.close()


def test_text_that_is_no_text_is_refused(pipeline: Pipeline) -> None:
    """Half a surrogate pair is the asker's mistake, and told as such."""
    with pytest.raises(SqlRefusedError, match="character 9"):
        run_sql("SELECT '\ud800'", data=pipeline.data)


def test_endless_query_is_ended(pipeline: Pipeline) -> None:
    """A cross join without end is killed at its deadline, or stops at its memory."""
    query = "SELECT count(*) FROM range(1000000000) a, range(1000000000) b"
    with pytest.raises((SqlTimeoutError, SqlMemoryError)):
        run_sql(query, data=pipeline.data, time_s_max=2)


@pytest.mark.parametrize("query", ["SELECT repeat('x', 1000000000)", "SELECT list(range) FROM range(1000000000)"])
def test_greedy_query_is_ended(pipeline: Pipeline, query: str) -> None:
    """A query that asks for more memory than it may have is stopped, and this process is not."""
    with pytest.raises((SqlMemoryError, SqlTimeoutError)):
        run_sql(query, data=pipeline.data, time_s_max=3, memory_bytes_max=256 * 2**20)


def test_rows_are_bounded_and_that_is_said(pipeline: Pipeline) -> None:
    """An answer has at most as many rows as it may."""
    result = run_sql("SELECT * FROM range(100000)", data=pipeline.data, rows_max=100)
    assert (len(result.rows), result.truncated) == (100, True)


def test_no_process_is_left_behind(pipeline: Pipeline) -> None:
    """A killed query leaves nothing running."""
    with pytest.raises(SqlError):
        run_sql(ENDLESS, data=pipeline.data, time_s_max=1)
    running = subprocess.run(
        ["ps", "-o", "args=", "--ppid", str(os.getpid())], check=True, capture_output=True, text=True
    )
    assert "sandbox_child" not in running.stdout


@pytest.mark.parametrize("view", VIEW_NAMES)
def test_every_view_can_be_asked(pipeline: Pipeline, view: str) -> None:
    """All that the documentation names answers."""
    assert run_sql(f"SELECT * FROM {view}", data=pipeline.data).columns


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT sum(cost) FROM entries WHERE customer_id = 'acme'", [("0.002860000000",)]),
        ("SELECT labels['team'] FROM calls WHERE labels IS NOT NULL", [("search",)]),
        ("WITH mine AS (SELECT * FROM calls) SELECT count(*) FROM mine JOIN mine other USING (span_id)", [(3,)]),
        ("SELECT count(*) FROM calls WHERE cost > (SELECT avg(cost) FROM calls)", [(1,)]),
        ("SELECT max(n) FROM (SELECT row_number() OVER (ORDER BY cost) AS n FROM calls)", [(3,)]),
        ("SELECT calls FROM costs_daily WHERE customer_id = 'globex'", [(1,)]),
        ("SELECT start_time FROM calls LIMIT 1", [("2026-10-01T12:00:00Z",)]),
        ("SELECT count(*) FROM (VALUES (1), (2)) AS t(x)", [(2,)]),
        ("SELECT adds_up, ledger_agrees FROM audit", [(True, True)]),
        ("SELECT column_type FROM (DESCRIBE calls) WHERE column_name = 'cost'", [("DECIMAL(38,12)",)]),
        ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4) SELECT max(i) FROM n", [(4,)]),
        ("SELECT (WITH c AS (FROM calls) SELECT count(*) FROM c, (WITH d AS (FROM c) FROM d))", [(9,)]),
        ("SELECT count(*) FROM calls c, LATERAL (SELECT c.cost AS x) y, range(2)", [(6,)]),
    ],
)
def test_questions_are_answered_exactly(pipeline: Pipeline, query: str, expected: list[Any]) -> None:
    """Plain SQL works; money comes with all its digits, times in UTC."""
    result = run_sql(query, data=pipeline.data)
    assert list(result.rows) == expected
    assert result.commit == 1


def test_money_is_text_that_is_a_decimal(pipeline: Pipeline) -> None:
    """No float comes near an amount."""
    result = run_sql("SELECT cost FROM calls WHERE cost IS NOT NULL ORDER BY cost", data=pipeline.data)
    assert [Decimal(row[0]) for row in result.rows] == [Decimal("0.00035"), Decimal("0.00251")]


def test_failing_query_says_duckdbs_reason(pipeline: Pipeline) -> None:
    """A misspelt column is told as such, in one line."""
    with pytest.raises(SqlFailedError, match="custmer") as failed:
        run_sql("SELECT custmer FROM calls", data=pipeline.data)
    assert "\n" not in failed.value.message


def test_missing_ledger_says_what_to_do(tmp_path: Path) -> None:
    """Nothing sealed yet is not an empty answer."""
    with pytest.raises(LedgerMissingError):
        run_sql("SELECT 1", data=DataDirectory(tmp_path))


PASSED_GATE = [
    "COPY (SELECT 1 AS x) TO '{segment}'",
    "COPY (SELECT 1 AS x) TO '{folder}/new.parquet'",
    "ATTACH '{folder}/new.db'",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_text('{folder}/ledger/manifest.jsonl')",
    "INSTALL httpfs",
    "SET lock_configuration = false",
    "SET enable_external_access = true",
]


@pytest.mark.parametrize("confinement", Confinement)
@pytest.mark.parametrize("statement", PASSED_GATE)
def test_sandbox_holds_although_the_gate_were_passed(
    pipeline: Pipeline, statement: str, confinement: Confinement
) -> None:
    """Without the gate, the process itself can neither write, nor read elsewhere, nor open itself up."""
    skip_without(confinement)
    views = read_views(pipeline.data)
    job = {
        "views": VIEW_NAMES,
        "views_parts": views.parts,
        "files": views.files,
        "memory_bytes_max": 2**30,
        "confinement": confinement,
        "statement": statement.format(segment=a_segment(pipeline), folder=pipeline.data.root),
    }
    program = (
        "import json, sys, duckdb\n"
        "from billing.warehouse.sandbox_child import open_sandbox\n"
        "job = json.load(sys.stdin)\n"
        "connection = open_sandbox(job, gate=lambda parser: frozenset(job['views']))\n"
        "assert connection.execute('SELECT count(*) FROM calls').fetchall() == [(3,)]\n"
        "try:\n    connection.execute(job['statement']).fetchall()\n"
        "except duckdb.Error as refused:\n    print('refused', refused)\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(job),
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "HOME": "/nonexistent"},
    )
    assert finished.stdout.startswith("refused"), finished.stdout


@pytest.mark.parametrize("view", VIEW_NAMES)
def test_answers_do_not_depend_on_what_confines_the_query(pipeline: Pipeline, view: str) -> None:
    """A kernel without Landlock gives the same rows, types and order."""
    skip_without(Confinement.LANDLOCK)
    with_landlock, without = (
        Sandbox(pipeline.data, confinement=one).run(f"SELECT * FROM {view} ORDER BY ALL") for one in Confinement
    )
    assert with_landlock == without


def test_more_queries_than_may_run_are_told_to_come_again(pipeline: Pipeline) -> None:
    """Who gets no turn soon is told so, and those who run are not disturbed."""
    sandbox = Sandbox(pipeline.data, bounds=SqlBounds(time_s_max=4), at_once_max=1)
    with ThreadPoolExecutor(2) as pool:
        outcomes = [pool.submit(sandbox.run, ENDLESS).exception for _ in range(2)]
        assert {type(outcome()) for outcome in outcomes} == {SqlTimeoutError, SqlBusyError}


def test_query_dies_with_the_program_that_asked(pipeline: Pipeline) -> None:
    """A server that is killed leaves no query running."""
    program = (
        "import sys, pathlib\n"
        "from billing.warehouse.sandbox import run_sql\n"
        "from ledger.layout import DataDirectory\n"
        "run_sql(sys.argv[2], data=DataDirectory(pathlib.Path(sys.argv[1])), time_s_max=60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(pipeline.data.root), ENDLESS]) as server:
        (query,) = wait_for(lambda: children_of(server.pid))
        server.kill()
    wait_for(lambda: not Path(f"/proc/{query}").exists())


def children_of(parent: int) -> list[int]:
    """The processes that a process has started."""
    return [int(one) for one in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def wait_for(look: Callable[[], Found]) -> Found:
    """What `look` finds, once it finds something."""
    deadline = time.monotonic() + 20
    while not (found := look()):
        assert time.monotonic() < deadline, "nothing came of it in 20 s"
        time.sleep(0.02)
    return found


def skip_without(confinement: Confinement) -> None:
    """Skip where this kernel cannot confine so; where it can, it must."""
    if confinement == Confinement.LANDLOCK and best_confinement() != Confinement.LANDLOCK:
        pytest.skip("this kernel has no Landlock; Linux 5.13 or newer with CONFIG_SECURITY_LANDLOCK does")
