"""What a notification says at the moment at which it is sent: read anew for each attempt, so that it is true by then."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, select

from alerts import texts
from alerts.asking import question_about
from alerts.channels.channel import Message
from alerts.digests import choice_of, figures, is_quiet
from alerts.notices import Purpose
from alerts.outbox import Job
from alerts.sqlalerts import alert_numbered, handed_over
from domain.alerts import Alert
from domain.clock import Clock, SystemClock
from domain.localtime import LocalTime
from registry.addresses import language_of
from registry.tables import homes


@dataclass(frozen=True, slots=True)
class Messages:
    """The messages of an installation; see ``alerts.caller.Compose``."""

    engine: Engine
    local: LocalTime
    public_url: str = ""
    clock: Clock = field(default_factory=SystemClock)
    """The installation's."""

    def __call__(self, job: Job) -> Message | None:
        """The message, or None when there is nothing to say any more."""
        with self.engine.connect() as connection:
            return self._compose(connection, job)

    def _compose(self, connection: Connection, job: Job) -> Message | None:
        if job.purpose is Purpose.WATCHDOG:
            return Message(job.key, "en", "watchdog", str(job.climb), "", tag="watchdog")
        language = "ja" if job.recipient.startswith("home:") else language_of(connection, job.recipient)
        if job.purpose is Purpose.DIGEST:
            return self._digest(connection, job, language)
        if job.alert is None:
            return texts.compose(job.purpose, job.key, language=language, link=self.public_url, resent=job.resent)
        alert = alert_numbered(connection, job.alert)
        if alert is None or (job.purpose is not Purpose.OVER and not _is_needed(connection, alert, job)):
            return None
        home = connection.execute(select(homes.c.alias, homes.c.area).where(homes.c.id == alert.home)).first()
        link = f"{self.public_url}/alerts/{alert.id}" if self.public_url else ""
        token = ""
        if job.purpose is Purpose.ASK:
            question = question_about(connection, alert.id)
            if question is None or question.answered_at is not None:
                return None
            token = question.token
            link = f"{self.public_url}/answers/{token}" if self.public_url else ""
        return texts.compose(
            job.purpose, job.key, language=language, alert=alert, alias=home.alias if home else "",
            area=home.area if home else "", link=link, local=self.local, resent=job.resent, token=token,
        )  # fmt: skip

    def _digest(self, connection: Connection, job: Job, language: str) -> Message | None:
        """The figures as they are now; None when nobody asks for them any more, or they would disturb somebody's night."""
        now = self.clock.now()
        if choice_of(connection, job.recipient) is None or is_quiet(connection, job.recipient, now, self.local):
            return None
        told = figures(connection, job.recipient, now)
        link = f"{self.public_url}/handover" if self.public_url else ""
        return texts.digest(job.key, told, language=language, link=link, resent=job.resent)


def _is_needed(connection: Connection, alert: Alert, job: Job) -> bool:
    """False for a call about what is over, or about what somebody has taken since, though the call was on its way by then."""
    if not alert.state.taken:
        return alert.state.standing
    at = handed_over(connection, alert)
    return at is not None and job.recipient == alert.owner and job.made_at >= at
