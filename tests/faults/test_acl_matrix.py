"""Who may do what at the shipped broker: identities x topics x (publish, retain, will, subscribe) x (3.1.1, 5).

One table says what is allowed; everything else must be denied. Judged from outside: did the message arrive at an observer, did
a subscriber hear it? A reason code proves nothing, and MQTT 3.1.1 has none. The observer is one more user at the end of the
shipped access list; nothing else of the list is touched.
"""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from tests.certificates import Issued
from tests.shipped import ACL, Shipped

pytestmark = pytest.mark.server
VERSIONS = {"3.1.1": MQTTProtocolVersion.MQTTv311, "5": MQTTProtocolVersion.MQTTv5}
OBSERVER = "\nuser observer\ntopic readwrite #\ntopic read $SYS/#\n"
LOOSE = "pattern write kehai/1/gw/+/up/#\npattern read kehai/1/gw/#\n"

TOPICS = {
    "its own up": "kehai/1/gw/{me}/up/readings",
    "below its own up": "kehai/1/gw/{me}/up/readings/more",
    "its own down": "kehai/1/gw/{me}/down/ack",
    "its own branch": "kehai/1/gw/{me}",
    "another's up": "kehai/1/gw/gw-2/up/readings",
    "another's down": "kehai/1/gw/gw-2/down/ack",
    "a longer name's up": "kehai/1/gw/{me}x/up/readings",
    "nobody's up": "kehai/1/gw//up/readings",
    "another version": "kehai/2/gw/{me}/up/readings",
    "another tree": "home/{me}/up/readings",
    "the broker's own": "$SYS/broker/uptime",
    "the broker's control": "$CONTROL/dynamic-security/v1",
}
FILTERS = (
    "#",
    "+/#",
    "kehai/#",
    "kehai/1/gw/+/up/#",
    "kehai/1/gw/+/down/#",
    "kehai/1/gw/{me}/down/#",
    "kehai/1/gw/gw-2/#",
    "$share/any/#",
    "$share/any/kehai/1/gw/+/down/#",
    "$SYS/#",
    "$CONTROL/#",
)
_GATEWAY_WRITES = {"its own up", "below its own up"}
_GATEWAY_READS = {"its own down"}
WRITES = {
    # "its own up" of ingest: the pattern for gateways holds for every user. No gateway may be called as ingest is.
    "ingest": {"its own down", "another's down", "its own up", "below its own up"},
    "gw-1": _GATEWAY_WRITES,
    "gw-7 (certificate)": _GATEWAY_WRITES,
}
READS = {
    "ingest": {
        "its own up", "below its own up", "another's up", "a longer name's up", "nobody's up", "its own down",
        "the broker's own",
    },
    "gw-1": _GATEWAY_READS,
    "gw-7 (certificate)": _GATEWAY_READS,
}  # fmt: skip
"""The whole of what is allowed. To publish, to publish retained and to leave as a will are one right: what a broker's list
cannot tell apart, ingest does (a retained message is refused)."""
Cell = tuple[str, str, str]
"""Identity, action, topic or filter."""


@dataclass(frozen=True)
class Door:
    """Where and as whom to knock."""

    port: int
    user: str | None = None
    password: str | None = None
    ca: Path | None = None
    certificate: Issued | None = None


class Client:
    """One connection; waits for the broker's answers, whatever they are worth."""

    def __init__(self, door: Door, version: str, *, client_id: str = "x", will: tuple[str, str] | None = None) -> None:
        self.heard: queue.Queue[tuple[str, str, bool]] = queue.Queue()
        self.lost = threading.Event()
        self._answers: queue.Queue[None] = queue.Queue()
        self._came: queue.Queue[bool] = queue.Queue()
        clean = True if version == "3.1.1" else None
        self._client = client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=clean, protocol=VERSIONS[version],
            reconnect_on_failure=False,
        )  # fmt: skip
        if door.user is not None:
            client.username_pw_set(door.user, door.password)
        if door.ca is not None:
            files = () if door.certificate is None else (str(door.certificate.certificate), str(door.certificate.key))
            client.tls_set(str(door.ca), *files)
        if will is not None:
            client.will_set(will[0], will[1], qos=1)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = lambda *_: self._answers.put(None)
        client.on_subscribe = lambda *_: self._answers.put(None)
        client.on_message = lambda _c, _d, m: self.heard.put((m.topic, m.payload.decode(), m.retain))
        try:
            client.connect("localhost", door.port)
        except OSError:
            self.inside = False
            return
        client.loop_start()
        self.inside = self._came.get(timeout=20)

    def _on_connect(self, _client: object, _data: object, _flags: object, reason: ReasonCode, _more: object) -> None:
        self._came.put(not reason.is_failure)

    def _on_disconnect(self, *_: object) -> None:
        self._came.put(False)
        self.lost.set()
        self._answers.put(None)

    def publish(self, topic: str, payload: str, *, retain: bool = False) -> None:
        """Return once the broker has dealt with it: an acknowledgement, or the end of the connection."""
        self._client.publish(topic, payload, qos=1, retain=retain)
        self._answers.get(timeout=20)

    def subscribe(self, topic: str) -> None:
        """Return once it was answered, or the connection has ended."""
        self._client.subscribe(topic, qos=0)
        self._answers.get(timeout=20)

    def until(self, payload: str) -> list[tuple[str, str, bool]]:
        """All that was heard before ``payload`` came."""
        before: list[tuple[str, str, bool]] = []
        while True:
            one = self.heard.get(timeout=20)
            if one[1] == payload:
                return before
            before.append(one)

    def leave(self) -> None:
        """Say goodbye."""
        self._client.disconnect()
        self._client.loop_stop()

    def drop(self) -> None:
        """Be gone without a word, as a gateway whose plug is pulled."""
        sock = self._client.socket()
        if isinstance(sock, socket.socket):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self.lost.wait(20)
        self._client.loop_stop()


