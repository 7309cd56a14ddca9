"""Spring AI: the conventions' names through Micrometer, which makes a text of every number.

Spring Boot writes all of an application's spans under one scope. Anthropic's and Bedrock's prompt tokens lack cached
ones. Advisors and chat clients are the operation `framework`: aggregates without figures.

Source: spring-ai DefaultChatModelObservationConvention.java, DefaultEmbeddingModelObservationConvention.java; Spring
Boot OpenTelemetryTracingAutoConfiguration.
"""

from __future__ import annotations

from typing import Final

from receiver.dialects import conventions
from receiver.dialects.emitter import Emitter
from receiver.dialects.family import Family
from receiver.dialects.quirks import cached_apart
from receiver.dialects.usage import InputMeaning

DIALECT: Final = "spring_ai"
_APART: Final = (cached_apart("anthropic", "aws.bedrock"),)
_SOURCE: Final = "spring-ai DefaultChatModelObservationConvention.java: numbers as text; each provider's figures"

EMITTERS: Final = (
    Emitter("org.springframework", DIALECT, InputMeaning.UNKNOWN, _SOURCE, quirks=_APART),
    Emitter("io.micrometer", DIALECT, InputMeaning.UNKNOWN, _SOURCE, quirks=_APART),
)
FAMILY: Final = Family(
    name=DIALECT,
    title="Spring AI",
    emitters=EMITTERS,
    read=conventions.read,
    text="Spans of the operation `framework` (advisors, chat clients) are aggregates.",
)
