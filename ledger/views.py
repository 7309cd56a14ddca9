"""views.sql: the ledger as SQL views, over exactly the files the manifest lists, for a stock DuckDB.

Pure text: this module knows DuckDB's SQL, not DuckDB. The file is replaced at every commit and names absolute paths,
so a session re-reads it to see newer commits (`.read views.sql`), and one that does not goes on with a consistent old
state. An empty table is a typed empty SELECT, so that every view exists from the first moment.

    entries       usage entries, reversals and restatements: sums over it are right for any grouping
    calls         one row per call, corrections applied
    costs_daily   day × customer × provider × model × operation
    unpriced      calls whose cost is not known
    unattributed  calls nobody is known to pay for
    set_aside     spans kept but not billed, and why
    audit         spans received and the classes they ended in, and whether they add up
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pyarrow as pa

from ledger.manifest import RECEIVED, LedgerState
from ledger.schema import ENTRY_SCHEMA, SET_ASIDE_SCHEMA, UNIT_COLUMNS, SpanClass, Table

VIEW_NAMES: Final = ("entries", "calls", "costs_daily", "unpriced", "unattributed", "set_aside", "audit")

_SQL_TYPES: Final = {
    pa.string(): "VARCHAR",
    pa.binary(): "BLOB",
    pa.binary(16): "BLOB",
    pa.binary(8): "BLOB",
    pa.int8(): "TINYINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.timestamp("us", tz="UTC"): "TIMESTAMP WITH TIME ZONE",
    pa.decimal128(38, 12): "DECIMAL(38,12)",
    pa.list_(pa.string()): "VARCHAR[]",
    pa.map_(pa.string(), pa.string()): "MAP(VARCHAR, VARCHAR)",
    pa.map_(pa.string(), pa.int64()): "MAP(VARCHAR, BIGINT)",
}
# Same key in every join below: what counts once, within its scope.
_SAME_SOURCE: Final = "x.source = y.source AND x.ingest_scope = y.ingest_scope AND x.source_id = y.source_id"


def render_views(state: LedgerState, *, ledger: Path) -> str:
    """Return the text of views.sql for this state of the ledger."""
    entry = _projection(ENTRY_SCHEMA)
    return "\n\n".join(
        [
            f"-- spanledger ledger {state.ledger_id}, commit {state.commit} of {state.recorded_time}.\n"
            "-- Written anew at every commit. Read it again to see newer calls.",
            "SET TimeZone = 'UTC';",
            _view("entries", f"SELECT {entry} FROM ({_rows(Table.USAGE, state, ledger)}\n"
                  f"UNION ALL BY NAME {_rows(Table.CORRECTIONS, state, ledger)})"),
            _calls(state, ledger, entry),
            _costs_daily(),
            _view("unpriced", "SELECT * FROM calls WHERE price_status <> 'priced'"),
            _view("unattributed", "SELECT * FROM calls WHERE customer_id IS NULL"),
            _set_aside(state, ledger),
            _audit(state),
            "",
        ]
    )  # fmt: skip


def _calls(state: LedgerState, ledger: Path, entry: str) -> str:
    usage, corrections = _rows(Table.USAGE, state, ledger), _rows(Table.CORRECTIONS, state, ledger)
    return _view(
        "calls",
        f"""WITH corrections AS ({corrections}),
newest AS (
    SELECT source, ingest_scope, source_id, max(revision) AS revision FROM corrections GROUP BY ALL
)
SELECT {entry} FROM (
    SELECT x.* FROM ({usage}) x ANTI JOIN newest y ON {_SAME_SOURCE}
    UNION ALL BY NAME
    SELECT x.* FROM corrections x SEMI JOIN newest y ON {_SAME_SOURCE} AND x.revision = y.revision
    WHERE x.entry_type = 'restatement'
)""",
    )


def _costs_daily() -> str:
    units = ",\n    ".join(f"sum({unit})::BIGINT AS {unit}" for unit in UNIT_COLUMNS)
    return _view(
        "costs_daily",
        f"""SELECT
    (start_time AT TIME ZONE 'UTC')::DATE AS day,
    customer_id,
    provider,
    coalesce(response_model, request_model) AS model,
    operation,
    cost_currency,
    sum(call_count)::BIGINT AS calls,
    coalesce(sum(call_count) FILTER (WHERE price_status <> 'priced'), 0)::BIGINT AS unpriced_calls,
    {units},
    sum(input_cost) AS input_cost,
    sum(output_cost) AS output_cost,
    sum(other_cost) AS other_cost,
    sum(cost) AS cost
FROM entries
GROUP BY 1, 2, 3, 4, 5, 6
HAVING sum(call_count) <> 0 OR sum(cost) <> 0""",
    )


def _set_aside(state: LedgerState, ledger: Path) -> str:
    rows = _rows(Table.SET_ASIDE, state, ledger)
    # A billed span has revision 0 unless it was set aside before: only those few can outrank a row of this table.
    outranking = " UNION ALL BY NAME ".join(
        [
            f"SELECT source, ingest_scope, source_id, revision FROM ({_rows(Table.USAGE, state, ledger)})"
            " WHERE revision > 0",
            f"SELECT source, ingest_scope, source_id, revision FROM ({_rows(Table.CORRECTIONS, state, ledger)})",
            "SELECT source, ingest_scope, source_id, revision FROM set_aside_rows",
        ]
    )
    return _view(
        "set_aside",
        f"""WITH set_aside_rows AS ({rows}), outranking AS ({outranking})
SELECT {_projection(SET_ASIDE_SCHEMA)} FROM (
    SELECT x.* FROM set_aside_rows x ANTI JOIN outranking y ON {_SAME_SOURCE} AND y.revision > x.revision
)""",
    )


def _audit(state: LedgerState) -> str:
    classes = [one.value for one in SpanClass]
    quoted = [f'"{name}"' for name in classes]
    figures = ", ".join(f'{state.count(name)}::BIGINT AS "{name}"' for name in (RECEIVED, *classes))
    return _view(
        "audit",
        f"""SELECT *, received = {" + ".join(quoted)} AS adds_up, "usage" = calls_in_ledger AS ledger_agrees
FROM (
    SELECT {state.commit}::BIGINT AS "commit", {figures},
    (SELECT coalesce(sum(call_count), 0)::BIGINT FROM entries) AS calls_in_ledger
)""",
    )


def _view(name: str, query: str) -> str:
    return f"CREATE OR REPLACE VIEW {name} AS\n{query};"


def _rows(table: Table, state: LedgerState, ledger: Path) -> str:
    segments = state.of_table(table)
    schema = SET_ASIDE_SCHEMA if table == Table.SET_ASIDE else ENTRY_SCHEMA
    empty = ", ".join(f'NULL::{_SQL_TYPES[field.type]} AS "{field.name}"' for field in schema)
    if not segments:
        return f"SELECT {empty} WHERE false"
    files = ",\n    ".join(_literal(str((ledger / segment.path).absolute())) for segment in segments)
    # Segments written before a column was added lack it: the empty row type gives it to them, as null.
    return (
        f"SELECT {empty} WHERE false UNION ALL BY NAME\n"
        f"SELECT * FROM read_parquet([\n    {files}\n], union_by_name = true, hive_partitioning = false)"
    )


def _projection(schema: pa.Schema) -> str:
    """Select every column, binary ids as lower-case hexadecimal."""
    return ", ".join(
        f'lower(hex("{field.name}")) AS "{field.name}"' if _is_binary(field.type) else f'"{field.name}"'
        for field in schema
    )


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
