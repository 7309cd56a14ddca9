"""Asking the REST API all that its OpenAPI document permits, and what it does not.

python -m tests.billing.rest_fuzz [--examples 300] [--seed N]
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from billing.store.database import Database
from tests.billing.shop import Shop, used
from tests.collector import free_endpoint, wait_until
from tests.programs import Program, is_listening

CONFIG: Final = Path(__file__).with_name("schemathesis.toml")


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The real `serve`, over a small ledger, a registered customer, a plan, an invoice and a draft."""
    database = Database(f"sqlite:///{folder / 'billing.db'}")
    shop = Shop(folder, database)
    shop.customer("acme")
    shop.plan({"id": "c", "kind": "pass_through"})
    shop.take(used("acme", "2026-10-03"), used("globex", "2026-10-04"), used(None, "2026-09-05"))
    shop.bill("globex")
    shop.keep("acme")
    shop.close()
    database.close()
    listen = free_endpoint()
    with Program("serve", log=folder / "serve.log", data_dir=str(folder), http_listen=listen):
        wait_until(lambda: is_listening(listen), what="serve listens")
        yield f"http://{listen}"


def asked(address: str, *, examples: int, seed: int) -> subprocess.CompletedProcess[str]:
    """Ask every route what its schema permits, and what it does not."""
    return subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", f"{address}/openapi.json",
            "--phases", "examples,coverage,fuzzing", "--max-examples", str(examples), "--seed", str(seed),
            "--continue-on-failure", "--request-timeout", "30", "--no-color",
        ],
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )  # fmt: skip


def main() -> int:
    """Ask at length; print what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.billing.rest_fuzz", description=__doc__)
    parser.add_argument("--examples", type=int, default=300, help="for each route")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    arguments = parser.parse_args()
    sys.stdout.write(f"seed {arguments.seed}\n")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as address:
        finished = asked(address, examples=arguments.examples, seed=arguments.seed)
    sys.stdout.write(finished.stdout[-20_000:] + finished.stderr[-2_000:])
    return finished.returncode


if __name__ == "__main__":
    sys.exit(main())
