"""The W3C tracestate of a span, read only as far as sampling needs it, and changed only there.

    tracestate = member *31( "," member )          member = key "=" value         https://www.w3.org/TR/trace-context-2/
    ot         = "ot=" sub-key *( ";" sub-key )    sub-key = key ":" value

OpenTelemetry's own member is `ot` (https://opentelemetry.io/docs/specs/otel/trace/tracestate-handling/); the sub-keys
read here are `th`, the rejection threshold, and `rv`, explicit randomness. A member that changes moves to the front;
the others keep their order and their bytes.

Must not: decide anything; repair what is malformed. `parse` says None to that, and the caller passes the bytes on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MEMBERS_MAX: Final = 32
OT_VALUE_BYTES_MAX: Final = 256

_OT: Final = b"ot="
_MEMBER: Final = re.compile(
    rb"[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
_SUB_KEY: Final = re.compile(rb"([a-z][a-z0-9]*):([A-Za-z0-9._-]*)")

_SubKeys = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class TraceState:
    """A well-formed tracestate."""

    raw: bytes
    """As it arrived."""
    sub_keys: _SubKeys = ()
    """Of the `ot` member, in order."""
    others: tuple[bytes, ...] = ()
    """The other members, in order."""

    def sub_key(self, name: bytes) -> bytes | None:
        """Return the value of a sub-key of `ot`, or None."""
        return dict(self.sub_keys).get(name)

    def with_threshold(self, value: bytes) -> bytes:
        """Return the text that carries this `th`.

        Where there is no room for one, no `th` at all is carried: an absent threshold says "unknown", a stale one would
        be false, and another vendor's member is not ours to remove.
        """
        ot = _joined((*_without_threshold(self.sub_keys), (b"th", value)))
        is_full = not self.sub_keys and len(self.others) >= MEMBERS_MAX
        if is_full or len(ot) > OT_VALUE_BYTES_MAX:
            return self.without_threshold()
        return b",".join((_OT + ot, *self.others))

    def without_threshold(self) -> bytes:
        """Return the text that carries no `th`."""
        kept = _without_threshold(self.sub_keys)
        if kept == self.sub_keys:
            return self.raw
        return b",".join((_OT + _joined(kept), *self.others) if kept else self.others)


def parse(raw: bytes) -> TraceState | None:
    """Read a tracestate; None when it is malformed."""
    if not raw:
        return TraceState(raw)
    stripped = (member.strip(b" \t") for member in raw.split(b","))
    members = [member for member in stripped if member]  # the grammar allows empty ones
    if len(members) > MEMBERS_MAX or not all(map(_MEMBER.fullmatch, members)):
        return None
    own = [member for member in members if member.startswith(_OT)]
    if len(own) > 1:
        return None
    sub_keys = _parse_sub_keys(own[0].removeprefix(_OT)) if own else ()
    if sub_keys is None:
        return None
    others = tuple(member for member in members if not member.startswith(_OT))
    return TraceState(raw, sub_keys=sub_keys, others=others)


def _parse_sub_keys(value: bytes) -> _SubKeys | None:
    found = [_SUB_KEY.fullmatch(one) for one in value.split(b";")]
    sub_keys = tuple((one[1], one[2]) for one in found if one)
    if len(sub_keys) < len(found) or len(dict(sub_keys)) < len(found):
        return None  # "the used keys MUST be unique"
    return sub_keys


def _without_threshold(sub_keys: _SubKeys) -> _SubKeys:
    return tuple(one for one in sub_keys if one[0] != b"th")


def _joined(sub_keys: _SubKeys) -> bytes:
    return b";".join(name + b":" + value for name, value in sub_keys)
