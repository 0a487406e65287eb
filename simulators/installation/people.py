"""People: care workers who hear of alerts and do something about them, or not; residents who are asked; and the providers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy import Engine, insert, select

from alerts.answers import answer
from alerts.asking import Answer, owner_of, question_about
from alerts.book import StaleError
from alerts.channels.channel import (
    Message,
    OverQuotaError,
    PermanentError,
    Receipt,
    TransientError,
    UnknownError,
)
from alerts.duty_tables import notifications
from alerts.notices import Purpose
from alerts.sqlbook import SqlBook
from domain.alerts import Alert, Outcome, Result, Step
from domain.clock import MINUTE, Instant, Span
from domain.ids import HomeId
from registry import addresses, rota, tables
from simulators.installation.loop import LIFE
from simulators.installation.world import World

WORKERS = ("aoki", "baba", "chiba")
MANAGER = "doi"
OUTCOMES = tuple(one for one in Outcome if one not in (Outcome.ANSWERED, Outcome.RESUMED))


@dataclass(slots=True)
class Moods:
    """How often a provider does what."""

    refuses: float = 0.0
    unsure: float = 0.0
    """It takes the message, and its answer is lost."""
    quota: float = 0.0


class Provider:
    """A channel, and the provider behind it; see alerts.channels.channel.Channel."""

    honours_key: ClassVar[bool] = False
    workers = 2

    def __init__(self, world: World, name: str, moods: Moods, reached: Callable[[str, str], None]) -> None:
        """``reached`` is called with the address and the key of each message that arrives."""
        self.world, self.name, self.moods, self._reached = world, name, moods, reached
        self._chance = world.generator(f"provider {name}")
        self.down_until: Instant = 0
        self.arrived: dict[str, int] = {}
        """Key -> how often such a message reached somebody."""

    def check_address(self, address: str) -> str:
        """See Channel.check_address."""
        return address

    def send(self, address: str, message: Message) -> Receipt:
        """See Channel.send."""
        life, mood = LIFE.get(), self._chance.random() if not self.world.calm else 1.0
        if life is not None:
            life.step("before a message")
        if self.world.now() < self.down_until and not self.world.calm:
            raise TransientError("The provider does not answer.")
        if mood < self.moods.refuses:
            raise TransientError("The provider is busy.", self._chance.choice([None, 5.0, 600.0]))
        if mood < self.moods.refuses + self.moods.quota:
            raise OverQuotaError("The provider takes no more for now.", self._chance.choice([None, 60.0]))
        if address == "gone":
            raise PermanentError("There is no such address.", address_gone=True)
        before = self.arrived.get(message.key, 0)
        if not (before and self.honours_key):
            self.arrived[message.key] = before + 1
            if before and not message.resent:
                self.world.broken(f"{self.name} told {address} the same thing twice and did not say so")
            self._reached(address, message.key)
        if life is not None:
            life.step("after a message")
        if mood > 1.0 - self.moods.unsure and not self.world.calm:
            raise UnknownError("The provider's answer never came.")
        return Receipt(message.key)

    def close(self) -> None:
        """See Channel.close."""


class KeyedProvider(Provider):
    """One that drops a repetition of the same key."""

    honours_key: ClassVar[bool] = True


class People:
    """Everybody who can be reached, and what each does about it."""

    def __init__(self, world: World, engine: Engine, moods: Moods, diligence: float) -> None:
        """``diligence`` is how often somebody who was called sees to it."""
        self._world, self._engine, self._diligence = world, engine, diligence
        self._book, self._chance = SqlBook(engine), world.generator("people")
        self.channels: dict[str, Provider] = {
            "push": KeyedProvider(world, "push", moods, self._told),
            "mail": Provider(world, "mail", moods, self._told),
        }
        self.acted: Callable[[], None] = lambda: None
        """Called after somebody has done something."""
        self.acts = 0

    def enrol(self, homes: list[HomeId], at: Instant) -> None:
        """Write everybody down, with the ways to reach them."""
        with self._engine.begin() as connection:
            for position, login in enumerate((*WORKERS, MANAGER)):
                role = "manager" if login == MANAGER else "staff"
                person = insert(tables.staff).values(login=login, name=login, password="", created_at=at, role=role)
                connection.execute(person)
                for channel in ("push", "mail") if position % 2 == 0 else ("mail", "push"):
                    addresses.add(connection, login, channel, login, at)
                if login != MANAGER:
                    rota.add_shift(connection, rota.Shift("default", login, frozenset(range(7)), 0, 24 * 60, position))
            addresses.add(connection, WORKERS[0], "mail", "gone", at)
            for home in homes[::2]:
                addresses.add(connection, owner_of(home), "push", owner_of(home), at)

    # ---- being told --------------------------------------------------------------------------------------------------

    def _told(self, address: str, key: str) -> None:
        """A message has arrived; its reader looks at it when they do."""
        minutes = self._chance.expovariate(1 / 4)
        self._world.later(int(minutes * MINUTE), self._reads, address, key)

    def _reads(self, address: str, key: str) -> None:
        wanted = select(notifications.c.alert, notifications.c.purpose).where(notifications.c.key == key)
        with self._engine.connect() as connection:
            row = connection.execute(wanted).first()
        if row is None:
            self._world.broken(f"a message that nobody wrote down reached {address}")
        elif row.purpose == Purpose.ASK.value:
            self._answers(row.alert)
        elif row.purpose == Purpose.ALERT.value and self._chance.random() < self._diligence:
            self._sees_to_it(address, row.alert)

    def _answers(self, number: int) -> None:
        drawn = self._chance.random()
        if drawn < 0.4 or self._world.calm:
            return  # they did not hear it, or cannot
        with self._engine.begin() as connection:
            question = question_about(connection, number)
            if question is not None:
                said = Answer.HELP if drawn > 0.9 else Answer.WELL
                answer(connection, question.token, said, "push", self._world.now())
        self.acted()

    def _sees_to_it(self, who: str, number: int) -> None:
        """Somebody takes the alert, goes through the steps in their own time, and closes it: or stops in the middle."""
        alert = self._book.alert(number)
        if alert is None or not alert.state.standing or (alert.state.taken and alert.owner != who):
            return
        if not self.act(alert, "claim", who):
            return
        after: Span = 0
        for step in (Step.CALL_RESIDENT, Step.VISIT):
            if self._chance.random() < 0.15:
                return  # forgotten
            after += int(self._chance.expovariate(1 / 6) * MINUTE)
            self._world.later(after, self._does, who, number, step)
        after += int(self._chance.expovariate(1 / 10) * MINUTE)
        drawn = self._chance.random()
        if drawn < 0.85:
            self._world.later(after, self._ends, who, number, "close")
        elif drawn < 0.92:
            self._world.later(after, self._ends, who, number, "release")

    def _does(self, who: str, number: int, step: Step) -> None:
        alert = self._book.alert(number)
        if alert is not None and alert.owner == who and alert.state.taken:
            result = Result.NO_ANSWER if step is Step.CALL_RESIDENT else Result.STARTED
            self.act(alert, "step", who, step=(step, result))

    def _ends(self, who: str, number: int, how: str) -> None:
        alert = self._book.alert(number)
        if alert is not None and alert.owner == who and alert.state.taken:
            if how == "close":
                self.act(alert, "close", who, outcome=self._chance.choice(OUTCOMES))
            else:
                self.act(alert, "release", who)

    # ---- of themselves -----------------------------------------------------------------------------------------------

    def somebody_acts(self) -> None:
        """Somebody who looks at the board does something with one of its alerts, right now."""
        standing = sorted(self._book.open_alerts(), key=lambda alert: alert.id)
        if not standing:
            return
        alert, who = self._chance.choice(standing), self._chance.choice(WORKERS)
        action = self._chance.choice(["claim", "release", "comment", "step", "close", "assign"])
        if action == "close":
            self.act(alert, action, who, outcome=self._chance.choice(OUTCOMES))
        elif action == "step":
            self.act(alert, action, who, step=(Step.CALL_RESIDENT, Result.REACHED))
        elif action == "assign":
            self.act(alert, action, who, assignee=self._chance.choice(WORKERS))
        else:
            self.act(alert, action, who, note="?")

    def act(
        self, alert: Alert, action: str, who: str, *, outcome: Outcome | None = None,
        step: tuple[Step, Result] | None = None, assignee: str | None = None, note: str = "",
    ) -> bool:  # fmt: skip
        """Do it as the pages would; False when somebody was faster."""
        with suppress(StaleError, KeyError):
            self._book.act(
                alert.id, alert.version, action, who, self._world.now(), outcome=outcome, step=step, assignee=assignee,
                note=note,
            )  # fmt: skip
            self.acts += 1
            self.acted()
            return True
        return False

    def cut_off(self, span: Span) -> None:
        """A provider is away for ``span``."""
        channel = self._chance.choice(sorted(self.channels))
        self.channels[channel].down_until = self._world.now() + span


__all__ = ["MANAGER", "WORKERS", "KeyedProvider", "Moods", "People", "Provider"]
