"""The filter processor: whether it lets through every span that spanledger needs. Pure: settings in, verdict out.

Each condition is tried on a sample of every needed span, first as a span that has nothing else, then as one that may
have any other attribute. Never true on either: harmless, as is the filter of our own overlay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from spanledger.collector_check.document import Path
from spanledger.collector_check.findings import Severity, Verdict
from spanledger.collector_check.needed import needed_spans, opened
from spanledger.collector_check.ottl import holds

_RULE: Final = "filter"
_EVENTS: Final = "spanevent"


def judge_filter(settings: Mapping[str, Any], customer_keys: Sequence[str]) -> Sequence[Verdict]:
    """Say what a filter drops of what is needed, each condition for itself."""
    verdicts = [
        verdict
        for path, condition, context in _conditions(settings)
        if (verdict := _judge(condition, context, path, customer_keys)) is not None
    ]
    if settings.get("spans"):
        verdicts.append(
            Verdict(_RULE, Severity.MAY_LOSE, "drops spans by the old include and exclude, not tried here", ("spans",))
        )
    if settings.get("error_mode") == "propagate" and any(True for _ in _conditions(settings)):
        why = "drops a whole request when its condition fails on one span (error_mode: propagate)"
        verdicts.append(Verdict(_RULE, Severity.MAY_LOSE, why, ("error_mode",)))
    return verdicts


def _judge(condition: str, context: str, at: Path, customer_keys: Sequence[str]) -> Verdict | None:
    needed = needed_spans(customer_keys)
    answers = [(sample, holds(condition, sample, context=context)) for sample in needed]
    dropped = next((sample for sample, answer in answers if answer is True), None)
    if dropped is not None:
        return Verdict(_RULE, Severity.LOSES, f"drops {dropped.label}", at)
    if any(answer is None for _, answer in answers):
        why = "drops spans by something that spans of calls may have too; nothing here rules that out"
        return Verdict(_RULE, Severity.MAY_LOSE, why, at)
    if any(holds(condition, opened(sample), context=context) is not False for sample in needed):
        why = "drops no span of a call for what it is, only one that also has the name or attribute in the condition"
        return Verdict(_RULE, Severity.NOTE, why, at)
    return None


def _conditions(settings: Mapping[str, Any]) -> Iterator[tuple[Path, str, str]]:
    """Give (setting, condition, context) of every condition that can drop a span."""
    for number, item in enumerate(_items(settings.get("trace_conditions"))):
        at: Path = ("trace_conditions", number)
        if not isinstance(item, Mapping):
            if f"{_EVENTS}." not in str(item):
                yield at, str(item), "span"
        elif item.get("context") != _EVENTS:
            context = str(item.get("context") or "span")
            for inner, condition in enumerate(_items(item.get("conditions"))):
                if f"{_EVENTS}." not in str(condition):
                    yield (*at, "conditions", inner), str(condition), context
    traces = settings.get("traces")
    for context in ("span", "resource"):
        for number, condition in enumerate(_items(traces.get(context) if isinstance(traces, Mapping) else None)):
            yield ("traces", context, number), str(condition), context


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
