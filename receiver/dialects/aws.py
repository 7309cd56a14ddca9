"""AWS Distro for OpenTelemetry: its own instrumentations of agent frameworks, as AgentCore runs them.

They copy each provider's usage block under the conventions' names: Claude's input lacks cached tokens, unless the
framework had added them, which only evidence tells. Its span processor makes the outer of two spans of one call
INTERNAL, which changes nothing here: the two are counted once by what they say.

Source: aws-opentelemetry-distro 0.21.0 instrumentation/{crewai,langchain,llama_index,openai_agents},
gen_ai_nested_client_span_processor.py.
"""

from __future__ import annotations

from typing import Final

from receiver.dialects import conventions
from receiver.dialects.emitter import Emitter
from receiver.dialects.family import Family
from receiver.dialects.quirks import cached_apart
from receiver.dialects.usage import InputMeaning

DIALECT: Final = "aws_distro"
_SCOPE: Final = "amazon.opentelemetry.distro.instrumentation."

EMITTERS: Final = (
    Emitter(
        _SCOPE + "openai_agents",
        DIALECT,
        InputMeaning.INCLUSIVE,
        "aws-opentelemetry-distro 0.21.0 instrumentation/openai_agents/_processor.py: OpenAI's terms",
    ),
    Emitter(
        _SCOPE + "llama_index",
        DIALECT,
        InputMeaning.UNKNOWN,
        "aws-opentelemetry-distro 0.21.0 instrumentation/llama_index/_span.py copies each provider's block",
        quirks=(cached_apart("anthropic", "aws.bedrock"),),
    ),
    Emitter(
        _SCOPE,
        DIALECT,
        InputMeaning.UNKNOWN,
        "aws-opentelemetry-distro 0.21.0 instrumentation/{crewai,langchain}: as the framework has it, by evidence",
    ),
)
FAMILY: Final = Family(
    name=DIALECT,
    title="AWS Distro for OpenTelemetry, AgentCore",
    emitters=EMITTERS,
    read=conventions.read,
)
