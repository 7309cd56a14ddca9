"""Reading a plan, checked as a whole: either a plan, or every problem it has.

The form, in TOML (JSON has the same names; money is text there):

    id = "standard"              name = "Standard"          currency = "USD"
    from = 2026-10-01            # the first day this version is in force, in the customer's time zone
    minimum = "50"   cap = "5000"                            # of a whole period, both optional

    [[charges]]                  # calls go, for each unit, to the first charge that covers them
    id = "models"  kind = "pass_through"  markup = "0.20"    # or discount = "0.10"
    [[charges]]
    id = "input"   kind = "per_unit"  unit = "uncached_input_tokens"  per = 1_000_000  price = "3.00"
    provider = "anthropic"  model = "claude-*"  allowance = 1_000_000
    [[charges]]
    id = "output"  kind = "graduated"  unit = "output_tokens"  per = 1_000_000      # or "volume"
    tiers = [{ up_to = 1_000_000, price = "15" }, { price = "12", flat = "1" }]
    [[charges]]
    id = "calls"   kind = "package"  unit = "calls"  size = 1_000  price = "2"
    [[charges]]
    id = "seat"    kind = "fixed"  amount = "99"  prorate = true
    [[charges]]
    id = "gift"    kind = "free"  model = "gpt-4o-mini*"
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from billing.errors import FieldProblem, InvalidValueError, did_you_mean
from billing.plans.fields import Fields
from billing.plans.plan import AT_COST, CALLS, UNCACHED_INPUT, Charge, ChargeKind, Plan, Tier
from ledger.schema import UNIT_COLUMNS

CHARGES_MAX: Final = 500
_TIERS_MAX: Final = 100
_PLAN_FIELDS: Final = frozenset({"id", "name", "currency", "from", "minimum", "cap", "charges"})
_ABOUT: Final = frozenset({"id", "kind", "name", "provider", "model"})
_PER_UNIT: Final = _ABOUT | {"unit", "per", "allowance", "prorate"}
_FIELDS: Final[Mapping[ChargeKind, frozenset[str]]] = {
    ChargeKind.PASS_THROUGH: _ABOUT | {"markup", "discount"},
    ChargeKind.PER_UNIT: _PER_UNIT | {"price"},
    ChargeKind.GRADUATED: _PER_UNIT | {"tiers"},
    ChargeKind.VOLUME: _PER_UNIT | {"tiers"},
    ChargeKind.PACKAGE: (_PER_UNIT - {"per"}) | {"size", "price"},
    ChargeKind.FIXED: frozenset({"id", "kind", "name", "amount", "prorate"}),
    ChargeKind.FREE: _ABOUT,
}
_PERS: Final = tuple(10**power for power in range(10))
_CACHED: Final = frozenset({"cache_read_tokens", "cache_write_tokens"})


def read_plan_toml(text: str) -> Plan:
    """Read a plan from TOML.

    Raises:
        InvalidValueError: it is no TOML, or has problems; all of them are named.
    """
    try:
        content = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as unreadable:
        raise InvalidValueError(f"the plan is no TOML: {unreadable}.", hint="docs/billing.md has examples.") from None
    return read_plan(content)


def read_plan(content: Mapping[str, Any], *, version: int = 0) -> Plan:
    """Read a plan from its fields.

    Raises:
        InvalidValueError: it has problems; all of them are named.
    """
    fields = Fields(content)
    fields.only(_PLAN_FIELDS)
    plan = Plan(
        id=fields.identifier("id"),
        version=version,
        name=fields.text("name"),
        currency=fields.currency("currency"),
        in_force_from=fields.day("from"),
        minimum=fields.decimal("minimum") if "minimum" in content else None,
        cap=fields.decimal("cap") if "cap" in content else None,
        charges=tuple(_charge(one) for one in fields.tables("charges")[:CHARGES_MAX]),
        content=_as_json(content),
    )
    _check_together(plan, fields)
    if fields.problems:
        raise invalid_plan(fields.problems)
    return plan


def invalid_plan(problems: list[FieldProblem]) -> InvalidValueError:
    """Return the error that names all problems of a plan."""
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    listed = " ".join(f"({place}) {one}" for place, one in enumerate(problems, 1))
    return InvalidValueError(f"the plan has {count}: {listed}", hint="docs/billing.md, Plans.", problems=problems)


def _charge(fields: Fields) -> Charge:
    kinds = [one.value for one in ChargeKind]
    if fields.content.get("kind") not in kinds:
        fields.note("kind", "is no kind of charge", f"Use one of {', '.join(kinds)}.")
        return Charge(id=fields.identifier("id"), kind=ChargeKind.FREE)
    kind = ChargeKind(fields.content["kind"])
    fields.only(_FIELDS[kind])
    is_by_unit = kind in {ChargeKind.PER_UNIT, ChargeKind.GRADUATED, ChargeKind.VOLUME, ChargeKind.PACKAGE}
    return Charge(
        id=fields.identifier("id"),
        kind=kind,
        name=fields.text("name", ""),
        provider=fields.text("provider", "*"),
        model=fields.text("model", "*"),
        unit=_unit(fields) if is_by_unit else "",
        price=_price(fields, kind),
        per=_per(fields) if is_by_unit else 1,
        allowance=fields.integer("allowance", 0) if is_by_unit else 0,
        tiers=_tiers(fields) if kind in {ChargeKind.GRADUATED, ChargeKind.VOLUME} else (),
        package_size=fields.integer("size", least=1) if kind is ChargeKind.PACKAGE else 1,
        factor=_factor(fields) if kind is ChargeKind.PASS_THROUGH else Decimal(1),
        prorate=fields.flag("prorate", default=True),
    )


def _price(fields: Fields, kind: ChargeKind) -> Decimal:
    if kind in {ChargeKind.PER_UNIT, ChargeKind.PACKAGE}:
        return fields.decimal("price")
    return fields.decimal("amount") if kind is ChargeKind.FIXED else Decimal(0)


def _unit(fields: Fields) -> str:
    unit = fields.text("unit")
    if unit and unit not in {CALLS, UNCACHED_INPUT, *UNIT_COLUMNS}:
        fields.note("unit", "is no unit of the ledger", did_you_mean(unit, [CALLS, UNCACHED_INPUT, *UNIT_COLUMNS]))
    return unit


def _per(fields: Fields) -> int:
    per = fields.integer("per", 1, least=1)
    if per not in _PERS:
        fields.note("per", "is no power of ten", "Use 1, 1000 or 1000000, so that no price has digits without an end.")
    return per


def _factor(fields: Fields) -> Decimal:
    if "markup" in fields.content and "discount" in fields.content:
        fields.note("discount", "stands beside a markup", "Give one of the two.")
    discount = fields.decimal("discount", Decimal(0))
    if discount > 1:
        fields.note("discount", "is more than everything", 'Give a part of 1: "0.10" is 10 %.')
    return 1 + fields.decimal("markup", Decimal(0)) - discount


def _tiers(fields: Fields) -> tuple[Tier, ...]:
    tiers, before = [], 0
    tables = fields.tables("tiers")
    if len(tables) > _TIERS_MAX:
        fields.note("tiers", f"are more than {_TIERS_MAX}", "Give fewer.")
    for place, one in enumerate(tables):
        one.only(frozenset({"up_to", "price", "flat"}))
        is_last = place == len(tables) - 1
        if is_last and "up_to" in one.content:
            one.note("up_to", "ends the last tier", "Leave it out: the last tier holds all above.")
        up_to = None if is_last else one.integer("up_to", least=1)
        if up_to is not None and up_to <= before:
            one.note("up_to", f"is not above the tier before ({before})", "Tiers rise.")
        before = up_to or before
        tiers.append(Tier(up_to=up_to, price=one.decimal("price"), flat=one.decimal("flat", Decimal(0))))
    return tuple(tiers)


def _check_together(plan: Plan, fields: Fields) -> None:
    """Note what no field shows alone."""
    if plan.id == AT_COST.id:
        fields.note("id", "is the plan that is always there", "Choose another; `default` is what holds for everyone.")
    if plan.minimum is not None and plan.cap is not None and plan.minimum > plan.cap:
        fields.note("minimum", "is above the cap", "Lower it, or raise the cap.")
    if isinstance(fields.content.get("charges"), list) and len(fields.content["charges"]) > CHARGES_MAX:
        fields.note("charges", f"are more than {CHARGES_MAX}", "Use patterns to say more with fewer.")
    seen: set[str] = set()
    for place, charge in enumerate(plan.charges):
        one = Fields({"id": charge.id, "unit": charge.unit}, f"charges[{place}].", fields.problems)
        if charge.id and charge.id in seen:
            one.note("id", "is another charge's too", "Give each charge an id of its own.")
        seen.add(charge.id)
        if charge.unit == "input_tokens":
            twice = [other for other in plan.charges if other.unit in _CACHED and _may_meet(charge, other)]
            if twice:
                one.note(
                    "unit",
                    f"holds the cached tokens that charge {twice[0].id!r} asks for again",
                    f"Use unit = {UNCACHED_INPUT!r} here.",
                )


def _may_meet(one: Charge, other: Charge) -> bool:
    """Say whether some call may be both charges', as far as patterns show it."""
    return all(
        "*" in left or "*" in right or left.casefold() == right.casefold()
        for left, right in ((one.provider, other.provider), (one.model, other.model))
    )


def _as_json(value: Any) -> Any:
    """Return content as JSON keeps it exactly."""
    if isinstance(value, Mapping):
        return {str(key): _as_json(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_as_json(one) for one in value]
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else str(value)
    return value.isoformat() if isinstance(value, date) else value


def plan_json(plan: Plan) -> str:
    """Return a plan's content as text, always the same for the same content."""
    return json.dumps(plan.content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
