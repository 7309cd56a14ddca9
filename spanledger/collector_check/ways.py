"""The ways to one exporter of ours: which processors and connectors on them lose spans, and the way around those.

A way that loses is only worth a note where the same receiver has another way, to any exporter of ours, that does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from spanledger.collector_check.components import answers_early, judge_connector, judge_processor
from spanledger.collector_check.document import Document, Path
from spanledger.collector_check.findings import Finding, Severity, Verdict
from spanledger.collector_check.fixes import fix_way
from spanledger.collector_check.topology import Pipeline, Route

_NOT_OURS_TO_TAKE: Final = frozenset({"memory-limiter", "unknown-component"})


@dataclass(frozen=True, slots=True)
class Step:
    """A processor or connector on a way, and what it does."""

    path: Path
    name: str
    verdicts: tuple[Verdict, ...]

    @property
    def loses(self) -> bool:
        """Return whether it loses spans for sure."""
        return any(one.severity == Severity.LOSES for one in self.verdicts)

    @property
    def is_kept(self) -> bool:
        """Return whether a corrected way has it too: it does no harm, or nobody but the reader knows what it is for."""
        return all(one.severity == Severity.NOTE or one.rule in _NOT_OURS_TO_TAKE for one in self.verdicts)


@dataclass(frozen=True, slots=True)
class Way:
    """A route with what stands on it."""

    route: Route
    steps: tuple[Step, ...]

    @property
    def is_clean(self) -> bool:
        """Return whether nothing on it loses spans for sure."""
        return not any(step.loses for step in self.steps)

    @property
    def is_early(self) -> bool:
        """Return whether a sender has its answer before the exporter has the spans."""
        return any(answers_early(step.name) for step in self.steps)


def way_of(document: Document, route: Route, customer_keys: Sequence[str]) -> Way:
    """Return a route with a verdict on each step."""
    steps = []
    for number, pipeline in enumerate(route.pipelines):
        if number:
            connector = route.connectors[number - 1]
            at = pipeline.receivers.index(connector)
            steps.append(Step((*pipeline.path, "receivers", at), connector, judge_connector(connector)))
        for position, name in enumerate(pipeline.processors):
            verdicts = judge_processor(name, document.mapping("processors", name), customer_keys)
            steps.append(Step((*pipeline.path, "processors", position), name, verdicts))
    return Way(route, tuple(steps))


def findings_on(
    ways: Sequence[Way], *, clean_receivers: Mapping[str, bool], pipelines: Sequence[Pipeline]
) -> Iterator[Finding]:
    """Give the findings on the ways to one exporter, each setting once."""
    seen: set[Path] = set()
    for way in ways:
        for step in way.steps:
            if step.path in seen:
                continue
            seen.add(step.path)
            for verdict in step.verdicts:
                yield _finding(step, verdict, ways, clean_receivers=clean_receivers, pipelines=pipelines)


def _finding(
    step: Step,
    verdict: Verdict,
    ways: Sequence[Way],
    *,
    clean_receivers: Mapping[str, bool],
    pipelines: Sequence[Pipeline],
) -> Finding:
    through = [way for way in ways if any(one.path == step.path for one in way.steps)]
    where = f" (processors.{step.name}{_within(verdict.at)})" if verdict.at else ""
    why = f"{step.name} {verdict.why}{where}."
    if verdict.severity == Severity.NOTE:
        return Finding(verdict.rule, verdict.severity, step.path, why)
    if all(clean_receivers.get(way.route.receiver, False) and not way.is_clean for way in through):
        why += " What it drops comes to spanledger by another pipeline."
        return Finding(verdict.rule, Severity.NOTE, step.path, why)
    if verdict.rule in _NOT_OURS_TO_TAKE:
        return Finding(verdict.rule, verdict.severity, step.path, why)
    return Finding(verdict.rule, verdict.severity, step.path, why, _around(through, pipelines))


def _around(through: Sequence[Way], pipelines: Sequence[Pipeline]) -> str:
    """Return the way around everything bad on these ways, so that one fix serves all of it."""
    route = through[0].route
    last = route.pipelines[-1]
    # What stands further up belongs to the way too: a processor there may add the customer.
    kept = [step.name for step in through[0].steps if step.path[3] == "processors" and step.is_kept]
    receivers = tuple(dict.fromkeys(way.route.receiver for way in through if way.route.pipelines[-1] == last))
    return fix_way(route.exporter, last, receivers=receivers, kept=kept, pipelines=pipelines)


def _within(at: Path) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in at)
