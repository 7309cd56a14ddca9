"""The check of a Collector's configuration: how it can lose cost data on the way to spanledger. Pure.

Configuration texts in, findings out; no files, no environment, no network of its own. The tables of what is known of
the Collector's components are in `components`, `exporters`, `queues` and `receivers`; every finding there is, in
`rules`. It must not know how findings are printed.
"""

from __future__ import annotations

from spanledger.collector_check.checking import Report, check
from spanledger.collector_check.document import Source
from spanledger.collector_check.errors import UnreadableConfigError
from spanledger.collector_check.findings import Finding, Severity

__all__ = ["Finding", "Report", "Severity", "Source", "UnreadableConfigError", "check"]
