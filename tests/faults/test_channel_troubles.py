"""A channel is down, slow, refuses or talks nonsense for an hour: the next one is used, and nobody gets the hour afterwards.

The hour is the installation's: its clock is moved by hand, five seconds at a time, while real servers answer or do not.

python -m pytest tests/faults/test_channel_troubles.py -s --rounds 60     (minutes of trouble; a few by default)
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import insert

from alerts import policy
from alerts.caller import Caller
from alerts.channels.catalogue import build
from alerts.desk import decide
from alerts.ladder import Ladder
from alerts.messages import Messages
from alerts.outbox import How, Job, Outbox
from alerts.policy import Policy, Rung
from alerts.sqlbook import SqlBook
from domain.clock import MINUTE, SECOND, Instant, Span, VirtualClock
from domain.findings import Finding, Level, Subject
from domain.ids import HomeId
from domain.localtime import LocalTime
from registry import addresses, tables
from registry.database import migrate, open_database
from tests.programs import until
from tests.receivers import Hook, Mailbox

T: Instant = 1_790_035_200_000_000
_STEP = 5 * SECOND
_MINUTES = 4
_RECOVERED = 30 * SECOND


@dataclass
class World:
    """Two people: ``yama`` by the hook and else by mail, ``kawa`` by the hook alone; an alert is raised every minute."""

    book: SqlBook
    clock: VirtualClock
    ladder: Ladder
    caller: Caller
    hook: Hook
    mailbox: Mailbox
    raised: int = 0

    def live(self, span: Span, raises: bool = True) -> None:
        """Let time pass."""
        end = self.clock.now() + span
        while self.clock.now() < end:
            now = self.clock.now() + _STEP
            self.clock.advance_to(now)
            if raises and now // MINUTE != (now - _STEP) // MINUTE:
                self.open_alert(now)
            self.ladder.step(now)
            self.caller.look()
            until(self._is_idle, 20, "idle channel")

    def open_alert(self, now: Instant) -> None:
        """One more home in which nobody moves."""
        self.raised += 1
        finding = Finding(
            HomeId(f"h{self.raised}"), "inactivity", "inactivity/2", "inactivity", Subject.PERSON, Level.PAGE, T, now
        )
        with self.book.transaction() as page:
            decide(page, [replace(finding, raised_at=now)], now, catching_up=False)

    def _is_idle(self) -> bool:
        return all(line.busy == 0 for line in self.caller._lines.values())


class PatientOutbox(Outbox):
    """The control: it waits ten minutes between two attempts."""

    def failed(self, job: Job, how: How, sentence: str, now: Instant, retry_in: Span | None = None) -> bool:
        """See Outbox.failed."""
        return super().failed(job, how, sentence, now, 10 * MINUTE)


@contextmanager
def world(folder: Path, timeout: float = 0.2) -> Iterator[World]:
    secret = folder / "secret"
    secret.write_text("not so secret")
    engine = open_database(f"sqlite:///{folder / 'kehai.db'}")
    migrate(engine)
    with engine.begin() as connection:
        for login in ("yama", "kawa"):
            connection.execute(insert(tables.staff).values(login=login, name=login, password="x", created_at=T))
            addresses.add(connection, login, "hook", login, T)
        addresses.add(connection, "yama", "post", "yama@example.org", T)
        both = Policy((Rung(("staff:yama", "staff:kawa"), 600.0),))
        policy.write(connection, "", Level.PAGE, both, "manager", "both at once", T)
    clock, local = VirtualClock(T), LocalTime("Asia/Tokyo")
    with Hook() as hook, Mailbox() as mailbox:
        sections = {
            "hook": {"kind": "webhook", "url": hook.url, "secret_file": secret, "timeout_seconds": timeout},
            "post": {
                "kind": "smtp",
                "host": "127.0.0.1",
                "port": mailbox.port,
                "security": "none",
                "sender": "k@k.test",
            },
        }
        caller = Caller(engine, clock, [], build(sections), Messages(engine, local))
        yield World(SqlBook(engine), clock, Ladder(engine, local), caller, hook, mailbox)
        caller.stop()
    engine.dispose()


@contextmanager
def refusing(hook: Hook) -> Iterator[None]:
    hook.status = 503
    yield
    hook.status = 200


@contextmanager
def over_quota(hook: Hook) -> Iterator[None]:
    hook.status = 429
    yield
    hook.status = 200


@contextmanager
def hanging(hook: Hook) -> Iterator[None]:
    hook.hang = threading.Event()
    yield
    hook.hang.set()
    hook.hang = None


@contextmanager
def down(hook: Hook) -> Iterator[None]:
    with _instead_of(hook, lambda connection: connection.close()):
        yield


@contextmanager
def nonsense(hook: Hook) -> Iterator[None]:
    def say(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"\x00\xff 999 tea\r\n\r\n<xml" * 50)
        connection.close()

    with _instead_of(hook, say):
        yield


@contextmanager
def _instead_of(hook: Hook, answer: Callable[[socket.socket], None]) -> Iterator[None]:
    """Whatever connects to the hook meets ``answer``."""
    assert hook._server is not None
    before = hook._server.process_request

    def meet(request: object, _address: object) -> None:
        assert isinstance(request, socket.socket)
        answer(request)

    hook._server.process_request = meet  # type: ignore[method-assign,assignment]
    yield
    hook._server.process_request = before  # type: ignore[method-assign]


TROUBLES = {"down": down, "refusing": refusing, "over quota": over_quota, "hanging": hanging, "nonsense": nonsense}


def told(world: World, who: str) -> int:
    """How many different messages reached somebody through the hook."""
    return sum(said["to"] == who for said in world.hook.taken.values())


@pytest.mark.server
@pytest.mark.parametrize("trouble", TROUBLES)
def test_while_a_channel_is_in_trouble_the_next_one_is_used_and_afterwards_it_delivers_at_once_and_no_storm(
    tmp_path: Path, trouble: str, rounds: int | None
) -> None:
    minutes = rounds or _MINUTES
    with world(tmp_path) as town:
        town.live(MINUTE + _STEP)
        assert told(town, "yama") == town.raised
        before = town.raised
        with TROUBLES[trouble](town.hook):
            town.live(minutes * MINUTE)
            town.live(MINUTE + 2 * _STEP, raises=False)
            assert len(town.mailbox.ids()) == town.raised - before, "the other channel was not used"
            calls = len(town.hook.calls)
        town.live(_RECOVERED, raises=False)
        assert told(town, "kawa") == town.raised, "not delivered half a minute after it was well again"
        if trouble != "hanging":  # what hung was taken in the end, late
            assert told(town, "yama") <= before, "who was reached by mail was called once more"
        # Each message that still waits is tried once when the channel is well; nothing comes twice.
        assert len(town.hook.calls) - calls <= 2 * (town.raised - before)
        assert max(town.mailbox.ids().values()) == 1


def test_an_outbox_that_waits_long_between_attempts_is_caught(tmp_path: Path) -> None:
    """The control."""
    with world(tmp_path) as town:
        town.caller._outbox = PatientOutbox(town.caller._engine)
        with refusing(town.hook):
            town.live(2 * MINUTE)
        town.live(_RECOVERED, raises=False)
        assert told(town, "kawa") < town.raised
