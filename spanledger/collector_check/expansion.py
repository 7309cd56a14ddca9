"""`${…}` in a configuration, as the Collector expands it: the environment, or the default that stands in the text.

The innermost `${…}` is expanded first; `$$` is a dollar. A reference that makes up a whole value may give a list or a
number; within a text it gives text. What cannot be known here (no such variable and no default; `${file:…}` and other
schemes) makes the whole value `Unknown`. Source: Collector confmap v1.67.0, expand.go and the env provider.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from spanledger.collector_check.document import Unknown

# An even number of dollars before `${` are escaped dollars; an odd number escapes the reference itself.
_REFERENCE: Final = re.compile(r"(?<!\$)(?:\$\$)*(?P<whole>\$\{(?P<uri>(?:(?!\$\{)[^}])*)\})")
_ENVIRONMENT: Final = re.compile(
    r"(?:env:)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<has_default>:-(?P<default>.*))?", re.DOTALL
)
_EXPANSIONS_MAX: Final = 100  # the Collector stops at 1,000; a text that refers to itself must end here too


def expand(text: str, environment: Mapping[str, str]) -> Any:
    """Return the value that a text of the configuration comes to."""
    unknown = False
    for _ in range(_EXPANSIONS_MAX):
        found = _REFERENCE.search(text)
        if found is None:
            break
        value = _resolve(found["uri"], environment)
        is_whole = found["whole"] == text
        if is_whole and not isinstance(value, str | Unknown):
            return value
        unknown = unknown or isinstance(value, Unknown)
        start, end = found.span("whole")
        text = f"{text[:start]}{'' if value is None else _as_text(value)}{text[end:]}"
    text = text.replace("$$", "$")
    return Unknown(text) if unknown else text


def _resolve(uri: str, environment: Mapping[str, str]) -> Any:
    variable = _ENVIRONMENT.fullmatch(uri)
    if variable is None:
        return Unknown(f"<{uri}>")
    name = variable["name"]
    text = environment.get(name, variable["default"] if variable["has_default"] else None)
    if text is None:
        return Unknown(f"<{name}>")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return text if value is None else value


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
