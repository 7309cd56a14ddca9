"""/docs: the API's reference, rendered here from its OpenAPI document. No script, nothing fetched from elsewhere.

FastAPI's own page loads its viewer from a content network; a ledger's machine may have no way out.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)
_STYLE: Final = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2.5rem auto; max-width: 56rem; padding: 0 1.5rem; }
h1 { font-size: 1.4rem } h2 { font-size: 1.05rem; margin: 2.4rem 0 .3rem; border-top: 1px solid var(--line);
padding-top: 1.2rem } table { border-collapse: collapse; width: 100%; margin: .6rem 0 }
td, th { padding: .3rem .7rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top }
code, pre { font: .9em ui-monospace, monospace } pre { border: 1px solid var(--line); padding: .8rem; overflow-x: auto }
.verb { font-weight: 700; margin-right: .5rem }
"""


@router.get("/docs", response_class=HTMLResponse)
def reference(request: Request) -> HTMLResponse:
    """Every route, what it takes, and a call to paste."""
    document = request.app.openapi()
    base = str(request.base_url).rstrip("/")
    routes = [
        _route(verb.upper(), path, operation, document, base)
        for path, operations in document["paths"].items()
        for verb, operation in operations.items()
    ]
    return HTMLResponse(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>spanledger API</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>spanledger API</h1><p>{escape(document['info']['description'].strip())}</p>"
        '<p>The same as a machine reads it: <a href="/openapi.json">openapi.json</a>. Back to '
        f'<a href="/">costs</a>.</p>{"".join(routes)}</body></html>'
    )


def _route(verb: str, path: str, operation: dict[str, Any], document: dict[str, Any], base: str) -> str:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    parameters = operation.get("parameters", [])
    rows = [
        (f"{one['name']} <small>({one['in']})</small>", one.get("description") or "", one.get("required", False))
        for one in parameters
    ]
    if body is not None:
        rows += _fields(_resolved(body, document))
    return (
        f'<h2><span class="verb">{verb}</span><code>{escape(path)}</code></h2>'
        f"<p>{escape(operation.get('description') or operation.get('summary') or '')}</p>"
        f"{_table(rows)}<pre>{escape(_example(verb, path, body, document, base))}</pre>"
    )


def _fields(schema: dict[str, Any]) -> list[tuple[str, str, bool]]:
    required = schema.get("required", [])
    return [
        (f"{name} <small>(body)</small>", one.get("description") or one.get("title") or "", name in required)
        for name, one in schema.get("properties", {}).items()
    ]


def _table(rows: list[tuple[str, str, bool]]) -> str:
    if not rows:
        return ""
    lines = "".join(
        f"<tr><td>{name}{' *' if required else ''}</td><td>{escape(text)}</td></tr>" for name, text, required in rows
    )
    return f"<table>{lines}</table>"


def _example(verb: str, path: str, body: dict[str, Any] | None, document: dict[str, Any], base: str) -> str:
    if body is None:
        return f"curl -s{'' if verb == 'GET' else f' -X {verb}'} '{base}{path}'"
    properties = _resolved(body, document).get("properties", {})
    example = {name: one["examples"][0] for name, one in properties.items() if one.get("examples")}
    return f"curl -s -X {verb} {base}{path} -H 'Content-Type: application/json' \\\n  -d '{json.dumps(example)}'"


def _resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    reference_to = schema.get("$ref")
    if reference_to is None:
        return schema
    resolved: dict[str, Any] = document["components"]["schemas"][reference_to.rpartition("/")[2]]
    return resolved
