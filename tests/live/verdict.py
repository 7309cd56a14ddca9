"""The verdict on one scenario: the ledger's calls against what the provider charged.

    right     every call that was charged for is in the ledger once, at the cost by the provider's own usage block
    flagged   the ledger says that it does not know the cost, and why; where it gives bounds, the truth is within them
    no span   the instrumentation said nothing of a call: no ledger can know of it
    wrong     a cost that is not the truth, or a call billed twice
    broken    the application did not run; why is its own words

Must not: excuse. A cost that is off by a 12th decimal is wrong, unless it is exactly that without what the call's flags
say is unsaid: the price of the tier, or the use of the provider's own tools. A call that is billed again is wrong,
unless the view `possible_duplicates` lists it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from receiver.dialects.finish import ADDRESS_UNSAID, TIER_UNSAID, TOOLS_UNSAID
from tests.live.provider.charges import Charge
from tests.live.scenarios import Scenario


class Kind(StrEnum):
    """How a scenario ended, best first."""

    RIGHT = "right"
    FLAGGED = "flagged"
    NO_SPAN = "no span"
    BROKEN = "broken"
    WRONG = "wrong"


_ORDER: Final = tuple(Kind)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How it ended, and why where that is to be said."""

    kind: Kind
    why: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.why}" if self.why else self.kind.value


@dataclass(frozen=True, slots=True)
class LedgerCall:
    """A call as the view `calls` has it; costs in USD."""

    response_id: str | None
    cost: Decimal | None
    cost_low: Decimal | None
    cost_high: Decimal | None
    price_status: str
    usage_status: str
    usage_flags: tuple[str, ...]
    billing_mode: str | None
    error_type: str | None
    scope_name: str
    doubtful: bool
    """Whether the view `possible_duplicates` lists it."""


def judge(scenario: Scenario, *, charges: Sequence[Charge], calls: Sequence[LedgerCall]) -> Verdict:
    """Compare a scenario's calls with its charges."""
    if scenario is Scenario.LOCAL:
        return _worst(_of_own_machine(call) for call in calls) if calls else Verdict(Kind.NO_SPAN)
    if scenario is Scenario.ERROR:
        return _worst(_of_refusal(call) for call in calls) if calls else Verdict(Kind.NO_SPAN)
    pairs = _paired(charges, calls)
    found = [_of_pair(charge, call) for charge, call in pairs]
    matched = {id(call) for _, call in pairs}
    extra = [call for call in calls if id(call) not in matched]
    return _worst([*found, *(_of_extra(call) for call in extra)])


def _paired(charges: Sequence[Charge], calls: Sequence[LedgerCall]) -> list[tuple[Charge, LedgerCall | None]]:
    """Find for each charge its call: by response id and cost, else by one of them, else whichever is left."""
    left = list(calls)
    pairs: dict[int, LedgerCall] = {}
    for fits in (_same_both, _same_id, _same_cost, _any):
        for place, charge in enumerate(charges):
            if place not in pairs and (call := next((one for one in left if fits(charge, one)), None)):
                pairs[place] = call
                left.remove(call)
    return [(charge, pairs.get(place)) for place, charge in enumerate(charges)]


def _same_both(charge: Charge, call: LedgerCall) -> bool:
    return _same_id(charge, call) and _same_cost(charge, call)


def _same_id(charge: Charge, call: LedgerCall) -> bool:
    return call.response_id is not None and call.response_id == charge.response_id


def _same_cost(charge: Charge, call: LedgerCall) -> bool:
    return call.cost == charge.cost


def _any(charge: Charge, call: LedgerCall) -> bool:
    return True


def _of_pair(charge: Charge, call: LedgerCall | None) -> Verdict:
    if call is None:
        return Verdict(Kind.NO_SPAN)
    if call.price_status != "priced":
        return _of_unpriced(charge, call)
    if call.cost == charge.cost:
        return Verdict(Kind.RIGHT)
    if unsaid := _unsaid(charge, call):
        return Verdict(Kind.FLAGGED, unsaid)
    return Verdict(Kind.WRONG, f"{_amount(call)} instead of {charge.cost.normalize():f}")


def _unsaid(charge: Charge, call: LedgerCall) -> str:
    """Return the flag that explains the whole difference."""
    for flag, without in (
        (TIER_UNSAID, charge.at_standard_tier),
        (TOOLS_UNSAID, charge.without_tools),
        ("thoughts_from_total", charge.with_tools_as_thoughts),
    ):
        if flag in call.usage_flags and call.cost == without.cost:
            return f"priced, {flag}"
    return ""


def _of_extra(call: LedgerCall) -> Verdict:
    """Judge a call more than there were: an attempt that failed is one; another telling of a call must cost nothing."""
    if call.cost and call.doubtful:
        return Verdict(Kind.FLAGGED, "told twice without a link between the two: listed in `possible_duplicates`")
    if call.cost:
        return Verdict(Kind.WRONG, f"billed again, from {call.scope_name}: {_amount(call)}")
    if call.error_type:
        return Verdict(Kind.RIGHT)
    return Verdict(Kind.FLAGGED, f"counted again, from {call.scope_name}: {call.price_status}")


def _of_unpriced(charge: Charge, call: LedgerCall) -> Verdict:
    if call.cost:
        return Verdict(Kind.WRONG, f"{call.price_status}, and yet {_amount(call)}")
    low, high = call.cost_low, call.cost_high
    if (low is not None and charge.cost < low) or (high is not None and charge.cost > high):
        return Verdict(Kind.WRONG, f"{charge.cost.normalize():f} is not within {low} and {high}")
    return Verdict(Kind.FLAGGED, ", ".join((call.price_status, *call.usage_flags)))


def _of_own_machine(call: LedgerCall) -> Verdict:
    if call.cost and ADDRESS_UNSAID in call.usage_flags:
        return Verdict(Kind.FLAGGED, f"priced, {ADDRESS_UNSAID}")
    if call.cost:
        return Verdict(Kind.WRONG, f"a vendor's price for a server of one's own: {_amount(call)}")
    if call.billing_mode == "self_hosted":
        return Verdict(Kind.RIGHT)
    return Verdict(Kind.FLAGGED, ", ".join((call.price_status, *call.usage_flags)))


def _of_refusal(call: LedgerCall) -> Verdict:
    if call.cost:
        return Verdict(Kind.WRONG, f"a refused call costs {_amount(call)}")
    return Verdict(Kind.RIGHT) if call.error_type else Verdict(Kind.FLAGGED, call.price_status)


def _amount(call: LedgerCall) -> str:
    if call.cost is None:
        return call.price_status
    return " ".join([f"{call.cost.normalize():f}", *(f"({flag})" for flag in call.usage_flags)])


def _worst(verdicts: Iterable[Verdict]) -> Verdict:
    return max(verdicts, key=lambda one: _ORDER.index(one.kind), default=Verdict(Kind.NO_SPAN))
