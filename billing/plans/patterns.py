"""Patterns of providers and models: `*` stands for any text, case does not count; nothing else is special."""

from __future__ import annotations

import re
from functools import lru_cache

ANY = "*"


def matches(pattern: str, text: str | None) -> bool:
    """Say whether a name fits; a name that is not known fits only `*`."""
    if pattern == ANY:
        return True
    return text is not None and _compiled(pattern).fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.IGNORECASE | re.DOTALL)
