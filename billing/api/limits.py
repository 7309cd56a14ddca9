"""How much of a request is read: an ASGI layer under the application. A body beyond the limit is never gathered.

A length that is announced is believed when it is too large; one that is not announced is counted as it comes.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_BYTES_MAX: Final = 2**20  # the longest query allowed is a tenth of it


class BodyLimit:
    """Refuse bodies beyond `BODY_BYTES_MAX`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, its body counted as it is read."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        read_bytes = 0

        async def counted() -> Message:
            nonlocal read_bytes
            if announced.isdigit() and int(announced) > BODY_BYTES_MAX:
                raise _too_large()
            message = await receive()
            read_bytes += len(message.get("body", b""))
            if read_bytes > BODY_BYTES_MAX:
                raise _too_large()
            return message

        await self._app(scope, counted, send)


def _too_large() -> HTTPException:
    # What is raised while a body is read must be an HTTPException: FastAPI calls all else a malformed body.
    return HTTPException(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the body is longer than {BODY_BYTES_MAX:,} bytes; a query or an invoice request is far shorter.",
    )
