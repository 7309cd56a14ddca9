"""Requests on the pipe, whole or not at all."""

from __future__ import annotations

import io
import os
import threading

from hypothesis import given
from hypothesis import strategies as st

from receiver.trace_path.frames import read_frame, write_frame


@given(st.lists(st.binary(max_size=300), max_size=5), st.data())
def test_stream_that_ends_anywhere_gives_only_whole_requests(requests: list[bytes], data: st.DataObject) -> None:
    """Whatever byte the parent dies at, what is read is a prefix of what was written."""
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as source:
        for request in requests:
            write_frame(write_end, request)
        os.close(write_end)
        written = source.read()
    cut = io.BytesIO(written[: data.draw(st.integers(0, len(written)))])
    found = list(iter(lambda: read_frame(cut), None))
    assert found == requests[: len(found)]
    if len(cut.getvalue()) == len(written):
        assert found == requests


def test_request_larger_than_the_pipe() -> None:
    """A write continues as the reader makes room."""
    request = bytes(range(256)) * 8192
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as source:
        writer = threading.Thread(target=write_frame, args=(write_end, request))
        writer.start()
        assert read_frame(source) == request
        writer.join()
        os.close(write_end)
        assert read_frame(source) is None
