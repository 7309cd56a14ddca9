"""Doing what a POST asks, once: the same Idempotency-Key with the same request gives the first answer.

Over a key that is new, the answer is kept in the transaction that does the thing. Errors are not kept.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, TypeVar

from fastapi import Header, Response
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from billing.errors import ExistsAlreadyError
from billing.store.database import Database
from billing.store.requests import Answered, answered, keep_answer

_Value = TypeVar("_Value")
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=256,
        description="The same key and body give the same answer, and are done once; another body is refused (422).",
    ),
]


class Once:
    """One request that changes something."""

    def __init__(self, database: Database, key: str | None, request: object) -> None:
        self._database, self._key, self._request = database, key, request

    def before(self) -> Answered | None:
        """Return what this request was answered with before, if it was.

        Raises:
            IdempotencyConflictError: the key was used for another request.
        """
        if self._key is None:
            return None
        with self._database.reading() as session:
            return answered(session, self._key, self._request)

    def keeping(
        self, render: Callable[[_Value], BaseModel], *, status: HTTPStatus
    ) -> Callable[[Session, _Value], None]:
        """Return what keeps the answer in the transaction that does the thing."""

        def keep(session: Session, value: _Value) -> None:
            if self._key is not None:
                body = render(value).model_dump_json(by_alias=True)
                keep_answer(session, self._key, self._request, status=status, body=body)

        return keep

    def do(self, act: Callable[[Session], BaseModel], *, status: HTTPStatus = HTTPStatus.CREATED) -> Response:
        """Do it in one transaction with keeping the answer, or give the answer of before."""
        known = self.before()
        if known is None:
            try:
                with self._database.writing() as session:
                    body = act(session).model_dump_json(by_alias=True)
                    if self._key is not None:
                        keep_answer(session, self._key, self._request, status=status, body=body)
                return json_response(body, status)
            except IntegrityError as quicker:
                # Another request made the same at the same moment; this one was rolled back whole.
                known = self.before()
                if known is None:
                    raise ExistsAlreadyError(
                        "another request made the same at the same moment.", hint="Look at what there is now."
                    ) from quicker
        return json_response(known.body or "{}", HTTPStatus(known.status))


def json_response(body: str, status: HTTPStatus) -> Response:
    """Return an answer whose JSON is made already."""
    return Response(body, status_code=status, media_type="application/json")
