"""The outside ledger: what gateways took, what the journal holds, and whether the one is the other.

A gateway took a reading when the spool's transaction returned. A scripted gateway notes an intent before that transaction and
a confirmation after it in its notebook, an append-only file that no part of the product knows. When it dies between the
two, either outcome is right; what was confirmed has to be stored under its key (gateway, epoch, sequence number) with its body
(device, quantity, value, time), once, or to be named by a dead letter.

    spool = NotedSpool(folder / "spool.db", "g1", Notebook(folder / "notebook"))
    ...
    account = settle(folder / "notebook", folder / "journal.db")
    assert account.balanced, account
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domain.clock import DAY, Instant, Span
from domain.readings import Reading
from gateway import sent as numbers
from gateway.spool import Greeting, Observation, Spool
from ingest.codec import decode

Key = tuple[str, str, int]
"""Gateway, epoch, sequence number."""
Body = tuple[str, str, float, int]
"""Device, quantity, value, instant in microseconds as the gateway stamped it."""

_SHOWN = 5
_KEPT: Span = 89 * DAY
"""Older readings become hourly summaries, and stay in the log for a while."""
_LONGEST_RANGE = 100_000
"""A gateway of a test loses no more at once; a fuzzer may say that it did."""


class Notebook:
    """A gateway's side of the ledger; each line is one append, so that a kill tears at most the last."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        torn = path.exists() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        if torn:
            os.write(self._file, b"\n")

    def intend(self, gateway: str, epoch: str, first: int, bodies: Sequence[Body]) -> None:
        """The spool is about to be asked to keep ``bodies`` as numbers ``first``, ``first + 1``, ..."""
        self._write(["intent", gateway, epoch, first, bodies])

    def confirm(self, gateway: str, epoch: str, first: int, last: int) -> None:
        """The spool's transaction for these numbers has returned."""
        self._write(["kept", gateway, epoch, first, last])

    def told(self, gateway: str, epoch: str, through: int, *, anew: bool = False) -> None:
        """The server says that no number up to ``through`` is missing from its store; ``anew``: whatever it said before."""
        self._write(["told", gateway, epoch, through, int(anew)])

    def _write(self, line: list[Any]) -> None:
        os.write(self._file, json.dumps(line, separators=(",", ":")).encode() + b"\n")

    def close(self) -> None:
        """Release the file."""
        os.close(self._file)


class NotedSpool(Spool):
    """The real spool, with a witness beside it."""

    def __init__(self, path: Path, gateway: str, notebook: Notebook, **options: Any) -> None:
        super().__init__(path, **options)
        self._gateway, self._notebook = gateway, notebook

    def add(self, observations: Sequence[Observation]) -> int:
        """See Spool.add."""
        if not observations:
            return super().add(observations)
        first = self.last_seq + 1
        bodies = [(str(o.device), o.quantity.value, float(o.value), o.at) for o in observations]
        self._notebook.intend(self._gateway, self.epoch, first, bodies)
        last = super().add(observations)
        self._notebook.confirm(self._gateway, self.epoch, first, last)
        return last

    def acknowledge(self, epoch: str, through: int) -> int:
        """See Spool.acknowledge."""
        self._notebook.told(self._gateway, epoch, through)
        return super().acknowledge(epoch, through)

    def greeted(self, epoch: str, through: int, now: Instant, sent: numbers.Sent | None = None) -> Greeting:
        """See Spool.greeted."""
        self._notebook.told(self._gateway, epoch, through, anew=True)
        return super().greeted(epoch, through, now, sent)


