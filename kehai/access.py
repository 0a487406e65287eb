"""Who may come in, told to the broker, and seen to have been heard.

What is told is the password list (see ``kehai.passwordlist``). That it was heard is tried at the broker's door: a new password
must be let in, a withdrawn one must not. Knocking as a gateway also ends that gateway's live connection, because every
listener makes the user name the client id; so a gateway with a certificate, which no list can turn away, is put out as well.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode
from sqlalchemy import Engine

from domain.clock import SECOND, monotonic
from domain.errors import ConfigurationError
from domain.ids import WATCHDOG
from gateway.enrolment import Bundle, put
from kehai.passwordlist import alone, hashed, new_password, read, write
from kehai.settings import Settings
from registry.homes import Homes

DOCTOR = "~doctor"
"""A user in the list, as whom ``kehai doctor`` tries what a gateway may not do; no gateway's id begins so."""
_PATIENCE = 10.0
_KNOCK_SECONDS = 5.0
_BETWEEN = 0.1


class Told(StrEnum):
    """What became of a word to the broker."""

    HEARD = "heard"
    SILENT = "silent"
    """It does not answer: it reads the list when it starts."""
    DEAF = "deaf"
    """It answers, but by the list that it had before."""
    NOT_OURS = "not ours"
    """The settings name no list: the operator tells the broker."""


class Access:
    """The broker's door of one installation."""

    def __init__(self, settings: Settings, engine: Engine, patience: float = _PATIENCE) -> None:
        """``patience`` is how many seconds the broker may take to read a new list."""
        self._broker, self._gateways, self._homes = settings.broker, settings.gateways, Homes(engine)
        self._doctor = settings.doctor_password
        self._watchdog = settings.watchdog_password if settings.watchdog else None
        self._patience = patience

    def bundle(self, gateway: str, password: str) -> Bundle:
        """What ``gateway`` is to be given; raises ConfigurationError when the authority's certificate cannot be read."""
        file = self._gateways.ca_file or self._broker.ca_file
        try:
            ca = file.read_text(encoding="utf-8") if file else ""
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"gateways.ca_file: {file} cannot be read: make it, readable by this user."
            ) from error
        host, port = self._gateways.host or self._broker.host, self._gateways.port or self._broker.port
        return Bundle(kehai_gateway=1, gateway=gateway, host=host, port=port, password=password, ca=ca)

    def check(self, gateways: Sequence[str]) -> None:
        """Raise ConfigurationError when these could not be let in, before anything is changed."""
        if self._broker.username in gateways:
            raise ConfigurationError(
                f"{self._broker.username!r} is the user name of ingest itself: choose another id for the gateway."
            )
        if gateways and self._gateways.passwords is not None:
            self._own_password()
            with alone(self._gateways.passwords):
                pass

    def sync(self) -> Told:
        """Write the list as the registry has it; whether a running broker has read it is not looked at."""
        return Told.NOT_OURS if self._write({}) is None else Told.HEARD

    def admit(self, gateway: str, password: str) -> Told:
        """Write the list, in which ``gateway`` has ``password`` by now, and see that the broker lets it in."""
        if self._write({}) is None:
            return Told.NOT_OURS
        return self._wait(gateway, password, wanted=True)

    def expel(self, gateway: str) -> Told:
        """Write the list without ``gateway``, end its connection if it has one, and see that it is not let in."""
        once = new_password()
        if self._write({gateway: hashed(once)}) is None:
            return Told.NOT_OURS
        told = self._wait(gateway, once, wanted=True)
        self._write({})
        return self._wait(gateway, once, wanted=False) if told is Told.HEARD else told

    def _write(self, more: Mapping[str, str]) -> Path | None:
        file = self._gateways.passwords
        if file is None:
            return None
        with alone(file):
            users = self._homes.credentials()
            own = self._own_password()
            if self._broker.username is not None and own is not None:
                users[self._broker.username] = hashed(own)
            users[DOCTOR] = hashed(_secret_in(self._doctor))
            if self._watchdog is not None:
                users[WATCHDOG] = hashed(_secret_in(self._watchdog))
            write(file, users | dict(more))
        self._signal()
        return file

    def _own_password(self) -> str | None:
        file = self._broker.password_file
        try:
            return file.read_text(encoding="utf-8").strip() if file else None
        except OSError as error:
            raise ConfigurationError(
                f"{file} cannot be read ({error.strerror}): ingest's own password belongs into the list, so let this user "
                "read it; nothing was written."
            ) from error

    def password_of_the_watchdog(self) -> str | None:
        """Its password, which the broker is told where it is not in the list yet; None where kehai writes no list."""
        file = self._gateways.passwords
        if file is None or self._watchdog is None:
            return None
        if not self._watchdog.exists() or (file.exists() and WATCHDOG not in read(file)):
            self._write({})
        return _secret_in(self._watchdog)

    def _signal(self) -> None:
        """Ask mosquitto to read the list again, where we may; where not, whoever watches the file does."""
        if self._gateways.pid_file is not None:
            with suppress(OSError, ValueError):
                os.kill(int(self._gateways.pid_file.read_text().strip()), signal.SIGHUP)

    def _wait(self, user: str, password: str, *, wanted: bool) -> Told:
        deadline, pause = monotonic() + int(self._patience * SECOND), threading.Event()
        while True:
            let_in = knock(self._broker.host, self._broker.port, self._broker.ca_file, user, password)
            if let_in is None:
                return Told.SILENT
            if let_in is wanted:
                return Told.HEARD
            if monotonic() > deadline:
                return Told.DEAF
            pause.wait(_BETWEEN)


def _secret_in(file: Path) -> str:
    """The password in a file of ours, which is made where there is none."""
    try:
        if not file.exists():
            put(file, new_password() + "\n", 0o600)
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read or made ({error.strerror}): give it to this user.") from error


def knock(host: str, port: int, ca_file: Path | None, user: str | None, password: str | None) -> bool | None:
    """Whether a broker lets ``user`` in; None when it does not answer. The client id is the user's name."""
    answered = threading.Event()
    verdict: list[bool] = []

    def on_connect(_client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _more: object) -> None:
        verdict.append(not reason.is_failure)
        answered.set()

    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, client_id=user or "", protocol=mqtt.MQTTv311, reconnect_on_failure=False
    )
    if user is not None:
        client.username_pw_set(user, password)
    if ca_file is not None:
        client.tls_set(str(ca_file))
    client.on_connect = on_connect
    client.on_disconnect = lambda *_: answered.set()
    client.connect_timeout = _KNOCK_SECONDS
    try:
        client.connect(host, port)
    except (OSError, ValueError):
        return None
    client.loop_start()
    answered.wait(_KNOCK_SECONDS)
    client.disconnect()
    client.loop_stop()
    return verdict[0] if verdict else None
