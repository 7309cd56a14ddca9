"""Who sends invoices: a TOML file of the user's own (setting `seller`), stored with every invoice that is finalised.

name = "Example Ltd"     tax_id = "DE123456789"     email = "billing@example.com"
logo = "logo.svg"        # beside the file           bank = ["IBAN DE…", "BIC …"]
payment_days = 14        footer = "Registered in …"
[address]
lines = ["Street 1"]     postcode = "10115"          city = "Berlin"     country = "DE"
"""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from billing.errors import InvalidValueError


class SellerAddress(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the seller is."""

    lines: tuple[str, ...] = ()
    postcode: str = ""
    city: str = ""
    country: str = ""


class Seller(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who sends invoices."""

    name: str = ""
    address: SellerAddress = SellerAddress()
    tax_id: str = ""
    email: str = ""
    phone: str = ""
    website: str = ""
    bank: tuple[str, ...] = ()
    payment_days: int | None = None
    """Days from the issue until payment is due; None: nothing is said."""
    footer: str = ""
    logo: str | None = None
    """Path of a picture, from the file's folder; the bytes are a renderer's affair."""


_HINT: Final = "docs/billing.md, The seller, has an example."


def read_seller(path: Path | None) -> Seller:
    """Read the seller's file; without one nothing is known of the seller.

    Raises:
        InvalidValueError: it cannot be read, or has an unknown or unusable field.
    """
    if path is None:
        return Seller()
    try:
        content: Any = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        return msgspec.convert(content, Seller)
    except (OSError, ValueError) as unreadable:  # TOML's and msgspec's errors are ValueErrors
        raise InvalidValueError(f"the seller's file {path} cannot be used: {unreadable}.", hint=_HINT) from unreadable