@dataclass
class Matrix:
    """One broker, and what each identity could do at it."""

    site: Shipped
    identities: tuple[str, ...] = tuple(WRITES)
    allowed: set[Cell] = field(default_factory=set)
    tried: set[Cell] = field(default_factory=set)

    def __post_init__(self) -> None:
        """The keys of the doors."""
        self._numbers = count(1)
        self._certificate = self.site.client_certificate("gw-7")
        self.observer = Door(self.site.inner, "observer", "secret-observer")

    def door(self, identity: str) -> Door:
        """How an identity comes in."""
        ca = self.site.authority.certificate
        if identity == "ingest":
            return Door(self.site.inner, "ingest", "secret-ingest")
        if identity == "gw-7 (certificate)":
            return Door(self.site.certificates, ca=ca, certificate=self._certificate)
        return Door(self.site.tls, identity, f"secret-{identity}", ca)

    def run(self, version: str) -> None:
        """Try everything in one version of the protocol."""
        for identity in self.identities:
            me = identity.partition(" ")[0]
            self._publishing(identity, me, version)
            self._subscribing(identity, me, version)

    def _note(self, cell: Cell, came: bool) -> None:
        self.tried.add(cell)
        if came:
            self.allowed.add(cell)

    def _publishing(self, identity: str, me: str, version: str) -> None:
        door, observer = self.door(identity), Client(self.observer, "5")
        observer.subscribe("#")
        observer.subscribe("$SYS/#")
        sent: dict[str, Cell] = {}
        for name, topic in TOPICS.items():
            for action in ("publish", "retain", "will"):
                payload = f"{action} {next(self._numbers)}"
                sent[payload] = (identity, action, name)
                where = topic.format(me=me)
                if action != "will":
                    client = Client(door, version)
                    client.publish(where, payload, retain=action == "retain")
                    client.leave()
                    continue
                client = Client(door, version, will=(where, payload))
                if client.inside:
                    client.drop()
                Client(door, version).leave()  # in its place: by now the will was published or dropped
        observer.publish("end", "the end")
        came = {payload for _, payload, _ in observer.until("the end")}
        observer.leave()
        for payload, cell in sent.items():
            self._note(cell, payload in came)
        self._forget(set(sent))

    def _forget(self, ours: set[str]) -> None:
        """Take retained messages away; and see that they are those that were let through, no more."""
        observer = Client(self.observer, "5")
        observer.subscribe("#")
        observer.publish("end", "the end")
        for topic, payload, retained in observer.until("the end"):
            assert payload in ours
            assert retained
            observer.publish(topic, "", retain=True)
        observer.leave()

    def _subscribing(self, identity: str, me: str, version: str) -> None:
        barrier = "kehai/1/gw/gw-2/up/hello" if identity == "ingest" else f"kehai/1/gw/{me}/down/command"
        observer = Client(self.observer, "5")
        for wanted in FILTERS:
            client = Client(self.door(identity), version)
            client.subscribe(wanted.format(me=me))
            client.subscribe(barrier)
            mark = str(next(self._numbers))
            for name, topic in TOPICS.items():
                if not topic.startswith("$"):
                    observer.publish(topic.format(me=me), f"{mark} {name}")
            observer.publish(barrier, mark)
            heard = client.until(mark)
            client.leave()
            for name in TOPICS:
                if name == "the broker's own":
                    came = any(topic.startswith("$SYS/") for topic, _, _ in heard)
                else:
                    came = f"{mark} {name}" in {payload for _, payload, _ in heard}
                self._note((identity, f"hear by {wanted}", name), came)
        observer.leave()