@dataclass(slots=True)
class Sent:
    """What the notebooks say."""

    taken: dict[Key, Body] = field(default_factory=dict)
    """Has to be stored."""
    open: dict[Key, Body] = field(default_factory=dict)
    """Was intended and never confirmed: may be stored or not."""
    retaken: list[Key] = field(default_factory=list)
    """Confirmed twice with different bodies: the spool forgot the first one."""
    told: dict[tuple[str, str], int] = field(default_factory=dict)
    """(gateway, epoch) -> the number up to which the server says that it has all."""

    def note(self, kind: str, gateway: str, epoch: str, first: int, rest: Any) -> None:
        """Take one line of a notebook in."""
        if kind == "told":
            self.told[gateway, epoch] = first if rest else max(first, self.told.get((gateway, epoch), 0))
        elif kind == "intent":
            for seq, (device, quantity, value, at) in enumerate(rest, start=first):
                # A number that is intended again was not used the first time.
                self.open[gateway, epoch, seq] = (device, quantity, value, at)
        else:
            for seq in range(first, rest + 1):
                key = (gateway, epoch, seq)
                body = self.open.pop(key)
                if self.taken.get(key, body) != body:
                    self.retaken.append(key)
                self.taken[key] = body

    def untold(self) -> set[Key]:
        """What was taken and what the server has not yet called stored."""
        return {key for key in self.taken if key[2] > self.told.get(key[:2], 0)}


class NotebookReader:
    """Follows notebooks while they are being written; a line that is torn counts as not written."""

    def __init__(self, *notebooks: Path) -> None:
        self.sent = Sent()
        self._read = dict.fromkeys(notebooks, 0)

    def read(self) -> Sent:
        """Everything up to now."""
        for notebook, start in self._read.items():
            if not notebook.exists():
                continue
            with notebook.open("rb") as file:
                file.seek(start)
                fresh = file.read()
            whole = fresh[: fresh.rfind(b"\n") + 1]
            self._read[notebook] += len(whole)
            for line in whole.splitlines():
                try:
                    kind, gateway, epoch, first, rest = json.loads(line)
                except ValueError:
                    continue
                self.sent.note(kind, gateway, epoch, first, rest)
        return self.sent


@dataclass(slots=True)
class Stored:
    """What the journal holds, looked at in both of its forms."""

    history: list[tuple[Key, Body]] = field(default_factory=list)
    """The table of readings, each with the gateway's own stamp."""
    log: list[tuple[Key, Body]] = field(default_factory=list)
    """The packed commits; here the instant is the one that ingest settled on."""
    settled: list[tuple[Key, Body]] = field(default_factory=list)
    """The table of readings as it stands: to be the same as ``log``."""
    dead: set[Key] = field(default_factory=set)
    """Named by a dead letter."""


@dataclass(slots=True)
class Account:
    """Both sides compared; ``balanced`` is the promise that this project makes."""

    sent: int
    stored: int
    dead: int
    lost: list[Key]
    doubled: list[Key]
    changed: list[Key]
    strange: list[Key]
    """Stored, and never sent."""
    disagreeing: list[Key]
    """In the log and not, or otherwise, in the table of readings."""

    @property
    def balanced(self) -> bool:
        """sent = stored + dead-lettered; nothing lost, doubled, changed or invented."""
        return not (self.lost or self.doubled or self.changed or self.strange or self.disagreeing)

    @property
    def whole(self) -> bool:
        """Balanced, and nothing had to become a dead letter: a gateway that tells its losses has lost them all the same."""
        return self.balanced and not self.dead

    def __str__(self) -> str:
        words = [f"{self.sent} sent, {self.stored} stored, {self.dead} dead-lettered"]
        for name in ("lost", "doubled", "changed", "strange", "disagreeing"):
            keys: list[Key] = getattr(self, name)
            some = ", ".join(f"{g}/{e}/{n}" for g, e, n in keys[:_SHOWN])
            words.append(f"{len(keys)} {name}" + (f" ({some}{' ...' if len(keys) > _SHOWN else ''})" if keys else ""))
        return "; ".join(words)


class LogReader:
    """Follows the keys in a journal's log while ingest writes it."""

    def __init__(self, journal: Path) -> None:
        self._journal, self._cursor = journal, 0
        self.stored: dict[Key, int] = {}
        """Key -> the offset of the commit that brought it, or of the last one that did."""

    def read(self) -> dict[Key, int]:
        """Everything up to now; nothing yet where there is no journal."""
        if not self._journal.exists():
            return self.stored
        with closing(sqlite3.connect(f"file:{self._journal}?mode=ro", uri=True, timeout=30)) as connection:
            try:
                rows = connection.execute(
                    "SELECT offset, received_at, body FROM log WHERE offset > ? ORDER BY offset", (self._cursor,)
                ).fetchall()
            except sqlite3.OperationalError:  # no tables yet, or being mended after a kill
                return self.stored
        for row in rows:
            self._cursor = row[0]
            for item in decode(*row).items:
                if isinstance(item, Reading):
                    self.stored[item.gateway, item.epoch, item.seq] = row[0]
        return self.stored


