"""One trace explained: each span the ledger kept of it, who read it and how, what it counted as, its price and history.

Everything here is looked up or computed again by the code that billed it; a cost that today's prices do not give any
more is said to be so, not passed off as an explanation. Must not: print, or change anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from billing.warehouse.warehouse import Row, Warehouse
from ledger.errors import SpanledgerError
from ledger.money import from_picos
from ledger.schema import ENTRY_SCHEMA, UNIT_COLUMNS, EntryType, PriceStatus
from pricing.book import PriceBook
from pricing.explain import StepLine
from receiver import dialects
from receiver.dialects.table import all_flags
from receiver.sealer.money import explain_row

_TRACE_ID_CHARS: Final = 32
# What a row says of where it stands in its span's history.
_HISTORY: Final = (
    "revision",
    "entry_type",
    "reason",
    "commit",
    "recorded_time",
    "customer_id",
    "cost",
    "price_version",
)
_SPAN_ID_CHARS: Final = slice(32, 48)


class UnknownTraceError(SpanledgerError):
    """The ledger kept no span of that trace."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a call costs, and the multiplications that give it."""

    steps: tuple[StepLine, ...]
    """Empty where nothing could be multiplied."""
    is_current: bool
    """Whether the prices of now give what stands in the ledger."""
    cost_now: Decimal | None


@dataclass(frozen=True, slots=True)
class ExplainedSpan:
    """One span of the trace."""

    row: Row
    """The row that stands for it: an entry, or one that is set aside (then with `span_class` and `detail`)."""
    depth: int
    """How many of its ancestors the ledger kept."""
    span_class: str
    usage: dict[str, int]
    rule: str
    """Whose spans its scope's are, and where that was read."""
    flags: tuple[tuple[str, str], ...]
    """What the reading inferred or doubts, and what each flag means."""
    price: Price | None
    """None for what is not billed."""
    history: tuple[Row, ...]
    """Its entries, oldest first."""


@dataclass(frozen=True, slots=True)
class ExplainedTrace:
    """All the ledger knows of one trace."""

    trace_id: str
    spans: tuple[ExplainedSpan, ...]
    """Parents before their children, by start."""

    @property
    def billed(self) -> int:
        """How many calls of it are billed."""
        return sum(span.span_class == "usage" for span in self.spans)

    @property
    def cost(self) -> Decimal:
        """What it costs, as far as that is known."""
        return sum((span.row["cost"] for span in self.spans if span.price and span.row["cost"] is not None), Decimal(0))


def explain_trace(warehouse: Warehouse, trace_id: str, *, book: PriceBook) -> ExplainedTrace:
    """Explain one trace, by its id in hexadecimal.

    Raises:
        UnknownTraceError: that is no trace id, or nothing of it was kept.
    """
    wanted = trace_id.strip().lower().replace("-", "")
    if len(wanted) != _TRACE_ID_CHARS or any(one not in "0123456789abcdef" for one in wanted):
        raise UnknownTraceError(
            f"{trace_id!r} is no trace id.", hint="It is 32 hexadecimal digits, as a trace viewer shows it."
        )
    entries = warehouse.rows("SELECT * FROM entries WHERE trace_id = ? ORDER BY revision", [wanted])
    aside = warehouse.rows("SELECT * FROM set_aside WHERE trace_id = ? ORDER BY revision", [wanted])
    if not entries and not aside:
        raise UnknownTraceError(
            f"the ledger kept no span of trace {wanted}.",
            hint="Spans without GenAI attributes are counted, not kept; calls become visible about two seconds after "
            "they arrived. `spanledger audit` shows where spans ended.",
        )
    spans = _standing(entries, aside)
    histories: dict[str, list[Row]] = {}
    for entry in entries:
        histories.setdefault(entry["source_id"], []).append({name: entry[name] for name in _HISTORY})
    explained = [
        _explained(row, depth=depth, history=histories.get(row["source_id"], []), book=book)
        for depth, row in _in_order(spans)
    ]
    return ExplainedTrace(wanted, tuple(explained))


def _standing(entries: Iterable[Row], aside: Iterable[Row]) -> list[Row]:
    """Return the newest row of every source: entries that were taken back are followed by what is set aside."""
    newest: dict[str, Row] = {}
    for row in (*entries, *aside):
        known = newest.get(row["source_id"])
        if known is None or known["revision"] <= row["revision"]:
            newest[row["source_id"]] = row
    return [row for row in newest.values() if row["entry_type"] != EntryType.REVERSAL]


def _in_order(rows: Sequence[Row]) -> list[tuple[int, Row]]:
    """Put parents before children, siblings by start; whose parent is not kept stands at the outermost level."""
    ids = {row["span_id"] for row in rows}
    below: dict[str | None, list[Row]] = {}
    for row in sorted(rows, key=lambda one: (str(one["start_time"]), one["source_id"])):
        parent = row["parent_span_id"] if row["parent_span_id"] in ids else None
        below.setdefault(parent if parent != row["span_id"] else None, []).append(row)
    ordered: list[tuple[int, Row]] = []
    waiting = [(0, row) for row in reversed(below.pop(None, []))]
    while waiting or below:
        if not waiting:  # parents in a circle: begin anywhere
            waiting = [(0, row) for row in reversed(below.pop(min(one for one in below if one is not None)))]
        depth, row = waiting.pop()
        ordered.append((depth, row))
        # A losing content stands beside its span, not above its children.
        if len(row["source_id"]) <= _SPAN_ID_CHARS.stop:
            waiting += [(depth + 1, child) for child in reversed(below.pop(row["span_id"], []))]
    return ordered


def _explained(row: Row, *, depth: int, history: Sequence[Row], book: PriceBook) -> ExplainedSpan:
    span_class = row.get("span_class") or "usage"
    return ExplainedSpan(
        row=row,
        depth=depth,
        span_class=span_class,
        usage=_usage(row),
        rule=_rule(row),
        flags=tuple((flag, _meaning(flag)) for flag in row["usage_flags"] or ()),
        price=_price(row, book) if span_class == "usage" else None,
        history=tuple(history),
    )


def _usage(row: Row) -> dict[str, int]:
    units = {name: row[name] for name in UNIT_COLUMNS if row[name] is not None}
    return {**units, **dict(row["other_usage"] or {})}


def _rule(row: Row) -> str:
    if not row["dialect"]:
        return "by nothing: it could not be read"
    emitter = dialects.emitter_of(row["scope_name"] or "", row["scope_version"] or "")
    return "the conventions' names, since nobody knows the scope" if emitter is None else emitter.source


def _meaning(flag: str) -> str:
    known: Mapping[str, str] = all_flags()
    general = f"{flag.partition(':')[0]}:…"
    return known.get(flag) or known.get(general) or ""


def _price(row: Row, book: PriceBook) -> Price:
    explained = explain_row(_as_table(row), book=book)
    now = explained.money["cost"]
    cost_now = None if now is None else from_picos(now)
    is_current = cost_now == row["cost"] and explained.money["price_status"] == row["price_status"]
    is_priced = row["price_status"] in {PriceStatus.PRICED, PriceStatus.AMBIGUOUS}
    return Price(explained.steps if is_current and is_priced else (), is_current, cost_now)


def _as_table(row: Row) -> pa.Table:
    """Return a row of a view in the ledger's own types; ids, which the views show as text, are left out."""
    fields = [one for one in ENTRY_SCHEMA if not _is_binary(one.type)]
    columns = [pa.array([_as_stored(row.get(one.name))], one.type) for one in fields]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _as_stored(value: Any) -> Any:
    return list(value.items()) if isinstance(value, Mapping) else value
