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
    unexplained   aggregates that tell of spend below which no call is known: possible unbilled spend
    possible_duplicates  calls that may be another span's call, where the link between the two is missing
    audit         spans received and the classes they ended in, whether they add up, and what is unexplained
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa

from ledger.schema import AGGREGATE_UNEXPLAINED, ENTRY_SCHEMA, SET_ASIDE_SCHEMA, UNIT_COLUMNS, SpanClass, Table
from ledger.segment import Segment
from ledger.state import RECEIVED, LedgerState

VIEW_NAMES: Final = (
    "entries", "calls", "costs_daily", "unpriced", "unattributed", "set_aside", "unexplained", "possible_duplicates",
    "audit",
)  # fmt: skip

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
# What `possible_duplicates` shows of the inner call.
_DUPLICATE_COLUMNS: Final = (
    "start_time", "end_time", "customer_id", "service_name", "operation", "provider", "request_model", "response_model",
    "response_id", "input_tokens", "output_tokens", "cost", "cost_currency",
)  # fmt: skip
# As deep as the outcome looks (`receiver.sealer.payers`); a forged circle of parents ends there.
_ANCESTORS_MAX: Final = 256
# What compaction notes for its readers: it may not change what a query says.
_NOT_SHOWN: Final = frozenset({"superseded_commit"})
_DAILY_AMOUNTS: Final = ("input_cost", "output_cost", "other_cost", "cost")
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
            _unexplained(state, ledger),
            _possible_duplicates(),
            _audit(state),
            "",
        ]
    )  # fmt: skip


def commit_of_views(text: str) -> int | None:
    """Return the commit that a views.sql was rendered of; None when it does not say so."""
    words = text.partition("\n")[0].partition(", commit ")[2].split()
    return int(words[0]) if words and words[0].isdigit() else None


def _calls(state: LedgerState, ledger: Path, entry: str) -> str:
    """Entries that bill and were not taken back.

    A compacted segment says of each entry whether it was taken back, up to the commit it is marked to; only those
    whose calls a later correction may be about are compared with those corrections, and only with them.
    """
    settled, unsettled, later = _by_corrections(state)
    select = f"""SELECT {entry} FROM (
    SELECT * FROM ({_read(settled, ENTRY_SCHEMA, ledger)})
    UNION ALL BY NAME
    SELECT x.* FROM ({_read(unsettled, ENTRY_SCHEMA, ledger)}) x
    ANTI JOIN taken_back y ON {_SAME_SOURCE} AND y.revision = x.revision + 1
)
WHERE entry_type <> 'reversal' AND superseded_commit IS NULL"""
    if not unsettled:
        select = f"""SELECT {entry} FROM ({_read(settled, ENTRY_SCHEMA, ledger)})
WHERE entry_type <> 'reversal' AND superseded_commit IS NULL"""
        return _view("calls", select)
    return _view(
        "calls",
        f"""WITH taken_back AS (
    SELECT source, ingest_scope, source_id, revision FROM ({_read(later, ENTRY_SCHEMA, ledger)})
    WHERE entry_type = 'reversal'
)
{select}""",
    )


def _by_corrections(state: LedgerState) -> tuple[list[Segment], list[Segment], list[Segment]]:
    """Return the entries' segments that no later correction can be about, the others, and those corrections.

    What takes an entry back carries the same start of the call, so segments of other times cannot.
    """
    settled: list[Segment] = []
    unsettled: list[Segment] = []
    later: dict[str, Segment] = {}
    corrections = state.of_table(Table.CORRECTIONS)
    # Of each correcting segment its last commit and its times; this is asked at every commit, of up to a thousand.
    spans = [(one.commits[1], *_times(one), one) for one in corrections]
    for segment in (*state.of_table(Table.USAGE), *corrections):
        first_us, last_us = _times(segment)
        marked = segment.marked if segment.marked is not None else segment.commits[0] - 1
        about = [one for last, begin, end, one in spans if last > marked and begin <= last_us and first_us <= end]
        (unsettled if about else settled).append(segment)
        later.update((one.path, one) for one in about)
    return settled, unsettled, list(later.values())


def _times(segment: Segment) -> tuple[float, float]:
    """Return when its calls began, first and last; all time where it does not know."""
    if segment.first_us is None or segment.last_us is None:
        return -math.inf, math.inf
    return segment.first_us, segment.last_us


def _costs_daily() -> str:
    units = ",\n    ".join(f"{_known_sum(unit)}::BIGINT AS {unit}" for unit in UNIT_COLUMNS)
    amounts = ",\n    ".join(f"{_known_sum(name)} AS {name}" for name in _DAILY_AMOUNTS)
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
    {amounts}
