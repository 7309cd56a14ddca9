"""The warehouse: the ledger's views in DuckDB, for questions of our own. Strangers' SQL goes through `sandbox`.

views.sql is read again when it was replaced, so each question sees the newest commit, whole. Sums are over `entries`,
so corrections are in every figure. Must not: write anything, or run text that came from outside.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import duckdb

from billing.periods import Period
from billing.warehouse.conditions import conditions
from billing.warehouse.dimensions import dimension_sql
from billing.warehouse.views_file import ViewsFile, missing_ledger, read_views
from billing.warehouse.views_needed import views_needed, words
from ledger.errors import LedgerDamagedError
from ledger.layout import DataDirectory
from ledger.manifest import LedgerState, digest_of_commit, read_state

Row = dict[str, Any]
Connection = duckdb.DuckDBPyConnection
FIGURES: Final = (
    "calls", "unpriced_calls", "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "cost",
    "currency",
)  # fmt: skip
_FIGURES_SQL: Final = """sum(call_count)::BIGINT AS calls,
    coalesce(sum(call_count) FILTER (WHERE price_status <> 'priced'), 0)::BIGINT AS unpriced_calls,
    sum(input_tokens)::BIGINT AS input_tokens,
    sum(cache_read_tokens)::BIGINT AS cache_read_tokens,
    sum(cache_write_tokens)::BIGINT AS cache_write_tokens,
    sum(output_tokens)::BIGINT AS output_tokens,
    sum(cost) AS cost,
    cost_currency AS currency"""


@dataclass(frozen=True, slots=True)
class AsOf:
    """A state of the ledger, to be asked for again."""

    ledger_id: str
    commit: int
    digest: str


class Warehouse:
    """Questions to the ledger of one data directory. Thread-safe."""

    def __init__(self, data: DataDirectory) -> None:
        self._data = data
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._version: tuple[int, int, int] | None = None
        self._views: ViewsFile | None = None
        self._made: set[str] = set()

    def costs(
        self,
        *,
        by: Sequence[str] = (),
        period: Period | None = None,
        where: Mapping[str, str | None] | None = None,
        commit: int | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Row]:
        """Return calls, tokens and cost, grouped; dearest first. `where` keeps rows whose dimension has that value.

        With a `commit`, as the ledger knew it then, so that pages asked for one after the other are of one state.

        Raises:
            UnknownDimensionError: a name in `by` or `where` is none.
            LedgerMissingError: nothing has been sealed yet.
        """
        names = [f'{dimension_sql(name)} AS "{name}"' for name in by]
        where_sql, values = conditions(period or Period(), where or {}, commit=commit)
        groups = ", ".join([*(str(place + 1) for place in range(len(by))), "cost_currency"])
        order = ", ".join(["cost DESC NULLS LAST", "calls DESC", *(f'"{name}"' for name in by), "currency"])
        query = f"""SELECT {", ".join([*names, _FIGURES_SQL])}
FROM entries {where_sql} GROUP BY {groups}
HAVING sum(call_count) <> 0 OR sum(cost) <> 0
ORDER BY {order}"""
        if limit is not None:
            query += f" LIMIT {int(limit)} OFFSET {int(offset)}"
        return self.rows(query, values)

    def unpriced(self, *, period: Period | None = None) -> list[Row]:
        """Return the calls whose cost is not known, by who sold them and why; bounds where every call has some."""
        where_sql, values = conditions(period or Period(), {})
        return self.rows(
            f"""SELECT provider, coalesce(response_model, request_model) AS model, price_status, usage_status,
    price_reason, count(*) AS calls,
    CASE WHEN count(cost_low) = count(*) THEN sum(cost_low) END AS cost_low,
    CASE WHEN count(cost_high) = count(*) THEN sum(cost_high) END AS cost_high,
    sum(input_tokens)::BIGINT AS input_tokens, sum(output_tokens)::BIGINT AS output_tokens,
    min(start_time) AS first_call, max(start_time) AS last_call
FROM unpriced {where_sql} GROUP BY ALL ORDER BY calls DESC, provider, model""",
            values,
        )

    def audit(self) -> Row:
        """Return what was received and where it ended, and whether that adds up."""
        return self.rows("SELECT * FROM audit")[0]

    def customers(self) -> list[str]:
        """Return every customer the ledger has seen."""
        query = "SELECT DISTINCT customer_id FROM entries WHERE customer_id IS NOT NULL ORDER BY 1"
        return [row["customer_id"] for row in self.rows(query)]

    def commit(self) -> int:
        """Return the newest commit that the views show."""
        return read_views(self._data).commit

    def as_of(self) -> AsOf:
        """Return the newest state of the ledger that the views show.

        The manifest may be one commit further: figures that are not in the views yet must not be called that commit's.
        """
        views = read_views(self._data)
        digest = digest_of_commit(self._data.manifest, views.commit)
        if digest is None:
            raise LedgerDamagedError(
                f"{self._data.views} shows commit {views.commit}, which {self._data.manifest} does not have.",
                hint="Was one of them restored from a backup without the other? Restart the sealer.",
            )
        return AsOf(ledger_id=views.ledger_id, commit=views.commit, digest=digest)

    def digest_of(self, commit: int) -> str | None:
        """Return a commit's digest, however old it is; None when the ledger has no such commit."""
        return digest_of_commit(self._data.manifest, commit)

    def ledger_id(self) -> str:
        """Return which ledger the views show."""
        return read_views(self._data).ledger_id

    def state(self) -> LedgerState:
        """Return the manifest's state.

        Raises:
            LedgerMissingError: nothing has been sealed yet.
        """
        return read_state(self._data.manifest)

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[Row]:
        """Run a query of our own; money comes as Decimal."""
        with self._lock:
            cursor = self._ready_for(query).execute(query, list(values))
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def close(self) -> None:
        """Give DuckDB back."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
                self._made = set()

    def _ready_for(self, query: str) -> Connection:
        """Return a connection that has the views this query needs, as the newest views.sql makes them."""
        try:
            status = self._data.views.stat()
        except FileNotFoundError as missing:
            raise missing_ledger(self._data) from missing
        version = (status.st_ino, status.st_mtime_ns, status.st_size)
        if self._views is None or version != self._version:
            self._views, self._version = read_views(self._data), version
            self._made = set()
        if self._connection is None:
            self._connection = _connect()
        for name, statement in views_needed(words(query), self._views.parts):
            if name not in self._made:
                self._connection.execute(statement)
                self._made.add(name)
        return self._connection


def open_views(data: DataDirectory) -> Connection:
    """Return a plain DuckDB connection with the ledger's views, as of now.

    Raises:
        LedgerMissingError: nothing has been sealed yet.
    """
    text = read_views(data).text
    connection = _connect()
    connection.execute(text)
    return connection


def _connect() -> Connection:
    connection = duckdb.connect()
    # Segments are never rewritten: what their footers say is read once, not at every commit and question.
    connection.execute("SET parquet_metadata_cache = true")
    return connection
