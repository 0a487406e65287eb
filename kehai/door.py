"""The broker's door, looked at from outside: TLS, strangers, the access list, client ids, and who may read the secrets.

Nothing is changed and nobody is disturbed. What a gateway may not do is tried by a user of the doctor's own, which is in the
password list beside the gateways: ingest's own name would put the running ingest out, because it is the client id as well.
"""

from __future__ import annotations

import socket
import ssl
import stat
import threading
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from domain.clock import DAY, SECOND, SystemClock
from domain.ids import WATCHDOG
from domain.wire import Up, up_topic
from kehai.access import DOCTOR, knock
from kehai.passwordlist import read
from kehai.settings import Settings
from kehai.verdict import Verdict

_SECONDS = 5.0
_NOTICE = 2.0
_SOON = 30
_VERY_SOON = 10


def check_door(settings: Settings, credentials: dict[str, str] | None) -> Iterator[Verdict]:
    """Every check of the broker's door; ``credentials`` are the registry's, None where it cannot be read."""
    yield from _secrets(settings)
    yield from _list(settings, credentials)
    broker, gateways = settings.broker, settings.gateways
    doors = {(broker.host, broker.port): broker.ca_file}
    if gateways.host:
        ca = gateways.ca_file or broker.ca_file
        verdict, trusted = _certificate(gateways.host, gateways.port or broker.port, ca)
        yield verdict
        if trusted:
            doors[gateways.host, gateways.port or broker.port] = ca
    for (host, port), ca in doors.items():
        yield from _strangers(host, port, ca, serious=broker.username is not None)
        yield from _access(host, port, ca, settings)


def _secrets(settings: Settings) -> Iterator[Verdict]:
    for file, key in (
        (settings.broker.password_file, "broker.password_file"),
        (settings.gateways.passwords, "gateways.passwords"),
        (settings.doctor_password, "the doctor's password"),
    ):
        try:
            mode = file.stat().st_mode if file else None
        except OSError:
            continue
        if mode is not None:
            yield Verdict(
                not mode & stat.S_IROTH,
                f"{key} {file} is not for everybody to read",
                f"every user of this machine may read it: chmod o= {file}",
            )


def _list(settings: Settings, credentials: dict[str, str] | None) -> Iterator[Verdict]:
    file = settings.gateways.passwords
    if file is None or credentials is None:
        return
    mend = "write it anew with 'kehai admin gateway sync'"
    try:
        listed = read(file)
    except (OSError, UnicodeDecodeError) as error:
        yield Verdict(False, f"gateways.passwords {file}", f"it cannot be read ({error}): let this user read it")
        return
    wanted = {*credentials, DOCTOR} | ({settings.broker.username} if settings.broker.username else set())
    wanted |= {WATCHDOG} if settings.watchdog and not settings.watchdog.password_file else set()
    missing, strange = len(wanted - listed.keys()), len(listed.keys() - wanted)
    stale = sum(listed.get(gateway) != hash_ for gateway, hash_ in credentials.items()) if not missing else 0
    yield Verdict(
        not (missing or strange or stale),
        f"gateways.passwords {file} is as the registry has it",
        f"{missing} are missing, {strange} should not be there, {stale} have another password: {mend}",
    )


def _certificate(host: str, port: int, ca: Path | None) -> tuple[Verdict, bool]:
    """What there is to say of it, and whether a gateway would go on."""
    where = f"certificate of {host}:{port}"
    if ca is None:
        mend = "passwords of gateways travel in clear: set gateways.ca_file and use TLS"
        return Verdict(False, f"TLS at {host}:{port}", mend), True
    try:
        context = ssl.create_default_context(cafile=str(ca))
        with (
            socket.create_connection((host, port), timeout=_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host) as secured,
        ):
            ends = (secured.getpeercert() or {}).get("notAfter", "")
    except ssl.SSLError as error:
        why = getattr(error, "verify_message", "") or error.reason
        mend = f"gateways would not trust it ({why}): renew it, in this name, by the authority of {ca}"
        return Verdict(False, where, mend), False
    except OSError as error:
        mend = f"it cannot be reached from here ({error}): see that gateways can, or mend gateways.host and ca_file"
        return Verdict(False, where, mend, serious=False), False
    left = _days_left(str(ends))
    return Verdict(left > _SOON, f"{where} is good for {left} days", "renew it", serious=left <= _VERY_SOON), True


