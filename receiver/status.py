"""The one place where an error becomes a gRPC status.

What a Collector does with a code (https://opentelemetry.io/docs/specs/otlp/#failures): INVALID_ARGUMENT, UNKNOWN,
INTERNAL and their like make it drop the data for good; UNAVAILABLE makes it keep the data and send it again, after the
delay in `google.rpc.RetryInfo`. So only what the sender can never mend is permanent, and everything else, above all
what nobody expected, is UNAVAILABLE with RetryInfo.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from receiver.errors import PermanentError, RetryableError

_UNEXPECTED_RETRY_AFTER_S: Final = 5.0
# Where gRPC carries google.rpc.Status: https://github.com/grpc/grpc/blob/master/doc/status_codes.md
_DETAILS_METADATA: Final = "grpc-status-details-bin"


@dataclass(frozen=True, slots=True)
class Answer:
    """A refusal as gRPC says it."""

    code: grpc.StatusCode
    message: str
    trailing_metadata: tuple[tuple[str, bytes], ...] = ()


def answer_for(error: BaseException) -> Answer:
    """Map any error to the answer a sender gets."""
    if isinstance(error, PermanentError):
        return Answer(code=grpc.StatusCode.INVALID_ARGUMENT, message=str(error))
    if isinstance(error, RetryableError):
        return _retry(str(error), retry_after_s=error.retry_after_s)
    return _retry(
        f"unexpected {type(error).__name__}; nothing was acknowledged, send it again",
        retry_after_s=_UNEXPECTED_RETRY_AFTER_S,
    )


def _retry(message: str, *, retry_after_s: float) -> Answer:
    delay = Duration()
    delay.FromMilliseconds(int(retry_after_s * 1000))
    detail = AnyMessage()
    detail.Pack(RetryInfo(retry_delay=delay))
    status = Status(code=grpc.StatusCode.UNAVAILABLE.value[0], message=message, details=[detail])
    return Answer(
        code=grpc.StatusCode.UNAVAILABLE,
        message=message,
        trailing_metadata=((_DETAILS_METADATA, status.SerializeToString()),),
    )
