"""Which exporters send to spanledger: by name on the command line, by `spanledger` in name or address, by port 4317.

The port is the weakest sign, for every OTLP receiver has it: it counts only where there is no other, and is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from spanledger.collector_check.document import Document, kind_of

_WORD: Final = "spanledger"
_PORT: Final = ":4317"
_OTLP: Final = frozenset({"otlp", "otlpgrpc", "otlphttp"})
_BALANCING: Final = "loadbalancing"


@dataclass(frozen=True, slots=True)
class Ours:
    """The exporters taken for ours; `assumed` says why where that could be wrong."""

    names: tuple[str, ...]
    assumed: str = ""


def find_ours(document: Document, named: Sequence[str]) -> Ours:
    """Return the exporters that send to spanledger."""
    if named:
        return Ours(tuple(named))
    exporters = {
        name: _addresses(document.mapping("exporters", name))
        for name in document.mapping("exporters")
        if kind_of(name) in {*_OTLP, _BALANCING}
    }
    by_word = tuple(name for name, address in exporters.items() if _WORD in f"{name} {address}".lower())
    if by_word:
        return Ours(by_word)
    by_port = tuple(name for name, address in exporters.items() if _PORT in address and kind_of(name) != _BALANCING)
    return Ours(by_port, "it sends to port 4317, as no exporter has spanledger in its name or address")


def _addresses(settings: Any) -> str:
    """Return every address that an exporter names, as one text."""
    if isinstance(settings, dict):
        return " ".join(_addresses(value) for key, value in settings.items() if key not in {"headers", "tls"})
    if isinstance(settings, list):
        return " ".join(_addresses(value) for value in settings)
    return str(settings)