def _days_left(ends: str) -> int:
    end = int(parsedate_to_datetime(_as_mail(ends)).timestamp()) * SECOND
    return int((end - SystemClock().now()) // DAY)


def _as_mail(text: str) -> str:
    """OpenSSL's ``Nov 24 23:00:00 2026 GMT`` in the order in which mail has it."""
    month, day, time, year, zone = text.split()
    return f"{day} {month} {year} {time} {zone}"


def _strangers(host: str, port: int, ca: Path | None, *, serious: bool) -> Iterator[Verdict]:
    let_in = knock(host, port, ca, None, None)
    if let_in is not None:
        yield Verdict(
            not let_in,
            f"the broker at {host}:{port} lets nobody in unnamed",
            "everybody who reaches it may send readings: set 'allow_anonymous false' and a password_file",
            serious=serious,
        )


def _access(host: str, port: int, ca: Path | None, settings: Settings) -> Iterator[Verdict]:
    where = f"at {host}:{port}"
    try:
        password = settings.doctor_password.read_text(encoding="utf-8").strip()
    except OSError:
        if settings.gateways.passwords is not None:
            mend = "not tried: this user may not read the doctor's password, or 'kehai admin gateway sync' never ran"
            yield Verdict(False, f"access list {where}", mend, serious=False)
        return
    first = _Visitor(host, port, ca, password, "one")
    if not first.inside:
        return
    second = _Visitor(host, port, ca, password, "two")
    yield Verdict(
        first.lost.wait(_NOTICE),
        f"the broker {where} makes the user's name the client id",
        "a gateway can take another's session over: set 'use_username_as_clientid true' for this listener",
    )
    may = second.may_publish(up_topic("~nobody", Up.HELLO))
    second.leave()
    first.leave()
    if may is not None:
        yield Verdict(
            not may,
            f"the access list {where} keeps one gateway from speaking for another",
            "it does not: use deploy/mosquitto.acl as its acl_file",
        )


class _Visitor:
    """One connection of the doctor's own user, in MQTT 5: only there is a refusal told."""

    def __init__(self, host: str, port: int, ca: Path | None, password: str, client_id: str) -> None:
        self.inside = False
        self.lost = threading.Event()
        self._welcome, self._answered = threading.Event(), threading.Event()
        self._code: int | None = None
        self._client = client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5, reconnect_on_failure=False
        )
        client.username_pw_set(DOCTOR, password)
        if ca is not None:
            client.tls_set(str(ca))
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.connect_timeout = _SECONDS
        try:
            client.connect(host, port)
        except (OSError, ValueError):
            return
        client.loop_start()
        self._welcome.wait(_SECONDS)

    def _on_connect(self, _c: object, _d: object, _f: object, reason: ReasonCode, _p: object) -> None:
        self.inside = not reason.is_failure
        self._welcome.set()

    def _on_disconnect(self, *_: object) -> None:
        self.lost.set()
        self._welcome.set()
        self._answered.set()

    def _on_publish(self, _c: object, _d: object, _m: object, reason: ReasonCode, _p: object) -> None:
        self._code = reason.value
        self._answered.set()

    def may_publish(self, topic: str) -> bool | None:
        """Whether the broker takes an empty message on ``topic``; None when it does not say."""
        self._client.publish(topic, b"", qos=1)
        self._answered.wait(_SECONDS)
        return None if self._code is None else self._code < 0x80

    def leave(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()