def read_journal(journal: Path) -> Stored:
    """What is stored, read by plain SQL; the packed log through its codec."""
    stored = Stored()
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True, timeout=30)) as connection:
        connection.execute("BEGIN")  # one instant of both forms: ingest may be writing
        rows = connection.execute(
            "SELECT g.gateway, g.epoch, r.seq, s.device, s.quantity, r.value, r.observed_at, c.stamp"
            " FROM readings r JOIN streams g ON g.id = r.stream JOIN series s ON s.id = r.series"
            " LEFT JOIN clamped c ON c.stream = r.stream AND c.seq = r.seq"
        )
        for gateway, epoch, seq, device, quantity, value, at, stamp in rows:
            key = (gateway, epoch, seq)
            stored.settled.append((key, (device, quantity, value, at)))
            stored.history.append((key, (device, quantity, value, at if stamp is None else stamp)))
        for row in connection.execute("SELECT offset, received_at, body FROM log ORDER BY offset"):
            stored.log += [
                ((i.gateway, i.epoch, i.seq), (i.device, i.quantity.value, i.value, i.observed_at))
                for i in decode(*row).items
                if isinstance(i, Reading)
            ]
        for topic, detail, payload in connection.execute("SELECT topic, detail, payload FROM dead_letters"):
            stored.dead.update(_named(topic, detail, payload))
    return stored


def _named(topic: str, detail: str, payload: bytes) -> Iterator[Key]:
    """The keys that one dead letter speaks about: a record of a message, a range that was lost, or a whole message."""
    parts = topic.split("/")
    epoch = re.search(rb'"epoch":\s*"([^"]*)"', payload)
    said = re.search(r"epoch (\S+)", detail)
    name = epoch[1].decode(errors="replace") if epoch else said[1] if said else None
    if len(parts) != 6 or name is None:
        return
    gateway, span = parts[3], re.match(r"seq (\d+)(?: to (\d+))?", detail)
    if span is not None:
        first, last = int(span[1]), int(span[2] or span[1])
        yield from ((gateway, name, seq) for seq in range(first, min(last, first + _LONGEST_RANGE) + 1))
        return
    try:
        message = json.loads(payload)
        yield from ((gateway, name, seq) for seq in range(message["seq"], message["seq"] + len(message["senml"])))
    except (ValueError, TypeError, KeyError, RecursionError):
        return


def compare(sent: Sent, stored: Stored) -> Account:
    """The account of both sides."""
    history = dict(stored.history)
    known = sent.taken.keys() | sent.open.keys()
    times = Counter(key for key, _ in stored.history) | Counter(key for key, _ in stored.log)
    dead = stored.dead & known
    wanted = sent.open | sent.taken
    newest = max((body[3] for _, body in stored.log), default=0)
    return Account(
        sent=len(sent.taken),
        stored=len(history),
        dead=len(dead),
        lost=sorted({key for key in sent.taken if key not in history and key not in dead} | set(sent.retaken)),
        doubled=sorted({key for key, count in times.items() if count > 1} | (dead & history.keys())),
        changed=sorted(key for key, body in history.items() if key in known and body != wanted[key]),
        strange=sorted(key for key in history if key not in known),
        disagreeing=sorted({key for key, body in set(stored.settled) ^ set(stored.log) if body[3] > newest - _KEPT}),
    )


def settle(notebook: Path | Iterable[Path], journal: Path) -> Account:
    """Compare what the notebooks say with what the journal holds."""
    notebooks = [notebook] if isinstance(notebook, Path) else notebook
    return compare(NotebookReader(*notebooks).read(), read_journal(journal))
