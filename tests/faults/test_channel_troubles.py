"""A channel is down, slow, refuses or talks nonsense for an hour: the next one is used, and nobody gets the hour afterwards.

Every kind of channel, against a provider of its own. The hour is the installation's: its clock is moved by hand, five seconds
at a time, while real servers answer or do not.

python -m pytest tests/faults/test_channel_troubles.py -s --rounds 60     (minutes of trouble, of all kinds; else few of some)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert

from alerts import policy
from alerts.caller import Caller
from alerts.channels.catalogue import CHANNELS, build
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
from tests.faults.providers import PROVIDERS, PUBLIC_URL, Provider
from tests.programs import until
from tests.receivers import Mailbox

T: Instant = 1_790_035_200_000_000
_STEP = 5 * SECOND
_RECOVERED = 30 * SECOND
_TIMEOUTS = {"smtp": 0.5, "apprise": 1.0}
"""Where it is not 0.2 s: a mail takes many words to and fro, and Apprise has half of it for each of its waits."""
_GIVEN_UP = 2 * SECOND
TROUBLES: dict[str, Callable[[Provider], AbstractContextManager[None]]] = {
    "down": lambda provider: provider.down(),
    "refusing": lambda provider: provider.refusing(),
    "over quota": lambda provider: provider.over_quota(),
    "hanging": lambda provider: provider.hanging(),
    "nonsense": lambda provider: provider.nonsense(),
    "dripping": lambda provider: provider.dripping(),
}
SHORT = [
    ("webhook", "hanging"), ("smtp", "nonsense"), ("line", "over quota"), ("webpush", "refusing"), ("apprise", "down"),
]  # fmt: skip
"""Which are run where the command line does not ask for all of them, and for how many minutes."""
_MINUTES = 2


@dataclass
class World:
    """Two people: ``yama`` by the channel in trouble and else by mail, ``kawa`` by that channel alone; an alert a minute."""

    book: SqlBook
    clock: VirtualClock
    ladder: Ladder
    caller: Caller
    provider: Provider
    mailbox: Mailbox
    raised: int = 0

    def recover(self) -> None:
        """Let half a minute pass in which nothing is wrong: what lands makes room for the next at once, as in life."""
        until(lambda: self.caller.lost == 0, 10, "end of what hung", pause=0.005)
        self.live(_RECOVERED, raises=False, eager=True)

    def live(self, span: Span, raises: bool = True, eager: bool = False) -> None:
        """Let time pass. In trouble each step is one round of attempts: they are slow."""
        end = self.clock.now() + span
        while self.clock.now() < end:
            now = self.clock.now() + _STEP
            self.clock.advance_to(now)
            if raises and now // MINUTE != (now - _STEP) // MINUTE:
                self.open_alert(now)
            self.ladder.step(now)
            while self.caller.look():
                until(self._is_idle, 20, "idle channel", pause=0.005)
                if not eager:
                    break

    def _is_idle(self) -> bool:
        self.caller.give_up()
        return self.caller.on_their_way == 0

    def open_alert(self, now: Instant) -> None:
        """One more home in which nobody moves."""
        self.raised += 1
        finding = Finding(
            HomeId(f"h{self.raised}"), "inactivity", "inactivity/2", "inactivity", Subject.PERSON, Level.PAGE, T, now
        )
        with self.book.transaction() as page:
            decide(page, [replace(finding, raised_at=now)], now, catching_up=False)


class PatientOutbox(Outbox):
    """The control: it waits ten minutes between two attempts."""

    def failed(self, job: Job, how: How, sentence: str, now: Instant, retry_in: Span | None = None) -> bool:
        """See Outbox.failed."""
        return super().failed(job, how, sentence, now, 10 * MINUTE)


class ForgetfulOutbox(Outbox):
    """The control for repetitions: whatever went wrong is sent again as if it were the first time, under another id."""

    def claim(self, channel: str, limit: int, now: Instant) -> list[Job]:
        """See Outbox.claim."""
        return [replace(job, key=f"{job.key}-{job.number}", resent=False) for job in super().claim(channel, limit, now)]


@contextmanager
def world(folder: Path, kind: str, outbox: Callable[[Engine], Outbox] = Outbox) -> Iterator[World]:
    engine = open_database(f"sqlite:///{folder / 'kehai.db'}")
    migrate(engine)
    clock, local = VirtualClock(T), LocalTime("Asia/Tokyo")
    with PROVIDERS[kind](folder, _TIMEOUTS.get(kind, 0.2)) as provider, Mailbox() as mailbox:
        post = {"kind": "smtp", "host": "127.0.0.1", "port": mailbox.port, "security": "none", "sender": "k@k.test"}
        channels = build({"way": provider.section(kind), "post": post})
        with engine.begin() as connection:
            for login in ("yama", "kawa"):
                connection.execute(insert(tables.staff).values(login=login, name=login, password="x", created_at=T))
                address = channels["way"].check_address(provider.address(login))
                addresses.add(connection, login, "way", address, T)
            addresses.add(connection, "yama", "post", "yama@example.org", T)
            both = Policy((Rung(("staff:yama", "staff:kawa"), 600.0),))
            policy.write(connection, "", Level.PAGE, both, "manager", "both at once", T)
        messages = Messages(engine, local, PUBLIC_URL)
        caller = Caller(engine, clock, [], channels, messages, outbox=outbox(engine), longest=_GIVEN_UP)
        yield World(SqlBook(engine), clock, Ladder(engine, local), caller, provider, mailbox)
        caller.stop()
    engine.dispose()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every kind of channel in every trouble where the command line names a number of rounds."""
    if "trouble" in metafunc.fixturenames:
        every = [(kind, trouble) for kind in CHANNELS for trouble in TROUBLES]
        chosen = SHORT if metafunc.config.getoption("--rounds") is None else every
        metafunc.parametrize(("kind", "trouble"), chosen)


