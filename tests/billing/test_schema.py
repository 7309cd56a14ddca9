"""The REST API keeps to its OpenAPI document, and answers any input with what the document permits."""

from __future__ import annotations

from pathlib import Path

from tests.billing.rest_fuzz import asked, served


def test_every_route_keeps_to_the_openapi_document(tmp_path: Path) -> None:
    """No 5xx, no status, body or header that is not documented, nothing taken that the schema forbids."""
    with served(tmp_path) as address:
        finished = asked(address, examples=4, seed=20261125)
    assert finished.returncode == 0, finished.stdout[-6000:] + finished.stderr[-2000:]
