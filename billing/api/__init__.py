"""REST and pages over the warehouse and the store of invoices. FastAPI; /docs and /openapi.json explain it.

Owns: the routes, what they say (`forms`), how errors are said (`problems`), the start page (`page`). Decides nothing
about money. Nobody is authenticated yet, so it listens on loopback unless told otherwise.
"""

from __future__ import annotations

from billing.api.app import create_app as create_app
from billing.api.app import serve as serve

__all__ = ["create_app", "serve"]