@pytest.mark.server
def test_while_a_channel_is_in_trouble_the_next_one_is_used_and_afterwards_it_delivers_at_once_and_no_storm(
    tmp_path: Path, kind: str, trouble: str, rounds: int | None
) -> None:
    with world(tmp_path, kind) as town:
        provider = town.provider
        town.live(MINUTE + _STEP)
        assert provider.told("yama") == town.raised
        before = town.raised
        with TROUBLES[trouble](provider):
            town.live((rounds or _MINUTES) * MINUTE)
            town.live(MINUTE + 2 * _STEP, raises=False)
            assert len(town.mailbox.ids()) == town.raised - before, "the other channel was not used"
            calls = provider.calls
        town.recover()
        assert provider.told("kawa") == town.raised, "not delivered half a minute after it was well again"
        if trouble != "hanging":  # what hung was taken in the end, late
            assert provider.told("yama") <= before, "who was reached by mail was called once more"
        # Each message that still waits is tried once when the channel is well; nothing comes twice.
        assert provider.calls - calls <= 2 * (town.raised - before)
        assert max(town.mailbox.ids().values()) == 1
        assert complaints(provider, trouble) == []


def complaints(provider: Provider, trouble: str) -> list[str]:
    """What is wrong with what came more than once."""
    wrong = [f"{heard.who} heard of {heard.alert} again, without a word" for heard in provider.unmarked_repetitions()]
    if provider.repetitions() and (provider.honours_key or trouble != "hanging"):
        wrong.append(f"{provider.repetitions()} messages came again")
    return wrong


def test_an_outbox_that_waits_long_between_attempts_is_caught(tmp_path: Path) -> None:
    """The control."""
    with world(tmp_path, "webhook", PatientOutbox) as town:
        with town.provider.refusing():
            town.live(2 * MINUTE)
        town.recover()
        assert town.provider.told("kawa") < town.raised


@pytest.mark.parametrize("kind", ["webhook", "smtp"])
def test_an_outbox_that_gives_each_attempt_an_id_of_its_own_is_caught(tmp_path: Path, kind: str) -> None:
    """The control for repetitions."""
    with world(tmp_path, kind, ForgetfulOutbox) as town:
        with town.provider.hanging():
            town.live(MINUTE + 2 * _STEP)
        town.recover()
        assert complaints(town.provider, "hanging")
