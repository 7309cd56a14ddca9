"""What can go wrong with reading a configuration.

SpanledgerError
└── UnreadableConfigError       a file is not there, or is no YAML mapping: name another file, or mend it
"""

from __future__ import annotations

from ledger.errors import SpanledgerError


class UnreadableConfigError(SpanledgerError):
    """A configuration cannot be read; the message names the file, and the line where there is one."""
