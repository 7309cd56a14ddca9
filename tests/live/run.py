"""One combination, run: its application calls the provider, its spans go to a running spanledger, the ledger is read.

Must not: know an instrumentation, or decide what is right (`verdict` does).
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from tests.live.combinations import Combination
from tests.live.environments import Environment, EnvironmentBrokenError, environment_for, named
from tests.live.provider.charges import Charge
from tests.live.provider.server import Provider
from tests.live.scenarios import Scenario
from tests.live.verdict import Kind, LedgerCall, Verdict, judge
from tests.programs import Up, stock_duckdb

_RUN_TIMEOUT_S: Final = 180.0
_COLUMNS: Final = (
    "customer_id", "response_id", "cost::VARCHAR", "cost_low::VARCHAR", "cost_high::VARCHAR", "price_status",
    "usage_status", "usage_flags", "billing_mode", "error_type", "scope_name",
    "span_id IN (SELECT unnest([span_id, outer_span_id]) FROM possible_duplicates)",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a combination ended."""

    combination: Combination
    versions: Mapping[str, str]
    """Of the packages that the combination names."""
    verdicts: Mapping[Scenario, Verdict]
    words: str = ""
    """What the application said on standard error: to find out why."""


class Bench:
    """A provider and a spanledger that run, for any number of combinations."""

    def __init__(self, folder: Path, *, provider: Provider, up: Up) -> None:
        self._folder = folder
        self._provider = provider
        self._up = up
        self._spans = 0

    def run(self, combination: Combination) -> Outcome:
        """Run one combination and judge each of its scenarios."""
        try:
            environment = environment_for(combination.sdk.driver, combination.packages)
        except EnvironmentBrokenError as error:
            return _broken(combination, {}, "not installable", str(error))
        about = {name: environment.versions.get(name, "?") for name in named(combination.packages)}
        report = self._folder / f"{combination.name}.report"
        try:
            done = self._drive(combination, environment, report)
        except subprocess.TimeoutExpired:
            return _broken(combination, about, f"not done after {_RUN_TIMEOUT_S:.0f} s", "")
        lines = report.read_text(encoding="utf-8").splitlines() if report.exists() else []
        reports = {report["scenario"]: report for report in map(json.loads, lines)}
        if not reports:
            last = (done.stderr.strip().splitlines() or ["no word"])[-1]
            return _broken(combination, about, last[:200], done.stderr)
        self._spans += max(report["spans"] for report in reports.values())
        self._up.wait_for(received=self._spans)
        charges, complaints = self._provider.take_charges(), self._provider.take_complaints()
        calls = self._calls(combination)
        verdicts = {
            scenario: _judged(scenario, reports.get(scenario), charges, calls) for scenario in combination.scenarios
        }
        return Outcome(combination, about, verdicts, "\n".join([*complaints, done.stderr]))

    def _drive(
        self, combination: Combination, environment: Environment, report: Path
    ) -> subprocess.CompletedProcess[str]:
        command = [*environment.command, "--api", combination.api]
        command += [word for name in combination.instrumentation.instruments for word in ("--instrumentation", name)]
        command += [word for scenario in combination.scenarios for word in ("--scenario", scenario.value)]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "SPANLEDGER_"))}
        variables = {
            **inherited,
            **self._provider.environment,
            **combination.instrumentation.settings,
            "LIVE_REPORT": str(report),
            "LOCAL_PROVIDER": self._provider.url,
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{self._up.otlp}",
            "OTEL_SERVICE_NAME": combination.name,
            "PYTHONUNBUFFERED": "1",
        }
        return subprocess.run(
            command,
            env=variables,
            cwd=environment.folder,
            capture_output=True,
            text=True,
            timeout=_RUN_TIMEOUT_S,
            check=False,
        )

    def _calls(self, combination: Combination) -> Sequence[tuple[str, LedgerCall]]:
        rows = stock_duckdb(
            self._up.data_dir / "ledger" / "views.sql",
            f"SELECT {', '.join(_COLUMNS)} FROM calls WHERE service_name = '{combination.name}' ORDER BY start_time",
        )
        return [(row[0], _ledger_call(row[1:])) for row in rows]


def _ledger_call(row: Sequence[Any]) -> LedgerCall:
    response_id, cost, low, high, price_status, usage_status, flags, mode, error, scope, doubtful = row
    cost, low, high = (None if amount is None else Decimal(amount) for amount in (cost, low, high))
    return LedgerCall(
        response_id, cost, low, high, price_status, usage_status, tuple(flags or ()), mode, error, scope, doubtful
    )


def _judged(
    scenario: Scenario,
    report: Mapping[str, Any] | None,
    charges: Sequence[Charge],
    calls: Sequence[tuple[str, LedgerCall]],
) -> Verdict:
    if report is None:
        return Verdict(Kind.BROKEN, "the application ended before")
    if report["outcome"] != "done":
        return Verdict(Kind.BROKEN, report.get("error", report["outcome"]))
    return judge(
        scenario,
        charges=[charge for charge in charges if charge.scenario is scenario],
        calls=[call for customer, call in calls if customer == scenario],
    )


def _broken(combination: Combination, about: Mapping[str, str], why: str, words: str) -> Outcome:
    return Outcome(combination, about, dict.fromkeys(combination.scenarios, Verdict(Kind.BROKEN, why)), words)
