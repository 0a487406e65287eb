"""Who was called about an alert, who is next, and what may be done: as the alert's page says it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from alerts.actions import STEPS
from alerts.ladder import Next
from alerts.notices import Purpose
from alerts.outbox import Delivery, How, Stand
from dashboard import words
from dashboard.language import Speech
from domain.alerts import Alert, Result, Step, Transition
from domain.clock import Instant
from domain.findings import Subject
from registry.homes import Contact, Home

_STATUS = re.compile(r" \((?:code )?\d{3}\)")
_WELFARE = ("民生", "協力員", "児童委員")
"""By these words in what a contact is to the resident, a commissioned welfare volunteer is told from the family."""


_FOR_EQUIPMENT = (Step.CALL_RESIDENT, Step.CALL_CONTACT, Step.VISIT)
"""What is done about a sensor or a gateway."""


@dataclass(frozen=True, slots=True)
class StepChoice:
    """One step, the telephone numbers for it, and the buttons by which it is written down."""

    step: Step
    label: str
    phones: tuple[tuple[str, str], ...]
    """(whose, number)."""
    results: tuple[tuple[Result, str], ...]
    done: tuple[tuple[Instant, str, str], ...]
    """What was written down of it: when, how it went, by whom."""


@dataclass(frozen=True, slots=True)
class Told:
    """One person, told through one channel."""

    at: Instant
    who: str
    channel: str
    what: str
    how: str
    detail: str
    good: bool


def choices(
    alert: Alert, home: Home | None, history: Iterable[Transition], names: Mapping[str, str], speech: Speech
) -> list[StepChoice]:
    """The steps in their usual order; those that need the resident's people only where there is a home."""
    taken: dict[Step, list[tuple[Instant, str, str]]] = {}
    for row in history:
        if row.step is not None and row.result is not None:
            said = (row.logged_at, speech.gettext(words.RESULT[row.result]), names.get(row.by, row.by))
            taken.setdefault(row.step, []).append(said)
    return [
        StepChoice(
            step, speech.gettext(words.STEP[step]), _phones(step, home),
            tuple((result, speech.gettext(words.RESULT[result])) for result in results), tuple(taken.get(step, ())),
        )
        for step, results in STEPS.items()
        if alert.subject is Subject.PERSON or step in _FOR_EQUIPMENT
    ]  # fmt: skip


def _phones(step: Step, home: Home | None) -> tuple[tuple[str, str], ...]:
    if home is None:
        return ()
    if step is Step.CALL_RESIDENT:
        return ((home.resident_name or home.alias, home.phone),) if home.phone else ()
    if step is Step.CALL_CONTACT:
        return tuple((contact.name, contact.phone) for contact in home.contacts if not _is_welfare(contact))
    if step is Step.CALL_WELFARE:
        return tuple((contact.name, contact.phone) for contact in home.contacts if _is_welfare(contact))
    if step is Step.CALL_KEYHOLDER:
        return tuple((contact.name, contact.phone) for contact in home.contacts if contact.has_key)
    return ()


def _is_welfare(contact: Contact) -> bool:
    return any(word in contact.relation for word in _WELFARE)


def next_sentence(coming: Next | None, alert: Alert, names: Mapping[str, str], speech: Speech) -> str:
    """What happens next if nobody does anything; empty for an alert that is closed."""
    if coming is None:
        return ""
    words_of = {"time": speech.moment(coming.at), "name": names.get(alert.owner or "", alert.owner or "")}
    called = coming.call.logins if coming.call is not None else ()
    words_of["names"] = ("、" if speech.language == "ja" else ", ").join(names.get(login, login) for login in called)
    if coming.silence is not None:
        words_of["why"] = coming.silence.why
        sentence = words.NEXT_SILENCED
    elif coming.behind is not None:
        sentence = words.NEXT_BEHIND
    elif coming.what in words.NEXT:
        sentence = words.NEXT[coming.what]
    else:
        sentence = words.NEXT_CALLED if called else words.NEXT_NOBODY
    return speech.gettext(sentence) % words_of


def told(record: Iterable[Delivery], names: Mapping[str, str], speech: Speech) -> list[Told]:
    """The delivery record, attempt by attempt."""
    _ = speech.gettext
    return [
        Told(
            row.began_at or row.made_at,
            _("The resident") if row.recipient.startswith("home:") else names.get(row.recipient, row.recipient),
            row.channel, _(words.PURPOSE[row.purpose]), _how(row, speech), sentence_of(row.detail, speech),
            row.how is How.SENT,
        )
        for row in record
        if row.purpose is not Purpose.WATCHDOG
    ]  # fmt: skip


def sentence_of(said: str, speech: Speech) -> str:
    """What a channel said, in the reader's language where it is one of our own sentences."""
    status = _STATUS.search(said)
    plain = said.replace(status[0], "", 1) if status else said
    if plain not in words.CHANNEL_SAID or speech.gettext(plain) == plain:
        return said
    return speech.gettext(plain) + (status[0] if status else "")


def _how(row: Delivery, speech: Speech) -> str:
    if row.how is not None:
        return speech.gettext(words.HOW[row.how])
    return speech.gettext(words.STAND[row.stand if row.number == 0 else Stand.SENDING])
