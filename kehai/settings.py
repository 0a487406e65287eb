"""The settings of an installation: one TOML file, overridden by the environment (``KEHAI_BROKER__HOST=...``)."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from domain.clock import Clock, ScaledClock, SystemClock
from domain.errors import ConfigurationError
from domain.localtime import LocalTime, UnknownZoneError


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InstallationSection(_Section):
    """What this installation is called and where it keeps its data."""

    name: str = "Kehai"
    zone: str = "Asia/Tokyo"
    data: Path
    database: str = ""
    """A SQLAlchemy URL; empty for SQLite in ``data``."""

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        try:
            LocalTime(name)
        except UnknownZoneError as error:
            raise ValueError(str(error)) from error
        return name


class BrokerSection(_Section):
    """How ingest reaches the MQTT broker."""

    host: str = "127.0.0.1"
    port: int = Field(default=1883, ge=1, le=65535)
    username: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    """Ingest's own certificate and its key, where the broker asks for one."""
    protocol: Literal["auto", "5", "3.1.1"] = "auto"


class GatewaysSection(_Section):
    """How gateways reach the broker, and how it is told who may."""

    host: str = ""
    """The broker's name as gateways know it, which is the name in its certificate; empty: ``broker.host``."""
    port: int | None = Field(default=None, ge=1, le=65535)
    """None: ``broker.port``."""
    ca_file: Path | None = None
    """Certificate of the authority that signed the broker's; each gateway is given a copy. None: ``broker.ca_file``."""
    passwords: Path | None = None
    """mosquitto's password file, which kehai writes. None: the operator tells the broker who may come in."""
    pid_file: Path | None = None
    """mosquitto's, where this user may signal it. None: somebody else has it read the list again."""


class IngestSection(_Section):
    """How ingest writes."""

    mark_seconds: float = Field(default=5.0, gt=0, le=60)
    metrics_host: str = "127.0.0.1"
    metrics_port: int = Field(default=0, ge=0, le=65535)
    """Port of this role's own Prometheus page; 0 for none."""


class RetentionSection(_Section):
    """How long what is kept."""

    raw_days: float = Field(default=90, ge=2, le=36_500)
    """Readings one by one; after that, summaries by the hour."""
    log_days: float = Field(default=14, ge=1, le=36_500)
    """What every role has read, for restarts and replays."""
    dead_letter_days: float = Field(default=365, ge=1, le=36_500)
    summaries_years: float = Field(default=0, ge=0, le=100)
    """Hourly summaries and coverage; 0 for ever."""
    calls_days: float = Field(default=400, ge=30, le=36_500)
    """Who was told of an alert, through what and how that went; the alert and its history stay."""


class WatchSection(_Section):
    """How much staff are willing to hear."""

    page_budget: float = Field(default=1.0, gt=0, le=60)
    """Pages about a person per home-month."""


