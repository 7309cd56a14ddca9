"""Which way traces take through a configuration: from a receiver, over pipelines and connectors, to an exporter.

Only traces pipelines matter; a connector that stands in two of them joins them, whatever it does. Must not judge what
stands on the way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from spanledger.collector_check.document import Document, Path, kind_of


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A traces pipeline: the names of what stands in it, in order."""

    name: str
    receivers: tuple[str, ...]
    processors: tuple[str, ...]
    exporters: tuple[str, ...]

    @property
    def path(self) -> Path:
        """Return where it is in the configuration."""
        return ("service", "pipelines", self.name)


@dataclass(frozen=True, slots=True)
class Route:
    """One way from a receiver to an exporter, through pipelines joined by connectors."""

    receiver: str
    pipelines: tuple[Pipeline, ...]
    connectors: tuple[str, ...]
    exporter: str


def traces_pipelines(document: Document) -> tuple[Pipeline, ...]:
    """Return the pipelines that carry spans."""
    names = [name for name in document.mapping("service", "pipelines") if kind_of(name) == "traces"]
    parts = ("receivers", "processors", "exporters")
    return tuple(
        Pipeline(name, *(document.names("service", "pipelines", name, part) for part in parts)) for name in names
    )


def routes_to(exporter: str, pipelines: Sequence[Pipeline], connectors: Sequence[str]) -> tuple[Route, ...]:
    """Return every way on which spans come to an exporter; a loop of connectors is followed once."""
    return tuple(
        route
        for last in pipelines
        if exporter in last.exporters
        for route in _upstream(exporter, (last,), (), pipelines, frozenset(connectors))
    )


def _upstream(
    exporter: str,
    steps: tuple[Pipeline, ...],
    joined: tuple[str, ...],
    pipelines: Sequence[Pipeline],
    connectors: frozenset[str],
) -> Iterator[Route]:
    for receiver in steps[0].receivers:
        if receiver not in connectors:
            yield Route(receiver, steps, joined, exporter)
            continue
        for before in pipelines:
            if receiver in before.exporters and before not in steps:
                yield from _upstream(exporter, (before, *steps), (receiver, *joined), pipelines, connectors)
