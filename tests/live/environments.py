"""The environments that applications run in: one per combination, outside the project's own, with newest releases.

They stand in `.venv-live/` (not under version control) and are brought up to date by each run: what is measured is what
somebody who installs today gets. Must not: touch the project's environment, or pin anything.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2] / ".venv-live"
_DRIVERS: Final = Path(__file__).with_name("drivers")
# What every Python application has, whatever it is instrumented with.
_TELEMETRY: Final = ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-grpc")
_INSTALL_TIMEOUT_S: Final = 120.0
_NAME: Final = re.compile(r"@?[\w./-]+")


class EnvironmentBrokenError(Exception):
    """Say that newest releases cannot be installed together, or cannot be had."""


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment that is ready for a driver."""

    command: tuple[str, ...]
    """What runs the driver; its arguments come after."""
    folder: Path
    """Where it is to be run."""
    versions: Mapping[str, str]
    """What is installed there: name → version."""


@cache
def environment_for(driver: str, packages: tuple[str, ...]) -> Environment:
    """Return an environment that has the newest releases of these packages, for a driver in Python or JavaScript.

    Raises:
        EnvironmentBrokenError: they could not be installed; the message is the installer's.
    """
    home = ROOT / hashlib.sha256("\n".join(packages).encode()).hexdigest()[:16]
    return (_node if driver.endswith(".mjs") else _python)(home, driver, packages)


def named(packages: Iterable[str]) -> tuple[str, ...]:
    """Return the packages' names, without extras, versions and bounds."""
    return tuple(found[0] for package in packages if (found := _NAME.match(package)))


def _python(home: Path, driver: str, packages: Sequence[str]) -> Environment:
    uv, python = str(Path(sys.executable).with_name("uv")), home / "bin" / "python"
    if not python.exists():
        _run([uv, "venv", "--quiet", "--python", sys.executable, str(home)])
    _run([uv, "pip", "install", "--quiet", "--upgrade", "--python", str(python), *_TELEMETRY, *packages])
    listed = json.loads(_run([uv, "pip", "list", "--format", "json", "--python", str(python)]))
    versions = {one["name"]: one["version"] for one in listed}
    return Environment((str(python), str(_DRIVERS / driver)), home, versions)


def _node(home: Path, driver: str, packages: Sequence[str]) -> Environment:
    npm = shutil.which("npm")
    if npm is None:
        raise EnvironmentBrokenError("there is no npm on the PATH; install Node.js (https://nodejs.org)")
    # Once is enough in a run; and npm, asked again over what it installed, may never come back.
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / "package.json").write_text('{"private": true, "type": "module"}', encoding="utf-8")
    quiet = ("--no-audit", "--no-fund", "--silent", "--no-save")
    _run([npm, "install", *quiet, "--prefix", str(home), *packages])
    # JavaScript looks for packages beside the file that wants them.
    shutil.copy(_DRIVERS / driver, home / driver)
    versions = {
        name: json.loads((home / "node_modules" / name / "package.json").read_text(encoding="utf-8"))["version"]
        for name in named(packages)
    }
    return Environment(("node", driver), home, versions)


def _run(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise EnvironmentBrokenError(f"`{' '.join(command)}` was not done after {_INSTALL_TIMEOUT_S} s") from error
    if done.returncode != 0:
        raise EnvironmentBrokenError(f"`{' '.join(command)}` ended with {done.returncode}: {done.stderr[-1500:]}")
    return done.stdout