class CallingSection(_Section):
    """How people are called. The channels have sections of their own, ``[channels.NAME]``: see ``alerts.channels``."""

    public_url: str = ""
    """Under which address staff open the dashboard; empty: messages carry no link."""

    @field_validator("public_url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment):
            raise ValueError("this is no web address: write it as https://kehai.example.org")
        return url.rstrip("/")


class WatchdogSection(_Section):
    """How ``kehai watchdog`` sees whether everything works. All times are the world's."""

    host: str = "127.0.0.1"
    port: int = Field(default=8766, ge=1, le=65535)
    """Where what it sends comes back to, with /healthz and /metrics: it listens there, and the watch calls it there."""
    door: Literal["gateways", "ingest"] = "gateways"
    """By which of the broker's doors it goes in: the gateways', as they do, or, where it cannot reach that, ingest's."""
    every_seconds: float = Field(default=60.0, ge=1, le=600)
    patience_seconds: float = Field(default=180.0, ge=3, le=3600)
    """How long nothing may come through before it complains."""
    again_minutes: float = Field(default=30.0, ge=0.05, le=1440)
    """How often a complaint that lasts is repeated."""
    language: Literal["ja", "en"] = "ja"
    separate: bool = False
    """``kehai up`` does not run it: something else does, so that the end of one is not the end of both."""
    password_file: Path | None = None
    """Its password at the broker, as user ``~watchdog``; None where kehai writes the broker's list, or it asks for none."""
    ping_url_file: Path | None = None
    """File with an address that is asked for at each success: a dead man's switch outside."""
    channels: dict[str, dict[str, Any]] = {}
    """Like ``[channels.NAME]``, with ``to``: the addresses that are told."""

    @model_validator(mode="after")
    def _has_patience(self) -> Self:
        if self.patience_seconds < 2 * self.every_seconds:
            raise ValueError(
                "patience_seconds must be twice every_seconds at least, or one slow reading is a complaint"
            )
        return self


class DashboardSection(_Section):
    """How the pages are served."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    https: bool = True
    trusted_hosts: tuple[str, ...] = ("*",)
    second_factor: tuple[Literal["viewer", "staff", "manager", "administrator", "auditor"], ...] = ()
    """The roles that must have a second factor: who has none yet sees nothing but the page that makes one."""
    banner: str = ""
    """A line at the top of every page, for a demo or a drill."""
    demo_logins: dict[str, str] = {}
    """Invented log-ins that a demo shows on its log-in page."""


class InfluxSection(_Section):
    """The store that the journal is projected into."""

    url: str
    api: Literal["v2", "v1"] = "v2"
    """v2: /api/v2/write of InfluxDB 1.8, 2.x, 3.x and VictoriaMetrics; v1: /write of InfluxDB 1.x."""
    org: str = ""
    bucket: str = "kehai"
    token_file: Path | None = None
    database: str = "kehai"
    username: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None
    batch_size: int = Field(default=5_000, ge=1, le=50_000)
    """Points in one write."""
    timeout_seconds: float = Field(default=10.0, gt=0, le=20)
    metrics_host: str = "127.0.0.1"
    metrics_port: int = Field(default=0, ge=0, le=65535)
    """Port of this role's own Prometheus page; 0 for none."""

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("write http://HOST:PORT or https://HOST:PORT")
        if parts.username is not None or parts.password is not None:
            raise ValueError("a secret does not belong into an address: put it into token_file or password_file")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _keys_fit_the_api(self) -> Self:
        if self.api == "v1" and self.token_file is not None:
            raise ValueError('token_file is for api = "v2": give username and password_file, or none')
        if self.api == "v2" and (self.username or self.password_file is not None):
            raise ValueError('username and password_file are for api = "v1": give token_file, or none')
        return self


class ClockSection(_Section):
    """A clock that runs faster than the world's; only a demo has one. Instants in microseconds since the epoch."""

    origin: int
    start: int
    speed: float = Field(gt=0)


class Settings(BaseSettings):
    """Every section of the file."""

    model_config = SettingsConfigDict(
        env_prefix="KEHAI_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    installation: InstallationSection
    broker: BrokerSection = BrokerSection()
    gateways: GatewaysSection = GatewaysSection()
    ingest: IngestSection = IngestSection()
    retention: RetentionSection = RetentionSection()
    watch: WatchSection = WatchSection()
    calling: CallingSection = CallingSection()
    channels: dict[str, dict[str, Any]] = {}
    watchdog: WatchdogSection | None = None
    dashboard: DashboardSection = DashboardSection()
    influxdb: InfluxSection | None = None
    clock: ClockSection | None = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 (the signature is the library's)
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment before the file; nothing else."""
        return env_settings, init_settings

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.installation.data / "journal.db"

    @property
    def doctor_password(self) -> Path:
        """File with the password under which ``kehai doctor`` tries the broker's door."""
        return self.installation.data / "doctor_password"

    @property
    def watchdog_password(self) -> Path:
        """File with the password under which the watchdog sends, where kehai writes the broker's list."""
        return self.installation.data / "watchdog_password"

    @property
    def database_url(self) -> str:
        """Where registry and book live."""
        return self.installation.database or f"sqlite:///{self.installation.data / 'kehai.db'}"

    @property
    def parameters(self) -> dict[str, dict[str, float]]:
        """The detectors' tables of parameters."""
        return {"inactivity": {"page_budget": self.watch.page_budget}}

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that mark in the database that they run."""
        more = {"influx": self.influxdb, "watchdog": self.watchdog}
        return "ingest", "watch", *(role for role, section in more.items() if section)

    def make_clock(self) -> Clock:
        """The clock that every role of this installation tells the time by."""
        if self.clock is None:
            return SystemClock()
        return ScaledClock(self.clock.origin, self.clock.start, self.clock.speed)

    @property
    def speed(self) -> float:
        """How many times faster than real time the clock runs."""
        return self.clock.speed if self.clock else 1.0


def load(path: Path) -> Settings:
    """Read an installation's file; raises ConfigurationError that names the file, the key and the mend."""
    try:
        raw: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigurationError(f"There is no file {path}: copy deploy/kehai.toml there and fill it in.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} cannot be read ({error}): make it a UTF-8 text file that this user may read."
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is not valid TOML ({error}): mend that line.") from error
    try:
        return Settings(**raw)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise ConfigurationError(f"{path}: {key}: {_plain(first['type'], first['msg'])}{more}.") from error


def _plain(kind: str, message: str) -> str:
    words = {
        "extra_forbidden": "there is no such key: remove it or mend its spelling",
        "missing": "this key is needed: add it",
    }
    return words.get(kind, message.removeprefix("Value error, ").rstrip("."))
