"""Reading a customer from its fields, checked as a whole: either a customer, or every problem there is.

Also the form in which the store and the API keep one: JSON with the same names.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final
from zoneinfo import available_timezones

from billing.customers.customer import DEFAULT_SERIES, Address, Alias, Customer, PlanAssignment
from billing.errors import InvalidPeriodError, InvalidValueError, did_you_mean
from billing.periods import parse_moment
from billing.plans.fields import Fields

_FIELDS: Final = frozenset(
    {
        "id", "name", "legal_name", "address", "email", "tax_id", "tax_rate", "tax_reason", "currency", "language",
        "time_zone", "series", "reference", "plans", "aliases",
    }
)  # fmt: skip
_ID_CHARS_MAX: Final = 256
_TEXT_CHARS_MAX: Final = 500
_ENTRIES_MAX: Final = 1000


def read_customer(content: Mapping[str, Any]) -> Customer:
    """Read a customer.

    Raises:
        InvalidValueError: it has problems; all of them are named.
    """
    fields = Fields(content)
    fields.only(_FIELDS)
    customer = Customer(
        id=_text(fields, "id", required=True, chars_max=_ID_CHARS_MAX),
        name=_text(fields, "name") or str(content.get("id", "")),
        legal_name=_text(fields, "legal_name"),
        address=_address(fields),
        email=_text(fields, "email"),
        tax_id=_text(fields, "tax_id"),
        tax_rate=_tax_rate(fields),
        tax_reason=_text(fields, "tax_reason"),
        currency=fields.currency("currency") if content.get("currency") is not None else None,
        language=_text(fields, "language", chars_max=20) or "en",
        time_zone=_time_zone(fields),
        series=fields.identifier("series")[:20] if content.get("series") is not None else DEFAULT_SERIES,
        reference=_text(fields, "reference"),
        plans=_plans(fields),
        aliases=_aliases(fields),
    )
    if customer.series.upper().startswith("CN"):
        fields.note("series", "is kept for credit notes", "Choose one that does not begin with CN.")
    if fields.problems:
        listed = " ".join(str(one) for one in fields.problems)
        raise InvalidValueError(f"the customer has problems: {listed}", problems=fields.problems)
    return customer


def customer_content(customer: Customer) -> dict[str, Any]:
    """Return a customer's fields as `read_customer` takes them."""
    address = customer.address
    return {
        "id": customer.id,
        "name": customer.name,
        "legal_name": customer.legal_name,
        "address": {
            "lines": list(address.lines),
            "postcode": address.postcode,
            "city": address.city,
            "country": address.country,
        },
        "email": customer.email,
        "tax_id": customer.tax_id,
        "tax_rate": format(customer.tax_rate, "f"),
        "tax_reason": customer.tax_reason,
        "currency": customer.currency,
        "language": customer.language,
        "time_zone": customer.time_zone,
        "series": customer.series,
        "reference": customer.reference,
        "plans": [{"plan": one.plan, "from": _moment(one.valid_from)} for one in customer.plans],
        "aliases": [
            {"id": one.id, "from": _moment(one.valid_from), "to": _moment(one.valid_to)} for one in customer.aliases
        ],
    }


def _text(fields: Fields, name: str, *, required: bool = False, chars_max: int = _TEXT_CHARS_MAX) -> str:
    value = fields.content.get(name, "")
    if not isinstance(value, str) or len(value) > chars_max or (required and not value.strip()):
        fields.note(name, "is no such text", f"Give {'1' if required else '0'} to {chars_max} characters.")
        return ""
    if "\x00" in value or not value.isprintable():
        fields.note(name, "has control characters", "Leave them out; an address has its lines in a list.")
        return ""
    return value


def _address(fields: Fields) -> Address:
    value = fields.content.get("address")
    if value is None:
        return Address()
    if not isinstance(value, Mapping):
        fields.note("address", "is no table", "Give lines, postcode, city and country.")
        return Address()
    inner = Fields(value, "address.", fields.problems)
    inner.only(frozenset({"lines", "postcode", "city", "country"}))
    lines = value.get("lines", [])
    if not isinstance(lines, list) or len(lines) > 10 or not all(isinstance(one, str) for one in lines):
        inner.note("lines", "is no list of texts", "Give up to 10 lines.")
        lines = []
    country = _text(inner, "country", chars_max=2)
    if country and not (len(country) == 2 and country.isascii() and country.isupper()):
        inner.note("country", "is no country", "Use two letters (ISO 3166-1) such as DE.")
    checked = tuple(_text(Fields({"lines": one}, "address.", fields.problems), "lines") for one in lines)
    return Address(checked, _text(inner, "postcode"), _text(inner, "city"), country)


def _tax_rate(fields: Fields) -> Decimal:
    rate = fields.decimal("tax_rate", Decimal(0))
    if rate > 1:
        fields.note("tax_rate", "is more than everything", 'Give a part of 1: "0.19" is 19 %.')
    return rate


def _time_zone(fields: Fields) -> str:
    name = fields.content.get("time_zone") or "UTC"
    if name not in _zones():
        known = sorted(_zones())
        fields.note("time_zone", "is no time zone", did_you_mean(str(name), known) or "Use Europe/Berlin, UTC …")
        return "UTC"
    return str(name)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _plans(fields: Fields) -> tuple[PlanAssignment, ...]:
    found = []
    for one in _entries(fields, "plans"):
        one.only(frozenset({"plan", "from"}))
        found.append(PlanAssignment(one.identifier("plan"), _read_moment(one, "from")))
    if len({one.valid_from for one in found}) < len(found):
        fields.note("plans", "has two plans from the same moment", "Give one plan for each time.")
    return tuple(found)


def _aliases(fields: Fields) -> tuple[Alias, ...]:
    found: list[Alias] = []
    for one in _entries(fields, "aliases"):
        one.only(frozenset({"id", "from", "to"}))
        name = _text(one, "id", required=True, chars_max=_ID_CHARS_MAX)
        alias = Alias(name, _read_moment(one, "from"), _read_moment(one, "to"))
        if alias.valid_from and alias.valid_to and alias.valid_from >= alias.valid_to:
            one.note("to", "is not after from", "`to` is the first moment at which it is not valid any more.")
        elif any(alias.meets(other) for other in found):
            one.note("id", "is given twice for the same time", "Give each time once.")
        found.append(alias)
    return tuple(found)


def _entries(fields: Fields, name: str) -> list[Fields]:
    value = fields.content.get(name)
    if value is None or value == []:
        return []
    if isinstance(value, list) and len(value) > _ENTRIES_MAX:
        fields.note(name, f"has more than {_ENTRIES_MAX} entries", "Give fewer.")
        return []
    return fields.tables(name)


def _read_moment(fields: Fields, name: str) -> datetime | None:
    value = fields.content.get(name)
    if value is None:
        return None
    try:
        return parse_moment(value if isinstance(value, str) else str(value))
    except InvalidPeriodError:
        fields.note(name, "is no moment", "Use a form like 2026-10-01 or 2026-10-01T00:00:00Z.")
        return None


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat().replace("+00:00", "Z")
