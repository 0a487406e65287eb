"""The gateway's one TOML file."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from domain.clock import DAY
from domain.errors import ConfigurationError
from domain.ids import BadIdError, check_id
from gateway.drivers.catalogue import CATALOGUE
from gateway.drivers.driver import Driver, DriverSettingsError
from gateway.link import UplinkAddress
from gateway.spool import MAX_READINGS, Spool, SpoolError


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GatewaySection(_Section):
    """Who this gateway is."""

    id: str
    data: Path
    """Folder of the spool."""
    heartbeat_seconds: float = Field(default=30, ge=1, le=300)
    max_readings: int = Field(default=MAX_READINGS, ge=10_000, le=100_000_000)
    """Readings that the spool may hold; beyond, the least worth go first."""
    keep_acked_days: float = Field(default=2, ge=0, le=90)
    """How long the spool keeps what the server has stored, in case that it must be restored from a backup."""
    keep_free_mb: int = Field(default=64, ge=0)
    """Room that the spool leaves on its disk."""

    @field_validator("id")
    @classmethod
    def _valid(cls, text: str) -> str:
        try:
            return check_id(text, "gateway")
        except BadIdError as error:
            raise ValueError(str(error)) from error


class BrokerSection(_Section):
    """How to reach the broker."""

    host: str
    port: int = Field(default=8883, ge=1, le=65535)
    username: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    """With ``cert_file``: this gateway's own certificate, for a broker that asks for one."""
    protocol: Literal["auto", "5", "3.1.1"] = "auto"


class GatewayConfig(_Section):
    """The whole file."""

    gateway: GatewaySection
    broker: BrokerSection
    driver: list[dict[str, Any]] = Field(min_length=1)
    """The ``[[driver]]`` tables: ``name`` is the driver's, the rest is its own."""

    def address(self) -> UplinkAddress:
        """The broker's address; raises ConfigurationError when a file that it needs cannot be read."""
        broker, password = self.broker, None
        if (broker.cert_file is None) != (broker.key_file is None):
            raise ConfigurationError("broker.cert_file and broker.key_file belong together: give both, or none.")
        for file in (broker.ca_file, broker.cert_file, broker.key_file):
            if file is not None and not os.access(file, os.R_OK):
                raise ConfigurationError(f"{file} cannot be read: make it, readable by this user.")
        if broker.password_file is not None:
            try:
                password = broker.password_file.read_text(encoding="utf-8").strip()
            except OSError as error:
                raise ConfigurationError(
                    f"{broker.password_file} cannot be read ({error.strerror}): make it, readable by this user."
                ) from error
        return UplinkAddress(
            broker.host, broker.port, broker.username or self.gateway.id, password, broker.ca_file, broker.protocol,
            broker.cert_file, broker.key_file,
        )  # fmt: skip

    def spool(self) -> Spool:
        """The spool, opened; raises ConfigurationError when it cannot be."""
        section = self.gateway
        try:
            return Spool(
                section.data / "spool.db",
                max_readings=section.max_readings,
                keep_stored=int(section.keep_acked_days * DAY),
                least_free=section.keep_free_mb * 1_000_000,
            )
        except SpoolError as error:
            raise ConfigurationError(str(error)) from error

    def drivers(self) -> list[Driver]:
        """The drivers that the file asks for; raises ConfigurationError that names the table and the key."""
        made: list[Driver] = []
        for number, table in enumerate(self.driver, start=1):
            settings = dict(table)
            name = settings.pop("name", None)
            factory = CATALOGUE.get(str(name))
            if factory is None:
                known = ", ".join(sorted(CATALOGUE))
                raise ConfigurationError(f"driver {number}: there is no driver {name!r}: use one of {known}.")
            try:
                made.append(factory(settings))
            except DriverSettingsError as error:
                raise ConfigurationError(f"driver {number} ({name}): {error}") from error
        ids = [device.id for driver in made for device in driver.devices]
        doubled = sorted({device for device in ids if ids.count(device) > 1})
        if doubled:
            raise ConfigurationError(f"Two drivers speak for the device {doubled[0]!r}: rename one.")
        return made


def load_config(path: Path) -> GatewayConfig:
    """Read the file; raises ConfigurationError that names the file, the key and the mend."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigurationError(f"There is no file {path}: copy gateway/sample.toml there and fill it in.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read ({error}): make it a UTF-8 text file.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is not valid TOML ({error}): mend that line.") from error
    try:
        return GatewayConfig.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        why = {"extra_forbidden": "there is no such key: remove it", "missing": "this key is needed: add it"}
        words = why.get(first["type"], first["msg"].removeprefix("Value error, ").rstrip("."))
        raise ConfigurationError(f"{path}: {key}: {words}.") from error
