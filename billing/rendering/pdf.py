"""PDF: a page laid out by typst, as PDF/A-3b. The same document gives the same bytes with the same typst and fonts.

Fonts: the wheel's own first; for letters that they lack (Arabic, Chinese, emoji), those of the machine. So bytes may
differ between machines: what is sent is kept with the invoice, and never made twice. Where no font has the letters of a
name, boxes stand in their place and the file is a plain PDF.
"""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import typst

from billing.errors import InvalidValueError
from billing.invoices.document import Document
from billing.rendering.page import page

_LAYOUT: Final = files("billing.rendering").joinpath("invoice.typ")
# Who writes dates so uses paper so: https://cldr.unicode.org, measurement data, paper size.
_LETTER_COUNTRIES: Final = frozenset({
    "BZ", "CA", "CL", "CO", "CR", "GT", "MX", "NI", "PA", "PH", "PR", "SV", "US", "VE",
})  # fmt: skip
_LOGO_BYTES_MAX: Final = 5 * 2**20
_LOGO_SUFFIXES: Final = frozenset({".svg", ".png", ".jpg", ".jpeg", ".gif", ".webp"})


def render_pdf(document: Document, *, state: str, logo: Path | None = None, paper: str | None = None) -> bytes:
    """Return the PDF of a document in a state (draft, finalised, voided, credited).

    `paper` is typst's name of one, such as `a4` or `us-letter`; None takes the customer's country's.

    Raises:
        InvalidValueError: the logo is no picture, or cannot be read.
    """
    said = page(document, state=state)
    said["paper"] = paper or ("us-letter" if document.customer.address.country in _LETTER_COUNTRIES else "a4")
    said["issued"] = _day(document)
    said["logo"] = None
    with tempfile.TemporaryDirectory(prefix="spanledger-pdf-") as name:
        folder = Path(name)
        if logo is not None:
            said["logo"] = f"logo{logo.suffix.lower()}"
            (folder / said["logo"]).write_bytes(_logo(logo))
        (folder / "data.json").write_text(json.dumps(said), encoding="utf-8")
        layout = folder / "invoice.typ"
        layout.write_text(_LAYOUT.read_text(encoding="utf-8"), encoding="utf-8")
        try:
            made = _compiled(layout, document)
        except typst.TypstError as wrong:
            if logo is None:
                raise
            raise InvalidValueError(
                f"the logo {logo} cannot be drawn: {wrong}.", hint="Use an SVG, PNG, JPEG, GIF or WebP picture."
            ) from wrong
    return made


def _compiled(layout: Path, document: Document) -> bytes:
    how: dict[str, Any] = {"root": layout.parent, "format": "pdf", "timestamp": _timestamp(document)}
    if document.issued is not None:
        try:
            return bytes(typst.compile(layout, pdf_standards=["a-3b"], **how))
        except typst.TypstError as wrong:
            if "could not be displayed" not in str(wrong):
                raise
    # A draft has no date, which an archive asks for; nor may a file of an archive lack the letters of a name.
    return bytes(typst.compile(layout, **how))


def _logo(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as unreadable:
        raise InvalidValueError(
            f"the logo {path} cannot be read: {unreadable.strerror}.", hint="Correct `logo` in the seller's file."
        ) from unreadable
    if path.suffix.lower() not in _LOGO_SUFFIXES or len(content) > _LOGO_BYTES_MAX:
        raise InvalidValueError(
            f"the logo {path} is no picture of at most 5 MiB.", hint="Use an SVG, PNG, JPEG, GIF or WebP picture."
        )
    return content


def _day(document: Document) -> list[int] | None:
    if document.issued is None:
        return None
    day = document.issued.astimezone(ZoneInfo(document.period.time_zone)).date()
    return [day.year, day.month, day.day]


def _timestamp(document: Document) -> int:
    """Return what the file says of when it was made: when it was issued; of a draft, nothing in particular."""
    return int((document.issued or datetime(1970, 1, 1, tzinfo=UTC)).timestamp())
