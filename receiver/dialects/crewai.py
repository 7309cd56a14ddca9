"""CrewAI's own tracing: the conventions' names, with each provider's figures as CrewAI has them.

Source: crewai 1.15.30 telemetry/tracing/semantic_conventions.py, telemetry/tracing/handlers.py.
"""

from __future__ import annotations

from typing import Final

from receiver.dialects import conventions
from receiver.dialects.emitter import Emitter
from receiver.dialects.family import Family
from receiver.dialects.usage import InputMeaning

FAMILY: Final = Family(
    name="crewai",
    title="CrewAI",
    emitters=(
        Emitter(
            "crewai",
            "crewai",
            InputMeaning.UNKNOWN,
            "crewai 1.15.30 telemetry/tracing: input as each of its providers has it, by evidence",
        ),
    ),
    read=conventions.read,
    text="Crews, tasks, agents and flows are aggregates. Its anonymous telemetry has no figures.",
)
