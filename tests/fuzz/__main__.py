"""Fuzzing: `python -m tests.fuzz [--inputs N] [TARGET …]`, each target in a process of its own.

Where atheris is installed (`make fuzz` sees to it; it has wheels for Linux on x86-64), inputs are guided by the
coverage of `receiver` and `ledger`, and what was learned is kept in `.fuzz/<target>/learned/`. Elsewhere inputs are
mutated at random, and the run says so. An input that fails is written to `.fuzz/`: put it into
`tests/fuzz/found/<target>/`, where the everyday tests replay it, then mend what it found.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Final

FOLDER: Final = Path(".fuzz")
FOUND: Final = Path(__file__).with_name("found")
INPUT_BYTES_MAX: Final = 2048
# Of all inputs, by what a target costs: `spans` lays out columns for three spans, thousands of times dearer a byte.
SHARES: Final = {"wire": 0.3, "spans": 0.01, "dialects": 0.3, "journal": 0.3, "manifest": 0.09}


def main() -> None:
    """Run the targets one after another; fail with the first that fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(SHARES)}; all by default")
    parser.add_argument("--inputs", type=int, default=10_000_000, help="how many in all")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="to do the same again")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.here:
        _fuzz(asked.targets[0], asked.inputs, asked.seed)
        return
    if not is_guided():
        _say("atheris is not installed: inputs are mutated at random, not guided by coverage")
    for name in asked.targets or SHARES:
        inputs = max(1, round(asked.inputs * SHARES[name])) if not asked.targets else asked.inputs
        began = time.monotonic()
        if not _passes(name, inputs, asked.seed):
            sys.exit(f"{name}: failed with seed {asked.seed}; the input and what was said are in {FOLDER}/{name}")
        _say(f"{name}: {inputs:,} inputs in {time.monotonic() - began:,.0f} s, none failed")


def _passes(name: str, inputs: int, seed: int) -> bool:
    """Fuzz one target in a process of its own, whose files are in memory where the machine allows."""
    (FOLDER / name).mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.fuzz", name, "--here", f"--inputs={inputs}", f"--seed={seed}"]
    memory = "/dev/shm"
    with (
        tempfile.TemporaryDirectory(prefix="spanledger-fuzz-", dir=memory if Path(memory).is_dir() else None) as folder,
        (FOLDER / name / "log").open("wb") as log,
    ):
        # libFuzzer ends its process without a word to Python: what it left is removed from here.
        finished = subprocess.run(
            command, env={**os.environ, "TMPDIR": folder}, stdout=log, stderr=subprocess.STDOUT, check=False
        )
    return finished.returncode == 0


def _fuzz(name: str, inputs: int, seed: int) -> None:
    if not is_guided():
        _at_random(name, inputs, seed)
    else:
        _guided(name, inputs, seed)


def is_guided() -> bool:
    """Say whether coverage can guide inputs on this machine."""
    return importlib.util.find_spec("atheris") is not None


def _guided(name: str, inputs: int, seed: int) -> None:
    import atheris  # noqa: PLC0415 - a machine may not have it

    with atheris.instrument_imports(include=["receiver", "ledger"]):
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - what is measured is imported here
    learned, found = FOLDER / name / "learned", FOUND / name
    learned.mkdir(exist_ok=True)
    arguments = [f"-runs={inputs}", f"-seed={seed % 2**31}", f"-max_len={INPUT_BYTES_MAX}", "-verbosity=0"]
    arguments += [f"-artifact_prefix={FOLDER / name}/", "-rss_limit_mb=4096", "-timeout=60", str(learned)]
    atheris.Setup([sys.argv[0], *arguments, *([str(found)] if found.is_dir() else [])], TARGETS[name])
    atheris.Fuzz()


def _at_random(name: str, inputs: int, seed: int) -> None:
    from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - dear to import, and not always needed

    random = Random(seed)
    kept = [path.read_bytes() for path in sorted((FOUND / name).glob("*"))] or [b""]
    for _ in range(inputs):
        data = mutated(random.choice(kept), random)
        try:
            TARGETS[name](data)
        except BaseException:
            (FOLDER / name / f"crash-{hashlib.sha256(data).hexdigest()[:16]}").write_bytes(data)
            raise


def mutated(data: bytes, random: Random) -> bytes:
    """Return the bytes with a few of them changed, put in, doubled or cut."""
    changed = bytearray(data or random.randbytes(random.choice((5, 50, 500))))
    for _ in range(random.choice((1, 1, 2, 4, 16))):
        at = random.randint(0, len(changed))
        piece = random.choice(
            (random.randbytes(random.randint(1, 8)), changed[at : at + 40], bytes(random.randint(1, 9)))
        )
        changed[at : at + random.choice((0, 0, 1, len(piece)))] = piece
    return bytes(changed[:INPUT_BYTES_MAX])


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
