"""Who pays for calls, as they say it themselves: worked out once for all calls that say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from receiver.attribution import watched
from receiver.dialects.reading import AttributeValue
from receiver.sealer.columns.fields import Integers
from receiver.sealer.columns.grouping import group
from receiver.sealer.columns.spans import ABSENT, SpanColumns
from receiver.sealer.decode import Decoder
from receiver.sealer.named_payer import named_payer

Column = Any  # a pyarrow array; the library has no types
Named = tuple[str | None, str | None]


@dataclass(frozen=True, slots=True)
class Payers:
    """The customers of calls."""

    named: Sequence[Named]
    """Distinct (customer, source)."""
    of_call: Integers

    @property
    def customer_ids(self) -> list[str | None]:
        """The customer of each call."""
        return [self.named[place][0] for place in self.of_call.tolist()]

    @property
    def sources(self) -> list[str | None]:
        """Where each call's customer was named."""
        return [self.named[place][1] for place in self.of_call.tolist()]

    def column(self, name: str) -> Column:
        """Return `customer_id` or `customer_source` as a column."""
        which = 0 if name == "customer_id" else 1
        return pa.array([one[which] for one in self.named], pa.string()).take(pa.array(self.of_call))


def payers_of(spans: SpanColumns, rows: Integers, *, keys: Sequence[str], decoder: Decoder) -> Payers:
    """Return who pays for these calls; `keys` name customers, in order of preference."""
    columns = {key: spans.by_key[key][rows] for key in watched(keys) if key in spans.by_key}
    groups = group([spans.origin[rows], *columns.values()], len(rows))
    named: list[Named] = []
    for first in groups.first.tolist():
        attributes: dict[str, AttributeValue] = {}
        for key, column in columns.items():
            if column[first] != ABSENT:
                attribute = decoder.attribute(spans.distinct.encoded[column[first]].as_py())
                assert attribute is not None, "a plain span's attribute that cannot be read"
                attributes[key] = attribute.value
        resource = decoder.resource(spans.origins[spans.origin[rows[first]]].resource)
        named.append(named_payer(attributes, resource.attributes, keys))
    return Payers(named, groups.of_row)
