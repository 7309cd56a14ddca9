"""Settings of shapes that nobody meant: the check says something about the rest, and never fails."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from spanledger.collector_check import Report, Source, UnreadableConfigError, check
from spanledger.collector_check.rules import BY_NAME
from tests.collector_check.configurations import CASES, SAFE

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("a$:{}/. \n", max_size=8) | st.sampled_from(["otlp", "batch"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["otlp", "grpc", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a configuration."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, one in inner for path in paths(one, (*at, key)))]


@given(st.data(), st.sampled_from(CASES))
def test_any_value_anywhere(data: st.DataObject, case: Any) -> None:
    """With any value in the place of any setting there is a report, or a refusal in words."""
    config = yaml.safe_load(case.yaml)
    path = data.draw(st.sampled_from(paths(config)[1:]))
    inner = config
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = data.draw(VALUES)
    files = [Source("safe.yaml", "" if case.alone else SAFE), Source("case.yaml", yaml.safe_dump(config))]
    try:
        report = check(files, environment={})
    except UnreadableConfigError as refused:
        assert refused.message.startswith("case.yaml")  # noqa: PT017 - a refusal is one of two right answers
        return
    assert isinstance(report, Report)
    for one in report.findings:
        assert one.rule in BY_NAME
        assert isinstance(yaml.safe_load(one.fix or "{}"), dict)
