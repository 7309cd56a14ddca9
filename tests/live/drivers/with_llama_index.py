"""An application of LlamaIndex, on OpenAI or on Anthropic."""

from application import LOCAL_PROVIDER, Application, prompt, use_up

application = Application()

from llama_index.core.llms import ChatMessage, MessageRole  # after the instrumentation
from llama_index.core.tools import FunctionTool


def length_km(river: str) -> str:
    """Return a river's length in km."""
    return f"{river}: 742"


def openai_llm(model: str = "gpt-4o-mini", **more):
    from llama_index.llms.openai import OpenAI

    return OpenAI(model=model, api_key="sk-live", max_retries=0, **more)


def anthropic_llm(**more):
    from llama_index.llms.anthropic import Anthropic

    return Anthropic(model="claude-sonnet-4-5", api_key="sk-ant-live", max_tokens=2048, max_retries=0, **more)


def responses_llm(**more):
    from llama_index.llms.openai import OpenAIResponses

    return OpenAIResponses(model="gpt-5-mini", api_key="sk-live", max_retries=0, **more)


def embed() -> None:
    from llama_index.embeddings.openai import OpenAIEmbedding

    OpenAIEmbedding(model="text-embedding-3-small", api_key="sk-live").get_text_embedding(prompt("embeddings"))


def said(scenario: str) -> list[ChatMessage]:
    return [ChatMessage(role=MessageRole.USER, content=prompt(scenario))]


def tools(llm) -> None:
    tool = FunctionTool.from_defaults(length_km)
    first = llm.chat_with_tools([tool], chat_history=said("tools"))
    (call,) = llm.get_tool_calls_from_response(first)
    answer = ChatMessage(role=MessageRole.TOOL, content="742", additional_kwargs={"tool_call_id": call.tool_id})
    llm.chat_with_tools([tool], chat_history=[*said("tools"), first.message, answer])


def refused(llm) -> None:
    try:
        llm.chat(said("error"))
    except Exception as error:  # whichever SDK is beneath raises its own
        if "RateLimit" not in type(error).__name__:
            raise
        return
    raise AssertionError("The provider refuses this.")


ON_OPENAI = {
    "plain": lambda: openai_llm().complete(prompt("plain")),
    "stream": lambda: use_up(
        openai_llm(additional_kwargs={"stream_options": {"include_usage": True}}).stream_chat(said("stream"))
    ),
    "stream_no_usage": lambda: use_up(openai_llm().stream_chat(said("stream_no_usage"))),
    "cached": lambda: openai_llm().chat(said("cached")),
    "tools": lambda: tools(openai_llm()),
    "thinking": lambda: openai_llm("gpt-5-mini").chat(said("thinking")),
    "tier": lambda: openai_llm("gpt-5-mini", additional_kwargs={"service_tier": "flex"}).chat(said("tier")),
    "error": lambda: refused(openai_llm()),
    "embeddings": embed,
    "responses": lambda: responses_llm().chat(said("responses")),
    "responses_stream": lambda: use_up(responses_llm().stream_chat(said("responses_stream"))),
    "local": lambda: openai_llm(api_base=f"{LOCAL_PROVIDER}/v1").chat(said("local")),
}
ON_ANTHROPIC = {
    "plain": lambda: anthropic_llm().complete(prompt("plain")),
    "stream": lambda: use_up(anthropic_llm().stream_chat(said("stream"))),
    "cached": lambda: anthropic_llm().chat(said("cached")),
    "cached_1h": lambda: anthropic_llm().chat(said("cached_1h")),
    "tools": lambda: tools(anthropic_llm()),
    "thinking": lambda: anthropic_llm(thinking_dict={"type": "enabled", "budget_tokens": 1024}, temperature=1).chat(
        said("thinking")
    ),
    "error": lambda: refused(anthropic_llm()),
    "local": lambda: anthropic_llm(base_url=LOCAL_PROVIDER).chat(said("local")),
}
application.run({"openai": ON_OPENAI, "anthropic": ON_ANTHROPIC}[application.api])
