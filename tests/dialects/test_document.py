"""The document of the dialects is what the tables say today, and explains every flag a reading can carry."""

from __future__ import annotations

import re
from pathlib import Path

import receiver.dialects
from ledger.vocabulary import Flag
from receiver.dialects.table import MATRIX_BEGIN, MATRIX_END, all_flags, matrix_of, table

_DOCUMENT = Path(__file__).parents[2] / "docs" / "dialects.md"


def test_the_document_is_current() -> None:
    """After a change: `python -m receiver.dialects.table docs/dialects.md`; the matrix is the live run's."""
    document = _DOCUMENT.read_text(encoding="utf-8")
    assert document == table(matrix_of(document))


def test_the_matrix_is_kept() -> None:
    """What the live run wrote between the marks stands in a document that is made anew."""
    matrix = f"{MATRIX_BEGIN}\n| what | outcome |\n{MATRIX_END}\n"
    assert matrix in table(matrix_of(table(matrix)))
    assert matrix_of("a document without marks") == f"{MATRIX_BEGIN}\n{MATRIX_END}\n"


def test_every_flag_is_explained() -> None:
    """Flags written in the dialects' source are those of the document."""
    folder = Path(receiver.dialects.__file__).parent
    source = "".join(path.read_text() for path in folder.glob("*.py") if path.name != "table.py")
    written = set(re.findall(r'flags \+?= \("([a-z_]+)",\)', source))
    written |= set(re.findall(r'doubt\(reading, "([a-z_]+)"\)', source))
    assert len(written) >= 7
    assert written <= set(all_flags())


def test_every_flag_that_prices_depend_on_is_explained() -> None:
    """The words that pricing obeys stand in the document when a dialect raises them."""
    folder = Path(receiver.dialects.__file__).parent
    source = "".join(path.read_text() for path in folder.glob("*.py"))
    raised = {flag.value for flag in Flag if f"Flag.{flag.name}" in source}
    assert raised
    assert raised <= set(all_flags())
