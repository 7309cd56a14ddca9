"""The environments that applications run in: one per combination, outside the project's own, with newest releases.

They stand in `.venv-live/` (not under version control) and are brought up to date by each run: what is measured is what
somebody who installs today gets. Must not: touch the project's environment, or pin anything.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2] / ".venv-live"
# What every application has, whatever it is instrumented with.
_TELEMETRY: Final = ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-grpc")
_INSTALL_TIMEOUT_S: Final = 300.0


class EnvironmentBrokenError(Exception):
    """Say that newest releases cannot be installed together, or cannot be had."""


def python_with(packages: Sequence[str]) -> Path:
    """Return a Python that has the newest releases of these packages.

    Raises:
        EnvironmentBrokenError: they could not be installed; the message is the installer's.
    """
    home = ROOT / hashlib.sha256("\n".join(packages).encode()).hexdigest()[:16]
    python = home / "bin" / "python"
    if not python.exists():
        _uv("venv", "--quiet", "--python", sys.executable, str(home))
    _uv("pip", "install", "--quiet", "--upgrade", "--python", str(python), *_TELEMETRY, *packages)
    return python


def versions(python: Path) -> Mapping[str, str]:
    """Return what is installed in an environment: name → version."""
    listed = json.loads(_uv("pip", "list", "--format", "json", "--python", str(python)))
    return {one["name"]: one["version"] for one in listed}


def named(packages: Iterable[str]) -> tuple[str, ...]:
    """Return the packages' names, without extras and bounds."""
    return tuple(package.partition("[")[0].partition("<")[0].partition("=")[0] for package in packages)


def _uv(*arguments: str) -> str:
    uv = Path(sys.executable).with_name("uv")
    done = subprocess.run(
        [str(uv), *arguments], capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S, check=False
    )
    if done.returncode != 0:
        raise EnvironmentBrokenError(f"`uv {' '.join(arguments)}` ended with {done.returncode}: {done.stderr[-1500:]}")
    return done.stdout
