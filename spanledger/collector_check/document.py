"""A Collector configuration as read: plain values, and where each was written. Must not judge any of it.

Values are what YAML gives: mappings, lists, text, numbers, booleans, None. A value that depends on something not known
here (an environment variable without a default, a file in a container) is `Unknown`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Keys and list positions from the top of the configuration."""


@dataclass(frozen=True, slots=True)
class Source:
    """One configuration as named on the command line: `name` is shown, `text` is YAML."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that only the Collector's machine can tell; `text` shows what is known of it."""

    text: str

    def __str__(self) -> str:
        """Return the text with the unknown parts named in angle brackets."""
        return self.text


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is written; `line` counts from 1."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Document:
    """A merged configuration."""

    data: Mapping[str, Any]
    places: Mapping[Path, Place]

    def at(self, *path: str | int) -> Any:
        """Return the value at a path, or None where there is none."""
        value: Any = self.data
        for key in path:
            value = value.get(str(key)) if isinstance(value, Mapping) else None
        return value

    def mapping(self, *path: str | int) -> Mapping[str, Any]:
        """Return the mapping at a path; empty where there is none, or something else."""
        value = self.at(*path)
        return value if isinstance(value, Mapping) else {}

    def names(self, *path: str | int) -> tuple[str, ...]:
        """Return a list of names at a path; what is unknown stands with its name in angle brackets."""
        value = self.at(*path)
        if isinstance(value, list):
            return tuple(str(one) for one in value)
        return () if value is None else (str(value),)

    def place(self, path: Path) -> Place | None:
        """Return where a path is written, or the nearest thing around it that is written at all."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.places:
                return self.places[path[:length]]
        return None


def shown(path: Path) -> str:
    """Return a path as people write it: service.pipelines.traces.processors[1]."""
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f"{'.' if text else ''}{key}"
    return text


def kind_of(name: str) -> str:
    """Return a component's type without the underscores that some releases write and others do not."""
    return name.partition("/")[0].replace("_", "")
