"""The cost path in one process, for tests: the real splitter, journal and sealer on a folder, without the network."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb

from ledger.filesystem import Filesystem, LocalFilesystem
from ledger.layout import DataDirectory
from ledger.schema import CountSource
from pricing.book import PriceBook
from receiver import dialects
from receiver.attribution import Attribution, marks
from receiver.journal import Journal
from receiver.sealer.seal import Sealer
from receiver.split import Splitter
from receiver.strip import strip_large_spans
from tests.otlp import SpanText, request

BOOK = PriceBook.bundled()
ATTRIBUTION = Attribution()


class Pipeline:
    """Send spans, seal, query. A context manager."""

    def __init__(
        self,
        folder: Path,
        *,
        filesystem: Filesystem | None = None,
        count_source: CountSource = CountSource.APPLICATION,
        book: PriceBook = BOOK,
        attribution: Attribution = ATTRIBUTION,
    ) -> None:
        self._book, self._attribution = book, attribution
        self.data = DataDirectory(folder)
        self.filesystem = filesystem or LocalFilesystem()
        self.count_source = count_source
        self.splitter = Splitter(
            span_marks=[*dialects.MARKERS, *marks(attribution.customer_attributes)],
            scope_marks=dialects.SCOPE_MARKERS,
        )
        self.journal = Journal(self.data.journal, filesystem=self.filesystem)
        self._sealer: Sealer | None = None

    @property
    def sealer(self) -> Sealer:
        """The sealer, opened when first needed."""
        if self._sealer is None:
            self._sealer = Sealer(
                self.data,
                attribution=self._attribution,
                book=self._book,
                filesystem=self.filesystem,
                count_source=self.count_source,
            )
        return self._sealer

    def send(self, *spans: SpanText) -> None:
        """Accept one request of these spans, as the server does."""
        self.send_bytes(request(*spans))

    def send_bytes(self, body: bytes) -> None:
        """Accept one request, as the server does."""
        split = self.splitter.split(body)
        payload = strip_large_spans(split.payload)
        self.journal.append(received=split.received, kept=split.kept, payload=payload)

    def seal(self) -> None:
        """Seal until there is nothing new."""
        while (result := self.sealer.seal()) is not None:
            assert result.fault is None, result.fault

    def take(self, *spans: SpanText) -> None:
        """Send as one request and seal it as one commit."""
        self.send(*spans)
        self.seal()

    def restart_sealer(self) -> None:
        """Close the sealer; the next use opens it afresh."""
        if self._sealer is not None:
            self._sealer.close()
            self._sealer = None

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Run SQL in a stock DuckDB that knows only views.sql."""
        connection = duckdb.connect()
        try:
            connection.execute(self.data.views.read_text())
            cursor = connection.execute(query)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        finally:
            connection.close()

    def value(self, query: str) -> Any:
        """Return the only value of a query."""
        ((value,),) = [tuple(row.values()) for row in self.rows(query)]
        return value

    def audit(self) -> dict[str, Any]:
        """Return the audit line, checked to add up."""
        (line,) = self.rows("SELECT * FROM audit")
        assert line["adds_up"], line
        assert line["ledger_agrees"], line
        return {name: count for name, count in line.items() if count and name not in {"adds_up", "ledger_agrees"}}

    def close(self) -> None:
        """Stop as a clean stop does."""
        self.journal.close()
        self.restart_sealer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
