"""The show: everything started on a scratch directory, recorded calls sent, what they cost printed, all ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from billing.invoices.drafting import Parts
from billing.invoices.finalising import finalise
from billing.invoices.kept import new_draft
from billing.periods import Period, month_of, parse_month
from billing.rendering.kept import pdf_of
from billing.store.database import Database
from billing.warehouse.warehouse import Warehouse
from ledger.errors import SpanledgerError
from receiver.config import data_directory
from spanledger.demo.recorded import load
from spanledger.demo.sending import send
from spanledger.printing.audit import audit_sentence
from spanledger.printing.invoice import print_document
from spanledger.printing.rows import OutputFormat, print_rows
from spanledger.settings import Settings

_START_S_MAX: Final = 30.0
_SEAL_S_MAX: Final = 30.0
_POLL_S: Final = 0.1
_SELLER: Final = """\
name = "Example Ltd"
tax_id = "GB123456789"
email = "billing@example.com"
bank = ["IBAN GB00 EXMP 0000 0000 0000 00"]
payment_days = 14
footer = "Example Ltd, 1 Example Street, London. This is a demo: nobody has to pay it."
[address]
lines = ["1 Example Street"]
postcode = "E1 1AA"
city = "London"
country = "GB"
"""
_ROWS_SHOWN: Final = 15


class DemoError(SpanledgerError):
    """The demo could not be shown."""


@dataclass(frozen=True, slots=True)
class _Running:
    """The programs of the demo."""

    data_dir: Path
    otlp: str
    http: str
    process: subprocess.Popen[bytes]


def show(*, folder: Path | None, keep_running: bool) -> None:
    """Run the demo; with `keep_running` the programs stay until Ctrl-C.

    Raises:
        DemoError: a part did not start, or what was sent did not arrive.
    """
    console = Console()
    data_dir = folder or Path(tempfile.mkdtemp(prefix="spanledger-demo-"))
    if (data_dir / "ledger").exists():
        raise DemoError(f"{data_dir} has a ledger already.", hint="Give the demo an empty directory.")
    console.print(f"[bold]spanledger demo[/bold], on {data_dir}\n")
    with _started(data_dir) as running:
        console.print(f"  started receiver (OTLP {running.otlp}), sealer and billing (http://{running.http})")
        sent = _send(running, console)
        _wait_until_sealed(running, sent)
        trace = _print_results(data_dir, console)
        if keep_running:
            console.print(f"\nRunning until Ctrl-C: http://{running.http}")
            running.process.wait()
    _print_next_steps(data_dir, console, trace=trace)


def _send(running: _Running, console: Console) -> int:
    traces = load()
    total = sum(len(trace.spans) for trace in traces)
    columns = (TextColumn("  sending recorded spans"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("send", total=total)
        sent = send(
            traces,
            endpoint=running.otlp,
            now_ns=time.time_ns(),
            on_progress=lambda done: progress.update(task, completed=done),
        )
    return sent.spans


def _print_results(data_dir: Path, console: Console) -> str:
    """Print what the calls cost; return a trace that is worth explaining: a dear call with cached tokens."""
    data = data_directory(data_dir)
    warehouse = Warehouse(data)
    rows = warehouse.costs(by=["customer", "model"])
    console.print()
    print_rows(
        rows[:_ROWS_SHOWN],
        columns=["customer", "model", "calls", "input_tokens", "output_tokens", "cost"],
        output_format=OutputFormat.TABLE,
        title="What the calls cost, in USD (— = not known, never 0)",
    )
    unpriced = sum(row["unpriced_calls"] for row in rows)
    console.print(
        f"  … and {len(rows) - _ROWS_SHOWN} more rows; {unpriced} calls have no known cost: "
        "they failed, say too little, or their model has no price"
    )
    console.print("\n[bold]Audit[/bold]  " + audit_sentence(warehouse.audit()) + "\n")
    customer = next(row["customer"] for row in rows if row["customer"] is not None and row["cost"])
    _bill(Parts(data, warehouse, Database(f"sqlite:///{data.billing_database}"), _seller(data_dir)), customer, console)
    (worth_explaining,) = warehouse.rows(
        "SELECT trace_id FROM calls ORDER BY cache_read_tokens > 0 DESC NULLS LAST, cost DESC NULLS LAST LIMIT 1"
    )
    warehouse.close()
    return str(worth_explaining["trace_id"])


def _seller(data_dir: Path) -> Path:
    """Write who sends the demo's invoice, as one would for one's own."""
    path = data_dir / "seller.toml"
    path.write_text(_SELLER, encoding="utf-8")
    return path


def _bill(parts: Parts, customer: str, console: Console) -> None:
    """Finalise an invoice of the month so far, and print it."""
    now = datetime.now(UTC)
    period = Period(parse_month(month_of(now)).start, now)
    with parts.database.writing() as session:
        kept = new_draft(session, customer, period)
    # Some of the recorded calls say too little to be priced, or do not say who pays: the invoice says so.
    done = finalise(parts, kept.id, accept_gaps=True)
    print_document(done.document, state=done.state, output_format=OutputFormat.TABLE)
    path = parts.data.root / f"{done.number}.pdf"
    path.write_bytes(pdf_of(parts, done, done.document))
    parts.database.close()
    console.print(f"\n[bold]Invoice {done.number}[/bold] is finalised: {path}", soft_wrap=True)


def _print_next_steps(data_dir: Path, console: Console, *, trace: str) -> None:
    command = _command()
    console.print("\n[bold]Try next[/bold]")
    for line in (
        f'{command} sql --data-dir {data_dir} "SELECT provider, sum(cost) FROM entries GROUP BY ALL"',
        f"{command} explain {trace} --data-dir {data_dir}",
        f"{command} unpriced --data-dir {data_dir}",
        f"{command} costs --data-dir {data_dir} --by label.team,customer",
        f"{command} up          # for real: point a Collector's OTLP exporter at 127.0.0.1:4317",
    ):
        console.print(f"  {line}", soft_wrap=True, highlight=False, markup=False)


def _command() -> str:
    """Return how the reader calls spanledger from here."""
    program = Path(sys.executable).with_name("spanledger")
    if str(program.parent) in os.environ.get("PATH", "").split(os.pathsep):
        return "spanledger"
    here = Path.cwd()
    return str(program.relative_to(here)) if program.is_relative_to(here) else str(program)


@contextmanager
def _started(data_dir: Path) -> Iterator[_Running]:
    otlp, http = _free_address(), _free_address()
    log = data_dir / "demo.log"
    data_dir.mkdir(parents=True, exist_ok=True)
    names = {f"SPANLEDGER_{name.upper()}" for name in Settings.model_fields}
    environment = {name: value for name, value in os.environ.items() if name not in names}
    command = [sys.executable, "-m", "spanledger", "up", "--data-dir", str(data_dir)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--otlp-listen", otlp, "--http-listen", http],
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    running = _Running(data_dir=data_dir, otlp=otlp, http=http, process=process)
    try:
        _wait_until_ready(running, log)
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait()


def _wait_until_ready(running: _Running, log: Path) -> None:
    deadline = time.monotonic() + _START_S_MAX
    while time.monotonic() < deadline:
        if running.process.poll() is not None:
            break
        if _answers(running.otlp) and _get(running, "/readyz") is not None:
            return
        time.sleep(_POLL_S)
    raise DemoError("a part did not start.", hint=f"Its log is {log}.")


def _wait_until_sealed(running: _Running, spans: int) -> None:
    deadline = time.monotonic() + _SEAL_S_MAX
    audit: dict[str, Any] | None = None
    while time.monotonic() < deadline:
        audit = _get(running, "/v1/audit")
        if audit is not None and audit["received"] >= spans:
            return
        time.sleep(_POLL_S)
    raise DemoError(
        f"{spans} spans were sent, the ledger has {audit and audit['received']}.",
        hint=f"Its log is {running.data_dir / 'demo.log'}.",
    )


def _get(running: _Running, path: str) -> dict[str, Any] | None:
    try:
        with urllib.request.urlopen(f"http://{running.http}{path}", timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except (urllib.error.URLError, OSError, ValueError):
        return None


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def _free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