FROM entries
GROUP BY 1, 2, 3, 4, 5, 6
HAVING sum(call_count) <> 0 OR sum(cost) <> 0""",
    )


def _known_sum(column: str) -> str:
    """Sum what standing calls say; null where none of them does: what was said and taken back is not 0, but unknown."""
    return f"CASE WHEN sum(call_count) FILTER (WHERE {column} IS NOT NULL) > 0 THEN sum({column}) END"


def _set_aside(state: LedgerState, ledger: Path) -> str:
    return _view("set_aside", _standing_set_aside(state, ledger, where="true"))


def _unexplained(state: LedgerState, ledger: Path) -> str:
    """Aggregates that nothing explains and that tell of spend: by figures, by a cost, or as an agent's own span.

    Of aggregates above one another only the innermost is one, so sums count nothing twice.
    """
    told = "(input_tokens > 0 OR output_tokens > 0 OR reported_cost > 0 OR operation = 'invoke_agent')"
    where = f"span_class = '{SpanClass.AGGREGATE}' AND reason = '{AGGREGATE_UNEXPLAINED}' AND {told}"
    return _view("unexplained", _standing_set_aside(state, ledger, where=where))


def _standing_set_aside(state: LedgerState, ledger: Path, *, where: str) -> str:
    rows = _rows(Table.SET_ASIDE, state, ledger)
    # A first row has revision 0, and what outranks it has more: those few are all that must be looked up.
    outranking = " UNION ALL BY NAME ".join(
        f"SELECT source, ingest_scope, source_id, revision FROM ({_rows(table, state, ledger)}) WHERE revision > 0"
        for table in (Table.USAGE, Table.CORRECTIONS, Table.SET_ASIDE)
    )
    return f"""WITH outranking AS ({outranking})
SELECT {_projection(SET_ASIDE_SCHEMA)} FROM (
    SELECT x.* FROM (SELECT * FROM ({rows}) WHERE {where}) x
    ANTI JOIN outranking y ON {_SAME_SOURCE} AND y.revision > x.revision
)"""


def _possible_duplicates() -> str:
    """Pairs of calls of one trace with equal figures, one within the other's time, that nothing proves to be one.

    `missing_span`: the inner one's ancestry ends in a span that never came. `other_model`: the outer one is an ancestor
    under another model's name, such as a deployment's. `other_emitter`: the two are siblings, told by two emitters of
    which nobody knows one, or one more than it has partners: siblings of two known ones are one call by now.
    """
    # Named one by one: joining whole rows of `calls` would take minutes on a large ledger.
    figures = ", ".join(f"y.{name}" for name in _DUPLICATE_COLUMNS)
    return _view(
        "possible_duplicates",
        f"""WITH RECURSIVE pairs AS (
    SELECT y.ingest_scope, y.source_id, y.trace_id, y.span_id, y.parent_span_id, x.span_id AS outer_span_id,
        x.parent_span_id AS outer_parent,
        x.parent_span_id = y.parent_span_id AND x.scope_name IS DISTINCT FROM y.scope_name AS by_two, {figures}
    FROM calls x JOIN calls y ON x.ingest_scope = y.ingest_scope AND x.trace_id = y.trace_id
        AND x.input_tokens IS NOT DISTINCT FROM y.input_tokens
        AND x.output_tokens IS NOT DISTINCT FROM y.output_tokens
        AND x.start_time <= y.start_time AND x.end_time >= y.end_time
        AND (x.start_time, y.end_time, x.span_id) < (y.start_time, x.end_time, y.span_id)
        AND (x.response_id IS NULL OR y.response_id IS NULL OR x.response_id = y.response_id)
    WHERE y.parent_span_id IS NOT NULL AND coalesce(y.input_tokens, 0) + coalesce(y.output_tokens, 0) > 0
),
known AS (
    SELECT ingest_scope, trace_id, span_id, parent_span_id FROM calls
    UNION ALL SELECT ingest_scope, trace_id, span_id, parent_span_id FROM set_aside WHERE length(source_id) = 48
),
above AS (
    SELECT *, parent_span_id AS ancestor, 0 AS depth FROM pairs
    UNION ALL
    SELECT x.* EXCLUDE (ancestor, depth), y.parent_span_id, x.depth + 1
    FROM above x JOIN known y ON x.ingest_scope = y.ingest_scope AND x.trace_id = y.trace_id AND x.ancestor = y.span_id
    WHERE x.depth < {_ANCESTORS_MAX} AND x.ancestor <> x.outer_span_id AND y.parent_span_id IS NOT NULL
),
reasons AS (
    SELECT x.* EXCLUDE (outer_parent, by_two, ancestor, depth),
        CASE WHEN x.by_two THEN 'other_emitter'
            WHEN x.ancestor = x.outer_span_id THEN 'other_model' ELSE 'missing_span' END AS why
    FROM above x LEFT JOIN known y
        ON x.ingest_scope = y.ingest_scope AND x.trace_id = y.trace_id AND x.ancestor = y.span_id
    WHERE x.ancestor = x.outer_span_id
        OR (x.by_two AND x.depth = 0)
        OR (y.span_id IS NULL AND x.ancestor IS DISTINCT FROM x.outer_parent)  -- below one parent they are siblings
)
SELECT * FROM reasons""",
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
),
(
    SELECT count(*)::BIGINT AS unexplained, coalesce(sum(input_tokens), 0)::BIGINT AS unexplained_input_tokens,
        coalesce(sum(output_tokens), 0)::BIGINT AS unexplained_output_tokens
    FROM unexplained
)""",
    )


def _view(name: str, query: str) -> str:
    return f"CREATE OR REPLACE VIEW {name} AS\n{query};"


def _rows(table: Table, state: LedgerState, ledger: Path) -> str:
    schema = SET_ASIDE_SCHEMA if table == Table.SET_ASIDE else ENTRY_SCHEMA
    return _read(state.of_table(table), schema, ledger)


def _read(segments: Sequence[Segment], schema: pa.Schema, ledger: Path) -> str:
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
    """Select every column that says something of the call, binary ids as lower-case hexadecimal."""
    return ", ".join(
        f'lower(hex("{field.name}")) AS "{field.name}"' if _is_binary(field.type) else f'"{field.name}"'
        for field in schema
        if field.name not in _NOT_SHOWN
    )


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
