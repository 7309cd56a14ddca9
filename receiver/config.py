"""What the receiver and the sealer are told. Values only; where they come from is the front door's affair."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ledger.layout import DataDirectory
from ledger.vocabulary import CountSource
from pricing.authority import CostAuthority
from receiver.attribution import DEFAULT_CUSTOMER_ATTRIBUTES, Attribution
from receiver.tls_files import TlsFiles

DEFAULT_OTLP_LISTEN: Final = "127.0.0.1:4317"  # OTLP/gRPC's own port; loopback, since nobody is authenticated yet


@dataclass(frozen=True, slots=True)
class TracePathConfig:
    """Where sampled traces go."""

    backend: str
    """host:port of an OTLP/gRPC server."""
    ratio: float
    """Share of traces forwarded, 0 to 1."""
    keep_rules: tuple[str, ...] = ()
    """By which a trace is forwarded whatever the ratio says (`receiver.trace_path.keeping`)."""


@dataclass(frozen=True, slots=True)
class ReceiverConfig:
    """What `run_receiver` needs."""

    data: DataDirectory
    listen: str = DEFAULT_OTLP_LISTEN
    customer_attributes: tuple[str, ...] = DEFAULT_CUSTOMER_ATTRIBUTES
    strip_before_journal: bool = False
    """Strip message content from every span before it reaches the disk, not only from large ones."""
    trace_path: TracePathConfig | None = None
    tls: TlsFiles | None = None
    """None: the port speaks plain text."""
    stop_grace_s: float = 10.0


@dataclass(frozen=True, slots=True)
class SealerConfig:
    """What `run_sealer` needs."""

    data: DataDirectory
    attribution: Attribution = field(default_factory=Attribution)
    count_source: CountSource = CountSource.APPLICATION
    """Whose span of a call counts where application and gateway both sent one, in traces of their own."""
    authority: CostAuthority = field(default_factory=CostAuthority)
    """Sources whose reported cost counts, within a band of the computed one."""
    rules_file: Path | None = None
    """The user's own attribution rules; read again when the file changes."""
    evidence_days: int | None = None
    """For how many days after a call its evidence is kept; None keeps it for ever."""
    interval_s: float = 1.0
    """How long to collect before a commit: with sealing itself this keeps journal-to-queryable at about 2 s."""


def data_directory(root: Path) -> DataDirectory:
    """Return the layout of a data directory by absolute path, so that views.sql works from anywhere."""
    return DataDirectory(root.expanduser().absolute())
