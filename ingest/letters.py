"""Dead letters: what could not be stored, kept with the reason so that it can be taken up again once the cause is mended.

A letter is a whole message, or one record of it written as a message of its own. The number of a refused record counts as
dealt with, so that its gateway does not send it for ever; table ``refused`` remembers that nothing is stored under it, and
so a letter, or the gateway itself, may still fill it once.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from domain.clock import Instant
from domain.errors import KehaiError
from domain.wire import MAX_PAYLOAD, ROOT

_KEPT_OF_OVERSIZED = 8_192
_COLUMNS = (
    "d.id, d.received_at, d.topic, d.gateway, d.reason, d.detail, d.size, d.seq, d.state, d.tries, d.tried_at, d.outcome,"
    " length(d.payload)"
)
_STATE = _COLUMNS.split(", ").index("d.state")
_UNMENDABLE = {
    "key_conflict": "another reading is stored under its number",
    "retained": "nobody knows when a retained message was sent",
    "lost": "the gateway does not have these readings any more",
}
"""Reason -> why trying again is of no use."""


class LetterState(StrEnum):
    """What has become of a letter."""

    KEPT = "kept"
    STORED = "stored"
    """Taken in after all: by a retry, or because its gateway sent it again."""
    DISCARDED = "discarded"


class Wish(StrEnum):
    """What an operator asks of a letter."""

    RETRY = "retry"
    DISCARD = "discard"


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter to be written."""

    received_at: Instant
    topic: str
    reason: str
    detail: str
    payload: bytes
    size: int | None = None
    """Bytes of the message as it came, where ``payload`` was cut."""
    seq: int | None = None
    """The record's number; None for a whole message."""
    stream: int | None = None
    """The journal's number of its stream, where ``seq`` counts as dealt with although nothing is stored under it."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter as it is kept."""

    id: int
    received_at: Instant
    topic: str
    gateway: str
    reason: str
    """Why it was refused the last time."""
    detail: str
    size: int | None
    """Bytes of the message as it came; None where an older version cut it and did not say."""
    seq: int | None
    state: LetterState
    tries: int
    tried_at: Instant | None
    outcome: str
    """What the last try came to, in a few English words; empty before the first."""
    kept: int
    """Bytes of the payload that are kept."""
    payload: bytes = b""
    """Left out where letters are only listed."""

    @property
    def whole(self) -> bool:
        """True when nothing of the payload was cut off."""
        return self.size == self.kept

    @property
    def unmendable(self) -> str | None:
        """Why trying again is of no use; None when it may be."""
        if self.reason in _UNMENDABLE:
            return _UNMENDABLE[self.reason]
        return None if self.whole else f"only the first {self.kept} bytes of it are kept"


@dataclass(frozen=True, slots=True)
class Settled:
    """What a retry or a discard made of a letter."""

    id: int
    state: LetterState
    reason: str
    detail: str
    outcome: str
    at: Instant


def compose(
    received_at: Instant,
    topic: str,
    reason: str,
    detail: str,
    payload: bytes,
    seq: int | None = None,
    stream: int | None = None,
) -> Letter:
    """A letter with as much of the payload as is kept: all that the wire allows, of a larger one only the beginning."""
    kept = payload if len(payload) <= MAX_PAYLOAD else payload[:_KEPT_OF_OVERSIZED]
    return Letter(received_at, topic[:300], reason, detail[:400], kept, len(payload), seq, stream)


class _Pack(msgspec.Struct):
    """A readings message whose parts nobody has looked into."""

    v: msgspec.Raw
    gateway: msgspec.Raw
    epoch: msgspec.Raw
    seq: int
    sent_at: msgspec.Raw
    clock: msgspec.Raw
    senml: list[msgspec.Raw]


class _Base(msgspec.Struct):
    bn: msgspec.Raw = msgspec.Raw(b"null")
    bt: msgspec.Raw = msgspec.Raw(b"null")


_NULL = b"null"
_pack = msgspec.json.Decoder(_Pack)
_base = msgspec.json.Decoder(_Base)


def apart(payload: bytes, wanted: Iterable[int]) -> dict[int, bytes]:
    """Each ``wanted`` record of an admitted readings message, by its number, as a message that holds it alone.

    The record's own bytes stay as they are; the base name and time in force are put after them.
    """
    pack, numbers = _pack.decode(payload), set(wanted)
    name = time = _NULL
    found = {}
    for seq, record in enumerate(pack.senml, start=pack.seq):
        base = _base.decode(record)
        own_name, own_time = bytes(base.bn), bytes(base.bt)
        parts = [bytes(record).strip()[1:-1].strip()]
        if own_name == _NULL != name:
            parts.append(b'"bn":' + name)
        if own_time == _NULL != time:
            parts.append(b'"bt":' + time)
        name, time = (name if own_name == _NULL else own_name), (time if own_time == _NULL else own_time)
        if seq in numbers:
            found[seq] = b'{"v":%b,"gateway":%b,"epoch":%b,"seq":%d,"sent_at":%b,"clock":%b,"senml":[{%b}]}' % (
                bytes(pack.v), bytes(pack.gateway), bytes(pack.epoch), seq, bytes(pack.sent_at), bytes(pack.clock),
                b",".join(part for part in parts if part),
            )  # fmt: skip
    return found


# ---- the writer's side: inside its transaction -----------------------------------------------------------------------


def write(connection: sqlite3.Connection, letters: Iterable[Letter]) -> None:
    """Add letters, and remember which numbers they leave empty."""
    for letter in letters:
        row = connection.execute(
            "INSERT INTO dead_letters (received_at, topic, gateway, reason, detail, payload, size, seq)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (letter.received_at, letter.topic, _gateway_of(letter.topic), letter.reason, letter.detail, letter.payload,
             len(letter.payload) if letter.size is None else letter.size, letter.seq),
        )  # fmt: skip
        if letter.stream is not None:
            connection.execute(
                "INSERT OR REPLACE INTO refused VALUES (?, ?, ?)", (letter.stream, letter.seq, row.lastrowid)
            )


