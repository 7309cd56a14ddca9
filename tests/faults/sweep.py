"""The sweep: one run for every call to the kernel that a run makes, in which that call is the last one, or fails.

A case is a number, a kind and a seed; it is the same at every try. Kinds:

    kill       the process dies at the call; the machine runs on
    power      the power goes at the call, and nothing unsynced survives
    anything   the power goes at the call, and of what was not synced anything may survive (by the seed)
    twice      killed at the call, then the power goes at a later one
    eio        the call fails, once
    eio_power  the call fails, once; then the power goes at a later one
    full       from the call on the disk is full, for a while
    broken     from the call on every call fails, for a while

Must not: know what the run does; that is `world`'s.
"""

from __future__ import annotations

import errno
import faulthandler
import logging
import random
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import structlog

from tests.faults.disk import Fault, PowerCutError, Survives, TornError, failing, full
from tests.faults.world import World

# How many calls a fault that lasts lasts: over several tries of whatever comes first.
LASTING_CALLS: Final = 12
CASE_S_MAX: Final = 60.0  # a case takes about a second; more means that something waits for ever


class Kind(StrEnum):
    """What happens at the call."""

    KILL = "kill"
    POWER = "power"
    ANYTHING = "anything"
    TWICE = "twice"
    EIO = "eio"
    EIO_POWER = "eio_power"
    FULL = "full"
    BROKEN = "broken"


_BY_SEED: Final = frozenset({Kind.ANYTHING, Kind.TWICE, Kind.EIO_POWER})
_SURVIVES: Final = {
    Kind.POWER: (Survives.NOTHING,),
    Kind.ANYTHING: (Survives.ANYTHING,),
    Kind.TWICE: (Survives.EVERYTHING, Survives.NOTHING),
    Kind.EIO_POWER: (Survives.NOTHING,),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One run: what happens at which call."""

    kind: Kind
    call: int
    seed: int = 0

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.call}:{self.seed}"

    @staticmethod
    def parse(text: str) -> Case:
        """Read what `str` wrote."""
        kind, call, seed = text.split(":")
        return Case(Kind(kind), int(call), int(seed))


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """A run in which nothing happens."""

    calls_made: int
    settled: dict[str, Any]


def undisturbed(folder: Path) -> Undisturbed:
    """Run without a fault."""
    world = World(folder)
    world.run()
    made = world.disk.calls_made
    result = Undisturbed(made, world.settled())
    world.close()
    return result


def cases(calls: int, *, seeds: int) -> Iterator[Case]:
    """Yield every case of a run of so many calls; those that go by a seed with as many of them."""
    for kind in Kind:
        for number in range(1, calls + 1):
            for seed in range(seeds if kind in _BY_SEED else 1):
                yield Case(kind, number, seed)


def check(case: Case, folder: Path, expected: Undisturbed) -> None:
    """Run one case.

    Raises:
        AssertionError: something was lost, doubled, or is another amount.
    """
    world = World(folder, survives=_SURVIVES.get(case.kind, (Survives.EVERYTHING,)), seed=case.seed)
    _arm(world, case)
    world.run()
    assert world.settled() == expected.settled, f"case {case}: the ledger is not that of an undisturbed run"
    world.close()


def _arm(world: World, case: Case) -> None:
    disk = world.disk
    if case.kind in {Kind.KILL, Kind.POWER, Kind.ANYTHING}:
        disk.fault = _once(world, case.call, _stop)
    elif case.kind is Kind.TWICE:
        disk.later_faults = [_once(world, _later(case), _stop)]
        disk.fault = _once(world, case.call, _stop)
    elif case.kind is Kind.EIO_POWER:
        fail, stop = _once(world, case.call, failing(errno.EIO)), _once(world, _later(case), _stop)

        def fail_then_stop(call: str, path: Path) -> None:
            fail(call, path)
            stop(call, path)

        disk.fault = fail_then_stop
    elif case.kind is Kind.EIO:
        disk.fault = _once(world, case.call, failing(errno.EIO))
    else:
        disk.fault = _lasting(world, case.call, full if case.kind is Kind.FULL else failing(errno.EIO))


def _later(case: Case) -> int:
    return case.call + random.Random(case.seed * 1_000_003 + case.call).randrange(1, 40)


def _once(world: World, number: int, then: Fault) -> Fault:
    def fault(call: str, path: Path) -> None:
        if world.disk.calls_made == number:
            then(call, path)

    return fault


def _lasting(world: World, number: int, then: Fault) -> Fault:
    def fault(call: str, path: Path) -> None:
        if number <= world.disk.calls_made < number + LASTING_CALLS:
            then(call, path)

    return fault


def _stop(call: str, _path: Path) -> None:
    if call == "write":
        raise TornError(0.5, None)
    raise PowerCutError


def run_cases(chosen: Sequence[Case], folder: Path) -> list[tuple[Case, str]]:
    """Run cases one after another; return those that broke a promise, and how."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    folder.mkdir()
    expected = undisturbed(folder / "undisturbed")
    broken = []
    for number, case in enumerate(chosen):
        faulthandler.dump_traceback_later(CASE_S_MAX, exit=True)
        try:
            check(case, folder / f"run-{number}", expected)
        except Exception:  # noqa: BLE001 - whatever it was, the case is named and the others go on
            broken.append((case, traceback.format_exc()))
    faulthandler.cancel_dump_traceback_later()
    return broken
