"""Attribution: which attributes say who pays. Pure; whose trace it is and what is known of it is the sealer's.

Attributes that name the paying customer are looked for on the span, then its resource, then on the other spans of its
trace. A customer is never made up: what names nobody is unattributed. A user or a session is no customer.

One name is found wherever instrumentations put attributes of the user's own: as it is, under one of `CARRIERS`, or as a
member of a JSON text (`metadata` of OpenInference). A name with dots may itself be such a path: `metadata.customer_id`
is also the member `customer_id` of a JSON `metadata`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import msgspec

from receiver.attribution_rules import AttributionRules
from receiver.dialects.carried import mapping_of
from receiver.dialects.reading import AttributeValue

# In order of preference. Teams and organisations of a gateway's keys come last: they pay where nobody else is named.
DEFAULT_CUSTOMER_ATTRIBUTES: Final = (
    "customer.id",
    "customer_id",
    "customerId",
    "tenant.id",
    "tenant_id",
    "tenantId",
    "app.customer.id",
    "app.tenant.id",
    "user.customer_id",
    "org_id",
    "metadata.user_api_key_org_id",
    "litellm.team.id",
    "metadata.user_api_key_team_id",
)
DEFAULT_LABEL_ATTRIBUTES: Final = ("team", "project", "cost_center", "feature")
# Before the user's own name, by whom: each is also looked into as JSON, its dot left off.
CARRIERS: Final = (
    "baggage.",  # span processors that copy W3C baggage; most copy it without a prefix
    "metadata.",  # OpenInference (JSON), LiteLLM (flat)
    "metadata.requester_metadata.",  # LiteLLM's proxy: what the caller sent as metadata, as text
    "traceloop.association.properties.",  # OpenLLMetry
    "ai.telemetry.metadata.",  # Vercel AI SDK 4 to 6
    "ai.settings.context.",  # Vercel AI SDK 7
    "langfuse.trace.metadata.",  # Langfuse SDK
    "langfuse.observation.metadata.",
    "langsmith.metadata.",  # LangSmith
)
_CUSTOMER_CHARS_MAX: Final = 256
# A shorter member name stands in too many JSON texts to be searched for in every span.
_MEMBER_CHARS_MIN: Final = 4


@dataclass(frozen=True, slots=True)
class Attribution:
    """Which attributes say who pays, and which become labels, in order of preference."""

    customer_attributes: tuple[str, ...] = DEFAULT_CUSTOMER_ATTRIBUTES
    label_attributes: tuple[str, ...] = DEFAULT_LABEL_ATTRIBUTES
    rules: AttributionRules = field(default_factory=AttributionRules)
    """The user's own rules; they win over what spans say."""


def customer_of(
    attributes: Mapping[str, AttributeValue], customer_attributes: Sequence[str]
) -> tuple[str, int, str] | None:
    """Return the first customer named: (value, rank of its name, name)."""
    return _lookup(tuple(customer_attributes)).find(attributes)


def labels_of(attributes: Mapping[str, AttributeValue], label_attributes: Sequence[str]) -> dict[str, str]:
    """Return the labels that these attributes give, by name."""
    if _lookup(tuple(label_attributes)).watched.isdisjoint(attributes):
        return {}
    found = ((name, _lookup((name,)).find(attributes, with_truths=True)) for name in label_attributes)
    return {name: label[0] for name, label in found if label is not None}


def watched(names: Sequence[str]) -> frozenset[str]:
    """Return every attribute in which one of these names can be found."""
    return _lookup(tuple(names)).watched


def spellings(names: Sequence[str]) -> frozenset[str]:
    """Return every attribute that is one of these names: as it is or under a carrier, no JSON text."""
    return frozenset(attribute for name in names for attribute, member in _places(name) if member is None)


def members(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return what of which JSON texts is one of these names: attribute → members."""
    found: dict[str, list[str]] = {}
    for name in names:
        for attribute, member in _places(name):
            if member is not None:
                found.setdefault(attribute, []).append(member)
    return {attribute: tuple(ones) for attribute, ones in found.items()}


def only_members(carried: AttributeValue, wanted: Sequence[str]) -> str | None:
    """Return a JSON text of nothing but these members; None when it has none of them."""
    said = mapping_of(carried)
    if said is None:
        return None
    kept = {name: _text(_member(said, name)) for name in wanted}
    kept = {name: text for name, text in kept.items() if text is not None}
    return msgspec.json.encode(kept).decode() if kept else None


def marks(names: Sequence[str]) -> frozenset[bytes]:
    """Return what stands in the bytes of every span that names a customer under one of these names."""
    members = {f'"{member}"' for name in names for member in _tails(name) if len(member) >= _MEMBER_CHARS_MIN}
    return frozenset(text.encode() for text in {*names, *members})


class _Lookup:
    """Where names are looked for, turned around: what an attribute may say."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._says: dict[str, list[tuple[int, int, str | None]]] = {}
        for rank, name in enumerate(names):
            for order, (attribute, member) in enumerate(_places(name)):
                self._says.setdefault(attribute, []).append((rank, order, member))
        self.watched = frozenset(self._says)

    def find(
        self, attributes: Mapping[str, AttributeValue], *, with_truths: bool = False
    ) -> tuple[str, int, str] | None:
        """Return (value, rank, name) of the best-ranked name that has a value; true and false are none by default."""
        if self.watched.isdisjoint(attributes):
            return None
        best: tuple[int, int, str] | None = None
        for attribute in self.watched.intersection(attributes):
            carried = attributes[attribute]
            members: Mapping[str, Any] | None = None
            for rank, order, member in self._says[attribute]:
                if best is not None and best[:2] <= (rank, order):
                    break
                if member is not None and members is None:
                    members = mapping_of(carried) or {}
                value = carried if member is None else _member(members or {}, member)
                text = str(value).lower() if with_truths and isinstance(value, bool) else _text(value)
                if text is not None:
                    best = rank, order, text
        return None if best is None else (best[2], best[0], self._names[best[0]])


@lru_cache(maxsize=64)
def _lookup(names: tuple[str, ...]) -> _Lookup:
    return _Lookup(names)


def _places(name: str) -> Iterator[tuple[str, str | None]]:
    """Yield where a name is looked for, in order: (attribute, member of its JSON text or None)."""
    yield name, None
    for carrier in CARRIERS:
        yield carrier + name, None
    for member in _tails(name):
        yield name[: -len(member) - 1], member
    for carrier in CARRIERS:
        yield carrier[:-1], name


def _tails(name: str) -> Iterator[str]:
    parts = name.split(".")
    for start in range(len(parts) - 1, 0, -1):
        yield ".".join(parts[start:])


def _member(members: Mapping[str, Any], path: str) -> Any:
    """Return the member of that name, or else the one at that path."""
    if path in members:
        return members[path]
    head, dot, rest = path.partition(".")
    inner = members.get(head)
    return _member(inner, rest) if dot and isinstance(inner, Mapping) else None


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, list | Mapping | bytes | bool):
        return None
    return str(value).strip()[:_CUSTOMER_CHARS_MAX] or None
