"""Where the trace backend listens, as the operator writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

_ADDRESS: Final = re.compile(r"(?:(?P<scheme>https?)://)?(?P<target>(?:\[[0-9A-Fa-f:.]+\]|[^\s/:\[\]]+):\d{1,5})/?")


@dataclass(frozen=True, slots=True)
class BackendAddress:
    """An OTLP/gRPC server."""

    target: str
    """host:port."""
    is_tls: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `host:port`; `http://` before it says the same, `https://` means TLS.

        Raises:
            ValueError: not an address.
        """
        found = _ADDRESS.fullmatch(text)
        if found is None:
            raise ValueError(f"trace backend: expected host:port, optionally after http:// or https://, found {text!r}")
        return cls(target=found["target"], is_tls=found["scheme"] == "https")
