"""Carried values: a mapping or a word that an emitter put into an attribute as text.

JSON text, or the text of a Python `dict`; bounded, since anybody writes attributes. Must not: know what is carried.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any, Final

import msgspec

# A block is a few hundred bytes; the longest seen, with every modality and five iterations, has 2,400.
BLOCK_CHARS_MAX: Final = 65_536
# `literal_eval` takes 20 times as long as a JSON decoder, and memory to match: only for what a block can be.
_LITERAL_CHARS_MAX: Final = 8_192
_INTEGER_BITS_MAX: Final = 4_000
# A tier, a place, a model: longer is none.
_WORD_CHARS_MAX: Final = 64
_JSON: Final = msgspec.json.Decoder()


def word_of(value: object) -> str | None:
    """Return a short printable word; None for anything else, such as half a character or a text."""
    return value if isinstance(value, str) and 0 < len(value) <= _WORD_CHARS_MAX and value.isprintable() else None


def mapping_of(carried: object) -> Mapping[str, Any] | None:
    """Return a carried mapping, whether it is one or the text of one; None when it is neither."""
    if isinstance(carried, Mapping):
        return carried
    if not isinstance(carried, str) or not 2 < len(carried) <= BLOCK_CHARS_MAX:
        return None
    text = carried.strip()
    if not text.startswith("{"):
        return None
    decoded = _decoded(text)
    return decoded if isinstance(decoded, dict) else None


def _decoded(text: str) -> object:
    try:
        return _JSON.decode(text)
    except (msgspec.DecodeError, RecursionError):
        pass
    if len(text) > _LITERAL_CHARS_MAX:
        return None
    if '"' not in text and "\\" not in text:
        # What `str(dict)` writes for names and numbers is JSON but for its quotes and three words.
        likeness = text.replace("'", '"').replace("None", "null").replace("True", "true").replace("False", "false")
        try:
            return _JSON.decode(likeness)
        except (msgspec.DecodeError, RecursionError):
            pass
    try:
        return _storable(ast.literal_eval(text))
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def _storable(value: object) -> object:
    """Return a literal with every text fit for UTF-8: Python reads half of a surrogate pair where JSON refuses it.

    Texts that were cut in the middle of an emoji have such halves.

    Raises:
        ValueError: an integer is longer than any figure; Python would not even print it.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, int) and value.bit_length() > _INTEGER_BITS_MAX:
        raise ValueError("an integer of more than 4,000 bits")
    if isinstance(value, dict):
        return {_storable(key): _storable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(one) for one in value]
    return value
