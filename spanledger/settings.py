"""Settings: one file (`spanledger.toml`) or `SPANLEDGER_*` variables; variables win. At most 20, each with its reason.

An unknown key is an error that names the nearest known one: a misspelt setting must not be a silent default.
"""

from __future__ import annotations

import difflib
import os
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from billing.config import DEFAULT_HTTP_LISTEN, BillingConfig
from ledger.errors import SpanledgerError
from ledger.vocabulary import CountSource
from pricing.authority import CostAuthority
from receiver.attribution import DEFAULT_CUSTOMER_ATTRIBUTES, DEFAULT_LABEL_ATTRIBUTES, Attribution
from receiver.config import DEFAULT_OTLP_LISTEN, ReceiverConfig, SealerConfig, TracePathConfig, data_directory
from receiver.tls_files import TlsFiles
from receiver.trace_path.keeping import KeepRules

ENVIRONMENT_PREFIX: Final = "SPANLEDGER_"
CONFIG_FILE_VARIABLE: Final = "SPANLEDGER_CONFIG"
_ADDRESS: Final = r"^.+:[0-9]{1,5}$"  # host:port
_SQL_LIMITS: Final = {"rows": 10_000.0, "seconds": 30.0, "memory_mib": 1024.0}
_SQL_MEMORY_MIB_MIN: Final = 256
_TLS_FILES: Final = frozenset({"certificate", "key", "client_ca"})
DEFAULT_CONFIG_FILE: Final = "spanledger.toml"
# Ours, but not settings of these programs: those of the supervisor and of the Collector configurations.
_NOT_SETTINGS: Final = frozenset(
    f"{ENVIRONMENT_PREFIX}{name}"
    for name in ("CONFIG", "SUPERVISOR_PID", "ENDPOINT", "QUEUE_BYTES", "QUEUE_DIR", "RECEIVERS", "CUSTOMER_KEYS")
)


class SettingsError(SpanledgerError):
    """A setting is unknown or has an unusable value."""


