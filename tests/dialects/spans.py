"""Spans as emitters write them, for the tests of the families: read directly, and read again from evidence.

`read_of` reads a span twice: as it came, and from what the ledger keeps of it as evidence, where every value is text.
Both must come to the same: that is what `reread` relies on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from ledger.vocabulary import UsageStatus
from receiver.dialects import read
from receiver.dialects.finish import ADDRESS_UNSAID, TIER_UNSAID, TOOLS_UNSAID
from receiver.dialects.reading import Reading, SpanKind, SpanView
from receiver.sealer.decode import DecodedSpan, Decoder
from tests.otlp import SpanText, request


def read_of(
    scope: str,
    attributes: Mapping[str, Any],
    *,
    name: str = "chat m",
    version: str = "",
    kind: int = 3,
    status: int = 0,
) -> Reading:
    """Read a span that must be recognised, through the wire, and hold its evidence to the same reading."""
    found = maybe_read(scope, attributes, name=name, version=version, kind=kind, status=status)
    assert found is not None
    return found


def maybe_read(
    scope: str,
    attributes: Mapping[str, Any],
    *,
    name: str = "chat m",
    version: str = "",
    kind: int = 3,
    status: int = 0,
) -> Reading | None:
    """Read a span that may be nothing of ours."""
    text = SpanText(name=name, kind=kind, attributes=attributes, status=status, scope=scope, scope_version=version)
    (span,) = Decoder().spans(request(text))
    assert isinstance(span, DecodedSpan)
    first = read(_view(span, span.attributes))
    again = read(_view(span, dict(span.evidence)))
    assert _told(first) == _told(again), "evidence does not carry all that was read"
    return first


def is_call(reading: Reading) -> bool:
    """Whether a reading is one billable call."""
    return reading.kind is SpanKind.CALL


def _view(span: DecodedSpan, attributes: Mapping[str, Any]) -> SpanView:
    return SpanView(
        span.name,
        span.kind,
        span.scope.name,
        span.scope.version,
        attributes,
        span.resource.attributes,
        span.status_code,
    )


def _told(reading: Reading | None) -> object:
    return None if reading is None else msgspec.to_builtins(reading)


@dataclass(frozen=True, slots=True)
class Case:
    """A span as one emitter writes it, and what it means; `says` is the expectation in a sentence."""

    says: str
    scope: str
    attributes: Mapping[str, Any]
    usage: Mapping[str, int]
    flags: tuple[str, ...] = ()
    status: UsageStatus = UsageStatus.REPORTED
    version: str = ""
    name: str = "chat m"


def cases(*rows: Case) -> pytest.MarkDecorator:
    """Run a test once for each case, named by its sentence."""
    return pytest.mark.parametrize("case", rows, ids=[row.says for row in rows])


def hold(case: Case) -> Reading:
    """Read a case's span and hold the reading to it."""
    found = read_of(case.scope, case.attributes, version=case.version, name=case.name)
    assert (found.usage, flags_of(found), found.usage_status) == (case.usage, case.flags, case.status)
    return found


def flags_of(reading: Reading) -> tuple[str, ...]:
    """Return what is peculiar to a reading: without what is said of all calls of a seller (`test_unsaid`)."""
    return tuple(flag for flag in reading.usage_flags if flag not in {ADDRESS_UNSAID, TIER_UNSAID, TOOLS_UNSAID})


def chat_by(provider: str, model: str, **figures: int) -> dict[str, Any]:
    """Return a chat call's attributes by the conventions; keywords are names under `gen_ai.usage.`, `__` for dots."""
    figures_there = {f"gen_ai.usage.{name.replace('__', '.')}": count for name, count in figures.items()}
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": model,
        **figures_there,
    }
