"""Configuration files → one `Document`, merged as the Collector merges several `--config`.

Later files win: mappings are merged, everything else, lists too, is replaced. `a::b: x` means `a: {b: x}`. Must not
touch files or the environment: both are given. Limits: a file of 4 MiB, nested 100 deep, 100,000 values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from spanledger.collector_check.document import Document, Path, Place, Source
from spanledger.collector_check.errors import UnreadableConfigError
from spanledger.collector_check.expansion import expand

_CHARS_MAX: Final = 4 * 2**20
_DEPTH_MAX: Final = 100
_VALUES_MAX: Final = 100_000  # aliases within aliases would fill the memory
_KEY_DELIMITER: Final = "::"


def read(sources: Sequence[Source], *, environment: Mapping[str, str]) -> Document:
    """Return the merged configuration.

    Raises:
        UnreadableConfigError: a file is no YAML, no mapping, or beyond the limits.
    """
    data: dict[str, Any] = {}
    places: dict[Path, Place] = {}
    for source in sources:
        reader = _Reader(source, environment)
        new = reader.read()
        _merge(data, new, places, reader.places, ())
    return Document(data, places)


def _merge(
    into: dict[str, Any], new: Mapping[str, Any], places: dict[Path, Place], new_places: Mapping[Path, Place], at: Path
) -> None:
    for key, value in new.items():
        path = (*at, key)
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value, places, new_places, path)
            continue
        for below in [one for one in places if one[: len(path)] == path]:
            del places[below]
        places.update({one: place for one, place in new_places.items() if one[: len(path)] == path})
        into[key] = value


class _Reader:
    """The reading of one file: YAML nodes to values, with the line of each."""

    def __init__(self, source: Source, environment: Mapping[str, str]) -> None:
        self.places: dict[Path, Place] = {}
        self._source = source
        self._environment = environment
        self._constructor = yaml.constructor.SafeConstructor()
        self._values = 0

    def read(self) -> dict[str, Any]:
        if len(self._source.text) > _CHARS_MAX:
            raise self._refusal(f"is larger than {_CHARS_MAX // 2**20} MiB")
        try:
            node = yaml.compose(self._source.text, Loader=yaml.SafeLoader)
            value = None if node is None else self._value(node, ())
        except yaml.MarkedYAMLError as broken:
            mark = broken.problem_mark or broken.context_mark
            where = f", line {mark.line + 1}" if mark else ""
            raise self._refusal(f"is not YAML{where}: {broken.problem or broken.context}") from broken
        except (yaml.YAMLError, ValueError) as broken:
            raise self._refusal(f"is not YAML: {broken}") from broken
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self._refusal("is not a Collector configuration: expected a mapping at its top")
        return value

    def _value(self, node: yaml.Node, at: Path) -> Any:
        self._values += 1
        if len(at) > _DEPTH_MAX or self._values > _VALUES_MAX:
            raise self._refusal("is nested too deeply, or its aliases stand for too much")
        self.places.setdefault(at, Place(self._source.name, node.start_mark.line + 1))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, at)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(one, (*at, number)) for number, one in enumerate(node.value)]
        value = self._constructor.construct_object(node)
        return expand(value, self._environment) if isinstance(value, str) else value

    def _mapping(self, node: yaml.MappingNode, at: Path) -> dict[str, Any]:
        own = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        twice = next((key for key in own if isinstance(key, str) and own.count(key) > 1), None)
        if twice is not None:
            raise self._refusal(f"has the key {twice!r} twice in the mapping at line {node.start_mark.line + 1}")
        self._constructor.flatten_mapping(node)
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            *outer, last = str(key_node.value).split(_KEY_DELIMITER)
            inside, path = mapping, at
            for key in outer:
                path = (*path, key)
                self.places.setdefault(path, Place(self._source.name, key_node.start_mark.line + 1))
                inside = inside.setdefault(key, {})
                if not isinstance(inside, dict):
                    raise self._refusal(f"gives {key!r} a value and keys below it, line {key_node.start_mark.line + 1}")
            self.places[*path, last] = Place(self._source.name, key_node.start_mark.line + 1)
            value = self._value(value_node, (*path, last))
            inside[last] = (
                {**inside[last], **value} if isinstance(inside.get(last), dict) and isinstance(value, dict) else value
            )
        return mapping

    def _refusal(self, what: str) -> UnreadableConfigError:
        return UnreadableConfigError(f"{self._source.name} {what}.")