class Settings(BaseSettings):
    """All settings. Each default says why it is what it is."""

    model_config = SettingsConfigDict(env_prefix=ENVIRONMENT_PREFIX, extra="forbid", frozen=True)

    data_dir: Path = Field(
        Path("spanledger-data"), description="Where everything is kept. Beside you, so that a first run needs nothing."
    )
    otlp_listen: str = Field(
        DEFAULT_OTLP_LISTEN,
        pattern=_ADDRESS,
        description="Address for OTLP/gRPC. The standard port; loopback, as nobody is authenticated.",
    )
    http_listen: str = Field(
        DEFAULT_HTTP_LISTEN,
        pattern=_ADDRESS,
        description="Address for REST and pages. Loopback: nobody is authenticated.",
    )
    otlp_tls: Annotated[dict[str, Path], NoDecode] = Field(
        {},
        description="PEM files for TLS on the OTLP port: certificate:PATH, key:PATH, and client_ca:PATH, with which "
        "every sender must show a certificate of that CA. None: plain text, for loopback. Replaced files are taken up.",
    )
    trace_backend: str | None = Field(
        None, description="host:port of an OTLP/gRPC trace backend; without one the trace path is off."
    )
    trace_sampling_ratio: float = Field(
        0.1, ge=0, le=1, description="Share of traces forwarded. Costs do not depend on it."
    )
    trace_keep_rules: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Traces forwarded whatever the ratio says: errors, slower_than:30s, tokens_above:50000, "
        "customer:NAME. None: the ratio alone decides. Costs do not depend on it.",
    )
    customer_attributes: Annotated[tuple[str, ...], NoDecode] = Field(
        DEFAULT_CUSTOMER_ATTRIBUTES,
        description="Attributes that name the paying customer, in order of preference: span, resource, trace.",
    )
    label_attributes: Annotated[tuple[str, ...], NoDecode] = Field(
        DEFAULT_LABEL_ATTRIBUTES, description="Attributes kept for ever as labels, to group and charge by."
    )
    count_source: CountSource = Field(
        CountSource.APPLICATION,
        description="application or gateway: whose span counts where both saw a call, in traces of their own. The "
        "application knows best who pays. A change holds for calls that come, or come again, from then on.",
    )
    attribution_rules: Path | None = Field(
        None,
        description="A TOML file of your own rules that say who pays, over what spans say (docs/attribution.md). New "
        "calls follow it at once, old ones by `spanledger reattribute`. None: spans alone decide.",
    )
    strip_before_journal: bool = Field(
        default=False,
        description="Strip message content from every span before it touches the disk. Off: only spans above 4 KiB "
        "are, since stripping costs 6 to 11 µs a span and the journal is deleted within seconds.",
    )
    seal_interval_s: float = Field(
        1.0, gt=0, le=60, description="Pause between commits: a second keeps calls queryable within about two."
    )
    evidence_retention_days: int | None = Field(
        None,
        ge=1,
        le=36_500,
        description="Days after a call for which the attributes it was read from are kept, to read it again or explain "
        "it. None: for ever. Money, labels and ids are never dropped.",
    )
    cost_authority: Annotated[dict[str, Decimal], NoDecode] = Field(
        {},
        description="Sellers, or attributes that carry a cost, whose reported cost counts while it is within so much "
        "of the computed one, such as openrouter:0.10. None: a reported cost is a claim.",
    )
    database_url: str | None = Field(
        None, description="SQLAlchemy URL for invoices; by default SQLite in the data directory."
    )
    seller: Path | None = Field(
        None,
        description="A TOML file that says who sends invoices: name, address, tax id, bank, logo (docs/billing.md). "
        "None: invoices name nobody.",
    )
    sql_limits: Annotated[dict[str, float], NoDecode] = Field(
        dict(_SQL_LIMITS),
        description="What a /v1/sql query may take: rows, seconds, memory_mib; those not named keep their defaults. "
        "Enough to look at, not to export by.",
    )
    log_format: str = Field(
        "console", pattern="^(console|json)$", description="console for people, json for collectors of logs."
    )

    @field_validator("trace_keep_rules")
    @classmethod
    def _known_rules(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        KeepRules.parse(value, customer_keys=())
        return value

    @field_validator("customer_attributes", "label_attributes", "trace_keep_rules", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        """Read a comma-separated list, as environment variables spell it."""
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("cost_authority", mode="before")
    @classmethod
    def _bands(cls, value: Any) -> Any:
        """Read `source:band` pairs, comma-separated, as environment variables spell them."""
        if isinstance(value, str):
            pairs = [part.rpartition(":") for part in value.split(",") if part.strip()]
            if not all(colon for _, colon, _ in pairs):
                raise ValueError("expected source:band, comma-separated, such as openrouter:0.10")
            value = {source.strip(): band.strip() for source, _, band in pairs}
        if isinstance(value, dict):
            # A float of a TOML file by its digits.
            value = {source: str(band) if isinstance(band, float) else band for source, band in value.items()}
        return value

    @field_validator("sql_limits", mode="before")
    @classmethod
    def _limits(cls, value: Any) -> Any:
        """Read pairs as environment variables spell them; what is not named keeps its default."""
        if isinstance(value, str):
            value = _pairs(value)
        if isinstance(value, dict) and not value.keys() <= _SQL_LIMITS.keys():
            raise ValueError(f"expected some of {', '.join(_SQL_LIMITS)}, such as rows:10000")
        return {**_SQL_LIMITS, **value} if isinstance(value, dict) else value

    @field_validator("sql_limits")
    @classmethod
    def _usable_limits(cls, value: dict[str, float]) -> dict[str, float]:
        if value["rows"] < 1 or value["seconds"] <= 0 or value["memory_mib"] < _SQL_MEMORY_MIB_MIN:
            raise ValueError(f"rows from 1, seconds above 0, memory_mib from {_SQL_MEMORY_MIB_MIN}")
        return value

    @field_validator("otlp_tls", mode="before")
    @classmethod
    def _tls_files(cls, value: Any) -> Any:
        """Read pairs as environment variables spell them."""
        if isinstance(value, str):
            value = _pairs(value)
        if isinstance(value, dict) and value and not {"certificate", "key"} <= value.keys() <= _TLS_FILES:
            raise ValueError("expected certificate, key, and client_ca if senders must show a certificate")
        return value

    @field_validator("cost_authority")
    @classmethod
    def _plausible_bands(cls, value: dict[str, Decimal]) -> dict[str, Decimal]:
        for source, band in value.items():
            if not source or not 0 <= band < 1:
                raise ValueError(f"{source!r}: {band}; expected a source and a band from 0 to below 1, such as 0.10")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line first, then variables, then the file."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_file())

    def receiver(self) -> ReceiverConfig:
        """Return what the receiver is told."""
        trace_path = None
        if self.trace_backend:
            trace_path = TracePathConfig(
                backend=self.trace_backend, ratio=self.trace_sampling_ratio, keep_rules=self.trace_keep_rules
            )
        return ReceiverConfig(
            data=data_directory(self.data_dir),
            listen=self.otlp_listen,
            customer_attributes=self.customer_attributes,
            strip_before_journal=self.strip_before_journal,
            trace_path=trace_path,
            tls=self._tls(),
        )

    def _tls(self) -> TlsFiles | None:
        files = {name: path.expanduser().absolute() for name, path in self.otlp_tls.items()}
        return TlsFiles(files["certificate"], files["key"], files.get("client_ca")) if files else None

    def billing(self) -> BillingConfig:
        """Return what billing is told."""
        return BillingConfig(
            data=data_directory(self.data_dir),
            http_listen=self.http_listen,
            database_url=self.database_url,
            seller=None if self.seller is None else self.seller.expanduser().absolute(),
            sql_rows_max=int(self.sql_limits["rows"]),
            sql_time_s_max=self.sql_limits["seconds"],
            sql_memory_bytes_max=int(self.sql_limits["memory_mib"] * 2**20),
        )

    def authority(self) -> CostAuthority:
        """Return which reported costs count."""
        return CostAuthority(self.cost_authority)

    def sealer(self) -> SealerConfig:
        """Return what the sealer is told."""
        return SealerConfig(
            data=data_directory(self.data_dir),
            attribution=Attribution(self.customer_attributes, self.label_attributes),
            count_source=self.count_source,
            authority=self.authority(),
            rules_file=None if self.attribution_rules is None else self.attribution_rules.expanduser().absolute(),
            evidence_days=self.evidence_retention_days,
            interval_s=self.seal_interval_s,
        )


def _pairs(text: str) -> dict[str, str]:
    """Read `name:value` pairs, comma-separated; the value may have colons of its own."""
    parts = (part.partition(":") for part in text.split(",") if part.strip())
    return {name.strip(): value.strip() for name, _, value in parts}


def config_file() -> Path | None:
    """Return the settings file in use: the one named by SPANLEDGER_CONFIG, else ./spanledger.toml if it is there."""
    named = os.environ.get(CONFIG_FILE_VARIABLE)
    if named:
        if not Path(named).is_file():
            raise SettingsError(f"{CONFIG_FILE_VARIABLE} names {named}, which is no file.", hint="Correct the path.")
        return Path(named)
    default = Path(DEFAULT_CONFIG_FILE)
    return default if default.is_file() else None


def load_settings(**given: Any) -> Settings:
    """Read the settings; `given` (from the command line, None = not given) wins over variables and file.

    Raises:
        SettingsError: an unknown name, naming the nearest known one, or a value that does not fit.
    """
    _check_variables()
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as invalid:
        raise SettingsError(
            _explained(invalid), hint=f"See `spanledger settings`. File: {config_file() or 'none'}."
        ) from invalid
    except ValueError as unreadable:
        raise SettingsError(f"{config_file()}: {unreadable}", hint="It is a TOML file; see the README.") from unreadable


def _check_variables() -> None:
    for variable in os.environ:
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable in _NOT_SETTINGS:
            continue
        name = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
        if name not in Settings.model_fields:
            raise SettingsError(f"{variable} is no setting.", hint=_nearest(name, prefix=ENVIRONMENT_PREFIX))


def _explained(invalid: ValidationError) -> str:
    lines = []
    for error in invalid.errors():
        name = ".".join(str(part) for part in error["loc"])
        if error["type"] == "extra_forbidden":
            lines.append(f"{name} is no setting. {_nearest(name, prefix='')}")
        else:
            lines.append(f"{name}: {error['msg']}, found {error['input']!r}.")
    return " ".join(lines)


def _nearest(name: str, *, prefix: str) -> str:
    near = difflib.get_close_matches(name, Settings.model_fields, n=1, cutoff=0.5)
    if not near:
        return "Known: " + ", ".join(Settings.model_fields) + "."
    return f"Did you mean {prefix}{near[0].upper() if prefix else near[0]}?"
