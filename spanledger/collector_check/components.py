"""Processors and connectors that this program knows, and what each does to spans on their way. Tables and one door.

Read in the documentation of Collector core and contrib v0.161.0. Names are without underscores: releases differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from spanledger.collector_check.document import Unknown, kind_of
from spanledger.collector_check.edits import judge_actions, judge_redaction, judge_transform
from spanledger.collector_check.filters import judge_filter
from spanledger.collector_check.findings import Severity, Verdict

# Processors that answer before the spans are safe: what comes after cannot be told to the sender any more.
EARLY: Final = {
    "batch": "acknowledges spans that are in memory only, and drops them when what comes after it refuses",
    "groupbytrace": "acknowledges spans and holds them in memory; a restart, or too many traces, loses them",
    "tailsampling": "acknowledges spans and holds them in memory until it decides",
}
# Processors that neither drop spans nor take attributes away.
HARMLESS: Final = frozenset({
    "k8sattributes",  # adds the pod's attributes
    "resourcedetection",  # adds the host's attributes
    "remotetap",  # shows copies
    "geoip",  # adds a place
    "schema",  # renames by schema; names that are read are known in every generation
})  # fmt: skip
_CHANGING: Final = {
    "groupbyattrs": "moves attributes from spans to their resource, where a span's own value is no longer seen",
    "span": "renames spans and moves parts of names to attributes; coding agents are known by the span's name",
}
# Connectors through which only a part of the spans goes any one way.
_SPLITTING: Final = {
    "routing": (Severity.MAY_LOSE, "sends each span where its conditions say; what they do not name goes elsewhere"),
    "failover": (Severity.MAY_LOSE, "sends to one of its pipelines at a time; the others get nothing meanwhile"),
    "roundrobin": (Severity.LOSES, "gives each of its pipelines only a share of the spans"),
}
_PASSING: Final = frozenset({"forward"})
_MEMORY_LIMITER: Final = (
    "refuses spans while memory is short, with an answer that senders may retry; those that give up lose them"
)


_UNKNOWN: Final = Verdict("unknown-component", Severity.MAY_LOSE, "is not known to this program: it may drop spans")
_WHATEVER_ITS_SETTINGS: Final = {
    **{kind: Verdict("attributes-removed", Severity.MAY_LOSE, why) for kind, why in _CHANGING.items()},
    **{kind: Verdict("early-answer", Severity.LOSES, why) for kind, why in EARLY.items()},
    "memorylimiter": Verdict("memory-limiter", Severity.MAY_LOSE, _MEMORY_LIMITER),
}


def judge_processor(name: str, settings: Mapping[str, Any], customer_keys: Sequence[str]) -> tuple[Verdict, ...]:
    """Return what a processor does to spans that are needed; empty where it lets them be."""
    kind = kind_of(name)
    judge = _JUDGES.get(kind)
    if judge is not None:
        return tuple(judge(settings, customer_keys))
    if kind in HARMLESS:
        return ()
    return (_WHATEVER_ITS_SETTINGS.get(kind, _UNKNOWN),)


def judge_connector(name: str) -> tuple[Verdict, ...]:
    """Return what a connector between two traces pipelines does; empty where it passes everything on."""
    kind = kind_of(name)
    if kind in _PASSING:
        return ()
    if kind in _SPLITTING:
        severity, why = _SPLITTING[kind]
        return (Verdict("split-route", severity, why),)
    return (_UNKNOWN,)


def answers_early(name: str) -> bool:
    """Return whether what comes after a processor cannot refuse to the sender any more."""
    return kind_of(name) in EARLY


def _judge_sampler(settings: Mapping[str, Any], _: Sequence[str]) -> Iterator[Verdict]:
    percentage = settings.get("sampling_percentage", 0)
    at = ("sampling_percentage",)
    if isinstance(percentage, Unknown):
        why = f"keeps {percentage} % of the traces, a number not known here"
        yield Verdict("sampler", Severity.MAY_LOSE, why, at)
    elif not isinstance(percentage, int | float) or percentage < 100:
        why = f"keeps {percentage} % of the traces; calls in the others are gone"
        yield Verdict("sampler", Severity.LOSES, why, at)


def _judge_tail_sampling(settings: Mapping[str, Any], _: Sequence[str]) -> Iterator[Verdict]:
    policies = settings.get("policies")
    kinds = (
        {str(one.get("type")) for one in policies if isinstance(one, Mapping)} if isinstance(policies, list) else set()
    )
    if "always_sample" in kinds and "drop" not in kinds:
        yield Verdict("early-answer", Severity.LOSES, EARLY["tailsampling"])
        return
    why = f"{EARLY['tailsampling']}, then drops whole traces; calls in them are gone"
    yield Verdict("sampler", Severity.LOSES, why, ("policies",))


_JUDGES: Final[Mapping[str, Callable[[Mapping[str, Any], Sequence[str]], Iterable[Verdict]]]] = {
    "probabilisticsampler": _judge_sampler,
    "tailsampling": _judge_tail_sampling,
    "filter": judge_filter,
    "transform": judge_transform,
    "attributes": lambda settings, keys: judge_actions(settings, "actions", keys),
    "resource": lambda settings, keys: judge_actions(settings, "attributes", keys),
    "redaction": judge_redaction,
}
