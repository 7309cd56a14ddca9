"""Marks and lists: what the byte search looks for, what evidence may keep, what is message content. Tables only.

Sources: the OpenTelemetry GenAI conventions, and the attributes that the instrumentations named in each dialect emit.
"""

from __future__ import annotations

from typing import Final

# One of these stands in the bytes of every span that a dialect may read: attribute prefixes and keys.
MARKERS: Final[tuple[bytes, ...]] = (
    b"gen_ai.",
    b"llm.",
    b"openinference.",
    b"traceloop.",
    b"embedding.model_name",
    b"reranker.model_name",
    b"ai.usage.",
    b"ai.model.",
    b"langfuse.",
    b"langsmith.",
    b"litellm.",
    b"gcp.vertex.agent",
)
# Scopes whose spans may lack every mark above.
SCOPE_MARKERS: Final[tuple[bytes, ...]] = (
    b"openinference.instrumentation",
    b"com.anthropic.claude_code",
    b"codex_otel",
    b"gemini-cli",
)

# Attribute namespaces kept as evidence. Content within them is stripped before, by the lists below.
EVIDENCE_PREFIXES: Final[tuple[str, ...]] = (
    "gen_ai.",
    "llm.",
    "openai.",
    "aws.bedrock.",
    "azure.",
    "openinference.span.kind",
    "embedding.model_name",
    "reranker.model_name",
    "traceloop.",
    "ai.usage.",
    "ai.model.",
    "ai.operationId",
    "ai.response.",
    "litellm.",
    "langsmith.",
    "langfuse.",
    "operation.cost",
    "server.address",
    "server.port",
    "error.type",
    "session.id",
    "user.id",
)

# Attributes that carry what users and models said.
CONTENT_KEYS: Final[tuple[str, ...]] = (
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.definitions",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.tool.description",
    "gen_ai.request.structured_output_schema",
    "gen_ai.task.input",
    "gen_ai.task.output",
    "gen_ai.agent.description",
    "gen_ai.request.stop_sequences",
    "gen_ai.bedrock.guardrail.input_filter",
    "gen_ai.bedrock.guardrail.output_filter",
    "input.value",
    "output.value",
    "llm.invocation_parameters",
    "llm.prompt_template.template",
    "llm.prompt_template.variables",
    "llm.function_call",
    "traceloop.entity.input",
    "traceloop.entity.output",
    "ai.response.text",
    "ai.response.object",
    "ai.response.toolCalls",
    "ai.response.reasoning",
    "ai.values",
    "ai.value",
    "ai.embedding",
    "ai.embeddings",
    "langfuse.observation.input",
    "langfuse.observation.output",
    "langfuse.trace.input",
    "langfuse.trace.output",
    "gcp.vertex.agent.llm_request",
    "gcp.vertex.agent.tool_call_args",
    "gcp.vertex.agent.tool_response",
    "gcp.vertex.agent.data",
    "pydantic_ai.all_messages",
    "all_messages_events",
    "events",
    "final_result",
    "mlflow.spanInputs",
    "mlflow.spanOutputs",
    "request_data",
    "response_data",
    "exception.message",
    "exception.stacktrace",
)
CONTENT_PREFIXES: Final[tuple[str, ...]] = (
    "gen_ai.prompt.",
    "gen_ai.completion.",
    "gen_ai.prompt",
    "gen_ai.completion",
    "llm.input_messages",
    "llm.output_messages",
    "llm.prompts",
    "llm.completions",
    "llm.tools",
    "llm.choices",
    "embedding.embeddings",
    "retrieval.documents",
    "reranker.input_documents",
    "reranker.output_documents",
    "reranker.query",
    "message.content",
    "input.audio",
    "output.images",
    "ai.prompt",
    "ai.toolCall.",
)

# Kept although large: they carry the provider's own usage block.
SIDE_CHANNELS: Final[tuple[str, ...]] = (
    "gen_ai.usage.raw",
    "ai.response.providerMetadata",
    "gcp.vertex.agent.llm_response",
    "metadata.usage_object",
    "langfuse.observation.usage_details",
    "gen_ai.usage.input_token_details",
    "gen_ai.usage.output_token_details",
)

# Every attribute under these is a figure: longer than any number, it is garbage and has to be said to be.
FIGURE_PREFIXES: Final[tuple[str, ...]] = ("gen_ai.usage.", "llm.usage.", "llm.token_count.", "ai.usage.")
