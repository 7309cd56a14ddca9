"""Reading a configuration: YAML, merging and variables as the Collector takes them."""

from __future__ import annotations

from typing import Any

import pytest

from spanledger.collector_check import Source, UnreadableConfigError
from spanledger.collector_check.document import Document, Unknown
from spanledger.collector_check.reading import read


def document(*texts: str, **environment: str) -> Document:
    """Texts as read."""
    return read([Source(f"{number}.yaml", text) for number, text in enumerate(texts)], environment=environment)


@pytest.mark.parametrize("text", ["", "\n# nothing but a comment\n", "---\n"])
def test_empty_file(text: str) -> None:
    """A file without anything in it is a configuration without anything in it."""
    assert document(text).data == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("receivers: [otlp\n", "line 2"),
        ("receivers:\n\totlp:\n", "line 2"),
        ("- a list\n", "expected a mapping"),
        ("exporters: {a: 1}\nexporters: {b: 2}\n", "'exporters' twice"),
        ("a: !secret x\n", "line 1"),
        ("a: 1\n---\nb: 2\n", "line 2"),
        ("a: 2026-13-45\n", "not YAML"),
        ("a: &a [*a]\n", "nested"),
        ("a: \x00\n", "not YAML"),
        ("[" * 300 + "]" * 300, "nested"),
    ],
)
def test_bad_file(text: str, said: str) -> None:
    """What is no configuration is refused with the file's name and what is wrong."""
    with pytest.raises(UnreadableConfigError) as refused:
        document(text)
    assert refused.value.message.startswith("0.yaml ")
    assert said in refused.value.message


def test_aliases_within_aliases() -> None:
    """Nine levels of nine aliases each end in words, not in all of the memory."""
    levels = "\n".join(f"l{number}: &l{number} [{', '.join([f'*l{number - 1}'] * 9)}]" for number in range(1, 9))
    with pytest.raises(UnreadableConfigError, match="aliases"):
        document(f"l0: &l0 [x]\n{levels}\n")


def test_several_files() -> None:
    """Mappings are merged, lists and all else are replaced, a null too."""
    merged = document("a: {b: 1, c: [1, 2], d: {e: 1}}", "a: {c: [3], d: , f: 4}")
    assert merged.data == {"a": {"b": 1, "c": [3], "d": None, "f": 4}}
    assert [merged.places["a", key].file for key in ("b", "c", "f")] == ["0.yaml", "1.yaml", "1.yaml"]


def test_keys_with_colons() -> None:
    """`a::b` is `b` below `a`, as on the Collector's command line."""
    assert document("service::extensions: [x]\nservice: {pipelines: {}}").data == {
        "service": {"extensions": ["x"], "pipelines": {}}
    }


def test_anchors_and_merge_keys() -> None:
    """What YAML itself repeats is repeated."""
    assert document("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\n").data["b"] == {"x": 1, "y": 3}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${env:SET}", "there"),
        ("${SET}", "there"),
        ("${env:NUMBER}", 8),
        ("${env:MISSING:-[otlp, zipkin]}", ["otlp", "zipkin"]),
        ("${env:MISSING:-}", ""),
        ("${env:NUMBER:-9}", 8),
        ("x-${env:SET}:4317", "x-there:4317"),
        ("${env:MISSING:-${env:SET}}", "there"),
        ("$${env:SET}", "${env:SET}"),
        ("a$$", "a$"),
        ("${env:LOOP}", "${env:LOOP}"),
        ("${env:MISSING}", Unknown("<MISSING>")),
        ("${file:/run/secret}", Unknown("<file:/run/secret>")),
        ("${env:MISSING}:4317", Unknown("<MISSING>:4317")),
    ],
)
def test_variables(text: str, value: Any) -> None:
    """A variable is its value, else its default, else not known."""
    variables = {"SET": "there", "NUMBER": "8", "LOOP": "${env:LOOP}"}
    assert document(f"a: '{text}'", **variables).data["a"] == value
