"""Reattribution: the customer and label settings and the rules of now, on spans that the ledger has. Pure.

What a span's own attributes or its resource say is looked up in its evidence; rules also see the ledger's columns.
Where the evidence is gone, what stands stays, and only rules may change it. Whom the rest of a trace names is decided
anew by whoever carries the job out.

Must not: make up a customer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import pyarrow as pa

from ledger.schema import SpanClass
from receiver.attribution import Attribution
from receiver.sealer.jobs.evidence import resource_attributes, span_attributes
from receiver.sealer.jobs.slices import StandingRow
from receiver.sealer.named_payer import named_labels, named_payer, says_of_row
from receiver.sealer.touched import Rewrite

REATTRIBUTED: Final = "attribution"


def reattribute(
    rows: pa.Table, stand: Sequence[StandingRow], *, attribution: Attribution
) -> Iterator[tuple[StandingRow, Rewrite | None]]:
    """Yield the standing rows that somebody else pays for, or that have other labels, by the rules of now."""
    taken = rows.take([row.place for row in stand])
    starts = taken.column("start_time").cast(pa.int64()).to_pylist()
    for row, known, start_us in zip(stand, taken.to_pylist(), starts, strict=True):
        if row.state.span_class == SpanClass.QUARANTINED:
            continue  # what cannot be believed names nobody either, neither when it comes nor later
        rewrite = _reattributed(row, known, start_us or 0, attribution)
        if rewrite is not None:
            yield row, rewrite


def _reattributed(
    row: StandingRow, known: Mapping[str, Any], start_us: int, attribution: Attribution
) -> Rewrite | None:
    fact = row.state.fact
    standing_payer = (fact.customer_id, fact.customer_source)
    attributes, resource = span_attributes(known), resource_attributes(known)
    if attributes is None and resource:
        attributes = {}  # a span without any; retention drops both together
    ruling = attribution.rules.ruling(says_of_row(known, attributes or {}, resource), start_us)
    if ruling.customer is not None:
        payer: tuple[str | None, str | None] = (ruling.customer, "rule")
    elif attributes is None:
        payer = standing_payer
    else:
        payer = named_payer(attributes, resource, attribution.customer_attributes)
    known_labels = dict(known["labels"] or ())
    labels = known_labels if attributes is None else named_labels(attributes, resource, attribution.label_attributes)
    labels = {**labels, **ruling.labels}
    if payer == standing_payer and labels == known_labels:
        return None
    overrides: dict[str, Any] = {} if labels == known_labels else {"labels": list(labels.items()) or None}
    changed = msgspec.structs.replace(fact, customer_id=payer[0], customer_source=payer[1])
    return Rewrite(changed, overrides, REATTRIBUTED)
