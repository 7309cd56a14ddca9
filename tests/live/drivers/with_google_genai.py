"""An application of the google-genai SDK."""

from application import LOCAL_PROVIDER, Application, prompt, use_up

application = Application()

from google import genai  # after the instrumentation
from google.genai import errors, types

MODEL = "gemini-2.5-flash"
client = genai.Client(api_key="live")


def length_km(river: str) -> str:
    """Return a river's length in km."""
    return "742"


def ask(scenario: str, *, using: genai.Client = client, config: types.GenerateContentConfig | None = None):
    return using.models.generate_content(model=MODEL, contents=prompt(scenario), config=config)


def refused() -> None:
    try:
        ask("error")
    except errors.ClientError:
        return
    raise AssertionError("The provider refuses this.")


application.run(
    {
        "plain": lambda: ask("plain"),
        "stream": lambda: use_up(client.models.generate_content_stream(model=MODEL, contents=prompt("stream"))),
        "cached": lambda: ask("cached"),
        "tools": lambda: ask("tools", config=types.GenerateContentConfig(tools=[length_km])),
        "thinking": lambda: ask("thinking"),
        "search": lambda: ask(
            "search", config=types.GenerateContentConfig(tools=[types.Tool(google_search=types.GoogleSearch())])
        ),
        "error": refused,
        "embeddings": lambda: client.models.embed_content(model="gemini-embedding-001", contents=prompt("embeddings")),
        "local": lambda: ask(
            "local", using=genai.Client(api_key="live", http_options=types.HttpOptions(base_url=LOCAL_PROVIDER))
        ),
    }
)
