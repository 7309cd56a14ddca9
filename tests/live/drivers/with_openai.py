"""An application of the OpenAI SDK."""

from application import LOCAL_PROVIDER, Application, prompt, use_up

application = Application()

import openai  # after the instrumentation

client = openai.OpenAI(api_key="sk-live", max_retries=0)
TOOL = {
    "type": "function",
    "function": {
        "name": "length_km",
        "parameters": {"type": "object", "properties": {"river": {"type": "string"}}},
    },
}


def chat(scenario: str, *, model: str = "gpt-4o-mini", using: openai.OpenAI = client, **more):
    return using.chat.completions.create(model=model, messages=[{"role": "user", "content": prompt(scenario)}], **more)


def helper() -> None:
    with client.chat.completions.stream(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": prompt("stream_helper")}],
        stream_options={"include_usage": True},
    ) as stream:
        use_up(stream)


def tools() -> None:
    first = chat("tools", tools=[TOOL]).choices[0].message
    client.chat.completions.create(
        model="gpt-4o-mini",
        tools=[TOOL],
        messages=[
            {"role": "user", "content": prompt("tools")},
            first.model_dump(exclude_none=True),
            {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "742"},
        ],
    )


def refused() -> None:
    try:
        chat("error")
    except openai.RateLimitError:
        return
    raise AssertionError("The provider refuses this.")


application.run(
    {
        "plain": lambda: chat("plain"),
        "stream": lambda: use_up(chat("stream", stream=True, stream_options={"include_usage": True})),
        "stream_helper": helper,
        "stream_no_usage": lambda: use_up(chat("stream_no_usage", stream=True)),
        "cached": lambda: chat("cached"),
        "tools": tools,
        "thinking": lambda: chat("thinking", model="gpt-5-mini"),
        "tier": lambda: chat("tier", model="gpt-5-mini", service_tier="flex"),
        "error": refused,
        "embeddings": lambda: client.embeddings.create(model="text-embedding-3-small", input=prompt("embeddings")),
        "responses": lambda: client.responses.create(model="gpt-5-mini", input=prompt("responses")),
        "responses_stream": lambda: use_up(
            client.responses.create(model="gpt-5-mini", input=prompt("responses_stream"), stream=True)
        ),
        "local": lambda: chat("local", using=openai.OpenAI(api_key="sk-live", base_url=f"{LOCAL_PROVIDER}/v1")),
    }
)
