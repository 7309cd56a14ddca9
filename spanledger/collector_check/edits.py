"""Processors that change attributes: what they take away of what spanledger reads. Pure: settings in, verdict out.

Structure only: which function, which keys. A `where`, or a condition beside the statements, makes "loses" a "may lose".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from spanledger.collector_check.document import Path
from spanledger.collector_check.findings import Severity, Verdict
from spanledger.collector_check.needed import is_read, read_keys
from spanledger.collector_check.ottl import strings_in

_RULE: Final = "attributes-removed"
_STATEMENT: Final = re.compile(
    r"\s*(?P<function>\w+)\s*\(\s*(?P<target>[\w.]+)(?P<arguments>.*?)(?P<where>\)\s*where\s.*)?\s*", re.DOTALL
)
_KEPT_CONTEXTS: Final = {"resource", "span", ""}
_ATTRIBUTES: Final = {"attributes", "span.attributes", "resource.attributes"}
# Statements that may cut or change any attribute, whatever their arguments.
_BLUNT: Final = {
    "limit": "keeps only a number of attributes, and does not know which ones cost money",
    "truncate_all": "cuts long values, and cut JSON has no token counts",
    "replace_all_patterns": "rewrites attributes by pattern",
    "replace_all_matches": "rewrites attributes by pattern",
}
_REMOVING_ACTIONS: Final = {"delete": "deletes", "hash": "hashes"}


def judge_transform(settings: Mapping[str, Any], customer_keys: Sequence[str]) -> Sequence[Verdict]:
    """Say what a transform processor takes away, each statement for itself."""
    return [
        verdict
        for path, text, conditional in _statements(settings)
        if (verdict := _judge_statement(text, path, customer_keys, conditional=conditional)) is not None
    ]


def judge_actions(settings: Mapping[str, Any], list_name: str, customer_keys: Sequence[str]) -> Iterator[Verdict]:
    """Say what an attributes or resource processor takes away; its actions stand in the list of that name."""
    actions = settings.get(list_name)
    conditional = "include" in settings or "exclude" in settings
    for number, action in enumerate(actions if isinstance(actions, list) else []):
        verb = _REMOVING_ACTIONS.get(str(action.get("action")).lower()) if isinstance(action, Mapping) else None
        if verb is None:
            continue
        key, pattern = action.get("key"), action.get("pattern")
        lost = [str(key)] if key is not None and is_read(str(key), customer_keys) else []
        lost += _matching(str(pattern), customer_keys) if pattern is not None else []
        if lost:
            yield _lost(lost, f"{verb} {lost[0]}", (list_name, number), conditional=conditional)


def judge_redaction(settings: Mapping[str, Any], customer_keys: Sequence[str]) -> Iterator[Verdict]:
    """Say what a redaction processor takes away."""
    if settings.get("allow_all_keys") is True:
        if any(settings.get(name) for name in ("blocked_values", "blocked_key_patterns")):
            why = "masks values by pattern; figures and ids that match are unreadable"
            yield Verdict(_RULE, Severity.MAY_LOSE, why)
        return
    allowed = {*_texts(settings.get("allowed_keys")), *_texts(settings.get("ignored_keys"))}
    lost = [key for key in read_keys(customer_keys) if key not in allowed]
    if lost:
        yield _lost(lost, f"deletes every key that is not allowed, among them {lost[0]}", ("allowed_keys",))


def _statements(settings: Mapping[str, Any]) -> Iterator[tuple[Path, str, bool]]:
    groups = settings.get("trace_statements")
    for number, group in enumerate(groups if isinstance(groups, list) else []):
        if not isinstance(group, Mapping):
            yield ("trace_statements", number), str(group), False
        elif str(group.get("context") or "") in _KEPT_CONTEXTS:
            for inner, statement in enumerate(_texts(group.get("statements"))):
                yield ("trace_statements", number, "statements", inner), statement, bool(group.get("conditions"))


def _judge_statement(text: str, at: Path, customer_keys: Sequence[str], *, conditional: bool) -> Verdict | None:
    found = _STATEMENT.fullmatch(text)
    if found is None:
        return None
    function, target, arguments = found["function"], found["target"], strings_in(found["arguments"])
    conditional = conditional or found["where"] is not None
    if target not in _ATTRIBUTES:
        return None
    if function in _BLUNT:
        return Verdict(_RULE, Severity.MAY_LOSE, _BLUNT[function], at)
    lost = _lost_by(function, arguments, customer_keys)
    if not lost:
        return None
    if function == "set":
        return Verdict(_RULE, Severity.MAY_LOSE, f"overwrites {lost[0]}, which spanledger reads", at)
    return _lost(lost, f"{function} takes away {lost[0]}", at, conditional=conditional)


def _lost_by(function: str, arguments: Sequence[str], customer_keys: Sequence[str]) -> list[str]:
    keys = read_keys(customer_keys)
    match function, arguments:
        case "delete_key" | "set", [key, *_]:
            return [key] if is_read(key, customer_keys) else []
        case "delete_matching_keys", [pattern, *_]:
            return _matching(pattern, customer_keys)
        case "keep_matching_keys", [pattern, *_]:
            kept = set(_matching(pattern, customer_keys))
            return [key for key in keys if key not in kept]
        case "keep_keys", _:
            return [key for key in keys if key not in arguments]
    return []


def _matching(pattern: str, customer_keys: Sequence[str]) -> list[str]:
    try:
        compiled = re.compile(pattern)
    except re.error:
        return []
    return [key for key in read_keys(customer_keys) if compiled.search(key)]


def _lost(lost: Sequence[str], what: str, at: Path, *, conditional: bool = False) -> Verdict:
    more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
    severity = Severity.MAY_LOSE if conditional else Severity.LOSES
    condition = " where its condition holds" if conditional else ""
    return Verdict(_RULE, severity, f"{what}{more}{condition}; spanledger reads usage, price or payer from it", at)


def _texts(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
