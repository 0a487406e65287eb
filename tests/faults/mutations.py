"""Messages that no gateway of ours would send, made from ones that it would."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from domain.clock import SECOND, Instant
from domain.ids import GatewayId, HomeId
from domain.wire import MAX_PAYLOAD, ClockState, Up, encode_heartbeat, encode_hello, encode_readings, up_topic
from registry.directory import MemoryDirectory
from tests.faults.homes import DEVICES

ROGUE, MASK = "rogue", "mask"
"""Two enrolled gateways that only the fuzzers speak for; MASK is the one that introduces itself again and again."""


@dataclass(frozen=True, slots=True)
class Message:
    """One publication."""

    kind: str
    """The mutation that made it."""
    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False


def directory() -> MemoryDirectory:
    """A directory that knows both, with the devices that they announce."""
    made = MemoryDirectory()
    for name in (ROGUE, MASK):
        made.enrol(GatewayId(name), HomeId(f"home-{name}"), "UTC")
        made.introduce(GatewayId(name), DEVICES, 0)
    return made


def sound(chance: random.Random, now: Instant, word: Up | None = None) -> Message:
    """A message that is admitted as it stands; ``word`` is drawn where none is given."""
    clock = ClockState("boot-1", True, round(chance.uniform(0, 1e6), 3))
    word = word or chance.choices((Up.READINGS, Up.HEARTBEAT, Up.HELLO), (6, 3, 1))[0]
    if word is Up.HELLO:
        payload = encode_hello(MASK, "e1", now, clock, "kehai 0", DEVICES)
        return Message("sound", up_topic(MASK, word), payload)
    if word is Up.HEARTBEAT:
        spell = (now - chance.randrange(1, 10**6) * SECOND, now)
        payload = encode_heartbeat(ROGUE, "e1", 0, now, clock, now, [spell], {"hall": 3.5}, [], chance.randrange(9))
        return Message("sound", up_topic(ROGUE, word), payload)
    readings = []
    for _ in range(chance.randint(1, 4)):
        device = chance.choice(DEVICES)
        value = float(chance.getrandbits(1)) if device.kind != "temperature" else round(chance.uniform(-5, 35), 2)
        readings.append((str(device.id), device.kind, value, now - chance.randrange(60 * SECOND)))
    payload = encode_readings(ROGUE, "e1", chance.randrange(1, 2**40), now, clock, readings)
    return Message("sound", up_topic(ROGUE, word), payload)


# ---- what is done to a payload -------------------------------------------------------------------------------------------

_ODD: tuple[Callable[[random.Random], Any], ...] = (
    lambda _: None, lambda _: True, lambda _: "", lambda _: [], lambda _: {}, lambda _: -1, lambda _: 0,
    lambda c: c.choice([2**31, 2**53, 2**62, 2**63, 2**64, 10**30, -(2**63), 10**400]),
    lambda c: c.choice([1e308, -1e308, 1e-308, 0.1, 1e20, 1.5]),
    lambda c: "x" * c.randrange(1, 5000),
    lambda c: c.choice(["\x00", "\ud800", "名前", "a/b", "+", "#", "../../x", "' OR 1=1 --", "\u202e", "🏠", "NaN", "-0"]),
    lambda c: c.choice(["2026-13-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+23:59", "1970-01-01", "now",
                        "2262-04-11T23:47:16Z", "2026-01-01T00:00:00", "-1"]),
    lambda c: [[c.random()] * 3] * 3, lambda c: {"v": c.random()},
)  # fmt: skip


def _nodes(tree: Any) -> list[tuple[Any, Any]]:
    """(container, key) of everything in a JSON tree."""
    found, rest = [], [tree]
    while rest:
        node = rest.pop()
        for key in node if isinstance(node, dict) else range(len(node)):
            found.append((node, key))
            if isinstance(node[key], dict | list):
                rest.append(node[key])
    return found


def _dump(tree: Any) -> bytes:
    return json.dumps(tree).encode()


def _flip(c: random.Random, p: bytes) -> bytes:
    twisted = bytearray(p)
    for _ in range(c.randint(1, 8)):
        twisted[c.randrange(len(twisted))] ^= 1 << c.randrange(8)
    return bytes(twisted)


def _cut(c: random.Random, p: bytes) -> bytes:
    return p[: c.randrange(1, len(p))]


def _swap(c: random.Random, p: bytes) -> bytes:
    tree = json.loads(p)
    for _ in range(c.randint(1, 3)):
        node, key = c.choice(_nodes(tree))
        node[key] = c.choice(_ODD)(c)
    return _dump(tree)


def _keys(c: random.Random, p: bytes) -> bytes:
    tree = json.loads(p)
    node, key = c.choice([(n, k) for n, k in _nodes(tree) if isinstance(n, dict)])
    if c.random() < 0.6:
        del node[key]
    else:
        node[c.choice(["", "V", "seq ", "__proto__", "senml", "\x00"])] = node.pop(key)
    return _dump(tree)


def _number(c: random.Random, p: bytes) -> bytes:
    """A number as no serialiser would write it."""
    odd = [
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e999",
        b"9" * c.randrange(20, 5000),
        b"0x10",
        b"01",
        b"1.",
        b"--1",
        b"1_000",
    ]
    places = [i for i in range(1, len(p)) if chr(p[i]).isdigit() and p[i - 1 : i] == b":"]
    if not places:
        return _cut(c, p)
    at = c.choice(places)
    end = at
    while end < len(p) and chr(p[end]) in "0123456789.eE+-":
        end += 1
    return p[:at] + c.choice(odd) + p[end:]


def _deep(c: random.Random, p: bytes) -> bytes:
    # Between the two, it depends on who calls whether a parser has gone deep enough to give up.
    deep, (left, right) = (
        c.choice([c.randrange(10, 500), c.randrange(2_000, 30_000)]),
        c.choice([(b"[", b"]"), (b'{"a":', b"}")]),
    )
    deep = min(deep, (MAX_PAYLOAD - len(p) - 20) // (len(left) + len(right)))
    return p[:-1] + b',"x":' + left * deep + b"0" + right * deep + b"}"


def _not_utf8(c: random.Random, p: bytes) -> bytes:
    at = p.index(b'"gateway":"') + 11
    return p[:at] + c.choice([b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\x80", b"\xf5\x80\x80\x80"]) + p[at:]


def _foreign(c: random.Random, p: bytes) -> bytes:
    tree = json.loads(p)
    tree["gateway"] = c.choice(["g1", "g2", "", "ROGUE", "rogue ", "+"])
    return _dump(tree)


def _names(c: random.Random, p: bytes) -> bytes:
    """Records that speak for somebody else, or about nothing that there is."""
    tree = json.loads(p)
    records = tree.get("senml")
    if not records:
        return _foreign(c, p)
    records[0]["bn"] = c.choice(["g1/", "", "/", "rogue", "rogue//", "rogue/../g1/", None])
    return _dump(tree)


def _large(c: random.Random, p: bytes) -> bytes:
    """Around the bound, on both sides of it."""
    size = MAX_PAYLOAD - 300 + c.randrange(290)  # a broker that keeps the bound lets this pass with its topic
    return p[:-1] + b',"x":"' + b"y" * (size - len(p) - 8) + b'"}'


def _many(c: random.Random, p: bytes) -> bytes:
    tree = json.loads(p)
    for name in ("senml", "spells", "lost", "devices"):
        if tree.get(name) is not None:
            tree[name] = (tree[name] or [[1, 2, "x"]]) * c.choice([0, 60, 600])
    return _dump(tree)[: MAX_PAYLOAD - 100]


def _noise(c: random.Random, p: bytes) -> bytes:
    return c.randbytes(c.randrange(1, 2000))


PAYLOADS: dict[str, Callable[[random.Random, bytes], bytes]] = {
    "bits flipped": _flip, "cut off": _cut, "types swapped": _swap, "keys": _keys, "numbers": _number, "nested": _deep,
    "not UTF-8": _not_utf8, "another gateway": _foreign, "names": _names, "large": _large, "many": _many, "noise": _noise,
    "empty": lambda _c, _p: b"",
}  # fmt: skip
SURELY_BAD = frozenset({"cut off", "not UTF-8", "another gateway", "noise", "empty", "topic"})
"""Mutations after which nothing may be stored."""
_TOPICS = tuple(
    f"kehai/1/gw/{rest}"
    for rest in (
        "{}/up/reading", "{}/up/READINGS", "{}/up/", "{}/up/readings ", "/up/readings", "*/up/hello", "$share/up/readings",
        "%2B/up/readings", "nobody/up/hello", " /up/ ", "気配/up/readings", "{}\u200b/up/heartbeat", "🏠/up/🏠",
    )
)  # fmt: skip


def mutated(chance: random.Random, now: Instant, kind: str | None = None) -> Message:
    """One message that is not as it should be; ``kind`` is drawn where none is given."""
    kind = kind or chance.choice([*PAYLOADS, "topic", "retained"])
    message = replace(sound(chance, now), kind=kind, qos=chance.choice([0, 1, 1, 1, 2]))
    if kind == "topic":
        return replace(message, topic=chance.choice(_TOPICS).format(ROGUE))
    if kind == "retained":
        return replace(message, retain=True)
    return replace(message, payload=PAYLOADS[kind](chance, message.payload), retain=chance.random() < 0.02)


def clear(text: str) -> str:
    """``text`` for a terminal."""
    return text.encode("unicode_escape").decode()[:200]
