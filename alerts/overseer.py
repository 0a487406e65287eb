"""The overseer: looks at ourselves, and raises an alert about the installation when a part of it does not work.

It stands on the clock of people, beside the ladder, so it goes on when nothing arrives any more. What it knows is in the
database: the marks of the roles, the outbox, the auditor. Each trouble is a finding of kind ``service_down`` about the
installation, with its own cause; it is over when it is looked for and not found.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, func, select

from alerts.auditor import Wrong, audit
from alerts.desk import decide
from alerts.duty_tables import attempts, notifications
from alerts.notices import Purpose
from alerts.outbox import How, Stand
from alerts.sqlbook import RoleMark, SqlBook
from domain.clock import HOUR, MINUTE, SECOND, Clock, Instant, Span
from domain.findings import Ended, EndReason, Evidence, Finding, FindingEvent, Level, Subject
from domain.ids import INSTALLATION
from domain.localtime import LocalTime

NAME = "service_down"
EVERY: Span = 5 * SECOND
DOWN: Span = MINUTE
"""A role that has given no sign of life for so long does not run. Real time."""
BEHIND: Span = 10 * MINUTE
"""A watch that is so far behind the present sees nothing in time."""
LEAST_FREE = 0.05
STUCK: Span = 10 * MINUTE
"""What has waited so long in the outbox will not leave it by itself."""
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Trouble:
    """One part that does not work."""

    part: str
    """``ingest``, ``broker``, ``disk``, ``channel:post`` ...: the tail of the cause."""
    level: Level
    ja: str
    en: str

    @property
    def cause(self) -> str:
        """The matter."""
        return f"{NAME}:{self.part}"


class Overseer:
    """A stepper of the caller; see ``alerts.caller``."""

    def __init__(
        self,
        engine: Engine,
        real: Clock,
        local: LocalTime,
        roles: Collection[str],
        data: Path | None = None,
        pace: float = 1.0,
        calls: bool = True,
    ) -> None:
        """``roles`` are those that are to run beside the watch; ``data`` is the folder whose disk may fill up.

        ``calls``: there are channels, so that somebody is to be reachable.
        """
        self._engine, self._real, self._local = engine, real, local
        self._roles, self._data, self._pace = tuple(roles), data, pace
        self._book, self._calls = SqlBook(engine, pace), calls
        self._looked_at: Instant | None = None
        self._since = real.now()

    def next_due(self) -> Instant | None:
        """See Stepper.next_due."""
        return None if self._looked_at is None else self._looked_at + int(EVERY * self._pace)

    def step(self, now: Instant) -> int:
        """Look, if it is time to; returns how many troubles began or ended."""
        due = self.next_due()
        if due is not None and self._looked_at is not None and self._looked_at <= now < due:
            return 0
        self._looked_at = now
        found = {trouble.cause: trouble for trouble in self.troubles(now)}
        with self._book.transaction() as page:
            standing = {f.cause: f for f in page.standing(INSTALLATION) if f.kind == NAME}
            events: list[FindingEvent] = [
                Ended(INSTALLATION, cause, finding.id, now, EndReason.ACTIVITY)
                for cause, finding in standing.items() if cause not in found
            ]  # fmt: skip
            events += [_finding(trouble, now) for cause, trouble in found.items() if cause not in standing]
            decide(page, events, now, catching_up=False)
        return len(events)

    def troubles(self, now: Instant) -> list[Trouble]:
        """Everything that does not work now."""
        marks = self._book.marks()
        with self._engine.connect() as connection:
            return [
                *self._of_roles(marks),
                *self._of_the_disk(),
                *self._of_channels(connection, now),
                *self._of_the_ladder(connection, now),
            ]

    def _of_roles(self, marks: dict[str, RoleMark]) -> Iterable[Trouble]:
        now = self._real.now()
        for role in self._roles:
            mark = marks.get(role)
            last = max(mark.stepped_at if mark else 0, self._since)
            if now - last > DOWN:
                since = max(0, now - last) // MINUTE
                page = Level.PAGE if role == "ingest" else Level.PROMPT
                yield Trouble(
                    role, page, f"システムの {role} が {since} 分以上止まっています。" + _JA.get(role, ""),
                    f"The part {role} of the system has not run for {since} min." + _EN.get(role, ""),
                )  # fmt: skip
            elif role == "ingest" and mark is not None and mark.detail.startswith("no broker"):
                yield Trouble(
                    "broker", Level.PAGE, "MQTTブローカーにつながっていません。" + _JA["ingest"],
                    "The MQTT broker cannot be reached." + _EN["ingest"],
                )  # fmt: skip
        watch = marks.get("watch")
        if watch is not None and now - watch.stepped_at < DOWN and watch.lag > BEHIND * self._pace:
            yield Trouble(
                "behind",
                Level.PROMPT,
                "見守りの処理が10分以上遅れています。",
                "The watch is more than ten minutes behind.",
            )

    def _of_the_disk(self) -> Iterable[Trouble]:
        if self._data is None:
            return
        try:
            usage = shutil.disk_usage(self._data)
        except OSError:
            return
        if usage.free < LEAST_FREE * usage.total:
            percent = 100 * usage.free // usage.total
            yield Trouble(
                "disk",
                Level.PAGE,
                f"サーバーのディスクの空きが {percent} % です。",
                f"The server's disk has {percent} % left.",
            )

    def _of_channels(self, connection: Connection, now: Instant) -> Iterable[Trouble]:
        n, a = notifications.c, attempts.c
        told = n.purpose != Purpose.WATCHDOG.value  # that one complains by itself
        called = told & (n.purpose != Purpose.DIGEST.value)  # a morning's digests go one after the other
        waits = called & (n.state == Stand.WAITING.value) & (n.made_at < now - int(STUCK * self._pace))
        wanted = select(n.channel, func.count()).where(waits).group_by(n.channel)
        stuck = {channel: count for channel, count in connection.execute(wanted)}  # noqa: C416 (rows are no pairs)
        since = now - int(HOUR * self._pace)
        last_good = (
            select(n.channel, func.max(a.ended_at))
            .join(attempts, a.notification == n.id)
            .where(a.result == How.SENT.value, a.ended_at > since)
            .group_by(n.channel)
        )
        good = {row[0]: row[1] for row in connection.execute(last_good)}
        failures = (
            select(n.channel, a.ended_at)
            .join(attempts, a.notification == n.id)
            .where(a.result.in_([How.TRANSIENT.value, How.UNKNOWN.value, How.OVER_QUOTA.value, How.PERMANENT.value]))
            .where(told, a.ended_at > since)
        )
        bad: dict[str, int] = {}
        for channel, ended_at in connection.execute(failures):
            if ended_at > good.get(channel, 0):
                bad[channel] = bad.get(channel, 0) + 1
        for channel in sorted({*stuck, *(name for name, count in bad.items() if count >= _TRIES)}):
            count = stuck.get(channel, 0)
            yield Trouble(
                f"channel:{channel}", Level.PAGE if count else Level.PROMPT,
                f"連絡手段 {channel} で送信できていません(待ち {count} 件)。ほかの手段で連絡しています。",
                f"The channel {channel} does not deliver ({count} waiting); other channels are used.",
            )  # fmt: skip

    def _of_the_ladder(self, connection: Connection, now: Instant) -> Iterable[Trouble]:
        faults = audit(connection, now, self._local, self._pace)
        nobody = sorted({fault.area for fault in faults if fault.what is Wrong.REACHES_NOBODY})
        others = [fault for fault in faults if fault.what is not Wrong.REACHES_NOBODY]
        if nobody and self._calls:
            named = ", ".join(area or "–" for area in nobody)
            yield Trouble(
                "nobody", Level.PROMPT, f"連絡がつく職員のいない地区があります: {named}。",
                f"Nobody can be reached about these areas: {named}.",
            )  # fmt: skip
        if others:
            numbers = ", ".join(str(fault.alert) for fault in others if fault.alert is not None) or "–"
            yield Trouble(
                "ladder", Level.PAGE, f"次の連絡が決まっていないアラートがあります: {numbers}。",
                f"There are alerts without a next step: {numbers}.",
            )  # fmt: skip


_JA = {"ingest": "この間、住戸の様子は分かりません。データは中継器に残ります。"}
_EN = {"ingest": " Nothing of any home can be seen meanwhile; the gateways keep what they have."}


def _finding(trouble: Trouble, now: Instant) -> Finding:
    evidence: Evidence = {"part": trouble.part}
    return Finding(
        INSTALLATION, NAME, f"{NAME}/1", trouble.cause, Subject.SYSTEM, trouble.level, now, now, evidence=evidence,
        text_ja=trouble.ja, text_en=trouble.en,
    )  # fmt: skip
