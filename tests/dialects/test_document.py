"""The document of the dialects is what the tables say today, and explains every flag a reading can carry."""

from __future__ import annotations

import re
from pathlib import Path

import receiver.dialects
from receiver.dialects.table import FLAGS, table

_DOCUMENT = Path(__file__).parents[2] / "docs" / "dialects.md"


def test_the_document_is_current() -> None:
    """After a change of the tables: `python -m receiver.dialects.table > docs/dialects.md`."""
    assert _DOCUMENT.read_text(encoding="utf-8") == table()


def test_every_flag_is_explained() -> None:
    """Flags written in the dialects' source are those of the document."""
    folder = Path(receiver.dialects.__file__).parent
    source = "".join(path.read_text() for path in folder.glob("*.py") if path.name != "table.py")
    written = set(re.findall(r'(?:flags|doubts) (?:\+)?= \("([a-z_]+)",\)', source))
    written |= set(re.findall(r'return \("([a-z_]+)",\)', source))
    assert len(written) >= 7
    assert written <= set(FLAGS)