def table(identities: tuple[str, ...]) -> set[Cell]:
    """What is allowed, as cells."""
    cells: set[Cell] = set()
    for identity in identities:
        me = identity.partition(" ")[0]
        cells |= {(identity, action, name) for name in WRITES[identity] for action in ("publish", "retain", "will")}
        for wanted in FILTERS:
            bare = wanted.removeprefix("$share/any/").format(me=me)
            cells |= {
                (identity, f"hear by {wanted}", name)
                for name in READS[identity]
                if mqtt.topic_matches_sub(bare, TOPICS[name].format(me=me))
            }
    return cells


def site_with(folder: Path, acl: str) -> Shipped:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "acl").write_text(acl + OBSERVER)
    site = Shipped(folder / "site", acl=folder / "acl")
    site.admit({user: f"secret-{user}" for user in ("ingest", "gw-1", "gw-2", "gw-3", "observer")})
    return site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    made = site_with(tmp_path_factory.mktemp("matrix"), ACL.read_text())
    with made.broker:
        yield made


@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_table_allows_is_allowed_and_nothing_else(site: Shipped, version: str) -> None:
    matrix = Matrix(site)
    matrix.run(version)
    assert len(matrix.tried) == len(WRITES) * len(TOPICS) * (3 + len(FILTERS))
    wanted = table(matrix.identities)
    assert matrix.allowed - wanted == set(), "allowed, and not in the table"
    assert wanted - matrix.allowed == set(), "in the table, and denied"


def test_a_looser_list_is_caught(tmp_path: Path) -> None:
    """The control: the same matrix finds what a list with one careless line lets through."""
    site = site_with(tmp_path, ACL.read_text() + LOOSE)
    with site.broker:
        matrix = Matrix(site, identities=("gw-1",))
        matrix.run("3.1.1")
    caught = matrix.allowed - table(("gw-1",))
    assert ("gw-1", "publish", "another's up") in caught
    assert ("gw-1", "will", "another's up") in caught
    assert ("gw-1", "hear by #", "another's down") in caught


@pytest.mark.parametrize("version", VERSIONS)
def test_who_has_no_business_here_does_not_get_in_by_any_door(site: Shipped, version: str) -> None:
    ca = site.authority.certificate
    before = Client(Door(site.tls, "gw-3", "secret-gw-3", ca), version)
    assert before.inside
    everybody = ("ingest", "gw-1", "gw-2", "observer")
    site.admit({user: f"secret-{user}" for user in everybody})
    site.reload()
    assert before.lost.wait(20), "a gateway that was taken off the list is put out"
    own = site.client_certificate("gw-8")
    site.gateways.revoke(own)
    site.reload()
    knocking = {
        "nobody": Door(site.tls, ca=ca),
        "nobody, inside": Door(site.inner),
        "a revoked gateway": Door(site.tls, "gw-3", "secret-gw-3", ca),
        "a revoked gateway, inside": Door(site.inner, "gw-3", "secret-gw-3"),
        "a wrong password": Door(site.tls, "gw-1", "secret-gw-2", ca),
        "an empty password": Door(site.tls, "gw-1", "", ca),
        "a password at the door for certificates": Door(site.certificates, "gw-1", "secret-gw-1", ca),
        "a certificate of the server's authority": Door(
            site.certificates, ca=ca, certificate=site.authority.issue("gw-1")
        ),
        "a withdrawn certificate": Door(site.certificates, ca=ca, certificate=own),
        "no TLS": Door(site.tls, "gw-1", "secret-gw-1"),
    }
    got_in = [who for who, door in knocking.items() if Client(door, version).inside]
    assert got_in == []
    assert Client(Door(site.tls, "gw-1", "secret-gw-1", ca), version).inside, "the control"
    site.admit({user: f"secret-{user}" for user in (*everybody, "gw-3")})
    site.reload()


@pytest.mark.parametrize("version", VERSIONS)
def test_nobody_takes_another_s_session_over_by_its_client_id(site: Shipped, version: str) -> None:
    matrix = Matrix(site)
    victim = Client(matrix.door("gw-2"), version, client_id="gw-2")
    victim.subscribe("kehai/1/gw/gw-2/down/#")
    for identity in WRITES:
        thief = Client(matrix.door(identity), version, client_id="gw-2")
        assert thief.inside
        thief.leave()
    observer = Client(matrix.observer, "5")
    observer.publish("kehai/1/gw/gw-2/down/ack", "still here")
    assert victim.until("still here") == []
    assert not victim.lost.is_set()
    victim.leave()
    observer.leave()
