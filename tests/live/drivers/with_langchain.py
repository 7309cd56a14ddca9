"""An application of LangChain, on OpenAI or on Anthropic."""

from application import LOCAL_PROVIDER, Application, prompt, use_up

application = Application()

from langchain_core.tools import tool  # after the instrumentation


@tool
def length_km(river: str) -> str:
    """Return a river's length in km."""
    return f"{river}: 742"


def openai_model(model: str = "gpt-4o-mini", **more):
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(model=model, api_key="sk-live", max_retries=0, **more)


def anthropic_model(**more):
    from langchain_anthropic import ChatAnthropic

    return ChatAnthropic(model="claude-sonnet-4-5", api_key="sk-ant-live", max_tokens=2048, max_retries=0, **more)


def embed() -> None:
    from langchain_openai import OpenAIEmbeddings

    OpenAIEmbeddings(model="text-embedding-3-small", api_key="sk-live", check_embedding_ctx_length=False).embed_query(
        prompt("embeddings")
    )


def tools(model) -> None:
    bound = model.bind_tools([length_km])
    question = ("user", prompt("tools"))
    answer = bound.invoke([question])
    (call,) = answer.tool_calls
    bound.invoke([question, answer, length_km.invoke(call)])


def refused(model) -> None:
    try:
        model.invoke(prompt("error"))
    except Exception as error:  # whichever SDK is beneath raises its own
        if "RateLimit" not in type(error).__name__:
            raise
        return
    raise AssertionError("The provider refuses this.")


def instructed(scenario: str, **control: str) -> list:
    text = {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", **control}}
    return [("system", [text]), ("user", prompt(scenario))]


ON_OPENAI = {
    "plain": lambda: openai_model().invoke(prompt("plain")),
    "stream": lambda: use_up(openai_model(stream_usage=True).stream(prompt("stream"))),
    "stream_no_usage": lambda: use_up(openai_model(stream_usage=False).stream(prompt("stream_no_usage"))),
    "cached": lambda: openai_model().invoke(prompt("cached")),
    "tools": lambda: tools(openai_model()),
    "thinking": lambda: openai_model("gpt-5-mini").invoke(prompt("thinking")),
    "tier": lambda: openai_model("gpt-5-mini", service_tier="flex").invoke(prompt("tier")),
    "error": lambda: refused(openai_model()),
    "embeddings": embed,
    "responses": lambda: openai_model("gpt-5-mini", use_responses_api=True).invoke(prompt("responses")),
    "responses_stream": lambda: use_up(
        openai_model("gpt-5-mini", use_responses_api=True).stream(prompt("responses_stream"))
    ),
    "local": lambda: openai_model(base_url=f"{LOCAL_PROVIDER}/v1").invoke(prompt("local")),
}
ON_ANTHROPIC = {
    "plain": lambda: anthropic_model().invoke(prompt("plain")),
    "stream": lambda: use_up(anthropic_model().stream(prompt("stream"))),
    "cached": lambda: anthropic_model().invoke(instructed("cached")),
    "cached_1h": lambda: anthropic_model().invoke(instructed("cached_1h", ttl="1h")),
    "tools": lambda: tools(anthropic_model()),
    "thinking": lambda: anthropic_model(thinking={"type": "enabled", "budget_tokens": 1024}).invoke(prompt("thinking")),
    "search": lambda: (
        anthropic_model()
        .bind_tools([{"type": "web_search_20250305", "name": "web_search", "max_uses": 3}])
        .invoke(prompt("search"))
    ),
    "error": lambda: refused(anthropic_model()),
    "local": lambda: anthropic_model(base_url=LOCAL_PROVIDER).invoke(prompt("local")),
}
application.run({"openai": ON_OPENAI, "anthropic": ON_ANTHROPIC}[application.api])
