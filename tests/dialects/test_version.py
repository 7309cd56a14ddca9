"""The dialects' version goes up with every change of what a span means, so that `reread` has something to do."""

from __future__ import annotations

import hashlib

import msgspec

from receiver.dialects import VERSION, read
from tests.corpus.recorded import INSTRUMENTATIONS, recordings

# Version → digest of what it reads from the recorded calls. After a change: raise VERSION, and write both here.
READ_BY = {"3": "3512fedcb853f9d2e764c40511fb912a"}


def _read() -> str:
    digest = hashlib.blake2b(digest_size=16)
    for recording in (one for name in INSTRUMENTATIONS for one in recordings(name)):
        for span in recording.spans:
            reading = read(span.view())
            said = None if reading is None else msgspec.structs.asdict(reading)
            digest.update(repr(sorted(said.items()) if said else None).encode())
    return digest.hexdigest()


def test_other_readings_have_another_version() -> None:
    """What this version reads from the recordings is what it read when it was named."""
    assert {VERSION: _read()} == READ_BY
