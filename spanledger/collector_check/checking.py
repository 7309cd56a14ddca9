"""The check itself: a configuration in, everything by which cost data can be lost on its way to spanledger out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from spanledger.collector_check.document import Document, Source
from spanledger.collector_check.exporters import judge_exporter
from spanledger.collector_check.findings import Finding, Severity
from spanledger.collector_check.fixes import fix_exporter, fix_missing, fix_reach, fix_receiver, fix_unused
from spanledger.collector_check.ours import Ours, find_ours
from spanledger.collector_check.queues import splits_requests
from spanledger.collector_check.reading import read
from spanledger.collector_check.receivers import judge_receiver, received_bytes
from spanledger.collector_check.topology import Pipeline, routes_to, traces_pipelines
from spanledger.collector_check.ways import Way, findings_on, way_of


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, the worst first, and which exporters were taken for spanledger's."""

    findings: tuple[Finding, ...]
    exporters: tuple[str, ...]

    @property
    def loses(self) -> bool:
        """Return whether cost data is lost for sure."""
        return any(finding.severity == Severity.LOSES for finding in self.findings)


def check(
    sources: Sequence[Source],
    *,
    exporters: Sequence[str] = (),
    customer_keys: Sequence[str] = (),
    environment: Mapping[str, str],
) -> Report:
    """Return how a configuration can lose cost data; later sources win, as the Collector merges several --config.

    `exporters` names those that send to spanledger; without it they are recognised. `customer_keys` are attributes
    that say who pays, beside the default ones.

    Raises:
        UnreadableConfigError: a source is no configuration.
    """
    document = read(sources, environment=environment)
    ours = find_ours(document, exporters)
    pipelines = traces_pipelines(document)
    connectors = tuple(document.mapping("connectors"))
    ways = {
        name: [way_of(document, route, customer_keys) for route in routes_to(name, pipelines, connectors)]
        for name in ours.names
    }
    found = [
        *_about_exporters(document, ours, ways, pipelines),
        *_about_receivers(document, ways, pipelines, connectors),
        *_undefined(document, pipelines, connectors),
    ]
    order = list(Severity)
    placed = [replace(one, place=document.place(one.path)) for one in _settled(document, found, ways)]
    return Report(tuple(sorted(placed, key=lambda one: order.index(one.severity))), ours.names)


def _about_exporters(
    document: Document, ours: Ours, ways: Mapping[str, Sequence[Way]], pipelines: Sequence[Pipeline]
) -> Iterator[Finding]:
    defined = document.mapping("exporters")
    if not any(name in defined for name in ours.names):
        named = (
            f"None is called {', '.join(ours.names)}" if ours.names else "None has spanledger in its name or address"
        )
        why = f"{named}: no span comes to spanledger. If one of them does send there, name it with --exporter."
        yield Finding("no-exporter", Severity.LOSES, ("exporters",), why, fix_missing(document, _sources(pipelines)))
        return
    every = [way for some in ways.values() for way in some]
    clean = {way.route.receiver: True for way in every if way.is_clean}
    for name in (one for one in ours.names if one in defined):
        at = ("exporters", name)
        if ours.assumed:
            why = f"{name} is taken for spanledger's: {ours.assumed}. Say which it is with --exporter."
            yield Finding("exporter-assumed", Severity.NOTE, at, why)
        if not ways[name]:
            severity = Severity.NOTE if every else Severity.LOSES
            why = f"{name} stands in no traces pipeline that a receiver leads to: nothing goes there."
            fix = (
                ""
                if every
                else fix_unused(name, _sources(pipelines) or tuple(document.mapping("receivers")), pipelines)
            )
            yield Finding("exporter-unused", severity, at, why, fix)
            continue
        yield from findings_on(ways[name], clean_receivers=clean, pipelines=pipelines)
        early = any(way.is_early for way in ways[name])
        largest = max(received_bytes(document, way.route.receiver) for way in ways[name])
        for verdict in judge_exporter(document, name, early=early, received_bytes=largest):
            is_whole_path = verdict.at[:1] == ("extensions",)
            path = verdict.at if is_whole_path else (*at, *verdict.at)
            fix = fix_exporter(document, name, verdict, pipelines)
            yield Finding(verdict.rule, verdict.severity, path, f"{name} {verdict.why}.", fix)


def _about_receivers(
    document: Document,
    ways: Mapping[str, Sequence[Way]],
    pipelines: Sequence[Pipeline],
    connectors: Sequence[str],
) -> Iterator[Finding]:
    every = [way for some in ways.values() for way in some]
    reached = dict.fromkeys(way.route.receiver for way in every)
    for name in reached:
        exporters = {way.route.exporter for way in every if way.route.receiver == name}
        is_split = all(splits_requests(document.mapping("exporters", exporter)) for exporter in exporters)
        for verdict in judge_receiver(document, name, is_split=is_split):
            path = ("receivers", name, *verdict.at)
            yield Finding(verdict.rule, verdict.severity, path, f"{name} {verdict.why}.", fix_receiver(name, verdict))
    if not every:
        return
    missed = [name for name in _sources(pipelines) if name not in reached and name not in connectors]
    direct = next((way.route.pipelines[-1] for way in every if way.is_clean), None)
    for name in missed:
        why = f"{name} feeds traces pipelines, but none that leads to spanledger: its calls are not counted."
        fix = fix_reach(direct, missed) if direct else ""
        yield Finding("unreached-receiver", Severity.MAY_LOSE, ("receivers", name), why, fix)


def _undefined(document: Document, pipelines: Sequence[Pipeline], connectors: Sequence[str]) -> Iterator[Finding]:
    for pipeline in pipelines:
        for part in ("receivers", "processors", "exporters"):
            for name in getattr(pipeline, part):
                if name not in document.mapping(part) and name not in connectors:
                    why = f"{name} is defined in none of these files: give all of them, in the Collector's order."
                    yield Finding("undefined-component", Severity.NOTE, (*pipeline.path, part), why)


def _settled(document: Document, found: Sequence[Finding], ways: Mapping[str, Sequence[Way]]) -> Iterator[Finding]:
    """Give the findings; of a file to lay over another, what the other may well give is only a note."""
    receivers = {way.route.receiver for some in ways.values() for way in some}
    is_part = bool(receivers) and not any(name in document.mapping("receivers") for name in receivers)
    for one in dict.fromkeys(found):
        if is_part and one.rule == "storage-missing":
            yield replace(one, severity=Severity.NOTE)
        else:
            yield one


def _sources(pipelines: Sequence[Pipeline]) -> tuple[str, ...]:
    """Return the receivers of all traces pipelines."""
    exported = {name for pipeline in pipelines for name in pipeline.exporters}
    names = (name for pipeline in pipelines for name in pipeline.receivers if name not in exported)
    return tuple(dict.fromkeys(names))