def settle(
    connection: sqlite3.Connection, filled: Sequence[tuple[int, int]], settled: Iterable[Settled], now: Instant
) -> None:
    """Write down which empty numbers, (stream, seq), were ``filled`` after all, and what was made of letters."""
    for key in filled:
        connection.execute(
            "UPDATE dead_letters SET state = 'stored', tried_at = ?, outcome = 'sent again and stored'"
            " WHERE id = (SELECT letter FROM refused WHERE stream = ? AND seq = ?)",
            (now, *key),
        )
        connection.execute("DELETE FROM refused WHERE stream = ? AND seq = ?", key)
    for done in settled:
        connection.execute(
            "UPDATE dead_letters SET state = ?, reason = ?, detail = ?, outcome = ?, tried_at = ?, tries = tries + 1"
            " WHERE id = ?",
            (done.state.value, done.reason, done.detail[:400], done.outcome, done.at, done.id),
        )
        connection.execute("DELETE FROM letter_requests WHERE letter = ?", (done.id,))


def is_refused(connection: sqlite3.Connection, stream: int, seq: int) -> bool:
    """True when the number counts as dealt with and nothing is stored under it."""
    asked = "SELECT 1 FROM refused WHERE stream = ? AND seq = ?"
    return connection.execute(asked, (stream, seq)).fetchone() is not None


def requests(connection: sqlite3.Connection, most: int) -> list[tuple[Wish, DeadLetter]]:
    """What operators asked for, the oldest first."""
    rows = connection.execute(
        f"SELECT q.wanted, {_COLUMNS}, d.payload FROM letter_requests q JOIN dead_letters d ON d.id = q.letter"  # noqa: S608 (constants)
        " ORDER BY q.asked_at, q.letter LIMIT ?",
        (most,),
    )
    return [(Wish(wanted), _letter(row)) for wanted, *row in rows]


# ---- everybody else's side -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters are meant; every condition that is given must hold."""

    ids: tuple[int, ...] = ()
    reason: str | None = None
    gateway: str | None = None
    since: Instant | None = None
    state: LetterState | None = None

    def where(self) -> tuple[str, list[object]]:
        """The condition in SQL and its values."""
        parts, values = ["1"], list[object]()
        for column, value in (("reason", self.reason), ("gateway", self.gateway), ("state", self.state)):
            if value is not None:
                parts.append(f"{column} = ?")
                values.append(str(value))
        if self.since is not None:
            parts.append("received_at >= ?")
            values.append(self.since)
        if self.ids:
            parts.append("id IN (SELECT value FROM json_each(?))")
            values.append(json.dumps(self.ids))
        return " AND ".join(parts), values


def select(connection: sqlite3.Connection, which: Selection, most: int, *, payloads: bool = False) -> list[DeadLetter]:
    """The newest letters of a selection, newest first."""
    where, values = which.where()
    columns = f"{_COLUMNS}, d.payload" if payloads else _COLUMNS
    question = f"SELECT {columns} FROM dead_letters d WHERE {where} ORDER BY id DESC LIMIT ?"  # noqa: S608 (constants)
    return [_letter(row) for row in connection.execute(question, (*values, most))]


class LetterBox:
    """An operator's way to the letters of a running installation: looks, and leaves requests for ingest."""

    def __init__(self, journal: Path) -> None:
        """Raises KehaiError when there is no journal of this version."""
        if not journal.exists():
            raise KehaiError(f"There is no journal {journal}: start ingest once, or mend installation.data.")
        try:
            self._connection = sqlite3.connect(f"file:{journal}?mode=rw", uri=True, isolation_level=None, timeout=15)
            self._connection.execute("SELECT outcome FROM dead_letters LIMIT 1")
        except sqlite3.Error as error:
            raise KehaiError(
                f"The journal {journal} cannot be used ({error}): start this version's ingest once, or mend its rights."
            ) from error

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    def select(self, which: Selection, most: int = 2**31, *, payloads: bool = False) -> list[DeadLetter]:
        """See ``select``."""
        return select(self._connection, which, most, payloads=payloads)

    def ask(self, which: Selection, wish: Wish, now: Instant) -> list[int]:
        """Leave a request for each kept letter of a selection; their ids."""
        where, values = which.where()
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            rows = self._connection.execute(
                f"INSERT INTO letter_requests SELECT id, ?, ? FROM dead_letters WHERE state = 'kept' AND {where}"  # noqa: S608
                " ON CONFLICT (letter) DO UPDATE SET wanted = excluded.wanted RETURNING letter",
                (wish.value, now, *values),
            ).fetchall()
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise KehaiError(f"The request could not be left ({error}): try again.") from error
        return sorted(row[0] for row in rows)

    def still_asked(self, ids: Sequence[int]) -> int:
        """How many of these letters have a request that ingest has not dealt with."""
        question = "SELECT count(*) FROM letter_requests WHERE letter IN (SELECT value FROM json_each(?))"
        return int(self._connection.execute(question, (json.dumps(ids),)).fetchone()[0])


def _letter(row: Sequence[Any]) -> DeadLetter:
    fields = list(row)
    fields[_STATE] = LetterState(fields[_STATE])
    return DeadLetter(*fields)


def _gateway_of(topic: str) -> str:
    """Whose topic it is; empty for one that is none of a gateway."""
    parts = topic.removeprefix(f"{ROOT}/").split("/")
    return parts[0] if topic.startswith(f"{ROOT}/") and len(parts) > 1 else ""
