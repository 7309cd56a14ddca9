"""The combinations: which application, instrumented by what, asked for which scenarios. A table.

`SHORT` ones are run in CI: they install in seconds and stand for the three big families of instrumentations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.live.scenarios import Scenario


@dataclass(frozen=True, slots=True)
class Combination:
    """One application as somebody may have it."""

    name: str
    """Also its service.name; a word."""
    api: str
    """Whose API it calls: openai, anthropic or gemini. One table of the matrix each."""
    application: tuple[str, ...]
    """The packages it is written with, the SDK or framework first."""
    instrumentation: tuple[str, ...]
    """The packages that instrument it; none where the framework does it itself."""
    driver: str
    """The program in `drivers`."""
    instruments: tuple[str, ...]
    """The instrumentations that the driver is told to turn on."""
    scenarios: tuple[Scenario, ...]
    short: bool = False

    @property
    def packages(self) -> tuple[str, ...]:
        """Return all that is installed for it."""
        return self.application + self.instrumentation


# What each API offers.
_OPENAI: Final = tuple(one for one in Scenario if one not in {Scenario.CACHED_1H, Scenario.SEARCH})
_ANTHROPIC: Final = (
    Scenario.PLAIN,
    Scenario.STREAM,
    Scenario.STREAM_HELPER,
    Scenario.CACHED,
    Scenario.CACHED_1H,
    Scenario.TOOLS,
    Scenario.THINKING,
    Scenario.SEARCH,
    Scenario.ERROR,
    Scenario.LOCAL,
)
_GEMINI: Final = (
    Scenario.PLAIN,
    Scenario.STREAM,
    Scenario.CACHED,
    Scenario.TOOLS,
    Scenario.THINKING,
    Scenario.SEARCH,
    Scenario.ERROR,
    Scenario.EMBEDDINGS,
    Scenario.LOCAL,
)

_OFFICIAL: Final = "opentelemetry-instrumentation-"

COMBINATIONS: Final = (
    Combination(
        "openai-official", "openai", ("openai",), (_OFFICIAL + "genai-openai",),
        "with_openai.py", ("official-openai",), _OPENAI, short=True,
    ),
    Combination(
        "openai-official-v2", "openai", ("openai",), (_OFFICIAL + "openai-v2",),
        "with_openai.py", ("official-openai-v2",), _OPENAI,
    ),
    Combination(
        "openai-openinference", "openai", ("openai",), ("openinference-instrumentation-openai",),
        "with_openai.py", ("openinference-openai",), _OPENAI, short=True,
    ),
    Combination(
        "openai-openllmetry", "openai", ("openai",), (_OFFICIAL + "openai",),
        "with_openai.py", ("openllmetry-openai",), _OPENAI, short=True,
    ),
    Combination(
        "anthropic-own", "anthropic", ("anthropic",), (),
        "with_anthropic.py", (), _ANTHROPIC,
    ),
    Combination(
        "anthropic-official", "anthropic", ("anthropic",), (_OFFICIAL + "genai-anthropic",),
        "with_anthropic.py", ("official-anthropic",), _ANTHROPIC, short=True,
    ),
    Combination(
        "anthropic-openinference", "anthropic", ("anthropic",), ("openinference-instrumentation-anthropic",),
        "with_anthropic.py", ("openinference-anthropic",), _ANTHROPIC,
    ),
    Combination(
        "anthropic-openllmetry", "anthropic", ("anthropic",), (_OFFICIAL + "anthropic",),
        "with_anthropic.py", ("openllmetry-anthropic",), _ANTHROPIC,
    ),
    Combination(
        "gemini-official", "gemini", ("google-genai",), (_OFFICIAL + "google-genai",),
        "with_google_genai.py", ("official-google-genai",), _GEMINI,
    ),
    Combination(
        "gemini-openinference", "gemini", ("google-genai",), ("openinference-instrumentation-google-genai",),
        "with_google_genai.py", ("openinference-google-genai",), _GEMINI,
    ),
    Combination(
        "gemini-openllmetry", "gemini", ("google-genai",), (_OFFICIAL + "google-generativeai",),
        "with_google_genai.py", ("openllmetry-google",), _GEMINI,
    ),
)  # fmt: skip
