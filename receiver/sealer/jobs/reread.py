"""Rereading: the dialects of now over the evidence of spans that the ledger has. Pure: rows in, what changes out.

A span is read again from its evidence: its own attributes as the allow-list keeps them, its resource, its scope, name,
kind and status. What is quarantined is read from its stripped bytes, so that rules that understand it now heal it. A
row whose evidence retention has dropped stays as it is, and is counted.

A call whose price could depend on what changed is priced anew; any other keeps its price.

Must not: look at other spans. Which of them are one call is decided anew by whoever carries the job out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import pyarrow as pa

from ledger.money import round_cost
from ledger.schema import COST_COLUMNS, UNIT_COLUMNS, SpanClass
from receiver import dialects
from receiver.attribution import Attribution
from receiver.dialects.reading import AttributeValue, Reading, SpanKind, SpanView, UnreadableSpanError
from receiver.sealer.candidate import why_unusable
from receiver.sealer.decode import DECODING_FLAGS, DecodedSpan, Decoder, UndecodableSpan
from receiver.sealer.facts import FactKind
from receiver.sealer.jobs.evidence import resource_attributes, span_attributes
from receiver.sealer.jobs.slices import StandingRow
from receiver.sealer.money import PRICED_COLUMNS
from receiver.sealer.named_payer import named_labels, named_payer
from receiver.sealer.row_facts import fact_of_row, in_microseconds
from receiver.sealer.touched import Rewrite

REREAD: Final = "reread"

_TEXTS: Final = (
    "operation", "provider", "provider_account", "api_key_id", "region", "deployment", "request_model",
    "response_model", "service_tier", "billing_mode", "error_type", "dialect", "response_id", "user_id", "session_id",
    "agent_name", "reported_cost_source",
)  # fmt: skip
# What says who used and who asked decides about no price.
_NOT_OF_PRICE: Final = frozenset(
    {"operation", "error_type", "dialect", "response_id", "user_id", "session_id", "agent_name"}
)
_WITH_COLUMN: Final = frozenset(UNIT_COLUMNS)


class EvidenceMissingError(Exception):
    """The row's evidence was dropped by retention."""


def reread(
    rows: pa.Table, stand: Sequence[StandingRow], *, attribution: Attribution
) -> Iterator[tuple[StandingRow, Rewrite | None]]:
    """Yield the standing rows that are read otherwise now; None beside one whose evidence is gone."""
    taken = rows.take([row.place for row in stand])
    decoder = Decoder()
    for row, known in zip(stand, in_microseconds(taken), strict=True):
        try:
            rewrite = _reread(row, known, decoder, attribution)
        except EvidenceMissingError:
            yield row, None
            continue
        if rewrite is not None:
            yield row, rewrite


def _reread(row: StandingRow, known: Mapping[str, Any], decoder: Decoder, attribution: Attribution) -> Rewrite | None:
    was = row.state.fact.kind
    held = _held(known, decoder) if row.state.span_class == SpanClass.QUARANTINED else None
    if was == FactKind.QUARANTINED and held is None:
        return None
    try:
        reading = dialects.read(_view(known, held))
    except UnreadableSpanError as unreadable:
        return _to_quarantine(row, known, unreadable) if was != FactKind.QUARANTINED else None
    if held is not None and (reading is None or why_unusable(held, reading) is not None):
        # Its id or its time is as unusable as ever, however well the rest is understood.
        return None
    if reading is None:
        # Nobody claims it any more. Kept as a roll-up of nothing: never billed, never lost.
        reading = Reading(SpanKind.AGGREGATE, "none")
    fresh = _columns(reading, known)
    kind = FactKind.CALL if reading.kind == SpanKind.CALL else FactKind.AGGREGATE
    changed = {name: value for name, value in fresh.items() if value != known[name]}
    if not changed and kind == was:
        return None
    if kind == FactKind.CALL and (kind != was or not changed.keys() <= _NOT_OF_PRICE):
        # No price status means: price it. What the span itself reported is a reading, not a price of ours.
        changed |= dict.fromkeys(PRICED_COLUMNS)
    fact = fact_of_row({**known, **fresh}, row.span_id, kind=kind)
    if held is not None:
        # What was quarantined named nobody; healed, it names whom its attributes name.
        resource = resource_attributes(known)
        # The stripped bytes hold what dialects read; who pays stands in the evidence.
        said = {**held.attributes, **(span_attributes(known) or {})}
        customer_id, source = named_payer(said, resource, attribution.customer_attributes)
        fact = msgspec.structs.replace(fact, customer_id=customer_id, customer_source=source)
        changed["labels"] = list(named_labels(said, resource, attribution.label_attributes).items()) or None
    return Rewrite(fact, changed, REREAD)


def _held(known: Mapping[str, Any], decoder: Decoder) -> DecodedSpan | None:
    """Return a quarantined span from its stripped bytes; None when they are gone or no span."""
    if not known["quarantined_span"]:
        return None
    span = decoder.span(known["quarantined_span"], resource=b"", scope=b"")
    return None if isinstance(span, UndecodableSpan) else span


def _view(known: Mapping[str, Any], held: DecodedSpan | None) -> SpanView:
    """Return the span as dialects see it."""
    attributes: Mapping[str, AttributeValue]
    if held is not None:
        attributes = held.attributes
    elif known["span_attributes"] is None:
        raise EvidenceMissingError
    else:
        # Evidence is text, and every dialect reads text: a boolean, a list or a number means the same written out.
        attributes = dict(known["span_attributes"])
    return SpanView(
        known["span_name"] or "",
        known["span_kind"] or 0,
        known["scope_name"] or "",
        known["scope_version"] or "",
        attributes,
        dict(known["resource_attributes"] or ()),
        known["span_status"] or 0,
    )


def _columns(reading: Reading, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the reading in the columns' Python values."""
    fresh: dict[str, Any] = {name: getattr(reading, name) for name in _TEXTS}
    fresh |= {name: reading.usage.get(name) for name in UNIT_COLUMNS}
    others = {name: count for name, count in reading.usage.items() if name not in _WITH_COLUMN}
    known_others = dict(known["other_usage"] or ())
    fresh["other_usage"] = known["other_usage"] if others == known_others else list(others.items()) or None
    fresh["usage_status"] = reading.usage_status.value
    decoding = [flag for flag in known["usage_flags"] or () if flag in DECODING_FLAGS]
    fresh["usage_flags"] = [*reading.usage_flags, *decoding] or None
    fresh["reported_cost"] = None if reading.reported_cost is None else round_cost(reading.reported_cost)
    return fresh


def _to_quarantine(row: StandingRow, known: Mapping[str, Any], unreadable: UnreadableSpanError) -> Rewrite:
    changed: dict[str, Any] = dict.fromkeys((*UNIT_COLUMNS, *COST_COLUMNS, "other_usage", "usage_status"))
    fact = fact_of_row({**known, **changed}, row.span_id, kind=FactKind.QUARANTINED)
    return Rewrite(fact, {**changed, "usage_flags": [f"unreadable:{unreadable.reason}"]}, REREAD)
